"""Versions and collections on a page: what each of them needs is asked for once, and answered at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from dumbbell_server.artifacts import access, listing, queries, removal, service
from dumbbell_server.artifacts.queries import Choice
from dumbbell_server.artifacts.tables import (
    PORTFOLIO,
    SEQUENCE,
    AliasRow,
    ArtifactRow,
    ArtifactTagRow,
    ArtifactTypeRow,
    CollectionRow,
    CollectionTagRow,
    MembershipRow,
)
from dumbbell_server.graph.context import Context
from dumbbell_server.graph.planned import Plan, PlannedList, Selection
from dumbbell_server.listing import cursors
from dumbbell_server.listing.pages import Edge, Page, page_of, page_size
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.tables import RunRow

_PLAIN = {"digest": "digest", "description": "description", "labels": "labels", "size": "size",
          "fileCount": "file_count", "commitHash": "commit_hash", "versionIndex": "version_index",
          "historyStep": "history_step", "createdAt": "created_at", "updatedAt": "updated_at"}


def expire_versions(context: Context) -> None:
    """Before versions are read by name, id or run: those past their lifetime are gone. Looked at once a request."""
    if expire_versions in context.answers:
        return
    if removal.has_expired(context.session, context.backend.clock):
        context.backend.write(None, removal.expire_versions)
        context.forget()
    context.answers[expire_versions] = True


def page_of_versions(context: Context, collection: CollectionRow, filters: str | None, order: str | None,
                     after: str | None, first: int | None) -> Page[Any]:
    page = listing.versions(context.session, collection, filters, order, after, first)
    know_page(context, [edge.node[1] for edge in page.edges])
    edges: Any = VersionEdges(context, page.edges)
    return Page(edges, page.page_info, page.total_count)


def page_of_collections(context: Context, choice: Choice, filters: str | None, order: str | None, after: str | None,
                        first: int | None) -> Page[Any]:
    page = listing.collections(context.session, choice, filters, order, after, first)
    edges: Any = CollectionEdges(context, page.edges)
    return Page(edges, page.page_info, page.total_count)


def page_of_used(context: Context, run: RunRow, kind: str, after: str | None, first: int | None) -> Page[ArtifactRow]:
    """Versions that the run made or took in."""
    expire_versions(context)
    size = page_size(first)
    session = context.session
    rows = queries.used(session, run.id, kind, cursors.number(after), size + 1)
    know_page(context, [artifact for _, artifact in rows])
    page = page_of(rows, size, lambda row: row[0], queries.count_used(session, run.id, kind))
    return Page([Edge(edge.node[1], edge.cursor) for edge in page.edges], page.page_info, page.total_count)


def version_plan(context: Context) -> Plan[ArtifactRow]:
    """The fields of versions that a page of them answers at once."""
    values: dict[str, Callable[[ArtifactRow], Any]] = {camel: attrgetter(name) for camel, name in _PLAIN.items()}
    values |= {
        "id": lambda row: access.node_of(row.id), "state": attrgetter("state"),
        "digestAlgorithm": attrgetter("digest_algorithm"), "metadata": attrgetter("metadata_json"),
        "ttlDurationSeconds": attrgetter("ttl_seconds"),
        "ttlIsInherited": lambda row: row.ttl_seconds == service.INHERITED,
    }

    def sequence(row: ArtifactRow) -> CollectionRow:
        return context.require(CollectionRow, row.sequence_id)

    return Plan(values, {
        "artifactSequence": sequence,
        "artifactType": lambda row: context.require(ArtifactTypeRow, sequence(row).type_id),
        "aliases": lambda row: visible_aliases(context, row),
        "tags": lambda row: tags_of(context, row),
    }, frozenset({"description", "metadata", "labels"}))


def visible_aliases(context: Context, artifact: ArtifactRow) -> list[AliasRow]:
    """In every collection that the viewer may see."""
    found = context.batches.load(context.session, artifact, queries.aliases_of_versions)
    return [row for row in found if sees_collection(context, row.collection_id)]


def tags_of(context: Context, artifact: ArtifactRow) -> list[ArtifactTagRow]:
    return context.batches.load(context.session, artifact, queries.tags_of_versions)


def know_page(context: Context, artifacts: Sequence[ArtifactRow]) -> None:
    """These versions are shown together: what each needs is asked for once."""
    context.know(*artifacts)
    context.batches.show(artifacts)


def sees_collection(context: Context, collection_id: int) -> bool:
    collection = context.get(CollectionRow, collection_id)
    return collection is not None and access.sees_project(context.session, context.viewer, collection.project_id)


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


def connected_tags(rows: Sequence[CollectionTagRow]) -> Tags:
    return Tags([Edge(row, "") for row in rows]) if rows else _NO_TAGS


def collection_plan(context: Context, rows: Sequence[CollectionRow]) -> Plan[CollectionRow]:
    """The fields of collections that a page of them answers at once."""
    tags = queries.tags_of_collections(context.session, [row.id for row in rows])
    values: dict[str, Callable[[CollectionRow], Any]] = {
        "id": access.collection_node, "name": attrgetter("name"), "description": attrgetter("description"),
        "createdAt": attrgetter("created_at"), "updatedAt": attrgetter("updated_at"), "state": attrgetter("state")}
    return Plan(values, {
        "project": lambda row: visible_project(context, row),
        "defaultArtifactType": lambda row: context.require(ArtifactTypeRow, row.type_id),
        "tags": lambda row: connected_tags(tags.get(row.id, ())),
    }, frozenset({"description"}))


def visible_project(context: Context, row: CollectionRow) -> ProjectRow | None:
    """None where the viewer sees a version of it through a link only."""
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
