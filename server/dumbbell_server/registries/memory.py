"""What filters and orders ask of the versions linked to an organization's registries, in memory.

It is read when it is first asked for, and brought up to date before every answer: links that came or changed are found
by their stamps (see storage/stamps.py), and that some are gone by their count.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from dumbbell_server.json_text import loads
from dumbbell_server.listing.columns import Found, Table
from dumbbell_server.listing.orders import Key, Position
from dumbbell_server.listing.tree import Every, Field, Leaf, Test, Tree, fields_of
from dumbbell_server.listing.values import MISSING, lookup
from dumbbell_server.registries import queries
from dumbbell_server.registries.queries import Link
from dumbbell_server.settings import Settings

_SHARE = 2  # of what columns of runs may take
_PLACES = {"id": "artifact_id", "collection_id": "collection_id", "number": "number", "linked_at": "linked_at",
           "created_at": "created_at", "updated_at": "updated_at", "size": "size", "project_id": "project_id"}
_COLLECTION = Field("collection_id")


class _Memory:
    """What is remembered of one organization."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.table = Table()
        self.watermark = -1


class LinkColumnCache:
    def __init__(self, settings: Settings) -> None:
        self._bound = settings.column_cache // _SHARE
        self._kept: OrderedDict[int, _Memory] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, session: Session, entity: int, collections: Collection[int], tree: Tree, keys: tuple[Key, ...],
            after: tuple[Position, int] | None, size: int) -> Found:
        """Count the links in these collections that a filter lets through, and find a page of them."""
        memory = self._of(entity)
        with memory.lock:
            _bring_up(session, entity, memory)
            within = frozenset(collections)
            test = Test(f"in {sorted(within)}", within.__contains__, within.__contains__)
            wanted = Every((Leaf(_COLLECTION, test), tree))
            _load(session, entity, memory.table, fields_of(wanted) | {key.field for key in keys})
            found = memory.table.page(memory.table.passing(wanted, {}), keys, after, size)
            while memory.table.size > self._bound and memory.table.columns:
                memory.table.drop_column()
        return found

    def _of(self, entity: int) -> _Memory:
        """The one that was not asked about for longest gives way, whole."""
        with self._lock:
            memory = self._kept.setdefault(entity, _Memory())
            self._kept.move_to_end(entity)
            while len(self._kept) > 1 and sum(kept.table.size for kept in self._kept.values()) > self._bound:
                self._kept.popitem(last=False)
            return memory


def _bring_up(session: Session, entity: int, memory: _Memory) -> None:
    """The table knows of every link that was committed before."""
    watermark = queries.watermark_of_links(session)
    table = memory.table
    if memory.watermark < 0:
        table = memory.table = Table(queries.link_ids(session, entity))
    elif watermark != memory.watermark:
        rows, fields = queries.links(session, entity, since=memory.watermark), list(table.columns)
        cells = [_column(session, field, rows) for field in fields]
        table.change(fields, [(row.id, [column.get(row.id, MISSING) for column in cells]) for row in rows])
    if len(table.ids) - table.dead != queries.count_links(session, entity):
        table.keep_only(queries.link_ids(session, entity))
    if table.dead > len(table.ids) // 4:
        memory.table = Table(queries.link_ids(session, entity))
    memory.watermark = watermark


def _load(session: Session, entity: int, table: Table, wanted: Collection[Field]) -> None:
    """The table has these columns."""
    fields = [field for field in wanted if field not in table.columns]
    if fields:
        rows = queries.links(session, entity)
        for field in fields:
            table.add_column(field, _column(session, field, rows))


def _column(session: Session, field: Field, rows: Sequence[Link]) -> Mapping[int, Any]:
    """Cells by link. What no column tells is missing."""
    place = _PLACES.get(field.column)
    if place is not None:
        return {row.id: getattr(row, place) for row in rows}
    if field.column == "version":
        return {row.id: [row.number, f"v{row.number}"] for row in rows}
    if field.column == "alias":
        return queries.aliases_of_links(session, [row.id for row in rows])
    if field.column == "tag":
        tags = queries.tags_of_versions(session, [row.artifact_id for row in rows])
        return {row.id: tags.get(row.artifact_id, []) for row in rows}
    if field.column == "metadata":
        documents = queries.metadata_of(session, [row.artifact_id for row in rows])
        return {row.id: lookup(loads(documents[row.artifact_id]), field.path)
                for row in rows if row.artifact_id in documents}
    return {}
