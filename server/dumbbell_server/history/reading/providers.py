"""The history keys of many runs, for pages and filters of runs; wired in `app.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy.orm import Session

from dumbbell_server.backend import Backend
from dumbbell_server.history import queries
from dumbbell_server.history.reading import keys
from dumbbell_server.identity import Actor
from dumbbell_server.json_text import loads
from dumbbell_server.listing.fields import Columns, FieldAnswer
from dumbbell_server.runs.fields import Cells
from dumbbell_server.runs.queries import columns_of
from dumbbell_server.runs.tables import RunRow

_EMPTY = '{"keys":{}'
_COLUMNS = ("id", "history_generation", "history_line_count", "parent_name")


def history_keys(backend: Backend) -> FieldAnswer:
    """What is kept is answered as it is; what is void or not there yet is made, one run after the other."""
    return FieldAnswer(_COLUMNS, lambda reading, columns: _documents(backend, reading.session, columns))


def keys_info(backend: Backend) -> Cells:
    """What filters on `keys_info.keys.KEY` look at: the document of each run that has logged something."""
    def read(session: Session, _viewer: Actor | None, run_ids: Sequence[int]) -> dict[int, Any]:
        rows = columns_of(session, _COLUMNS, run_ids)
        if not rows:
            return {}
        columns = dict(zip(_COLUMNS, zip(*rows.values(), strict=True), strict=True))
        documents = _documents(backend, session, columns)
        return {run_id: loads(orjson.dumps(document).decode()) if isinstance(document, orjson.Fragment) else document
                for run_id, document in zip(columns["id"], documents, strict=True) if document is not None}
    return read


def _documents(backend: Backend, session: Session, columns: Columns) -> list[Any]:
    versions = list(zip(*(columns[name] for name in _COLUMNS), strict=True))
    logged = {run_id for run_id, _, lines, parent in versions if lines or parent is not None}
    kept = queries.kept_keys(session, logged)
    documents: list[Any] = []
    for run_id, generation, lines, parent in versions:
        current = kept.get(run_id)
        if run_id not in logged:
            documents.append(None)
        elif current is not None and parent is None and current[:2] == (generation, lines) \
                and keys.is_whole(current[2]):
            documents.append(None if current[2].startswith(_EMPTY) else orjson.Fragment(current[2]))
        else:
            run = session.get(RunRow, run_id)
            documents.append(None if run is None else keys.history_keys(backend, run))
    return documents
