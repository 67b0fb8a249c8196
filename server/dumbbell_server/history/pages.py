"""The history keys of a page of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from sqlalchemy.orm import Session

from dumbbell_server.history import queries
from dumbbell_server.identity import Actor
from dumbbell_server.json_text import loads
from dumbbell_server.listing.fields import Columns, FieldAnswer
from dumbbell_server.runs.fields import Cells
from dumbbell_server.runs.queries import columns_of
from dumbbell_server.runs.tables import RunRow

_EMPTY = '{"keys":{}'
_COLUMNS = ("id", "history_generation", "history_line_count", "parent_name")


def history_keys(make: Callable[[RunRow], Any]) -> FieldAnswer:
    """What is kept is answered as it is; what is void or not there yet is made, one run after the other."""
    return FieldAnswer(_COLUMNS, lambda reading, columns: _read(make, reading.session, columns))


def _read(make: Callable[[RunRow], Any], session: Session, columns: Columns) -> list[Any]:
    states = list(zip(*(columns[name] for name in _COLUMNS), strict=True))
    logged = [number for number, _, lines, parent in states if lines or parent is not None]
    kept = queries.kept_keys(session, logged)
    wanted = set(logged)
    return [_answer(session, number, kept.get(number), (generation, lines), parent, make) if number in wanted else None
            for number, generation, lines, parent in states]


def keys_info(make: Callable[[RunRow], Any]) -> Cells:
    """What filters on `keys_info.keys.KEY` look at: the document of each run that has logged something."""
    def read(session: Session, _viewer: Actor | None, numbers: Sequence[int]) -> dict[int, Any]:
        rows = columns_of(session, _COLUMNS, numbers)
        if not rows:
            return {}
        columns = dict(zip(_COLUMNS, zip(*rows.values(), strict=True), strict=True))
        return {number: loads(str(document.contents)) if isinstance(document, orjson.Fragment) else document
                for number, document in zip(columns["id"], _read(make, session, columns), strict=True)
                if document is not None}
    return read


def _answer(session: Session, number: int, kept: tuple[int, int, str] | None, state: tuple[int, int],
            parent: str | None, make: Callable[[RunRow], Any]) -> Any:
    if kept is not None and parent is None and kept[:2] == state:
        return None if kept[2].startswith(_EMPTY) else orjson.Fragment(kept[2])
    run = session.get(RunRow, number)
    return None if run is None else make(run)
