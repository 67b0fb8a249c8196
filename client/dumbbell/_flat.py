"""Runs as rows of a table: config and summary by dotted names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dumbbell.run_core import RunCore

FIELDS = ("id", "name", "state", "created_at", "heartbeat_at", "user", "group", "job_type", "tags", "notes", "sweep")
TIMES = ("created_at", "heartbeat_at")


def flat_run(run: RunCore, *, config: bool = True, summary: bool = True) -> dict[str, Any]:
    """The fields of a run, then `config.lr` and `summary.loss` and so on; dicts within become more dots."""
    attrs = run.load_full_data() if config or summary else run.load()
    row = {"id": run.id, "name": run.name, "state": run.state, "created_at": attrs.get("createdAt"),
           "heartbeat_at": attrs.get("heartbeatAt"), "user": (attrs.get("user") or {}).get("username"),
           "group": attrs.get("group"), "job_type": attrs.get("jobType"), "tags": list(run.tags),
           "notes": attrs.get("notes"), "sweep": attrs.get("sweepName")}
    if config:
        row.update(flat("config", run.config))
    if summary:
        row.update(flat("summary", run.summary_metrics))
    return row


def flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Each leaf of nested dicts with its dotted name; an empty dict is a leaf."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from flat(f"{name}.{key}" if name else str(key), item)
    else:
        yield name, value


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """All names: the fields as they stand, the others by name."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [*FIELDS, *sorted(name for name in names if name not in FIELDS)]


def moment_of(text: str | None) -> dt.datetime | None:
    """A time of the server, which is of UTC."""
    if not text:
        return None
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)
