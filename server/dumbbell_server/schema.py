"""The schema: what each domain adds, composed into one schema. No logic."""

from functools import cache

import strawberry
from graphql import GraphQLSchema

from dumbbell_server.accounts.graphql import (
    AccountsQuery,
    EntityConnection,
    EntityCore,
    OrganizationCore,
    UserCore,
)
from dumbbell_server.accounts.mutations import AccountsMutation, OrganizationsMutation
from dumbbell_server.artifact_files.graphql import (
    ArtifactFiles,
    ArtifactFilesMutation,
    ArtifactManifest,
    FileArtifacts,
    MembershipFiles,
)
from dumbbell_server.artifacts.connections import (
    MembershipConnectionCore as ArtifactCollectionMembershipConnection,
)
from dumbbell_server.artifacts.graphql import (
    ArtifactCore,
    ArtifactsQuery,
    ArtifactTypeCore,
    MembershipCore,
    PortfolioCore,
    ProjectArtifacts,
    RunArtifacts,
    SequenceCore,
)
from dumbbell_server.artifacts.graphql import CollectionCore as ArtifactCollection
from dumbbell_server.artifacts.mutations import ArtifactsMutation, CollectionsMutation
from dumbbell_server.files.graphql import FileConnection, FileCore, FilesMutation, RunFiles
from dumbbell_server.graph.scalars import CONFIG
from dumbbell_server.history.graphql import HistoryMutation, RunHistory
from dumbbell_server.projects.graphql import (
    EntityProjects,
    ProjectConnection,
    ProjectCore,
    ProjectsMutation,
    ProjectsQuery,
    UserProjects,
)
from dumbbell_server.registries.graphql import EntityRegistries, ProjectMembers, RegistriesMutation
from dumbbell_server.reports.graphql import ProjectViews, View, ViewConnection, ViewsMutation, ViewsQuery
from dumbbell_server.runs.graphql import ProjectRuns, RunConnection, RunCore, RunsMutation
from dumbbell_server.sweeps.graphql import (
    AgentConnection,
    AgentCore,
    ProjectSweeps,
    RunSweeps,
    SweepConnection,
    SweepCore,
    SweepsMutation,
)

__all__ = [
    "AgentConnection",
    "ArtifactCollection",
    "ArtifactCollectionMembershipConnection",
    "ArtifactManifest",
    "EntityConnection",
    "FileConnection",
    "ProjectConnection",
    "RunConnection",
    "SweepConnection",
    "View",
    "ViewConnection",
    "build_schema",
]


@strawberry.type
class User(UserCore, UserProjects):
    pass


@strawberry.type
class Entity(EntityCore, EntityProjects, EntityRegistries):
    pass


@strawberry.type
class Organization(OrganizationCore):
    pass


@strawberry.type
class Project(ProjectCore, ProjectRuns, ProjectSweeps, ProjectViews, ProjectArtifacts, ProjectMembers):
    pass


@strawberry.type
class Run(RunCore, RunHistory, RunFiles, RunSweeps, RunArtifacts):
    pass


@strawberry.type
class File(FileCore, FileArtifacts):
    pass


@strawberry.type
class Sweep(SweepCore):
    pass


@strawberry.type
class Agent(AgentCore):
    pass


@strawberry.type
class Artifact(ArtifactCore, ArtifactFiles):
    pass


@strawberry.type
class ArtifactType(ArtifactTypeCore):
    pass


@strawberry.type
class ArtifactSequence(SequenceCore):
    pass


@strawberry.type
class ArtifactPortfolio(PortfolioCore):
    pass


@strawberry.type
class ArtifactCollectionMembership(MembershipCore, MembershipFiles):
    pass


@strawberry.type
class Query(AccountsQuery, ProjectsQuery, ViewsQuery, ArtifactsQuery):
    pass


@strawberry.type
class Mutation(
    AccountsMutation,
    OrganizationsMutation,
    ProjectsMutation,
    RunsMutation,
    HistoryMutation,
    FilesMutation,
    RegistriesMutation,
    SweepsMutation,
    ViewsMutation,
    ArtifactsMutation,
    CollectionsMutation,
    ArtifactFilesMutation,
):
    pass


@cache
def build_schema() -> GraphQLSchema:
    """The same for everybody in a process: it holds nothing of a backend."""
    of_interfaces = [ArtifactSequence, ArtifactPortfolio]
    found = strawberry.Schema(query=Query, mutation=Mutation, config=CONFIG, types=of_interfaces)
    return found._schema  # noqa: SLF001 - we execute it
