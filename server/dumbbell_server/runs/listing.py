"""Pages of a project's runs: order, cursors, and the few filters there are so far."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy.orm import Session

from dumbbell_server import ids
from dumbbell_server.errors import BadInput
from dumbbell_server.graph.connections import Edge, Page, PageInfo, page_size
from dumbbell_server.graph.wandb_json import checked_object, storable
from dumbbell_server.runs import queries
from dumbbell_server.runs.tables import RunRow

_COLUMNS = {
    "created_at": "created_at", "createdAt": "created_at",
    "heartbeat_at": "heartbeat_at", "heartbeatAt": "heartbeat_at",
    "name": "name", "display_name": "display_name", "displayName": "display_name", "state": "state",
}
_NAME_KEYS = {"name": "name", "display_name": "display_name", "displayName": "display_name"}


@dataclass(frozen=True)
class Question:
    """Which runs, in which order."""

    project_id: int
    names: dict[str, str]
    column: str
    ascending: bool


def question(project_id: int, filters: str | None, order: str | None) -> Question:
    """A checked question. BadInput names what is not understood."""
    return Question(project_id, _names(filters), *_order(order))


def _names(filters: str | None) -> dict[str, str]:
    tree = checked_object(filters, "filters") if filters and filters != "null" else {}
    names = {}
    for key, value in tree.items():
        if key not in _NAME_KEYS or not isinstance(value, str):
            raise BadInput(f"filters: {key[:80]!r} is not supported yet; "
                           "runs can be filtered by name and display_name, each equal to a text")
        names[_NAME_KEYS[key]] = value
    return names


def _order(order: str | None) -> tuple[str, bool]:
    if not order:
        return "created_at", False  # newest first (behaviours.md 6.2)
    field = order.lstrip("+-")
    if field not in _COLUMNS:
        raise BadInput(f"order {order[:80]!r} is not supported yet; runs can be ordered by created_at, heartbeat_at, "
                       "name, display_name and state, with + or - in front")
    return _COLUMNS[field], not order.startswith("-")


def count(session: Session, asked: Question) -> int:
    return queries.count(session, asked.project_id, asked.names)


def page(session: Session, asked: Question, first: int | None, after: str | None) -> Page[RunRow]:
    size = page_size(first)
    rows: Sequence[RunRow] = queries.page(session, asked.project_id, asked.names, asked.column,
                                          asked.ascending, _position(after), size + 1)
    edges = [Edge(row, _cursor(getattr(row, asked.column), row.id or 0)) for row in rows[:size]]
    end = edges[-1].cursor if edges else None
    return Page(edges, PageInfo(has_next_page=len(rows) > size, end_cursor=end,
                                start_cursor=edges[0].cursor if edges else None))


def _cursor(value: Any, number: int) -> str:
    return base64.b64encode(orjson.dumps([value, number])).decode()


def _position(after: str | None) -> tuple[Any, int] | None:
    if not after:
        return None
    try:
        value, number = orjson.loads(base64.b64decode(after, validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise BadInput(f"{after[:80]!r} is not a cursor of this list") from None
    if not isinstance(value, str) or not storable(value) or type(number) is not int or abs(number) > ids.MAX_ID:
        raise BadInput(f"{after[:80]!r} is not a cursor of this list")
    return value, number
