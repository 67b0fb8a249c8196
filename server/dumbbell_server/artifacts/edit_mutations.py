"""Mutations that change or remove versions that are there."""

from __future__ import annotations

import strawberry

from dumbbell_server.artifacts import editing, removal
from dumbbell_server.artifacts.mutations import (
    ArtifactAliasInput,
    ArtifactCollectionAliasInput,
    ArtifactPayload,
    TagInput,
)
from dumbbell_server.blobs.garbage import delete_orphaned_blobs
from dumbbell_server.graph.context import Info
from dumbbell_server.graph.scalars import Int64, JSONString


@strawberry.input
class UpdateArtifactInput:
    artifact_id: strawberry.ID = strawberry.field(name="artifactID")
    description: str | None = None
    metadata: JSONString | None = None
    labels: JSONString | None = None
    aliases: list[ArtifactAliasInput] | None = None
    tags_to_add: list[TagInput] | None = None
    tags_to_delete: list[TagInput] | None = None
    ttl_duration_seconds: Int64 | None = None
    client_mutation_id: str | None = None

    def edit(self) -> editing.Edit:
        aliases = None if self.aliases is None else [
            (alias.artifact_collection_name, alias.alias) for alias in self.aliases]
        return editing.Edit(
            description=self.description, metadata=self.metadata, labels=self.labels, aliases=aliases,
            ttl_seconds=self.ttl_duration_seconds, tags_to_add=[tag.tag_name for tag in self.tags_to_add or ()],
            tags_to_delete=[tag.tag_name for tag in self.tags_to_delete or ()])


@strawberry.type
class UpdateArtifactPayload(ArtifactPayload):
    pass


@strawberry.input
class DeleteArtifactInput:
    artifact_id: strawberry.ID = strawberry.field(name="artifactID")
    delete_aliases: bool | None = False
    client_mutation_id: str | None = None


@strawberry.type
class DeleteArtifactPayload(ArtifactPayload):
    pass


@strawberry.input
class AddAliasesInput:
    artifact_id: strawberry.ID = strawberry.field(name="artifactID")
    aliases: list[ArtifactCollectionAliasInput]
    client_mutation_id: str | None = None


@strawberry.input
class DeleteAliasesInput:
    artifact_id: strawberry.ID = strawberry.field(name="artifactID")
    aliases: list[ArtifactCollectionAliasInput]
    client_mutation_id: str | None = None


@strawberry.type
class AddAliasesPayload:
    success: bool
    client_mutation_id: str | None = None


@strawberry.type
class DeleteAliasesPayload:
    success: bool
    client_mutation_id: str | None = None


def _places(aliases: list[ArtifactCollectionAliasInput]) -> list[editing.AliasPlace]:
    return [editing.AliasPlace(alias.entity_name, alias.project_name, alias.artifact_collection_name, alias.alias)
            for alias in aliases]


@strawberry.type
class ArtifactEdits:
    @strawberry.field
    def update_artifact(self, info: Info, input: UpdateArtifactInput) -> UpdateArtifactPayload | None:
        context, actor = info.context, info.context.require_viewer()
        artifact = context.write(lambda session: editing.update(
            session, context.backend.clock, actor, input.artifact_id, input.edit()))
        return UpdateArtifactPayload(artifact=artifact, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_artifact(self, info: Info, input: DeleteArtifactInput) -> DeleteArtifactPayload | None:
        context, actor = info.context, info.context.require_viewer()
        artifact = context.write(lambda session: removal.delete_version(
            session, actor, input.artifact_id, aliases=bool(input.delete_aliases)))
        delete_orphaned_blobs(context.backend.database, context.backend.blobs)
        return DeleteArtifactPayload(artifact=artifact, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def add_aliases(self, info: Info, input: AddAliasesInput) -> AddAliasesPayload | None:
        context, actor = info.context, info.context.require_viewer()
        context.write(lambda session: editing.add_aliases(session, actor, input.artifact_id, _places(input.aliases)))
        return AddAliasesPayload(success=True, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_aliases(self, info: Info, input: DeleteAliasesInput) -> DeleteAliasesPayload | None:
        context, actor = info.context, info.context.require_viewer()
        context.write(lambda session: editing.delete_aliases(
            session, actor, input.artifact_id, _places(input.aliases)))
        return DeleteAliasesPayload(success=True, client_mutation_id=input.client_mutation_id)
