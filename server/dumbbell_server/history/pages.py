"""The history keys of a page of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from dumbbell_server.graph.context import Context
from dumbbell_server.history import queries
from dumbbell_server.json_text import loads
from dumbbell_server.runs.pages import Answer, Columns
from dumbbell_server.runs.queries import columns_of
from dumbbell_server.runs.tables import RunRow

_EMPTY = '{"keys":{}'
_COLUMNS = ("id", "history_generation", "history_line_count", "parent_name")


def history_keys(make: Callable[[Context, RunRow], Any]) -> Answer:
    """What is kept is answered as it is; what is void or not there yet is made, one run after the other."""
    return Answer(_COLUMNS, lambda context, _project, columns: _read(make, context, columns))


def _read(make: Callable[[Context, RunRow], Any], context: Context, columns: Columns) -> list[Any]:
    states = list(zip(*(columns[name] for name in _COLUMNS), strict=True))
    logged = [number for number, _, lines, parent in states if lines or parent is not None]
    kept = queries.kept_keys(context.session, logged)
    wanted = set(logged)
    return [_answer(context, number, kept.get(number), (generation, lines), parent, make) if number in wanted else None
            for number, generation, lines, parent in states]


def keys_info(make: Callable[[Context, RunRow], Any]) -> Callable[[Context, Sequence[int]], dict[int, Any]]:
    """What filters on `keys_info.keys.KEY` look at: the document of each run that has logged something."""
    def read(context: Context, numbers: Sequence[int]) -> dict[int, Any]:
        rows = columns_of(context.session, _COLUMNS, numbers)
        if not rows:
            return {}
        columns = dict(zip(_COLUMNS, zip(*rows.values(), strict=True), strict=True))
        return {number: loads(str(document.contents)) if isinstance(document, orjson.Fragment) else document
                for number, document in zip(columns["id"], _read(make, context, columns), strict=True)
                if document is not None}
    return read


def _answer(context: Context, number: int, kept: tuple[int, int, str] | None, state: tuple[int, int],
            parent: str | None, make: Callable[[Context, RunRow], Any]) -> Any:
    if kept is not None and parent is None and kept[:2] == state:
        return None if kept[2].startswith(_EMPTY) else orjson.Fragment(kept[2])
    run = context.get(RunRow, number)
    return None if run is None else make(context, run)
