"""Mutations of collections and links."""

from __future__ import annotations

from typing import Any

import strawberry
from sqlalchemy.orm import Session

from dumbbell_server.artifacts import access
from dumbbell_server.artifacts import queries as artifacts
from dumbbell_server.artifacts.graphql import Tag
from dumbbell_server.artifacts.mutations import ArtifactAliasInput, TagInput
from dumbbell_server.artifacts.tables import PORTFOLIO, SEQUENCE, ArtifactRow, MembershipRow
from dumbbell_server.blobs.garbage import delete_orphaned_blobs
from dumbbell_server.collections import service
from dumbbell_server.collections.service import LinkTarget
from dumbbell_server.errors import Forbidden, NotFound
from dumbbell_server.graph.context import Info
from dumbbell_server.graph.refs import CollectionRef, MembershipRef
from dumbbell_server.identity import Actor


@strawberry.input
class LinkArtifactInput:
    artifact_id: strawberry.ID | None = strawberry.field(name="artifactID", default=None)
    client_id: strawberry.ID | None = strawberry.field(name="clientID", default=None)
    artifact_portfolio_id: strawberry.ID | None = strawberry.field(name="artifactPortfolioID", default=None)
    artifact_portfolio_name: str | None = None
    entity_name: str | None = None
    project_name: str | None = None
    aliases: list[ArtifactAliasInput] | None = None
    client_mutation_id: str | None = None

    def target(self) -> LinkTarget:
        return LinkTarget(self.entity_name, self.project_name, self.artifact_portfolio_name,
                          self.artifact_portfolio_id)


@strawberry.type
class LinkArtifactPayload:
    version_index: int | None
    artifact_membership: MembershipRef | None
    client_mutation_id: str | None = None


@strawberry.input
class UnlinkArtifactInput:
    artifact_id: strawberry.ID = strawberry.field(name="artifactID")
    artifact_portfolio_id: strawberry.ID = strawberry.field(name="artifactPortfolioID")
    client_mutation_id: str | None = None


@strawberry.type
class UnlinkArtifactPayload:
    success: bool
    client_mutation_id: str | None = None


@strawberry.input
class UpdateArtifactSequenceInput:
    artifact_sequence_id: strawberry.ID = strawberry.field(name="artifactSequenceID")
    name: str | None = None
    description: str | None = None
    client_mutation_id: str | None = None


@strawberry.input
class UpdateArtifactPortfolioInput:
    artifact_portfolio_id: strawberry.ID = strawberry.field(name="artifactPortfolioID")
    name: str | None = None
    description: str | None = None
    client_mutation_id: str | None = None


@strawberry.input
class MoveArtifactSequenceInput:
    artifact_sequence_id: strawberry.ID = strawberry.field(name="artifactSequenceID")
    destination_artifact_type_name: str
    client_mutation_id: str | None = None


@strawberry.input
class DeleteArtifactSequenceInput:
    artifact_sequence_id: strawberry.ID = strawberry.field(name="artifactSequenceID")
    client_mutation_id: str | None = None


@strawberry.input
class DeleteArtifactPortfolioInput:
    artifact_portfolio_id: strawberry.ID = strawberry.field(name="artifactPortfolioID")
    client_mutation_id: str | None = None


@strawberry.type
class ArtifactCollectionPayload:
    artifact_collection: CollectionRef
    client_mutation_id: str | None = None


@strawberry.input
class CreateArtifactCollectionTagAssignmentsInput:
    entity_name: str
    project_name: str
    artifact_collection_name: str
    tags: list[TagInput]
    client_mutation_id: str | None = strawberry.field(name="clientMutationID", default=None)

    def place(self) -> tuple[str, str, str]:
        return self.entity_name, self.project_name, self.artifact_collection_name


@strawberry.input
class DeleteArtifactCollectionTagAssignmentsInput(CreateArtifactCollectionTagAssignmentsInput):
    pass


@strawberry.type
class CreateArtifactCollectionTagAssignmentsPayload:
    tags: list[Tag]
    client_mutation_id: str | None = strawberry.field(name="clientMutationID", default=None)


@strawberry.type
class DeleteArtifactCollectionTagAssignmentsPayload:
    success: bool
    client_mutation_id: str | None = strawberry.field(name="clientMutationID", default=None)


def _to_link(session: Session, actor: Actor, input: LinkArtifactInput) -> ArtifactRow:
    """The version by its id, or by what its maker called it."""
    node = input.artifact_id
    if node is None and input.client_id is not None:
        known = artifacts.client_id(session, input.client_id)
        node = strawberry.ID(access.node_of(known.artifact_id)) if known and known.artifact_id else None
    artifact = access.find(session, actor, node) if node else None
    if artifact is None:
        raise NotFound("linkArtifact: there is no artifact with this artifactID or clientID")
    if not access.reads(session, actor, artifact):
        raise Forbidden("you may look at this artifact but not have its files, and so not link it")
    return artifact


@strawberry.type
class CollectionsMutation:
    @strawberry.field
    def link_artifact(self, info: Info, input: LinkArtifactInput) -> LinkArtifactPayload | None:
        context, actor = info.context, info.context.require_viewer()

        def unit(session: Session) -> MembershipRow:
            artifact = _to_link(session, actor, input)
            return service.link(session, context.backend.clock, actor, artifact, input.target(),
                                [alias.alias for alias in input.aliases or ()])

        member = context.write(unit)
        return LinkArtifactPayload(version_index=member.version_index, artifact_membership=member,
                                   client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def unlink_artifact(self, info: Info, input: UnlinkArtifactInput) -> UnlinkArtifactPayload | None:
        context, actor = info.context, info.context.require_viewer()
        context.write(lambda session: service.unlink(
            session, context.backend.clock, actor, input.artifact_id, input.artifact_portfolio_id))
        return UnlinkArtifactPayload(success=True, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def update_artifact_sequence(self, info: Info, input: UpdateArtifactSequenceInput,
                                 ) -> ArtifactCollectionPayload | None:
        context, actor = info.context, info.context.require_viewer()
        row = context.write(lambda session: service.update(
            session, context.backend.clock, actor, input.artifact_sequence_id, SEQUENCE, input.name, input.description))
        return ArtifactCollectionPayload(artifact_collection=row, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def update_artifact_portfolio(self, info: Info, input: UpdateArtifactPortfolioInput,
                                  ) -> ArtifactCollectionPayload | None:
        context, actor = info.context, info.context.require_viewer()
        row = context.write(lambda session: service.update(
            session, context.backend.clock, actor, input.artifact_portfolio_id, PORTFOLIO, input.name,
            input.description))
        return ArtifactCollectionPayload(artifact_collection=row, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def move_artifact_sequence(self, info: Info, input: MoveArtifactSequenceInput) -> ArtifactCollectionPayload | None:
        context, actor = info.context, info.context.require_viewer()
        row = context.write(lambda session: service.move(
            session, context.backend.clock, actor, input.artifact_sequence_id, input.destination_artifact_type_name))
        return ArtifactCollectionPayload(artifact_collection=row, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_artifact_sequence(self, info: Info, input: DeleteArtifactSequenceInput,
                                 ) -> ArtifactCollectionPayload | None:
        context, actor = info.context, info.context.require_viewer()
        row = context.write(lambda session: service.delete_collection(
            session, actor, input.artifact_sequence_id, SEQUENCE))
        delete_orphaned_blobs(context.backend.database, context.backend.blobs)
        return ArtifactCollectionPayload(artifact_collection=row,
                                         client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_artifact_portfolio(self, info: Info, input: DeleteArtifactPortfolioInput,
                                  ) -> ArtifactCollectionPayload | None:
        context, actor = info.context, info.context.require_viewer()
        row = context.write(lambda session: service.delete_collection(
            session, actor, input.artifact_portfolio_id, PORTFOLIO))
        return ArtifactCollectionPayload(artifact_collection=row,
                                         client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def create_artifact_collection_tag_assignments(
        self, info: Info, input: CreateArtifactCollectionTagAssignmentsInput,
    ) -> CreateArtifactCollectionTagAssignmentsPayload | None:
        context, actor = info.context, info.context.require_viewer()
        rows: Any = context.write(lambda session: service.add_tags(
            session, context.backend.clock, actor, input.place(), [tag.tag_name for tag in input.tags]))
        return CreateArtifactCollectionTagAssignmentsPayload(tags=rows, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_artifact_collection_tag_assignments(
        self, info: Info, input: DeleteArtifactCollectionTagAssignmentsInput,
    ) -> DeleteArtifactCollectionTagAssignmentsPayload | None:
        context, actor = info.context, info.context.require_viewer()
        context.write(lambda session: service.delete_tags(
            session, context.backend.clock, actor, input.place(), [tag.tag_name for tag in input.tags]))
        return DeleteArtifactCollectionTagAssignmentsPayload(success=True,
                                                             client_mutation_id=input.client_mutation_id)
