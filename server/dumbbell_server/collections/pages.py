"""Pages of versions and of collections as they are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from dumbbell_server.artifacts import access
from dumbbell_server.artifacts.pages import version_plan
from dumbbell_server.artifacts.tables import (
    PORTFOLIO,
    SEQUENCE,
    ArtifactRow,
    ArtifactTypeRow,
    CollectionRow,
    CollectionTagRow,
    MembershipRow,
)
from dumbbell_server.collections import queries
from dumbbell_server.graph.context import Context
from dumbbell_server.graph.planned import Plan, PlannedList, Selection
from dumbbell_server.listing.pages import Edge
from dumbbell_server.projects.tables import ProjectRow


@dataclass(frozen=True)
class VersionEdge:
    """A version under the number that it has in a collection."""

    version: str
    node: ArtifactRow
    cursor: str


@dataclass(frozen=True)
class VersionEdges(PlannedList):
    """The edges of a page of versions."""

    context: Context
    edges: Sequence[Edge[tuple[MembershipRow, ArtifactRow]]]

    def __iter__(self) -> Iterator[VersionEdge]:
        return (VersionEdge(_version_of(edge), edge.node[1], edge.cursor) for edge in self.edges)

    def planned(self, selection: Selection) -> list[dict[str, Any]] | None:
        plan = version_plan(self.context)
        versions = [edge.node[1] for edge in self.edges]
        nodes: dict[str, list[dict[str, Any]]] = {}
        for name, what in selection:
            answers = plan.answer(selection.below(name), versions) if what == "node" else []
            if answers is None:
                return None
            nodes[name] = answers
        plain = {"version": [_version_of(edge) for edge in self.edges], "cursor": [edge.cursor for edge in self.edges],
                 "__typename": [selection.type_name] * len(self.edges)}
        columns = {name: nodes[name] if what == "node" else plain[what] for name, what in selection}
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _version_of(edge: Edge[tuple[MembershipRow, ArtifactRow]]) -> str:
    return f"v{edge.node[0].version_index}"


@dataclass(frozen=True)
class Tags:
    """The tags of a collection in the shape of a connection."""

    edges: Sequence[Edge[CollectionTagRow]]


_NO_TAGS = Tags([])


def tags_of(rows: Sequence[CollectionTagRow]) -> Tags:
    return Tags([Edge(row, "") for row in rows]) if rows else _NO_TAGS


def collection_plan(context: Context, rows: Sequence[CollectionRow]) -> Plan[CollectionRow]:
    """The fields of collections that a page of them answers at once."""
    tags = queries.tags_of(context.session, [row.id for row in rows])
    values: dict[str, Callable[[CollectionRow], Any]] = {
        "id": access.collection_node, "name": attrgetter("name"), "description": attrgetter("description"),
        "createdAt": attrgetter("created_at"), "updatedAt": attrgetter("updated_at"), "state": attrgetter("state")}
    return Plan(values, {
        "project": lambda row: visible_project(context, row),
        "defaultArtifactType": lambda row: context.require(ArtifactTypeRow, row.type_id),
        "tags": lambda row: tags_of(tags.get(row.id, ())),
    })


def visible_project(context: Context, row: CollectionRow) -> ProjectRow | None:
    """None where the asker sees a version of it through a link only."""
    seen = access.sees_project(context.session, context.viewer, row.project_id)
    return context.get(ProjectRow, row.project_id) if seen else None


@dataclass(frozen=True)
class CollectionEdges(PlannedList):
    """The edges of a page of collections."""

    context: Context
    edges: Sequence[Edge[CollectionRow]]

    def __iter__(self) -> Iterator[Edge[CollectionRow]]:
        return iter(self.edges)

    def planned(self, selection: Selection) -> list[dict[str, Any]] | None:
        plan = collection_plan(self.context, [edge.node for edge in self.edges])
        answers: list[dict[str, Any]] = [{} for _ in self.edges]
        for name, what in selection:
            values: list[Any] | None = self._nodes(plan, selection, name) if what == "node" else [
                edge.cursor if what == "cursor" else selection.type_name for edge in self.edges]
            if values is None:
                return None
            for answer, value in zip(answers, values, strict=True):
                answer[name] = value
        return answers

    def _nodes(self, plan: Plan[CollectionRow], selection: Selection, name: str) -> list[Any] | None:
        found: dict[int, Any] = {}
        for kind, concrete in _TYPES.items():
            rows = [edge.node for edge in self.edges if edge.node.kind == kind]
            answers = plan.answer(selection.below(name, concrete), rows) if rows else []
            if answers is None:
                return None
            found |= {row.id: answer for row, answer in zip(rows, answers, strict=True)}
        return [found[edge.node.id] for edge in self.edges]


_TYPES = {SEQUENCE: "ArtifactSequence", PORTFOLIO: "ArtifactPortfolio"}
