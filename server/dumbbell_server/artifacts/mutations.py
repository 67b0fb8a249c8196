"""Mutations of types, collections and versions, and of links between them."""

from typing import Any

import strawberry

from dumbbell_server.artifacts import aliases, collections, links, removal, service, tags, types, uses
from dumbbell_server.artifacts.graphql import ArtifactDigestAlgorithm, Tag
from dumbbell_server.artifacts.tables import PORTFOLIO, SEQUENCE
from dumbbell_server.errors import BadInput
from dumbbell_server.graph.context import Info
from dumbbell_server.graph.refs import ArtifactRef, ArtifactTypeRef, CollectionRef, MembershipRef
from dumbbell_server.graph.scalars import Int64, JSONString


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
    tag_category_name: str | None = None  # not stored
    attributes: JSONString | None = None  # not stored


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

    def new_version(self) -> service.NewVersion:
        """Clients of 2020 name several collections and mean one; they say nothing of deduplication and expect it."""
        name = self.artifact_collection_name or next(iter(self.artifact_collection_names or ()), None)
        if name is None:
            raise BadInput("createArtifact needs artifactCollectionName")
        algorithm = self.digest_algorithm or ArtifactDigestAlgorithm.MANIFEST_MD5
        return service.NewVersion(
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
class UseArtifactPayload(ArtifactPayload):
    pass


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

    def edit(self) -> service.VersionEdit:
        aliases = None if self.aliases is None else [
            (alias.artifact_collection_name, alias.alias) for alias in self.aliases]
        return service.VersionEdit(
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

    def source(self) -> links.LinkSource:
        return links.LinkSource(self.artifact_id, self.client_id)

    def target(self) -> links.LinkTarget:
        return links.LinkTarget(self.entity_name, self.project_name, self.artifact_portfolio_name,
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

    def path(self) -> tuple[str, str, str]:
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


def _in_collections(given: list[ArtifactCollectionAliasInput]) -> list[aliases.CollectionAlias]:
    return [aliases.CollectionAlias(alias.entity_name, alias.project_name, alias.artifact_collection_name, alias.alias)
            for alias in given]


@strawberry.type
class ArtifactsMutation:
    @strawberry.field
    def create_artifact_type(self, info: Info, input: CreateArtifactTypeInput) -> CreateArtifactTypePayload | None:
        """The type, which may be there already."""
        row = info.context.unit(types.create, input.entity_name, input.project_name, input.name, input.description)
        return CreateArtifactTypePayload(artifact_type=row, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def create_artifact(self, info: Info, input: CreateArtifactInput) -> CreateArtifactPayload | None:
        artifact = info.context.unit(service.create, input.new_version())
        return CreateArtifactPayload(artifact=artifact, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def use_artifact(self, info: Info, input: UseArtifactInput) -> UseArtifactPayload | None:
        run = input.entity_name, input.project_name, input.run_name
        artifact = info.context.unit(uses.take_in, input.artifact_id, run, input.used_as)
        return UseArtifactPayload(artifact=artifact, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def update_artifact(self, info: Info, input: UpdateArtifactInput) -> UpdateArtifactPayload | None:
        artifact = info.context.unit(service.update, input.artifact_id, input.edit())
        return UpdateArtifactPayload(artifact=artifact, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_artifact(self, info: Info, input: DeleteArtifactInput) -> DeleteArtifactPayload | None:
        artifact = info.context.unit(removal.delete_version, input.artifact_id, aliases=bool(input.delete_aliases))
        return DeleteArtifactPayload(artifact=artifact, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def add_aliases(self, info: Info, input: AddAliasesInput) -> AddAliasesPayload | None:
        info.context.unit(aliases.add_aliases, input.artifact_id, _in_collections(input.aliases))
        return AddAliasesPayload(success=True, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_aliases(self, info: Info, input: DeleteAliasesInput) -> DeleteAliasesPayload | None:
        info.context.unit(aliases.delete_aliases, input.artifact_id, _in_collections(input.aliases))
        return DeleteAliasesPayload(success=True, client_mutation_id=input.client_mutation_id)


@strawberry.type
class CollectionsMutation:
    @strawberry.field
    def link_artifact(self, info: Info, input: LinkArtifactInput) -> LinkArtifactPayload | None:
        names = [alias.alias for alias in input.aliases or ()]
        member = info.context.unit(links.link, input.source(), input.target(), names)
        return LinkArtifactPayload(version_index=member.version_index, artifact_membership=member,
                                   client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def unlink_artifact(self, info: Info, input: UnlinkArtifactInput) -> UnlinkArtifactPayload | None:
        info.context.unit(links.unlink, input.artifact_id, input.artifact_portfolio_id)
        return UnlinkArtifactPayload(success=True, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def update_artifact_sequence(self, info: Info, input: UpdateArtifactSequenceInput,
                                 ) -> ArtifactCollectionPayload | None:
        row = info.context.unit(collections.update, input.artifact_sequence_id, SEQUENCE, input.name,
                                input.description)
        return ArtifactCollectionPayload(artifact_collection=row, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def update_artifact_portfolio(self, info: Info, input: UpdateArtifactPortfolioInput,
                                  ) -> ArtifactCollectionPayload | None:
        row = info.context.unit(collections.update, input.artifact_portfolio_id, PORTFOLIO, input.name,
                                input.description)
        return ArtifactCollectionPayload(artifact_collection=row, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def move_artifact_sequence(self, info: Info, input: MoveArtifactSequenceInput) -> ArtifactCollectionPayload | None:
        row = info.context.unit(collections.move, input.artifact_sequence_id, input.destination_artifact_type_name)
        return ArtifactCollectionPayload(artifact_collection=row, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_artifact_sequence(self, info: Info, input: DeleteArtifactSequenceInput,
                                 ) -> ArtifactCollectionPayload | None:
        row = info.context.unit(collections.delete, input.artifact_sequence_id, SEQUENCE)
        return ArtifactCollectionPayload(artifact_collection=row, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_artifact_portfolio(self, info: Info, input: DeleteArtifactPortfolioInput,
                                  ) -> ArtifactCollectionPayload | None:
        row = info.context.unit(collections.delete, input.artifact_portfolio_id, PORTFOLIO)
        return ArtifactCollectionPayload(artifact_collection=row, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def create_artifact_collection_tag_assignments(
        self, info: Info, input: CreateArtifactCollectionTagAssignmentsInput,
    ) -> CreateArtifactCollectionTagAssignmentsPayload | None:
        names = [tag.tag_name for tag in input.tags]
        rows: Any = info.context.unit(tags.tag_collection, input.path(), names)
        return CreateArtifactCollectionTagAssignmentsPayload(tags=rows, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_artifact_collection_tag_assignments(
        self, info: Info, input: DeleteArtifactCollectionTagAssignmentsInput,
    ) -> DeleteArtifactCollectionTagAssignmentsPayload | None:
        info.context.unit(tags.untag_collection, input.path(), [tag.tag_name for tag in input.tags])
        return DeleteArtifactCollectionTagAssignmentsPayload(success=True,
                                                             client_mutation_id=input.client_mutation_id)
