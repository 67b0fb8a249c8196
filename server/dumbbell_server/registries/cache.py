"""The versions linked to an organization's registries, as the column cache asks for them; a scope is its entity.

Links that came or changed are found by their revisions, and that some are gone by their count.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from dumbbell_server.artifacts.cells import version_columns
from dumbbell_server.identity import Actor
from dumbbell_server.listing.cache import Cells, Changes, State
from dumbbell_server.listing.tree import Field
from dumbbell_server.listing.values import MISSING
from dumbbell_server.registries import queries


class LinkSource:
    shared = frozenset({""})
    passing: frozenset[str] = frozenset()

    def state(self, session: Session, scope: int) -> State:
        watermark, snapshot = queries.watermark_of_links(session)
        return State(watermark, queries.count_links(session, scope), snapshot=snapshot)

    def lost(self, before: State, now: State, alive: int) -> bool:
        del before
        return alive != now.removals

    def ids(self, session: Session, scope: int) -> list[int]:
        return queries.link_ids(session, scope)

    def changes(self, session: Session, viewer: Actor | None, scope: int, fields: Iterable[Field],
                since: int) -> Changes:
        del viewer
        rows = queries.links(session, scope, since=since)
        columns = version_columns(session, rows, fields)
        return Changes(list(columns), [(row.id, [column.get(row.id, MISSING) for column in columns.values()])
                                       for row in rows])

    def load(self, session: Session, viewer: Actor | None, scope: int, fields: set[Field]) -> Cells:
        del viewer
        return version_columns(session, queries.links(session, scope), fields)
