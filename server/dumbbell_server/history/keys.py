"""What keys a history has, in the order of its steps: kept as far as somebody asked, caught up by who asks next."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from dumbbell_server.graph.wandb_json import dumps, finite, loads
from dumbbell_server.history import queries, reading
from dumbbell_server.history.forks import ENDLESS
from dumbbell_server.history.packing import row_of, step_of
from dumbbell_server.history.tables import HISTORY, KeysRow
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.storage.dialect import Statement

_STATE = Statement(
    "SELECT r.history_generation, r.history_line_count, k.generation, k.lines, k.document FROM runs r"
    " LEFT JOIN history_keys k ON k.run_id = r.id WHERE r.id = :run")
_KEEP = Statement(
    "INSERT INTO history_keys (run_id, generation, lines, document) VALUES (:run_id, :generation, :lines, :document)"
    " ON CONFLICT (run_id) DO UPDATE SET generation = excluded.generation, lines = excluded.lines,"
    " document = excluded.document")


def key_document(session: Session, run: RunRow) -> tuple[dict[str, Any], KeysRow | None]:
    """`historyKeys` of a run, and the row to keep where rows came since it was last made. Wants a snapshot."""
    if run.parent_name is not None:
        return _whole(session, run), None
    state: Any = _STATE(session, run=run.id).first()
    if state is None:
        return _empty(), None
    generation, lines, known, upto, text = state
    if known == generation and upto == lines:
        return loads(text), None
    document = _continued(session, run, loads(text), upto) if known == generation else None
    if document is None:
        document = _whole(session, run)
    # what a newer generation makes void may be kept all the same: nobody will take it for the newer one's
    return document, KeysRow(run_id=run.id or 0, generation=generation, lines=lines, document=dumps(finite(document)))


def keep(session: Session, fresh: KeysRow) -> None:
    _KEEP(session, **fresh.model_dump())


def _empty() -> dict[str, Any]:
    return {"keys": {}, "lastStep": -1}


def _whole(session: Session, run: RunRow) -> dict[str, Any]:
    document = _empty()
    for line in reading.rows_between(session, run, -ENDLESS, ENDLESS):
        fold(document, row_of(line))
    return document


def _continued(session: Session, run: RunRow, document: dict[str, Any], upto: int) -> dict[str, Any] | None:
    """The document with the lines from `upto` on; None where they do not all follow in step what it knows."""
    pieces = queries.chunks(session, run.id or 0, HISTORY)
    if len({piece.writer for piece in pieces}) > 1:
        return None
    for piece in pieces:
        if piece.first_line + piece.line_count <= upto:
            continue
        for line in queries.lines_of(session, piece.id)[max(0, upto - piece.first_line):]:
            row = row_of(line)
            step = step_of(row)
            if step is None or step < document["lastStep"]:
                return None
            fold(document, row)
    return document


def fold(document: dict[str, Any], row: dict[str, Any]) -> None:
    step = step_of(row)
    if step is not None and step > document["lastStep"]:
        document["lastStep"] = step
    keys = document["keys"]
    for name, value in _flat(row, ""):
        kind = _kind(value)
        entry = keys.get(name)
        if entry is None:
            keys[name] = {"typeCounts": [{"type": kind, "count": 1}], "monotonic": True, "previousValue": value}
            continue
        for count in entry["typeCounts"]:
            if count["type"] == kind:
                count["count"] += 1
                break
        else:
            entry["typeCounts"].append({"type": kind, "count": 1})
        before = entry["previousValue"]
        entry["monotonic"] = bool(entry["monotonic"] and _number(value) and _number(before) and value >= before)
        entry["previousValue"] = value


def _flat(row: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in row.items():
        if isinstance(value, dict) and value and "_type" not in value:  # media stay whole
            pairs += _flat(value, f"{prefix}{key}.")
        else:
            pairs.append((f"{prefix}{key}", value))
    return pairs


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if _number(value):
        return "number"
    if isinstance(value, dict):
        return str(value.get("_type", "map"))
    if isinstance(value, list):
        return "list"
    return "string" if isinstance(value, str) else "nil"
