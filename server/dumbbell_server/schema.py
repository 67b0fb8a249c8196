"""The hall: what each room adds, composed into one schema. No logic."""

from __future__ import annotations

import strawberry
from graphql import GraphQLSchema

from dumbbell_server.accounts.graphql import (
    AccountsQuery,
    EntityConnection,
    EntityCore,
    OrganizationCore,
    UserCore,
)
from dumbbell_server.accounts.mutations import AccountsMutation
from dumbbell_server.accounts.organization_mutations import OrganizationsMutation
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
from dumbbell_server.runs.graphql import ProjectRuns, RunConnection, RunCore, RunsMutation
from dumbbell_server.sweeps.graphql import ProjectSweeps, RunSweeps, SweepConnection, SweepCore, SweepsMutation
from dumbbell_server.views.graphql import ProjectViews, View, ViewConnection, ViewsMutation, ViewsQuery

__all__ = [
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
class Entity(EntityCore, EntityProjects):
    pass


@strawberry.type
class Organization(OrganizationCore):
    pass


@strawberry.type
class Project(ProjectCore, ProjectRuns, ProjectSweeps, ProjectViews):
    pass


@strawberry.type
class Run(RunCore, RunHistory, RunFiles, RunSweeps):
    pass


@strawberry.type
class File(FileCore):
    pass


@strawberry.type
class Sweep(SweepCore):
    pass


@strawberry.type
class Query(AccountsQuery, ProjectsQuery, ViewsQuery):
    pass


@strawberry.type
class Mutation(
    AccountsMutation,
    OrganizationsMutation,
    ProjectsMutation,
    RunsMutation,
    HistoryMutation,
    FilesMutation,
    SweepsMutation,
    ViewsMutation,
):
    pass


def build_schema() -> GraphQLSchema:
    return strawberry.Schema(query=Query, mutation=Mutation, config=CONFIG)._schema  # noqa: SLF001 - we execute it
