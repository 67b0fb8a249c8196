"""What collections and types of artifacts add to the schema."""

from __future__ import annotations

from enum import Enum
from typing import Any, cast

import strawberry

from dumbbell_server import ids
from dumbbell_server.artifacts import access
from dumbbell_server.artifacts import queries as artifacts
from dumbbell_server.artifacts.graphql import (
    ArtifactAlias,
    ArtifactDigestAlgorithm,
    Tag,
    page_of_files,
    settled,
)
from dumbbell_server.artifacts.names import LATEST
from dumbbell_server.artifacts.pages import know_page
from dumbbell_server.artifacts.tables import (
    PORTFOLIO,
    SEQUENCE,
    ArtifactRow,
    ArtifactTypeRow,
    CollectionRow,
    MembershipRow,
)
from dumbbell_server.collections import listing, queries
from dumbbell_server.collections.pages import CollectionEdges, VersionEdges, tags_of, visible_project
from dumbbell_server.collections.queries import Choice
from dumbbell_server.graph.connections import PageInfo
from dumbbell_server.graph.context import Context, Info
from dumbbell_server.graph.refs import (
    ArtifactRef,
    ArtifactTypeRef,
    CollectionRef,
    FileConnectionRef,
    MembershipRef,
    ProjectRef,
)
from dumbbell_server.graph.scalars import DateTime, JSONString
from dumbbell_server.json_text import storable
from dumbbell_server.listing import cursors
from dumbbell_server.listing.pages import page_of, page_size
from dumbbell_server.projects.tables import ProjectRow

_MOST_ALIASES = 1000


@strawberry.enum
class ArtifactCollectionState(Enum):
    READY = "READY"
    DELETED = "DELETED"


@strawberry.enum
class ArtifactCollectionType(Enum):
    SEQUENCE = "SEQUENCE"
    PORTFOLIO = "PORTFOLIO"


@strawberry.type
class ArtifactCollectionEdge:
    node: CollectionRef | None
    cursor: str


@strawberry.type
class ArtifactCollectionConnection:
    total_count: int
    edges: list[ArtifactCollectionEdge]
    page_info: PageInfo


@strawberry.type
class ArtifactAliasEdge:
    node: ArtifactAlias | None
    cursor: str


@strawberry.type
class ArtifactAliasConnection:
    edges: list[ArtifactAliasEdge]
    page_info: PageInfo


@strawberry.type
class TagEdge:
    node: Tag


@strawberry.type
class TagConnection:
    edges: list[TagEdge]


@strawberry.type
class VersionedArtifactEdge:
    version: str
    node: ArtifactRef
    cursor: str


@strawberry.type
class VersionedArtifactConnection:
    total_count: int
    edges: list[VersionedArtifactEdge]
    page_info: PageInfo


def page_of_versions(context: Context, collection: CollectionRow, filters: str | None, order: str | None,
                     after: str | None, first: int | None) -> VersionedArtifactConnection:
    page = listing.versions(context.session, collection, filters, order, after, first)
    know_page(context, [edge.node[1] for edge in page.edges])
    edges: Any = VersionEdges(context, page.edges)
    return VersionedArtifactConnection(total_count=page.total_count or 0, edges=edges, page_info=page.page_info)


@strawberry.interface(name="ArtifactCollection")
class CollectionCore:
    name: str
    description: str | None
    created_at: DateTime
    updated_at: DateTime | None

    @strawberry.field
    def id(collection: strawberry.Parent[CollectionRow]) -> strawberry.ID:
        return strawberry.ID(access.collection_node(collection))

    @strawberry.field
    def state(collection: strawberry.Parent[CollectionRow]) -> ArtifactCollectionState:
        return ArtifactCollectionState(collection.state)

    @strawberry.field
    def project(collection: strawberry.Parent[CollectionRow], info: Info) -> ProjectRef | None:
        """Null where the asker sees the version through a link only."""
        return visible_project(info.context, collection)

    @strawberry.field
    def default_artifact_type(collection: strawberry.Parent[CollectionRow], info: Info) -> ArtifactTypeRef:
        return info.context.require(ArtifactTypeRow, collection.type_id)

    @strawberry.field
    def tags(collection: strawberry.Parent[CollectionRow], info: Info) -> TagConnection:
        tags: Any = tags_of(queries.tags(info.context.session, collection.id))
        return tags  # type: ignore[no-any-return]

    @strawberry.field
    def aliases(collection: strawberry.Parent[CollectionRow], info: Info, after: str | None = None,
                first: int | None = None) -> ArtifactAliasConnection:
        size = page_size(first, _MOST_ALIASES)
        rows = queries.aliases(info.context.session, collection.id, cursors.number(after), size + 1)
        page: Any = page_of(rows, size, lambda row: row.id)
        return page  # type: ignore[no-any-return]

    @strawberry.field
    def artifacts(
        collection: strawberry.Parent[CollectionRow], info: Info, after: str | None = None, first: int | None = None,
        order: str | None = None, filters: JSONString | None = None,
    ) -> VersionedArtifactConnection | None:
        return page_of_versions(info.context, collection, filters, order, after, first)

    @strawberry.field
    def artifact_membership(collection: strawberry.Parent[CollectionRow], info: Info, alias_name: str,
                            ) -> MembershipRef | None:
        if not storable(alias_name):
            return None
        return artifacts.membership_by_alias(info.context.session, collection.id, alias_name)


@strawberry.type
class SequenceCore(CollectionCore):
    @classmethod
    def is_type_of(cls, row: object, _info: object) -> bool:
        return isinstance(row, CollectionRow) and row.kind == SEQUENCE

    @strawberry.field
    def latest_artifact(collection: strawberry.Parent[CollectionRow], info: Info) -> ArtifactRef | None:
        return artifacts.latest(info.context.session, collection.id)

    @strawberry.field
    def digest_algorithm(_collection: strawberry.Parent[CollectionRow]) -> ArtifactDigestAlgorithm:
        return ArtifactDigestAlgorithm.MANIFEST_MD5


@strawberry.type
class PortfolioCore(CollectionCore):
    @classmethod
    def is_type_of(cls, row: object, _info: object) -> bool:
        return isinstance(row, CollectionRow) and row.kind == PORTFOLIO


@strawberry.type
class MembershipCore:
    version_index: int | None
    created_at: DateTime

    @strawberry.field
    def id(member: strawberry.Parent[MembershipRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("ArtifactCollectionMembership", member.id))

    @strawberry.field
    def aliases(member: strawberry.Parent[MembershipRow], info: Info) -> list[ArtifactAlias]:
        found: Any = artifacts.aliases_in(info.context.session, member.id)
        return found  # type: ignore[no-any-return]

    @strawberry.field
    def artifact_collection(member: strawberry.Parent[MembershipRow], info: Info) -> CollectionRef | None:
        return info.context.get(CollectionRow, member.collection_id)

    @strawberry.field
    def artifact(member: strawberry.Parent[MembershipRow], info: Info) -> ArtifactRef | None:
        return info.context.get(ArtifactRow, member.artifact_id)

    @strawberry.field
    def files(member: strawberry.Parent[MembershipRow], info: Info, names: list[str] | None = None,
              after: str | None = None, first: int | None = None) -> FileConnectionRef | None:
        artifact = info.context.require(ArtifactRow, member.artifact_id)
        return page_of_files(info.context, artifact, names, after, first)


@strawberry.type
class MembershipEdge:
    node: MembershipRef | None
    cursor: str


@strawberry.type(name="ArtifactCollectionMembershipConnection")
class MembershipConnectionCore:
    total_count: int
    edges: list[MembershipEdge]
    page_info: PageInfo


def _collections(context: Context, choice: Choice, filters: str | None, order: str | None, after: str | None,
                 first: int | None) -> Any:
    page = listing.collections(context.session, choice, filters, order, after, first)
    return ArtifactCollectionConnection(total_count=page.total_count or 0, page_info=page.page_info,
                                        edges=cast("Any", CollectionEdges(context, page.edges)))


def _in_project(context: Context, project_id: int, name: str, type_id: int | None = None) -> CollectionRow | None:
    settled(context)
    found = artifacts.collection_by_name(context.session, project_id, name) if storable(name) else None
    return found if found is not None and type_id in {None, found.type_id} else None


def _member(context: Context, project_id: int, name: str, type_id: int | None = None) -> MembershipRow | None:
    """What `collection:alias` names, `collection` for its latest, or the digest of a version."""
    collection_name, _, alias = name.partition(":")
    collection = _in_project(context, project_id, collection_name, type_id)
    if collection is None or not storable(alias):
        return None
    return artifacts.membership_by_alias(context.session, collection.id, alias or LATEST)


def _version(context: Context, project_id: int, name: str, type_id: int | None = None) -> ArtifactRow | None:
    member = _member(context, project_id, name, type_id)
    if member is not None:
        return context.get(ArtifactRow, member.artifact_id)
    if not storable(name):
        return None
    return artifacts.by_digest_in_project(context.session, project_id, name)


@strawberry.type
class ArtifactTypeCore:
    name: str
    description: str | None
    created_at: DateTime

    @strawberry.field
    def id(kind: strawberry.Parent[ArtifactTypeRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("ArtifactType", kind.id))

    @strawberry.field
    def artifact_collection(kind: strawberry.Parent[ArtifactTypeRow], info: Info, name: str) -> CollectionRef | None:
        return _in_project(info.context, kind.project_id, name, kind.id)

    @strawberry.field
    def artifact_collections(
        kind: strawberry.Parent[ArtifactTypeRow], info: Info, filters: JSONString | None = None,
        order: str | None = None, after: str | None = None, first: int | None = None,
    ) -> ArtifactCollectionConnection | None:
        page: Any = _collections(info.context, Choice(kind.project_id, kind.id), filters, order, after, first)
        return page  # type: ignore[no-any-return]

    @strawberry.field
    def artifact_sequence(kind: strawberry.Parent[ArtifactTypeRow], info: Info, name: str) -> CollectionRef | None:
        """As clients up to 0.12 call it."""
        return _in_project(info.context, kind.project_id, name, kind.id)

    @strawberry.field
    def artifact_sequences(
        kind: strawberry.Parent[ArtifactTypeRow], info: Info, after: str | None = None, first: int | None = None,
    ) -> ArtifactCollectionConnection | None:
        page: Any = _collections(info.context, Choice(kind.project_id, kind.id), None, None, after, first)
        return page  # type: ignore[no-any-return]

    @strawberry.field
    def artifact(kind: strawberry.Parent[ArtifactTypeRow], info: Info, name: str) -> ArtifactRef | None:
        return _version(info.context, kind.project_id, name, kind.id)


@strawberry.type
class ArtifactTypeEdge:
    node: ArtifactTypeRef | None
    cursor: str


@strawberry.type
class ArtifactTypeConnection:
    edges: list[ArtifactTypeEdge]
    page_info: PageInfo


@strawberry.type
class ProjectArtifacts:
    @strawberry.field
    def artifact(project: strawberry.Parent[ProjectRow], info: Info, name: str,
                 enable_tracking: bool | None = None) -> ArtifactRef | None:
        del enable_tracking  # clients up to 0.22 say it
        return _version(info.context, project.id, name)

    @strawberry.field
    def artifact_type(project: strawberry.Parent[ProjectRow], info: Info, name: str) -> ArtifactTypeRef | None:
        return artifacts.type_by_name(info.context.session, project.id, name) if storable(name) else None

    @strawberry.field
    def artifact_types(
        project: strawberry.Parent[ProjectRow], info: Info, include_all: bool | None = None,
        after: str | None = None, first: int | None = None,
    ) -> ArtifactTypeConnection:
        """Those that hold a collection; with `includeAll` those that were only named, too.

        A registry that takes every type names none (behaviours.md 8.5).
        """
        if include_all and project.allow_all_artifact_types:
            nothing: Any = page_of([], page_size(first), str)
            return nothing  # type: ignore[no-any-return]
        size = page_size(first)
        rows: Any = artifacts.types(info.context.session, project.id, cursors.number(after), size + 1,
                                    every=bool(include_all))
        page: Any = page_of(rows, size, lambda row: row.id)
        return page  # type: ignore[no-any-return]

    @strawberry.field
    def artifact_collection(project: strawberry.Parent[ProjectRow], info: Info, name: str) -> CollectionRef | None:
        return _in_project(info.context, project.id, name)

    @strawberry.field
    def artifact_collections(
        project: strawberry.Parent[ProjectRow], info: Info, filters: JSONString | None = None,
        order: str | None = None, after: str | None = None, first: int | None = None,
    ) -> ArtifactCollectionConnection | None:
        page: Any = _collections(info.context, Choice(project.id), filters, order, after, first)
        return page  # type: ignore[no-any-return]

    @strawberry.field
    def artifact_collection_membership(project: strawberry.Parent[ProjectRow], info: Info, name: str,
                                       ) -> MembershipRef | None:
        return _member(info.context, project.id, name)


@strawberry.type
class CollectionsQuery:
    @strawberry.field
    def artifact_collection(self, info: Info, id: strawberry.ID) -> CollectionRef | None:
        settled(info.context)
        return access.find_collection(info.context.session, info.context.viewer, id)
