"""What files of versions add to the schema, and the mutations by which they come."""

import asyncio
from enum import Enum
from typing import Any

import strawberry

from dumbbell_server import ids
from dumbbell_server.artifact_files import expected, manifest_records, plan, queries, uploads
from dumbbell_server.artifact_files.commit import commit_version
from dumbbell_server.artifact_files.files import ManifestFile, PlannedFile, files_of_version
from dumbbell_server.artifact_files.incoming import join_parts
from dumbbell_server.artifact_files.pages import birth_of, page_of_files, page_of_version, part_urls
from dumbbell_server.artifacts.graphql import ArtifactDigestAlgorithm
from dumbbell_server.artifacts.mutations import ArtifactPayload
from dumbbell_server.artifacts.tables import COMMITTED, ArtifactRow, MembershipRow
from dumbbell_server.errors import BadInput
from dumbbell_server.files.pages import StoredFile
from dumbbell_server.graph.context import Context, Info
from dumbbell_server.graph.inputs import plain
from dumbbell_server.graph.refs import ArtifactManifestRef, ArtifactRef, FileConnectionRef, FileRef
from dumbbell_server.graph.scalars import Int64

_MOST_ENTRIES = 20_000
_MOST_FILES = 20_000


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


@strawberry.type
class ArtifactFiles:
    @strawberry.field
    def current_manifest(artifact: strawberry.Parent[ArtifactRow], info: Info) -> ArtifactManifestRef | None:
        row = queries.current_manifest(info.context.session, artifact.id)
        return ManifestFile(row) if row else None

    @strawberry.field
    def files(artifact: strawberry.Parent[ArtifactRow], info: Info, names: list[str] | None = None,
              after: str | None = None, first: int | None = None) -> FileConnectionRef | None:
        return page_of_version(info.context, artifact, names, after, first)

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
        digests = {entry.name: entry.digest for entry in entries or ()}
        names = list(digests) if artifact.state == COMMITTED else []
        found = queries.files_named(info.context.session, artifact.id, names)
        files = [file for file in files_of_version(artifact, found) if file.digest == digests[file.name]]
        return page_of_files(info.context, files, len(files), len(files))


@strawberry.type
class MembershipFiles:
    @strawberry.field
    def files(member: strawberry.Parent[MembershipRow], info: Info, names: list[str] | None = None,
              after: str | None = None, first: int | None = None) -> FileConnectionRef | None:
        artifact = info.context.require(ArtifactRow, member.artifact_id)
        return page_of_version(info.context, artifact, names, after, first)


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
        return birth_of(info.context, file)


@strawberry.enum
class ArtifactManifestType(Enum):
    FULL = "FULL"
    INCREMENTAL = "INCREMENTAL"
    PATCH = "PATCH"


@strawberry.enum
class ArtifactStorageLayout(Enum):
    V1 = "V1"
    V2 = "V2"


@strawberry.enum
class CompleteMultipartAction(Enum):
    Complete = "Complete"


@strawberry.input
class CreateArtifactManifestInput:
    artifact_id: strawberry.ID = strawberry.field(name="artifactID")
    base_artifact_id: strawberry.ID | None = strawberry.field(name="baseArtifactID", default=None)
    name: str
    digest: str
    entity_name: str
    project_name: str
    run_name: str
    type: ArtifactManifestType | None = None
    client_mutation_id: str | None = None


@strawberry.input
class UpdateArtifactManifestInput:
    artifact_manifest_id: strawberry.ID = strawberry.field(name="artifactManifestID")
    digest: str | None = None
    base_artifact_id: strawberry.ID | None = strawberry.field(name="baseArtifactID", default=None)
    client_mutation_id: str | None = None


@strawberry.type
class CreateArtifactManifestPayload:
    artifact_manifest: ArtifactManifestRef
    client_mutation_id: str | None = None


@strawberry.type
class UpdateArtifactManifestPayload:
    artifact_manifest: ArtifactManifestRef
    client_mutation_id: str | None = None


@strawberry.input
class UploadPartsInput:
    part_number: Int64
    hex_md5: str = strawberry.field(name="hexMD5")


@plain
@strawberry.input
class CreateArtifactFileSpecInput:
    artifact_id: strawberry.ID = strawberry.field(name="artifactID")
    artifact_manifest_id: strawberry.ID | None = strawberry.field(name="artifactManifestID", default=None)
    name: str
    md5: str
    digest: str | None = None
    mimetype: str | None = None
    upload_parts_input: list[UploadPartsInput] | None = None

    def spec(self) -> plan.FileSpec:
        return plan.FileSpec(self.artifact_id, self.name, self.md5,
                                [part.part_number for part in self.upload_parts_input or ()])


@strawberry.input
class CreateArtifactFilesInput:
    artifact_files: list[CreateArtifactFileSpecInput]
    storage_layout: ArtifactStorageLayout | None = None
    digest_algorithm: ArtifactDigestAlgorithm | None = None
    cloud_region_id: strawberry.ID | None = strawberry.field(name="cloudRegionID", default=None)
    client_mutation_id: str | None = None


@strawberry.type
class CreateArtifactFilesPayload:
    files: FileConnectionRef
    client_mutation_id: str | None = None


@strawberry.input
class CompleteMultipartUploadArtifactInput:
    complete_multipart_action: CompleteMultipartAction
    completed_parts: list[UploadPartsInput]
    artifact_id: strawberry.ID = strawberry.field(name="artifactID")
    storage_path: str
    upload_id: str = strawberry.field(name="uploadID")
    client_mutation_id: str | None = None


@strawberry.type
class CompleteMultipartUploadArtifactPayload:
    digest: str | None
    client_mutation_id: str | None = None


@strawberry.input
class CommitArtifactInput:
    artifact_id: strawberry.ID = strawberry.field(name="artifactID")
    client_mutation_id: str | None = None


@strawberry.type
class CommitArtifactPayload(ArtifactPayload):
    pass


@strawberry.type
class ArtifactFilesMutation:
    @strawberry.field
    def create_artifact_manifest(self, info: Info, input: CreateArtifactManifestInput,
                                 ) -> CreateArtifactManifestPayload | None:
        kind = input.type or ArtifactManifestType.FULL
        row = info.context.unit(manifest_records.announce, input.artifact_id, input.name, kind.value, input.digest,
                                input.base_artifact_id)
        return CreateArtifactManifestPayload(artifact_manifest=ManifestFile(row, uploading=True),
                                             client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def update_artifact_manifest(self, info: Info, input: UpdateArtifactManifestInput,
                                 ) -> UpdateArtifactManifestPayload | None:
        row = info.context.unit(manifest_records.update, input.artifact_manifest_id, input.digest,
                                input.base_artifact_id)
        return UpdateArtifactManifestPayload(artifact_manifest=ManifestFile(row, uploading=True),
                                             client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def create_artifact_files(self, info: Info, input: CreateArtifactFilesInput) -> CreateArtifactFilesPayload | None:
        """Upload URLs in the order in which they were asked for; none for bytes that are there already."""
        context = info.context
        specs = [file.spec() for file in input.artifact_files]
        if len(specs) > _MOST_FILES:
            raise BadInput(f"{len(specs)} files were announced, at most {_MOST_FILES} are taken at once")
        plans = context.unit(plan.plan_files, specs)
        direct = context.backend.blobs.direct
        keys = expected.expect(context.backend, direct, context.require_viewer(), plans) if direct else {}
        files = [PlannedFile(planned, direct.upload_url(keys[planned]) if direct and planned in keys else None)
                 for planned in plans]
        page = page_of_files(context, files, len(files), len(files))
        return CreateArtifactFilesPayload(files=page, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def complete_multipart_upload_artifact(self, info: Info, input: CompleteMultipartUploadArtifactInput,
                                           ) -> CompleteMultipartUploadArtifactPayload | None:
        """One file of the parts; done again, nothing changes."""
        context, actor, direct = info.context, info.context.require_viewer(), info.context.backend.blobs.direct
        md5s = {int(part.part_number): part.hex_md5 for part in input.completed_parts}
        if direct is not None:
            digest = expected.complete(context.backend, direct, actor, input.artifact_id, input.upload_id, md5s)
        else:
            digest = _complete(context, input.artifact_id, input.upload_id, md5s)
        return CompleteMultipartUploadArtifactPayload(digest=digest, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def commit_artifact(self, info: Info, input: CommitArtifactInput) -> CommitArtifactPayload | None:
        context = info.context
        artifact = commit_version(context.backend, context.require_viewer(), input.artifact_id)
        return CommitArtifactPayload(artifact=artifact, client_mutation_id=input.client_mutation_id)


def _complete(context: Context, node_id: str, upload_id: str, md5s: dict[int, str]) -> str | None:
    """The same for parts that came through this server."""
    backend = context.backend
    found = uploads.parts_of(context.session, context.require_viewer(), node_id, upload_id, md5s)
    if found is None:
        return None
    upload, parts = found
    asyncio.run(join_parts(backend, parts, upload.artifact_id, upload.digest))
    context.unit(uploads.forget, upload.id)
    return upload.digest
