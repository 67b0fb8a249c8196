"""Mutations that make and change versions."""

from __future__ import annotations

import asyncio
from enum import Enum

import strawberry

from dumbbell_server.artifacts import announcing, committing, expected, lineage, service, uploads
from dumbbell_server.artifacts.file_pages import page_of_planned
from dumbbell_server.artifacts.files import ManifestFile, PlannedFile
from dumbbell_server.artifacts.graphql import ArtifactDigestAlgorithm
from dumbbell_server.artifacts.routes import join_parts
from dumbbell_server.blobs.garbage import delete_orphaned_blobs
from dumbbell_server.database.engine import reading
from dumbbell_server.errors import BadInput
from dumbbell_server.graph.context import Info
from dumbbell_server.graph.inputs import plain
from dumbbell_server.graph.refs import ArtifactManifestRef, ArtifactRef, ArtifactTypeRef, FileConnectionRef
from dumbbell_server.graph.scalars import Int64, JSONString

_MOST_FILES = 20_000


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
class ArtifactAliasInput:
    artifact_collection_name: str
    alias: str


@strawberry.input
class ArtifactCollectionAliasInput:
    artifact_collection_name: str
    alias: str
    entity_name: str
    project_name: str


@strawberry.input
class TagInput:
    tag_name: str
    tag_category_name: str | None = None  # not kept
    attributes: JSONString | None = None  # not kept


@strawberry.input
class CreateArtifactTypeInput:
    entity_name: str
    project_name: str
    name: str
    description: str | None = None
    client_mutation_id: str | None = None


@strawberry.type
class CreateArtifactTypePayload:
    artifact_type: ArtifactTypeRef | None
    client_mutation_id: str | None = None


@strawberry.input
class CreateArtifactInput:
    entity_name: str
    project_name: str
    run_name: str | None = None
    artifact_type_name: str
    artifact_collection_name: str | None = None
    artifact_collection_names: list[str] | None = None
    digest: str
    digest_algorithm: ArtifactDigestAlgorithm | None = None
    description: str | None = None
    labels: JSONString | None = None
    aliases: list[ArtifactAliasInput] | None = None
    metadata: JSONString | None = None
    history_step: Int64 | None = None
    enable_digest_deduplication: bool | None = None
    distributed_id: str | None = strawberry.field(name="distributedID", default=None)
    client_id: strawberry.ID | None = strawberry.field(name="clientID", default=None)
    sequence_client_id: strawberry.ID | None = strawberry.field(name="sequenceClientID", default=None)
    ttl_duration_seconds: Int64 | None = None
    tags: list[TagInput] | None = None
    storage_region: str | None = None
    client_mutation_id: str | None = None

    def wanted(self) -> service.Wanted:
        """Clients of 2020 name several collections and mean one; they say nothing of deduplication and expect it."""
        name = self.artifact_collection_name or next(iter(self.artifact_collection_names or ()), None)
        if name is None:
            raise BadInput("createArtifact needs artifactCollectionName")
        algorithm = self.digest_algorithm or ArtifactDigestAlgorithm.MANIFEST_MD5
        return service.Wanted(
            entity=self.entity_name, project=self.project_name, run=self.run_name,
            type_name=self.artifact_type_name, collection=name, digest=self.digest,
            digest_algorithm=algorithm.value, description=self.description, metadata=self.metadata,
            labels=self.labels, tags=[tag.tag_name for tag in self.tags or ()],
            aliases=[(alias.artifact_collection_name, alias.alias) for alias in self.aliases or ()],
            history_step=self.history_step, ttl_seconds=self.ttl_duration_seconds,
            dedupe=self.enable_digest_deduplication is not False, distributed_id=self.distributed_id,
            client_id=self.client_id, sequence_client_id=self.sequence_client_id, region=self.storage_region)


@strawberry.type
class ArtifactPayload:
    artifact: ArtifactRef
    client_mutation_id: str | None = None


@strawberry.type
class CreateArtifactPayload(ArtifactPayload):
    pass


@strawberry.type
class CommitArtifactPayload(ArtifactPayload):
    pass


@strawberry.type
class UseArtifactPayload(ArtifactPayload):
    pass


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

    def spec(self) -> uploads.FileSpec:
        return uploads.FileSpec(self.artifact_id, self.name, self.md5,
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


@strawberry.input
class UseArtifactInput:
    artifact_id: strawberry.ID = strawberry.field(name="artifactID")
    entity_name: str
    project_name: str
    run_name: str
    artifact_entity_name: str | None = None
    artifact_project_name: str | None = None
    used_as: str | None = None
    client_mutation_id: str | None = None


@strawberry.type
class ArtifactsMutation:
    @strawberry.field
    def create_artifact_type(self, info: Info, input: CreateArtifactTypeInput) -> CreateArtifactTypePayload | None:
        """The type, which may be there already."""
        context, actor = info.context, info.context.require_viewer()
        row = context.write(lambda session: service.create_type(
            session, context.backend.clock, actor, input.entity_name, input.project_name, input.name,
            input.description))
        return CreateArtifactTypePayload(artifact_type=row, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def create_artifact(self, info: Info, input: CreateArtifactInput) -> CreateArtifactPayload | None:
        context, actor, wanted = info.context, info.context.require_viewer(), input.wanted()
        artifact = context.write(lambda session: service.create(session, context.backend.clock, actor, wanted))
        return CreateArtifactPayload(artifact=artifact, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def create_artifact_manifest(self, info: Info, input: CreateArtifactManifestInput,
                                 ) -> CreateArtifactManifestPayload | None:
        context, actor = info.context, info.context.require_viewer()
        kind = input.type or ArtifactManifestType.FULL
        row = context.write(lambda session: announcing.announce(
            session, context.backend.clock, actor, input.artifact_id, input.name, kind.value, input.digest,
            input.base_artifact_id))
        return CreateArtifactManifestPayload(artifact_manifest=ManifestFile(row, uploading=True),
                                             client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def update_artifact_manifest(self, info: Info, input: UpdateArtifactManifestInput,
                                 ) -> UpdateArtifactManifestPayload | None:
        context, actor = info.context, info.context.require_viewer()
        row = context.write(lambda session: announcing.update(
            session, context.backend.clock, actor, input.artifact_manifest_id, input.digest, input.base_artifact_id))
        return UpdateArtifactManifestPayload(artifact_manifest=ManifestFile(row, uploading=True),
                                             client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def create_artifact_files(self, info: Info, input: CreateArtifactFilesInput) -> CreateArtifactFilesPayload | None:
        """Upload URLs in the order in which they were asked for; none for bytes that are there already."""
        context, actor = info.context, info.context.require_viewer()
        specs = [file.spec() for file in input.artifact_files]
        if len(specs) > _MOST_FILES:
            raise BadInput(f"{len(specs)} files were announced, at most {_MOST_FILES} are taken at once")
        plans = context.write(lambda session: uploads.plan(session, context.backend.clock, actor, specs))
        direct = context.backend.blobs.direct
        keys = expected.expect(context.backend, direct, plans) if direct else {}
        files = [PlannedFile(plan, direct.upload_url(keys[plan]) if direct and plan in keys else None)
                 for plan in plans]
        page = page_of_planned(context, files, len(files), len(files))
        return CreateArtifactFilesPayload(files=page, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def complete_multipart_upload_artifact(self, info: Info, input: CompleteMultipartUploadArtifactInput,
                                           ) -> CompleteMultipartUploadArtifactPayload | None:
        """One file of the parts; done again, nothing changes."""
        context, actor, backend = info.context, info.context.require_viewer(), info.context.backend
        wanted = {int(part.part_number): part.hex_md5 for part in input.completed_parts}
        if backend.blobs.direct is not None:
            digest = expected.complete(backend, backend.blobs.direct, actor, input.artifact_id, input.upload_id, wanted)
            return CompleteMultipartUploadArtifactPayload(digest=digest, client_mutation_id=input.client_mutation_id)
        with reading(backend.database) as session:
            found = uploads.parts_of(session, actor, input.artifact_id, input.upload_id, wanted)
        if found is not None:
            upload, parts = found
            asyncio.run(join_parts(backend, [(part.blob_key, part.size) for part in parts], upload.artifact_id,
                                   upload.digest))
            context.write(lambda session: uploads.forget(session, [upload.id]))
            delete_orphaned_blobs(backend.database, backend.blobs)
        return CompleteMultipartUploadArtifactPayload(digest=found[0].digest if found else None,
                                                      client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def commit_artifact(self, info: Info, input: CommitArtifactInput) -> CommitArtifactPayload | None:
        context, actor = info.context, info.context.require_viewer()
        artifact = committing.commit(context.backend, actor, input.artifact_id)
        delete_orphaned_blobs(context.backend.database, context.backend.blobs)
        return CommitArtifactPayload(artifact=artifact, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def use_artifact(self, info: Info, input: UseArtifactInput) -> UseArtifactPayload | None:
        context, actor = info.context, info.context.require_viewer()
        artifact = context.write(lambda session: lineage.take_in(
            session, context.backend.clock, actor, input.artifact_id, (input.entity_name, input.project_name,
                                                                     input.run_name), input.used_as))
        return UseArtifactPayload(artifact=artifact, client_mutation_id=input.client_mutation_id)
