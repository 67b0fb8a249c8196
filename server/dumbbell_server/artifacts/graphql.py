"""What versions of artifacts add to the schema."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any

import strawberry

from dumbbell_server import ids
from dumbbell_server.accounts.tables import UserRow
from dumbbell_server.artifacts import access, collecting, queries, service
from dumbbell_server.artifacts.access import ARTIFACT
from dumbbell_server.artifacts.file_pages import artifact_of, page_of_planned, part_urls
from dumbbell_server.artifacts.files import ManifestFile, VersionFile, version_file
from dumbbell_server.artifacts.pages import know_page, sees_collection, tags_of, visible_aliases
from dumbbell_server.artifacts.tables import (
    COMMITTED,
    AliasRow,
    ArtifactRow,
    ArtifactTagRow,
    ArtifactTypeRow,
    CollectionRow,
)
from dumbbell_server.errors import BadInput
from dumbbell_server.files.graphql import StoredFile
from dumbbell_server.graph.connections import PageInfo
from dumbbell_server.graph.context import Context, Info
from dumbbell_server.graph.inputs import plain
from dumbbell_server.graph.refs import (
    ArtifactManifestRef,
    ArtifactRef,
    ArtifactTypeRef,
    CollectionRef,
    FileConnectionRef,
    FileRef,
    MembershipConnectionRef,
    RunConnectionRef,
    RunRef,
    SequenceRef,
    UserRef,
)
from dumbbell_server.graph.scalars import DateTime, Int64, JSONString
from dumbbell_server.listing import cursors
from dumbbell_server.listing.pages import Edge, Page, page_of, page_size
from dumbbell_server.runs.tables import RunRow

_MOST_ENTRIES = 20_000


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


@strawberry.type
class ArtifactManifest:
    @strawberry.field
    def id(manifest: strawberry.Parent[ManifestFile]) -> strawberry.ID:
        return strawberry.ID(ids.encode("ArtifactManifest", manifest.row.id))

    @strawberry.field
    def file(manifest: strawberry.Parent[ManifestFile]) -> FileRef:
        return manifest


@plain
@strawberry.input
class ArtifactManifestEntryInput:
    name: str
    digest: str
    birth_artifact_id: str | None = strawberry.field(name="birthArtifactID", default=None)
    size: Int64 | None = None
    ref: str | None = None


ArtifactCreator = Annotated[RunRef | UserRef, strawberry.union("ArtifactCreator")]


def settled(context: Context) -> None:
    """Before versions are read: those past their lifetime are gone. Once a request."""
    if "artifacts settled" in context.notes:
        return
    context.notes["artifacts settled"] = True
    if collecting.has_expired(context.session, context.backend):
        context.write(lambda session: collecting.remove_expired(session, context.backend))


def page_of_files(context: Context, artifact: ArtifactRow, names: Sequence[str] | None, after: str | None,
                  first: int | None) -> Page[VersionFile]:
    """Files of a committed version by name."""
    size, begin = page_size(first), cursors.text(after)
    if artifact.state != COMMITTED:
        return Page([], PageInfo(has_next_page=False, end_cursor=None), 0)
    number_of = artifact.id
    if names:
        every = queries.files_named(context.session, number_of, names)
        found, total = [file for file in every if begin is None or file[0].path > begin], len(every)
    else:
        found, total = queries.files(context.session, number_of, begin, size + 1), artifact.file_count
    return page_of_planned(context, [version_file(artifact, file) for file in found], size, total)


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
        return strawberry.ID(ids.encode(ARTIFACT, artifact.id))

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
    def current_manifest(artifact: strawberry.Parent[ArtifactRow], info: Info) -> ArtifactManifestRef | None:
        row = queries.current_manifest(info.context.session, artifact.id)
        return ManifestFile(row) if row else None

    @strawberry.field
    def created_by(artifact: strawberry.Parent[ArtifactRow], info: Info) -> ArtifactCreator | None:
        """The run, where there is one that the asker may see; else the user."""
        run = info.context.get(RunRow, artifact.run_id)
        if run is not None and access.sees_project(info.context.session, info.context.viewer, run.project_id):
            return run
        return info.context.get(UserRow, artifact.user_id)

    @strawberry.field
    def used_by(artifact: strawberry.Parent[ArtifactRow], info: Info, after: str | None = None,
                first: int | None = None, before: str | None = None,
                last: int | None = None) -> RunConnectionRef:
        """Runs that took it in, as far as the asker may see them. Clients up to 0.12 declare `before` and `last`."""
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

    @strawberry.field
    def files(artifact: strawberry.Parent[ArtifactRow], info: Info, names: list[str] | None = None,
              after: str | None = None, first: int | None = None) -> FileConnectionRef | None:
        return page_of_files(info.context, artifact, names, after, first)

    @strawberry.field
    def files_by_manifest_entries(
        artifact: strawberry.Parent[ArtifactRow], info: Info, storage_layout: str, manifest_version: str,
        entries: list[ArtifactManifestEntryInput] | None = None, storage_region: str | None = None,
        first: int | None = None, after: str | None = None,
    ) -> FileConnectionRef | None:
        """URLs of the entries that the version really has."""
        del storage_layout, manifest_version, storage_region, first, after
        if len(entries or ()) > _MOST_ENTRIES:
            raise BadInput(f"{len(entries or ())} entries were asked for, at most {_MOST_ENTRIES} are answered")
        wanted = {entry.name: entry.digest for entry in entries or ()}
        names = list(wanted) if artifact.state == COMMITTED else []
        found = [version_file(artifact, file) for file in queries.files_named(
            info.context.session, artifact.id, names)]
        files = [file for file in found if file.digest == wanted[file.name]]
        return page_of_planned(info.context, files, len(files), len(files))


@strawberry.type
class UploadUrlPart:
    part_number: Int64
    upload_url: str


@strawberry.type
class UploadMultipartUrls:
    upload_id: str = strawberry.field(name="uploadID")
    upload_url_parts: list[UploadUrlPart]


@strawberry.type
class FileArtifacts:
    """What only files of artifacts have."""

    @strawberry.field
    def upload_multipart_urls(file: strawberry.Parent[StoredFile], info: Info) -> UploadMultipartUrls | None:
        found: Any = part_urls(info.context, file)
        return found  # type: ignore[no-any-return]

    @strawberry.field
    def artifact(file: strawberry.Parent[StoredFile], info: Info) -> ArtifactRef | None:
        return artifact_of(info.context, file)


@strawberry.type
class ArtifactEdge:
    node: ArtifactRef
    cursor: str


@strawberry.type
class ArtifactConnection:
    total_count: int
    edges: list[ArtifactEdge]
    page_info: PageInfo


@strawberry.type
class InputArtifactConnection(ArtifactConnection):
    """A name of its own, by which clients up to 0.22 tell it apart."""


def _used(context: Context, run: RunRow, kind: str, after: str | None, first: int | None) -> Any:
    settled(context)
    size = page_size(first)
    session = context.session
    rows = queries.used(session, run.id, kind, cursors.number(after), size + 1)
    know_page(context, [artifact for _, artifact in rows])
    page = page_of(rows, size, lambda row: row[0], queries.count_used(session, run.id, kind))
    return Page([Edge(edge.node[1], edge.cursor) for edge in page.edges], page.page_info, page.total_count)


@strawberry.type
class RunArtifacts:
    @strawberry.field
    def input_artifacts(run: strawberry.Parent[RunRow], info: Info, after: str | None = None,
                        first: int | None = None) -> InputArtifactConnection | None:
        page: InputArtifactConnection = _used(info.context, run, service.INPUT, after, first)
        return page

    @strawberry.field
    def output_artifacts(run: strawberry.Parent[RunRow], info: Info, after: str | None = None,
                         first: int | None = None) -> ArtifactConnection | None:
        page: ArtifactConnection = _used(info.context, run, service.OUTPUT, after, first)
        return page


@strawberry.type
class ClientIDMapping:
    server_id: strawberry.ID = strawberry.field(name="serverID")


@strawberry.type
class ArtifactsQuery:
    @strawberry.field
    def artifact(self, info: Info, id: strawberry.ID) -> ArtifactRef | None:
        """Pending ones too: their maker asks for them while it fills them."""
        settled(info.context)
        return access.find(info.context.session, info.context.viewer, id)

    @strawberry.field(name="clientIDMapping")
    def client_id_mapping(
        self, info: Info, client_id: Annotated[strawberry.ID, strawberry.argument(name="clientID")],
    ) -> ClientIDMapping | None:
        session, viewer = info.context.session, info.context.viewer
        row = queries.client_id(session, client_id)
        if row is None:
            return None
        if row.artifact_id:
            node = access.node_of(row.artifact_id)
            seen = access.find(session, viewer, node) is not None
        else:
            node = ids.encode(access.COLLECTION, row.collection_id or 0)
            seen = access.find_collection(session, viewer, node) is not None
        return ClientIDMapping(server_id=strawberry.ID(node)) if seen else None
