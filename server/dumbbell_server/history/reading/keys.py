"""What keys a history has, in the order of its steps: out of the facts of columns, and kept until rows come."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dumbbell_server.database.engine import Database, snapshot
from dumbbell_server.history import queries, statements
from dumbbell_server.history.columns import compaction
from dumbbell_server.history.columns.encode import facts_of_rows
from dumbbell_server.history.columns.facts import Facts, add
from dumbbell_server.history.packing import row_of, step_of
from dumbbell_server.history.reading.forks import Part, lines_in, parts_of
from dumbbell_server.history.tables import KeysRow
from dumbbell_server.json_text import dumps, finite, loads
from dumbbell_server.runs.tables import RunRow

_LOT = 4096  # lines that are parsed before their facts are added up


def of_run(database: Database, run: RunRow) -> dict[str, Any]:
    """`historyKeys` of a run, kept for who asks next."""
    compaction.catch_up(database, run.id)
    with snapshot(database) as session:
        document, fresh = key_document(session, run)
    if fresh is not None:
        with contextlib.suppress(IntegrityError):  # the run was deleted meanwhile
            database.write(lambda session: keep(session, fresh))
    return document


def key_document(session: Session, run: RunRow) -> tuple[dict[str, Any], KeysRow | None]:
    """`historyKeys` of a run, and the row to keep where rows came since it was last made. Wants a snapshot."""
    parts = parts_of(session, run)
    state = _state(session, parts)
    known = statements.KEY_DOCUMENT(session, run=run.id).first()
    if known is not None and (known.generation, known.lines) == state:
        document: dict[str, Any] = loads(known.document)
        return document, None
    document = _made(session, parts)
    # what a newer generation makes void may be kept all the same: nobody will take it for the newer one's
    return document, KeysRow(run_id=run.id, generation=state[0], lines=state[1], document=dumps(document))


def keep(session: Session, fresh: KeysRow) -> None:
    statements.PUT_KEY_DOCUMENT(session, **fresh.model_dump())


def _state(session: Session, parts: list[Part]) -> tuple[int, int]:
    """Generation and count of lines; of a fork, something that is another whenever its parents' are."""
    states = [tuple(statements.HISTORY_VERSION(session, run=part.run_id).one()) for part in parts]
    if len(parts) == 1:
        return int(states[0][0]), int(states[0][1])
    return zlib.crc32(repr([*zip(parts, states, strict=True)]).encode()) >> 1, sum(lines for _, lines in states)


def _made(session: Session, parts: list[Part]) -> dict[str, Any]:
    """The document, from columns where they show all there is in the order of steps."""
    facts = _out_of_columns(session, parts[0].run_id) if len(parts) == 1 else None
    if facts is None:
        facts = {}
        for rows in _lots(lines_in(session, parts)):
            _add(facts, facts_of_rows(rows))
    last = facts["_step"]["last"] if "_step" in facts else -1
    return finite({  # type: ignore[no-any-return]
        "keys": {name: {"typeCounts": [{"type": kind, "count": count} for kind, count in each["types"].items()],
                        "monotonic": each["monotonic"], "previousValue": each["last"]}
                 for name, each in facts.items()},
        "lastStep": step_of({"_step": last}) if step_of({"_step": last}) is not None else -1,
    })


def _out_of_columns(session: Session, run_id: int) -> dict[str, Facts] | None:
    """None where rows are not in the order of their steps, as those of several writers are not."""
    groups = sorted(compaction.groups(session, run_id), key=lambda group: (group.min_step or 0, group.max_step or 0))
    rest = statements.CHUNKS_WITHOUT_COLUMNS_BY_STEP(session, run=run_id).all()
    pieces: Sequence[Any] = [*groups, *rest]
    if not all(piece.ordered for piece in pieces) or any(
            before.max_step > after.min_step for before, after in pairwise(pieces)):
        return None
    facts: dict[str, Facts] = {}
    for group in groups:
        _add(facts, {bytes(row.name).decode("utf-8", "surrogatepass"): loads(row.facts)
                     for row in statements.FACTS_OF_GROUP(session, group=group.id).all()})
    for rows in _lots(line for chunk in rest for line in queries.lines_of(session, chunk.id)):
        _add(facts, facts_of_rows(rows))
    return facts


def _add(facts: dict[str, Facts], more: dict[str, Facts]) -> None:
    for name, each in more.items():
        facts[name] = add(facts.get(name), each)


def _lots(lines: Any) -> Iterator[list[dict[str, Any]]]:
    lot: list[dict[str, Any]] = []
    for line in lines:
        lot.append(row_of(line))
        if len(lot) == _LOT:
            yield lot
            lot = []
    if lot:
        yield lot
