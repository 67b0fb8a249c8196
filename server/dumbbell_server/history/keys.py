"""What keys a history has: kept up as far as somebody asked, caught up by who asks next."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.graph.wandb_json import dumps, finite, loads
from dumbbell_server.history import reading
from dumbbell_server.history.packing import row_of, step_of, unpack
from dumbbell_server.history.tables import HISTORY, ChunkRow, KeysRow
from dumbbell_server.runs.tables import RunRow


def key_document(session: Session, run: RunRow) -> tuple[dict[str, Any], KeysRow | None]:
    """`historyKeys` of a run, and the row to store where chunks came since it was last made."""
    known = session.get(KeysRow, run.id)
    document: dict[str, Any] = loads(known.document) if known else {"keys": {}, "lastStep": -1}
    upto = known.upto if known else 0
    newest = session.execute(select(func.max(col(ChunkRow.id))).where(
        ChunkRow.run_id == run.id, ChunkRow.stream == HISTORY)).scalar() or 0
    if newest <= upto:
        return document, None
    fresh = select(ChunkRow.body).where(ChunkRow.run_id == run.id, ChunkRow.stream == HISTORY,
                                        col(ChunkRow.id) > upto)
    order = (col(ChunkRow.id),) if known else (col(ChunkRow.writer), col(ChunkRow.first_line))
    for (body,) in session.execute(fresh.order_by(*order)).all():
        for line in unpack(bytes(body)):
            fold(document, row_of(line))
    return document, KeysRow(run_id=run.id or 0, upto=newest, document=dumps(finite(document)))


def with_parents(session: Session, run: RunRow) -> dict[str, Any]:
    """The keys that a fork shows: its parents' up to where it left them, then its own."""
    document: dict[str, Any] = {"keys": {}, "lastStep": -1}
    for line in reading.rows_between(session, run, -(2**62), 2**62):
        fold(document, row_of(line))
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
