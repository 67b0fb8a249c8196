"""Parquet files of runs that have ended: made in the background, offered where a client can do no wrong with them.

The SDK (0.31) keeps each file under the names of entity, project and run and its index, whatever the URL, and adds live
rows to those of files without a look. So a file never changes once it was offered, and a run offers all of its rows in
files or none; one whose rows have changed since, or who came by the names of another, never offers any again.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.backend import Backend
from dumbbell_server.blobs.garbage import delete_orphaned_blobs, orphan
from dumbbell_server.blobs.store import CHUNK, StagedBlob, commit_or_discard, new_key
from dumbbell_server.database.engine import snapshot
from dumbbell_server.database.statements import MAX_PARAMETERS
from dumbbell_server.history import statements
from dumbbell_server.history.columns import compaction
from dumbbell_server.history.parquet.writer import Writer
from dumbbell_server.history.tables import FLOATS, INSIDE, INTS, MIXED, OBJECTS, RANGE, TEXTS, PartitionRow
from dumbbell_server.json_text import loads, storable
from dumbbell_server.runs.service import RunsDeleting

YES, NO, MISSING = "yes", "no", "missing"


_NUMBERS = frozenset({FLOATS, INTS, MIXED, RANGE})
_TEXT_TYPES = {"string": "string", "boolean": "bool"}


class Exporter:
    """Makes files by a process of its own: the library takes a third of a second and 60 MiB."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._folder = backend.settings.data_dir.absolute() / "exporting"
        self._writer = Writer()

    def begin(self) -> None:
        """Remove what an earlier server left behind. The folder is ours alone."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)

    @property
    def able(self) -> bool:
        return self._writer.able

    def rest(self) -> None:
        self._writer.rest()

    def stop(self) -> None:
        self._writer.stop()

    def export(self, run_id: int) -> str:
        """Whether all rows of this run, which has ended, are in files now."""
        with snapshot(self._backend.database) as session:
            run = statements.EXPORTED_RUN(session, run=run_id).first()
            there = statements.PARTITIONS(session, run=run_id).all()
            rows = compaction.groups(session, run_id)
            types = None if run is None or run.parent_name is not None or run.others else _types(session, run_id, rows)
        if run is None:
            return NO
        self._drop([part for part in there if part.generation != run.history_generation])
        there = [part for part in there if part.generation == run.history_generation]
        if types is None or any(orjson.loads(part.columns).keys() != types.keys() for part in there):
            return NO
        if not self.able:
            return MISSING
        start = there[-1].end_line if there else 0
        rows = [row for row in rows if row.first_line >= start]
        if rows:
            self._add(run_id, run.history_generation, len(there), rows, types)
        return YES

    def _drop(self, parts: Sequence[Row[Any]]) -> None:
        if not parts:
            return

        def unit(session: Session) -> None:
            orphan(session, [part.blob_key for part in parts])
            for part in parts:
                statements.DELETE_PARTITION(session, id=part.id)

        self._backend.database.write(unit)
        delete_orphaned_blobs(self._backend.database, self._backend.blobs)

    def _add(self, run_id: int, generation: int, number: int, rows: Sequence[Row[Any]], types: dict[str, str]) -> None:
        path = self._folder / f"{run_id}.parquet"
        with self._writer.file(path, types) as file:
            for row in rows:
                with snapshot(self._backend.database) as session:
                    file.add(row.rows, {
                        bytes(column.name).decode(): (column.kind, column.held, bytes(column.body))
                        for column in statements.COLUMN_BODIES_OF_GROUP(session, group=row.id).all()})
        incoming, key = asyncio.run(self._store(path))
        path.unlink()
        part = PartitionRow(run_id=run_id, generation=generation, number=number, end_line=rows[-1].end_line,
                            columns=orjson.dumps(types).decode(), size=incoming.size, md5=incoming.md5_base64,
                            blob_key=key)

        def unit(session: Session) -> bool:
            if statements.LOCK_GENERATION(session, run=run_id).scalar() != generation:
                return False
            session.add(part)
            return True

        kept = False
        with contextlib.suppress(IntegrityError):  # another server was quicker
            kept = self._backend.database.write(unit)
        if not kept:
            self._backend.blobs.delete(key)

    async def _store(self, path: Path) -> tuple[StagedBlob, str]:
        incoming = await self._backend.blobs.receive(_pieces(path), path.stat().st_size)
        key = new_key("history")
        await commit_or_discard(self._backend.blobs, incoming, key)
        return incoming, key


def runs_deleting(session: Session, event: RunsDeleting) -> None:
    """The files of these runs are orphaned."""
    for start in range(0, len(event.run_ids), MAX_PARAMETERS):
        orphan(session, session.execute(select(PartitionRow.blob_key).where(
            col(PartitionRow.run_id).in_(event.run_ids[start:start + MAX_PARAMETERS]))).scalars().all())


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as source:
        while piece := source.read(CHUNK):
            yield piece


def _types(session: Session, run_id: int, groups: Sequence[Row[Any]]) -> dict[str, str] | None:
    """The type of each key; None where rows would not come back from a file as they were logged.

    That takes steps in order, and every key in every row with values of one type: a file has null where a row lacks a
    key, and knows no objects within rows.
    """
    ordered = all(group.ordered for group in groups) and all(
        before.max_step <= after.min_step for before, after in pairwise(groups))
    if not groups or not ordered:
        return None
    total = sum(group.rows for group in groups)
    kinds: dict[str, dict[str, int]] = {}
    for row in statements.VALUES_BY_KIND(session, run=run_id).all():
        name = bytes(row.name).decode("utf-8", "surrogatepass")
        if row.kind in {INSIDE, OBJECTS} or not storable(name):
            return None
        kinds.setdefault(name, {})[row.kind] = row.held
    texts = _text_types(session, run_id)
    types: dict[str, str] = {}
    for name, held in kinds.items():
        if sum(held.values()) != total:
            return None
        if held.keys() <= _NUMBERS:
            types[name] = "int64" if held.keys() <= {INTS, RANGE} else "double"
            if types[name] == "double" and INTS in held:
                return None  # some may be too large for a double
        elif held.keys() == {TEXTS} and len(texts[name]) == 1 and texts[name] <= _TEXT_TYPES.keys():
            types[name] = _TEXT_TYPES[next(iter(texts[name]))]
        else:
            return None
    return types if types.get("_step") == "int64" else None


def _text_types(session: Session, run_id: int) -> dict[str, set[str]]:
    types: dict[str, set[str]] = {}
    for row in statements.FACTS_OF_TEXTS(session, run=run_id).all():
        types.setdefault(bytes(row.name).decode("utf-8", "surrogatepass"), set()).update(loads(row.facts)["types"])
    return types
