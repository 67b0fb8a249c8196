"""What the time alone will do, and doing what is due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from dumbbell_server.artifact_files import garbage
from dumbbell_server.artifacts.removal import count_unneeded
from dumbbell_server.backend import Backend
from dumbbell_server.clock import AdjustableClock, to_text
from dumbbell_server.database.engine import reading
from dumbbell_server.database.statements import Statement
from dumbbell_server.runs import service as runs

_AFTER = timedelta(milliseconds=1)  # a limit is passed once more than its seconds have gone by
_LAST = datetime(9999, 12, 30, tzinfo=UTC)

_RUN = Statement("""SELECT heartbeat_at AS since, name FROM runs
    WHERE state IN ('running', 'preempting') AND heartbeat_at >= :since ORDER BY heartbeat_at, id LIMIT 1""")
_AGENT = Statement("""SELECT heartbeat_at AS since, name FROM sweep_agents
    WHERE state = 'RUNNING' AND heartbeat_at >= :since ORDER BY heartbeat_at, id LIMIT 1""")
_EXPIRY = Statement("""SELECT expires_at AS since, id AS name FROM artifacts
    WHERE state = 'COMMITTED' AND expires_at > :since ORDER BY expires_at, id LIMIT 1""")
_ABANDONED = Statement("""SELECT updated_at AS since, id AS name FROM artifacts
    WHERE state = 'PENDING' AND updated_at >= :since ORDER BY updated_at, id LIMIT 1""")


@dataclass(frozen=True)
class Due:
    """The moment, and what happens then."""

    at: datetime
    what: str

    @property
    def text(self) -> str:
        return to_text(self.at)


def next_due(backend: Backend, clock: AdjustableClock) -> Due | None:
    """What comes first of what no client has to do anything for; None where nothing is to come."""
    with reading(backend.database) as session:
        return min(_coming(backend, session, clock.look()), key=lambda due: due.at, default=None)


def _coming(backend: Backend, session: Session, now: float) -> Iterator[Due]:
    settings = backend.settings
    for statement, seconds, what in (
            (_RUN, settings.heartbeat_timeout, "run {} has crashed"),
            (_AGENT, settings.agent_timeout, "agent {} of a sweep is dead"),
            (_EXPIRY, 0.0, "artifact version {} has expired"),
            (_ABANDONED, settings.abandoned_after, "artifact version {} was abandoned")):
        found = statement(session, since=backend.clock.text_of(now - seconds)).first()
        at = None if found is None else _later(found.since, seconds)
        if at is not None:
            yield Due(at, what.format(found.name))


def _later(since: str, seconds: float) -> datetime | None:
    """None for what no calendar reaches: a limit that somebody made endless."""
    begin = datetime.fromisoformat(since)
    room = (_LAST - begin).total_seconds()
    return begin + timedelta(seconds=seconds) + _AFTER if seconds < room else None


def do_due(backend: Backend) -> None:
    """Runs that were silent for too long have crashed, and versions past their lifetime are gone.

    Otherwise whoever reads them next does it. Agents need nothing: time alone makes one dead.
    """
    timeout = backend.settings.heartbeat_timeout
    with reading(backend.database) as session:
        silent = runs.has_silent_runs(session, backend.clock.text_ago(timeout))
        versions = count_unneeded(session, backend.clock, backend.settings.abandoned_after)
    if silent:
        backend.write(None, runs.expire_silent_runs, timeout)
    if versions:
        garbage.run(backend)
