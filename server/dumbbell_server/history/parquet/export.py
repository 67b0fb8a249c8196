"""Parquet files of runs that have ended: made in the background, offered where a client can do no wrong with them.

The SDK (0.31) keeps each file under the names of entity, project and run and its index, whatever the URL, and adds live
rows to those of files without a look. So a file never changes once it was offered, and a run offers all of its rows in
files or none; one whose rows have changed since, or that has the names of an earlier one, never offers any again.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dumbbell_server.backend import Backend
from dumbbell_server.blobs.garbage import delete_orphaned_blobs, orphan
from dumbbell_server.blobs.store import CHUNK, StagedBlob, commit_or_discard, new_key
from dumbbell_server.database.engine import snapshot
from dumbbell_server.database.units import Unit
from dumbbell_server.history import statements
from dumbbell_server.history.columns import compaction
from dumbbell_server.history.parquet.writer import Writer
from dumbbell_server.history.tables import FLOATS, INSIDE, INTS, MIXED, OBJECTS, RANGE, TEXTS, PartitionRow
from dumbbell_server.json_text import loads, storable

YES, NO, MISSING = "yes", "no", "missing"


_NUMBERS = frozenset({FLOATS, INTS, MIXED, RANGE})
_TEXT_TYPES = {"string": "string", "boolean": "bool"}


class Exporter:
    """Makes files in another process: the library takes a third of a second and 60 MiB."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._folder = backend.settings.data_dir.absolute() / "exporting"
        self._writer = Writer()

    def begin(self) -> None:
        """Remove what an earlier server left behind. The folder is ours alone."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700, parents=True)

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
            partitions = statements.PARTITIONS(session, run=run_id).all()
            groups = compaction.groups(session, run_id)
            alone = run is not None and run.parent_name is None and not run.others
            types = _types(session, run_id, groups) if alone else None
        if run is None:
            return NO
        self._drop([each for each in partitions if each.generation != run.history_generation])
        partitions = [each for each in partitions if each.generation == run.history_generation]
        if types is None or any(orjson.loads(each.columns).keys() != types.keys() for each in partitions):
            return NO
        if not self.able:
            return MISSING
        start = partitions[-1].end_line if partitions else 0
        groups = [group for group in groups if group.first_line >= start]
        if groups and not self._add(run_id, run.history_generation, len(partitions), groups, types):
            return NO
        return YES

    def _drop(self, partitions: Sequence[Row[Any]]) -> None:
        if not partitions:
            return

        def drop(unit: Unit) -> None:
            orphan(unit, [each.blob_key for each in partitions])
            for each in partitions:
                statements.DELETE_PARTITION(unit.session, id=each.id)

        self._backend.write(None, drop)
        delete_orphaned_blobs(self._backend.database, self._backend.blobs)

    def _add(self, run_id: int, generation: int, number: int, groups: Sequence[Row[Any]],
             types: dict[str, str]) -> bool:
        """One more file, of these groups. False where rows would not come back from it as they were logged."""
        path = self._folder / f"{run_id}.parquet"
        with self._writer.file(path, types) as file:
            for group in groups:
                with snapshot(self._backend.database) as session:
                    file.add(group.rows, {
                        bytes(column.name).decode(): (column.kind, column.held, bytes(column.body))
                        for column in statements.COLUMN_BODIES_OF_GROUP(session, group=group.id).all()})
        if not file.same:
            path.unlink()
            return False
        staged, key = asyncio.run(self._store(path))
        path.unlink()
        partition = PartitionRow(
            run_id=run_id, generation=generation, number=number, end_line=groups[-1].end_line,
            columns=orjson.dumps(types).decode(), size=staged.size, md5=staged.md5_base64, blob_key=key)
        added = False
        with contextlib.suppress(IntegrityError):  # another server was quicker
            added = self._backend.write(None, _add_partition, partition)
        if not added:
            self._backend.blobs.delete(key)
        return True

    async def _store(self, path: Path) -> tuple[StagedBlob, str]:
        staged = await self._backend.blobs.receive(_read(path), path.stat().st_size)
        key = new_key("history")
        await commit_or_discard(self._backend.blobs, staged, key)
        return staged, key


def _add_partition(unit: Unit, partition: PartitionRow) -> bool:
    """False where the rows of the run have changed since they were written to the file."""
    if statements.LOCK_GENERATION(unit.session, run=partition.run_id).scalar() != partition.generation:
        return False
    unit.session.add(partition)
    return True


async def _read(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as source:
        while chunk := source.read(CHUNK):
            yield chunk


def _types(session: Session, run_id: int, groups: Sequence[Row[Any]]) -> dict[str, str] | None:
    """The type of each key; None where rows would not come back from a file as they were logged.

    That takes steps in order, and every key in every row with values of one type: a file has null where a row lacks a
    key, and knows no objects within rows. Of doubles, the writer sees whether ints among them can be told.
    """
    if not groups or not all(group.ordered for group in groups):
        return None
    if any(before.max_step > after.min_step for before, after in pairwise(groups)):
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
        found = _type(held.keys(), texts.get(name, set())) if sum(held.values()) == total else None
        if found is None:
            return None
        types[name] = found
    return types if types.get("_step") == "int64" else None


def _type(kinds: AbstractSet[str], texts: set[str]) -> str | None:
    """The type in a file of values that lie in columns of these kinds, and are of these types where they are JSON."""
    if kinds <= {INTS, RANGE}:
        return "int64"
    if kinds <= _NUMBERS:
        return None if INTS in kinds else "double"  # some ints may be too large for a double
    if kinds == {TEXTS} and len(texts) == 1:
        return _TEXT_TYPES.get(next(iter(texts)))
    return None


def _text_types(session: Session, run_id: int) -> dict[str, set[str]]:
    types: dict[str, set[str]] = {}
    for row in statements.FACTS_OF_TEXTS(session, run=run_id).all():
        types.setdefault(bytes(row.name).decode("utf-8", "surrogatepass"), set()).update(loads(row.facts)["types"])
    return types
