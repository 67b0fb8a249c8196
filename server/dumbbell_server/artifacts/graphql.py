"""What artifacts add to the schema: types, collections, versions, and who made and used them."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from dumbbell_server import ids
from dumbbell_server.accounts.tables import UserRow
from dumbbell_server.artifacts import access, client_ids, queries, service, uses
from dumbbell_server.artifacts.connections import (
    ArtifactCollectionConnection,
    ArtifactConnection,
    ArtifactTypeConnection,
    InputArtifactConnection,
    VersionedArtifactConnection,
)
from dumbbell_server.artifacts.pages import (
    connected_tags,
    expire_versions,
    page_of_collections,
    page_of_used,
    page_of_versions,
    sees_collection,
    tags_of,
    visible_aliases,
    visible_project,
)
from dumbbell_server.artifacts.queries import Choice
from dumbbell_server.artifacts.tables import (
    PORTFOLIO,
    SEQUENCE,
    AliasRow,
    ArtifactRow,
    ArtifactTagRow,
    ArtifactTypeRow,
    CollectionRow,
    MembershipRow,
)
from dumbbell_server.graph.connections import PageInfo
from dumbbell_server.graph.context import Context, Info
from dumbbell_server.graph.refs import (
    ArtifactRef,
    ArtifactTypeRef,
    CollectionRef,
    MembershipConnectionRef,
    MembershipRef,
    ProjectRef,
    RunConnectionRef,
    RunRef,
    SequenceRef,
    UserRef,
)
from dumbbell_server.graph.scalars import DateTime, Int64, JSONString
from dumbbell_server.listing import cursors
from dumbbell_server.listing.pages import Edge, Page, page_of, page_size
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.tables import RunRow

_MOST_ALIASES = 1000


@strawberry.enum
class ArtifactState(Enum):
    PENDING = "PENDING"
    COMMITTED = "COMMITTED"
    DELETED = "DELETED"


@strawberry.enum
class ArtifactDigestAlgorithm(Enum):
    MANIFEST_MD5 = "MANIFEST_MD5"
    MANIFEST_XXH128 = "MANIFEST_XXH128"


@strawberry.type
class ArtifactAlias:
    @strawberry.field
    def id(row: strawberry.Parent[AliasRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("ArtifactAlias", row.id))

    @strawberry.field
    def alias(row: strawberry.Parent[AliasRow]) -> str:
        return row.name

    @strawberry.field
    def artifact_collection(row: strawberry.Parent[AliasRow], info: Info) -> CollectionRef | None:
        return info.context.get(CollectionRow, row.collection_id)

    @strawberry.field
    def artifact_collection_name(row: strawberry.Parent[AliasRow], info: Info) -> str | None:
        return info.context.require(CollectionRow, row.collection_id).name


@strawberry.type
class Tag:
    name: str

    @strawberry.field
    def id(row: strawberry.Parent[ArtifactTagRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("Tag", row.id))


ArtifactCreator = Annotated[RunRef | UserRef, strawberry.union("ArtifactCreator")]


@strawberry.type
class ArtifactCore:
    digest: str
    description: str | None
    labels: JSONString | None
    size: Int64
    file_count: Int64
    commit_hash: str | None
    version_index: int | None
    history_step: Int64 | None
    created_at: DateTime
    updated_at: DateTime | None

    @strawberry.field
    def id(artifact: strawberry.Parent[ArtifactRow]) -> strawberry.ID:
        return strawberry.ID(access.node_of(artifact.id))

    @strawberry.field
    def state(artifact: strawberry.Parent[ArtifactRow]) -> ArtifactState:
        return ArtifactState(artifact.state)

    @strawberry.field
    def digest_algorithm(artifact: strawberry.Parent[ArtifactRow]) -> ArtifactDigestAlgorithm | None:
        return ArtifactDigestAlgorithm(artifact.digest_algorithm)

    @strawberry.field
    def metadata(artifact: strawberry.Parent[ArtifactRow]) -> JSONString | None:
        return JSONString(artifact.metadata_json) if artifact.metadata_json is not None else None

    @strawberry.field
    def ttl_duration_seconds(artifact: strawberry.Parent[ArtifactRow]) -> Int64:
        return Int64(artifact.ttl_seconds)

    @strawberry.field
    def ttl_is_inherited(artifact: strawberry.Parent[ArtifactRow]) -> bool:
        return artifact.ttl_seconds == service.INHERITED

    @strawberry.field
    def artifact_type(artifact: strawberry.Parent[ArtifactRow], info: Info) -> ArtifactTypeRef:
        sequence = info.context.require(CollectionRow, artifact.sequence_id)
        return info.context.require(ArtifactTypeRow, sequence.type_id)

    @strawberry.field
    def artifact_sequence(artifact: strawberry.Parent[ArtifactRow], info: Info) -> SequenceRef:
        return info.context.require(CollectionRow, artifact.sequence_id)

    @strawberry.field
    def aliases(artifact: strawberry.Parent[ArtifactRow], info: Info) -> list[ArtifactAlias]:
        found: Any = visible_aliases(info.context, artifact)
        return found  # type: ignore[no-any-return]

    @strawberry.field
    def tags(artifact: strawberry.Parent[ArtifactRow], info: Info) -> list[Tag]:
        found: Any = tags_of(info.context, artifact)
        return found  # type: ignore[no-any-return]

    @strawberry.field
    def created_by(artifact: strawberry.Parent[ArtifactRow], info: Info) -> ArtifactCreator | None:
        """The run, where there is one that the viewer may see; else the user."""
        run = info.context.get(RunRow, artifact.run_id)
        if run is not None and access.sees_project(info.context.session, info.context.viewer, run.project_id):
            return run
        return info.context.get(UserRow, artifact.user_id)

    @strawberry.field
    def used_by(artifact: strawberry.Parent[ArtifactRow], info: Info, after: str | None = None,
                first: int | None = None, before: str | None = None,
                last: int | None = None) -> RunConnectionRef:
        """Runs that took it in, as far as the viewer may see them. Clients up to 0.12 declare `before` and `last`."""
        del before, last
        session, viewer = info.context.session, info.context.viewer
        size = page_size(first, 1000)
        rows = [row for row in queries.users_of(session, artifact.id, cursors.number(after))
                if access.sees_project(session, viewer, row[1].project_id)]
        page = page_of(rows[:size + 1], size, lambda row: row[0], len(rows))
        return Page([Edge(edge.node[1], edge.cursor) for edge in page.edges], page.page_info, page.total_count)

    @strawberry.field
    def artifact_memberships(artifact: strawberry.Parent[ArtifactRow], info: Info) -> MembershipConnectionRef:
        rows = [row for row in queries.memberships_of(info.context.session, artifact.id)
                if sees_collection(info.context, row.collection_id)]
        return page_of(rows, len(rows), lambda row: row.id, len(rows))


@strawberry.type
class RunArtifacts:
    @strawberry.field
    def input_artifacts(run: strawberry.Parent[RunRow], info: Info, after: str | None = None,
                        first: int | None = None) -> InputArtifactConnection | None:
        page: Any = page_of_used(info.context, run, uses.INPUT, after, first)
        return page  # type: ignore[no-any-return]

    @strawberry.field
    def output_artifacts(run: strawberry.Parent[RunRow], info: Info, after: str | None = None,
                         first: int | None = None) -> ArtifactConnection | None:
        page: Any = page_of_used(info.context, run, uses.OUTPUT, after, first)
        return page  # type: ignore[no-any-return]


@strawberry.enum
class ArtifactCollectionState(Enum):
    READY = "READY"
    DELETED = "DELETED"


@strawberry.enum
class ArtifactCollectionType(Enum):
    SEQUENCE = "SEQUENCE"
    PORTFOLIO = "PORTFOLIO"


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


@strawberry.interface(name="ArtifactCollection")
class CollectionCore:
    """Who sees a version through a link only is told what its collection is called, and nothing that is in it."""

    name: str
    created_at: DateTime
    updated_at: DateTime | None

    @strawberry.field
    def id(collection: strawberry.Parent[CollectionRow]) -> strawberry.ID:
        return strawberry.ID(access.collection_node(collection))

    @strawberry.field
    def description(collection: strawberry.Parent[CollectionRow], info: Info) -> str | None:
        return collection.description if sees_collection(info.context, collection.id) else None

    @strawberry.field
    def state(collection: strawberry.Parent[CollectionRow]) -> ArtifactCollectionState:
        return ArtifactCollectionState(collection.state)

    @strawberry.field
    def project(collection: strawberry.Parent[CollectionRow], info: Info) -> ProjectRef | None:
        """Null where the viewer sees the version through a link only."""
        return visible_project(info.context, collection)

    @strawberry.field
    def default_artifact_type(collection: strawberry.Parent[CollectionRow], info: Info) -> ArtifactTypeRef:
        return info.context.require(ArtifactTypeRow, collection.type_id)

    @strawberry.field
    def tags(collection: strawberry.Parent[CollectionRow], info: Info) -> TagConnection:
        seen = sees_collection(info.context, collection.id)
        tags: Any = connected_tags(queries.tags_of_collection(info.context.session, collection.id) if seen else [])
        return tags  # type: ignore[no-any-return]

    @strawberry.field
    def aliases(collection: strawberry.Parent[CollectionRow], info: Info, after: str | None = None,
                first: int | None = None) -> ArtifactAliasConnection:
        size = page_size(first, _MOST_ALIASES)
        seen = sees_collection(info.context, collection.id)
        rows = queries.aliases_of_collection(
            info.context.session, collection.id, cursors.number(after), size + 1) if seen else []
        page: Any = page_of(rows, size, lambda row: row.id)
        return page  # type: ignore[no-any-return]

    @strawberry.field
    def artifacts(
        collection: strawberry.Parent[CollectionRow], info: Info, after: str | None = None, first: int | None = None,
        order: str | None = None, filters: JSONString | None = None,
    ) -> VersionedArtifactConnection | None:
        if not sees_collection(info.context, collection.id):
            return None
        page: Any = page_of_versions(info.context, collection, filters, order, after, first)
        return page  # type: ignore[no-any-return]

    @strawberry.field
    def artifact_membership(collection: strawberry.Parent[CollectionRow], info: Info, alias_name: str,
                            ) -> MembershipRef | None:
        if not sees_collection(info.context, collection.id):
            return None
        return queries.membership_by_alias(info.context.session, collection.id, alias_name)


@strawberry.type
class SequenceCore(CollectionCore):
    @classmethod
    def is_type_of(cls, row: object, _info: object) -> bool:
        return isinstance(row, CollectionRow) and row.kind == SEQUENCE

    @strawberry.field
    def latest_artifact(collection: strawberry.Parent[CollectionRow], info: Info) -> ArtifactRef | None:
        seen = sees_collection(info.context, collection.id)
        return queries.latest(info.context.session, collection.id) if seen else None

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
        found: Any = queries.aliases_in(info.context.session, member.id)
        return found  # type: ignore[no-any-return]

    @strawberry.field
    def artifact_collection(member: strawberry.Parent[MembershipRow], info: Info) -> CollectionRef | None:
        return info.context.get(CollectionRow, member.collection_id)

    @strawberry.field
    def artifact(member: strawberry.Parent[MembershipRow], info: Info) -> ArtifactRef | None:
        return info.context.get(ArtifactRow, member.artifact_id)


def _collection(context: Context, project_id: int, name: str, type_id: int | None = None) -> CollectionRow | None:
    expire_versions(context)
    return queries.collection_in(context.session, project_id, name, type_id)


def _member(context: Context, project_id: int, path: str) -> MembershipRow | None:
    expire_versions(context)
    return queries.membership_by_path(context.session, project_id, path)


def _version(context: Context, project_id: int, path: str, type_id: int | None = None) -> ArtifactRow | None:
    expire_versions(context)
    return queries.version_by_path(context.session, project_id, path, type_id)


def _sees_type(context: Context, kind: ArtifactTypeRow) -> bool:
    return access.sees_project(context.session, context.viewer, kind.project_id)


@strawberry.type
class ArtifactTypeCore:
    """The same: through a link it is a name."""

    name: str
    created_at: DateTime

    @strawberry.field
    def id(kind: strawberry.Parent[ArtifactTypeRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("ArtifactType", kind.id))

    @strawberry.field
    def description(kind: strawberry.Parent[ArtifactTypeRow], info: Info) -> str | None:
        return kind.description if _sees_type(info.context, kind) else None

    @strawberry.field
    def artifact_collection(kind: strawberry.Parent[ArtifactTypeRow], info: Info, name: str) -> CollectionRef | None:
        return _collection(info.context, kind.project_id, name, kind.id) if _sees_type(info.context, kind) else None

    @strawberry.field
    def artifact_collections(
        kind: strawberry.Parent[ArtifactTypeRow], info: Info, filters: JSONString | None = None,
        order: str | None = None, after: str | None = None, first: int | None = None,
    ) -> ArtifactCollectionConnection | None:
        if not _sees_type(info.context, kind):
            return None
        page: Any = page_of_collections(info.context, Choice(kind.project_id, kind.id), filters, order, after, first)
        return page  # type: ignore[no-any-return]

    @strawberry.field
    def artifact_sequence(kind: strawberry.Parent[ArtifactTypeRow], info: Info, name: str) -> CollectionRef | None:
        """As clients up to 0.12 call it."""
        return _collection(info.context, kind.project_id, name, kind.id) if _sees_type(info.context, kind) else None

    @strawberry.field
    def artifact_sequences(
        kind: strawberry.Parent[ArtifactTypeRow], info: Info, after: str | None = None, first: int | None = None,
    ) -> ArtifactCollectionConnection | None:
        if not _sees_type(info.context, kind):
            return None
        page: Any = page_of_collections(info.context, Choice(kind.project_id, kind.id), None, None, after, first)
        return page  # type: ignore[no-any-return]

    @strawberry.field
    def artifact(kind: strawberry.Parent[ArtifactTypeRow], info: Info, name: str) -> ArtifactRef | None:
        return _version(info.context, kind.project_id, name, kind.id) if _sees_type(info.context, kind) else None


@strawberry.type
class ProjectArtifacts:
    @strawberry.field
    def artifact(project: strawberry.Parent[ProjectRow], info: Info, name: str,
                 enable_tracking: bool | None = None) -> ArtifactRef | None:
        del enable_tracking  # clients up to 0.22 say it
        return _version(info.context, project.id, name)

    @strawberry.field
    def artifact_type(project: strawberry.Parent[ProjectRow], info: Info, name: str) -> ArtifactTypeRef | None:
        return queries.type_by_name(info.context.session, project.id, name)

    @strawberry.field
    def artifact_types(
        project: strawberry.Parent[ProjectRow], info: Info, include_all: bool | None = None,
        after: str | None = None, first: int | None = None,
    ) -> ArtifactTypeConnection:
        """Those that hold a collection; with `includeAll` those that were only named, too.

        A registry that takes every type names none (docs/protocol/behaviours.md#registries).
        """
        if include_all and project.allow_all_artifact_types:
            nothing: Any = page_of([], page_size(first), str)
            return nothing  # type: ignore[no-any-return]
        size = page_size(first)
        rows: Any = queries.types(info.context.session, project.id, cursors.number(after), size + 1,
                                    every=bool(include_all))
        page: Any = page_of(rows, size, lambda row: row.id)
        return page  # type: ignore[no-any-return]

    @strawberry.field
    def artifact_collection(project: strawberry.Parent[ProjectRow], info: Info, name: str) -> CollectionRef | None:
        return _collection(info.context, project.id, name)

    @strawberry.field
    def artifact_collections(
        project: strawberry.Parent[ProjectRow], info: Info, filters: JSONString | None = None,
        order: str | None = None, after: str | None = None, first: int | None = None,
    ) -> ArtifactCollectionConnection | None:
        page: Any = page_of_collections(info.context, Choice(project.id), filters, order, after, first)
        return page  # type: ignore[no-any-return]

    @strawberry.field
    def artifact_collection_membership(project: strawberry.Parent[ProjectRow], info: Info, name: str,
                                       ) -> MembershipRef | None:
        return _member(info.context, project.id, name)


@strawberry.type
class ClientIDMapping:
    server_id: strawberry.ID = strawberry.field(name="serverID")


@strawberry.type
class ArtifactsQuery:
    @strawberry.field
    def artifact(self, info: Info, id: strawberry.ID) -> ArtifactRef | None:
        """Pending ones too: their maker asks for them while it fills them."""
        expire_versions(info.context)
        return access.find(info.context.session, info.context.viewer, id)

    @strawberry.field
    def artifact_collection(self, info: Info, id: strawberry.ID) -> CollectionRef | None:
        expire_versions(info.context)
        return access.find_collection(info.context.session, info.context.viewer, id)

    @strawberry.field(name="clientIDMapping")
    def client_id_mapping(
        self, info: Info, client_id: Annotated[strawberry.ID, strawberry.argument(name="clientID")],
    ) -> ClientIDMapping | None:
        node = client_ids.node_of(info.context.session, info.context.viewer, client_id)
        return ClientIDMapping(server_id=strawberry.ID(node)) if node else None
