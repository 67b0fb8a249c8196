"""What keys a history has, in the order of its steps: out of the facts of columns, and kept until rows come."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, cast

import structlog
from sqlalchemy import Row
from sqlalchemy.orm import Session

from dumbbell_server.backend import Backend
from dumbbell_server.database.engine import snapshot
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import Damaged
from dumbbell_server.history import queries, statements
from dumbbell_server.history.columns import compaction
from dumbbell_server.history.columns.encode import facts_of_rows
from dumbbell_server.history.columns.facts import Facts, add
from dumbbell_server.history.events import KeysRead
from dumbbell_server.history.packing import row_of, step_of
from dumbbell_server.history.reading.forks import StepRange, lines_in, ranges_of
from dumbbell_server.history.tables import KeysRow
from dumbbell_server.json_text import dumps, stored_object, strict
from dumbbell_server.runs.tables import RunRow

_log = structlog.get_logger()
_BATCH = 4096  # lines that are parsed before their facts are added up


def history_keys(backend: Backend, run: RunRow) -> dict[str, Any] | None:
    """`historyKeys` of a run, None while it has no rows. Rows are in columns before they are read, where they are many.

    A document that had to be made is handed to the background, which keeps it for the next reader.
    """
    try:
        compaction.catch_up(backend.database, run.id)
        with snapshot(backend.database) as session:
            document, fresh = key_document(session, run)
    except Damaged as error:  # of one run of a page: the others are shown
        _log.error("the keys of a history cannot be read", run=run.id, reason=str(error))
        return None
    if fresh is not None:
        backend.events.emit(None, KeysRead(fresh))
    return document if document["keys"] else None


def key_document(session: Session, run: RunRow) -> tuple[dict[str, Any], KeysRow | None]:
    """The document of a run, and the row to keep where rows came since it was last made. Wants a snapshot."""
    ranges = ranges_of(session, run)
    version = _version(session, ranges)
    kept = statements.KEY_DOCUMENT(session, run=run.id).first()
    if kept is not None and (kept.generation, kept.lines) == version and is_whole(kept.document):
        document = stored_object(kept.document)
        if document:
            return document, None
    document = _made(session, ranges)
    # what a newer generation makes void may be kept anyway: nobody will take it for the newer one's
    return document, KeysRow(run_id=run.id, generation=version[0], lines=version[1], document=dumps(document))


def is_whole(document: str) -> bool:
    """Whether a kept document looks like one: a damaged one is made again, as all that is made of rows."""
    return document.startswith('{"keys":{') and document.endswith("}")


def keep(unit: Unit, rows: Iterable[KeysRow]) -> None:
    """The documents of these runs are kept, as far as the runs are still there."""
    for row in rows:
        statements.PUT_KEY_DOCUMENT.on(unit.connection, **row.model_dump())


def _version(session: Session, ranges: list[StepRange]) -> tuple[int, int]:
    """Generation and count of lines; of a fork, something that is another whenever its parents' are."""
    versions = [tuple(statements.HISTORY_VERSION(session, run=each.run_id).one()) for each in ranges]
    if len(ranges) == 1:
        return int(versions[0][0]), int(versions[0][1])
    text = repr([*zip(ranges, versions, strict=True)])
    return zlib.crc32(text.encode()) >> 1, sum(lines for _, lines in versions)


def _made(session: Session, ranges: list[StepRange]) -> dict[str, Any]:
    """The document, from columns where they show all there is in the order of steps."""
    facts = _out_of_columns(session, ranges[0].run_id) if len(ranges) == 1 else None
    if facts is None:
        facts = {}
        for rows in _batches(lines_in(session, ranges)):
            _add(facts, facts_of_rows(rows))
    last = step_of({"_step": facts["_step"]["last"]}) if "_step" in facts else None
    return {"keys": {name: _shown(each) for name, each in facts.items()}, "lastStep": -1 if last is None else last}


def _shown(facts: Facts) -> dict[str, Any]:
    """What the document says of a key; `exactPreviousValue` is JSON with NaN or Infinity, where the value has them."""
    previous = strict(facts["last"])
    exact = {} if previous == facts["last"] else {"exactPreviousValue": dumps(facts["last"])}
    return {"typeCounts": [{"type": kind, "count": count} for kind, count in facts["types"].items()],
            "monotonic": facts["monotonic"], "previousValue": previous, **exact}


def _out_of_columns(session: Session, run_id: int) -> dict[str, Facts] | None:
    """None where rows are not in the order of their steps, as those of several writers are not."""
    groups = compaction.groups(session, run_id)
    chunks = statements.CHUNKS_WITHOUT_COLUMNS(session, run=run_id).all()
    in_turn = _in_turn([*groups, *chunks])
    if in_turn is None:
        return None
    of_groups = {group.id: group for group in groups}
    facts: dict[str, Facts] = {}
    for each in in_turn:
        if each is of_groups.get(each.id):
            rows = statements.FACTS_OF_GROUP(session, group=each.id).all()
            found = {bytes(row.name).decode("utf-8", "surrogatepass"): stored_object(row.facts) for row in rows}
            if not all(found.values()):
                return None
            _add(facts, cast("dict[str, Facts]", found))
        else:
            _add(facts, facts_of_rows([row_of(line) for line in queries.lines_of(session, each.id)]))
    return facts


def _in_turn(parts: Sequence[Row[Any]]) -> list[Row[Any]] | None:
    """Groups and chunks in the order of their steps, where that is the order of their rows too."""
    if not all(part.ordered for part in parts):
        return None
    in_turn = sorted(parts, key=lambda part: (part.min_step, part.max_step, part.first_line))
    for before, after in pairwise(in_turn):
        follows = before.writer == after.writer and before.first_line < after.first_line
        if before.max_step > after.min_step or (before.max_step == after.min_step and not follows):
            return None
    return in_turn


def _add(facts: dict[str, Facts], more: dict[str, Facts]) -> None:
    for name, each in more.items():
        facts[name] = add(facts.get(name), each)


def _batches(lines: Iterable[str]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for line in lines:
        batch.append(row_of(line))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
