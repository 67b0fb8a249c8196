"""How to use every mutation and every lookup on ann's things, and who else may. Tests fail for one that is not here.

A mutation has a record for each form that names what it is about, with which ann herself would use it; a stranger who
sends the same must be refused. What is about nobody's things is in OPEN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support.owned_resources import SECRET, SWEEP, OwnedResources

Input = Callable[[OwnedResources], dict[str, Any]]


@dataclass(frozen=True)
class Attempt:
    """A use of a mutation, and who may: the lowest role that does, or all of them where it takes something else too.

    In a team the `owner` made it, its organization and a registry, where the team is a member; the `member` alone has
    a seat there. In a registry None is for what is not done to registries.
    """

    mutation: str
    arguments: Input
    in_team: str | tuple[str, ...]
    in_registry: str | tuple[str, ...] | None = None
    why: str = ""  # where the role is not what one would expect


@dataclass(frozen=True)
class Lookup:
    """A field of Query with the arguments that lead to ann's things."""

    field: str
    arguments: Input
    in_team: bool = False  # whether it leads to what a team shares: all who may read find that, and nobody else
    in_registry: str | None = None  # the same for a registry: the lowest role that finds all of it, files too


ATTEMPTS: list[Attempt] = [
    Attempt("addAliases", in_team="member", in_registry="member",
            arguments=lambda own: {"artifactID": own.logged.version, "aliases": [_alias(own, "stolen")]}),
    Attempt("commitArtifact", in_team="member",
            arguments=lambda own: {"artifactID": own.logged.pending}),
    Attempt("completeMultipartUploadArtifact", in_team="member",
            arguments=lambda own: {"artifactID": own.logged.pending, "storagePath": "x", "uploadID": "x",
                "completeMultipartAction": "Complete", "completedParts": [{"hexMD5": "0" * 32, "partNumber": 1}]}),
    Attempt("agentHeartbeat", in_team="member",
            arguments=lambda own: {"id": own.agent_id, "metrics": "{}", "runState": "{}"}),
    Attempt("createAgent", in_team="member",
            arguments=lambda own: _place(own) | {"sweep": own.sweep, "host": "stolen"}),
    Attempt("createArtifact", in_team="member",
            arguments=lambda own: _place(own) | {"runName": own.run, "artifactTypeName": "dataset",
                "artifactCollectionName": "set", "digest": "3" * 32, "aliases": [{"artifactCollectionName": "set",
                "alias": "x"}], "tags": [{"tagName": "x"}], "metadata": "{}"}),
    Attempt("createArtifactCollectionTagAssignments", in_team="member", in_registry="member",
            arguments=lambda own: _place(own) | {"artifactCollectionName": "set", "tags": [{"tagName": "stolen"}]}),
    Attempt("createArtifactFiles", in_team="member",
            arguments=lambda own: {"storageLayout": "V2", "artifactFiles": [{"artifactID": own.logged.pending,
                "name": "new.txt", "md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}]}),
    Attempt("createArtifactManifest", in_team="member",
            arguments=lambda own: _run(own) | {"artifactID": own.logged.pending, "name": "wandb_manifest.json",
                "digest": "1B2M2Y8AsgTpgAmY7PhCfg==", "type": "FULL"}),
    Attempt("createArtifactType", in_team="member",
            arguments=lambda own: _place(own) | {"name": "stolen"}),
    Attempt("createInvite", in_team="admin",
            arguments=lambda own: {"entityName": own.team, "email": "x@example.com", "role": "admin"}),
    Attempt("createInvite", in_team="admin",
            arguments=lambda own: {"entityName": own.team, "username": "eve", "role": "viewer"}),
    Attempt("createProjectMembers", in_team="owner", in_registry="admin",
            arguments=lambda own: {"projectId": own.registry_id, "userIds": [own.bob_id], "teamIds": [own.team_id]}),
    Attempt("createRunFiles", in_team="member",
            arguments=lambda own: _run(own) | {"files": ["new.txt"]}),
    Attempt("createServiceAccount", in_team="admin",
            arguments=lambda own: {"entityName": own.team, "description": "robot"}),
    Attempt("createTeam", in_team="owner",
            arguments=lambda own: {"teamName": "spies", "organizationName": own.organization}),
    Attempt("deleteApiKey", in_team="owner",
            arguments=lambda own: {"id": own.key_id}),
    Attempt("deleteAliases", in_team="member", in_registry="member",
            arguments=lambda own: {"artifactID": own.logged.version, "aliases": [_alias(own, "best")]}),
    Attempt("deleteArtifact", in_team="admin", in_registry="owner",
            why="one in a registry is the team's",
            arguments=lambda own: {"artifactID": own.logged.version, "deleteAliases": True}),
    Attempt("deleteArtifactCollectionTagAssignments", in_team="member", in_registry="member",
            arguments=lambda own: _place(own) | {"artifactCollectionName": "set", "tags": [{"tagName": "kept"}]}),
    Attempt("deleteArtifactPortfolio", in_team="admin", in_registry="admin",
            arguments=lambda own: {"artifactPortfolioID": own.logged.portfolio}),
    Attempt("deleteArtifactSequence", in_team="admin",
            arguments=lambda own: {"artifactSequenceID": own.logged.sequence}),
    Attempt("deleteFiles", in_team="member",
            arguments=lambda own: {"files": [own.file_id]}),
    Attempt("deleteInvite", in_team="member",
            why="it is this member who leaves",
            arguments=lambda own: {"id": own.member_id, "entityName": own.team}),
    Attempt("deleteModel", in_team="admin", in_registry="admin",
            arguments=lambda own: {"id": own.project_id}),
    Attempt("deleteModel", in_team="admin", in_registry="admin",
            arguments=lambda own: {"entityName": own.entity, "projectName": own.project}),
    Attempt("deleteModel", in_team="owner", in_registry="admin",
            arguments=lambda own: {"id": own.registry_id}),
    Attempt("deleteOrganization", in_team="owner",
            arguments=lambda own: {"name": own.organization}),
    Attempt("deleteOrganizationMember", in_team=("owner", "member"),
            why="it is this member who leaves",
            arguments=lambda own: {"organizationName": own.organization, "username": "bob"}),
    Attempt("deleteProjectMembers", in_team="owner", in_registry="admin",
            arguments=lambda own: {"projectId": own.registry_id, "userIds": [own.bob_id], "teamIds": [own.team_id]}),
    Attempt("deleteRun", in_team="admin",
            arguments=lambda own: {"id": own.run_id, "deleteArtifacts": True}),
    Attempt("deleteView", in_team="admin",
            arguments=lambda own: {"id": own.view_id}),
    Attempt("enqueueSweepRun", in_team="member",
            arguments=lambda own: {"id": own.sweep_id, "config": "{}"}),
    Attempt("linkArtifact", in_team="member", in_registry="member",
            arguments=lambda own: _place(own) | {"artifactID": own.logged.version, "artifactPortfolioName": "stolen"}),
    Attempt("linkArtifact", in_team="member", in_registry="member",
            arguments=lambda own: {"artifactID": own.logged.version, "artifactPortfolioID": own.logged.portfolio,
                "aliases": [{"artifactCollectionName": "shelf", "alias": "stolen"}]}),
    Attempt("linkArtifact", in_team="viewer", in_registry="member",
            why="into the registry, where all of the team are members",
            arguments=lambda own: {"artifactID": own.logged.version, "artifactPortfolioName": "stolen",
                "entityName": own.guild, "projectName": own.registry}),
    Attempt("markRunFilesUploaded", in_team="member",
            arguments=lambda own: _run(own) | {"files": [f"{SECRET}.txt"]}),
    Attempt("moveArtifactSequence", in_team="member",
            arguments=lambda own: {"artifactSequenceID": own.logged.sequence, "destinationArtifactTypeName": "stolen"}),
    Attempt("renameEntity", in_team="admin",
            arguments=lambda own: {"entityName": own.team, "newName": "stolen"}),
    Attempt("renameProject", in_team="admin",
            arguments=lambda own: {"entityName": own.entity, "oldProjectName": own.project,
                "newProjectName": "stolen"}),
    Attempt("renameProject", in_team="owner", in_registry="admin",
            arguments=lambda own: {"entityName": own.guild, "oldProjectName": own.registry,
                "newProjectName": "wandb-registry-stolen"}),
    Attempt("rewindRun", in_team="member",
            arguments=lambda own: _run(own) | {"metricName": "_step", "metricValue": 0.0}),
    Attempt("stopRun", in_team="member",
            arguments=lambda own: {"id": own.run_id}),
    Attempt("unlinkArtifact", in_team="member", in_registry="member",
            arguments=lambda own: {"artifactID": own.logged.version, "artifactPortfolioID": own.logged.portfolio}),
    Attempt("updateArtifact", in_team="member", in_registry="owner",
            why="one in a registry is the team's",
            arguments=lambda own: {"artifactID": own.logged.version, "description": "stolen", "metadata": "{}",
                "tagsToAdd": [{"tagName": "stolen"}]}),
    Attempt("updateArtifactManifest", in_team="member",
            arguments=lambda own: {"artifactManifestID": own.logged.pending_manifest,
                "digest": "1B2M2Y8AsgTpgAmY7PhCfg=="}),
    Attempt("updateArtifactPortfolio", in_team="member", in_registry="member",
            arguments=lambda own: {"artifactPortfolioID": own.logged.portfolio, "name": "stolen"}),
    Attempt("updateArtifactSequence", in_team="member",
            arguments=lambda own: {"artifactSequenceID": own.logged.sequence, "description": "stolen"}),
    Attempt("updateProjectMember", in_team="owner", in_registry="admin",
            arguments=lambda own: {"projectId": own.registry_id, "userId": own.bob_id, "userProjectRole": "admin"}),
    Attempt("updateProjectTeamMember", in_team="owner", in_registry="admin",
            arguments=lambda own: {"projectId": own.registry_id, "teamId": own.team_id, "teamProjectRole": "admin"}),
    Attempt("updateRunState", in_team="member",
            arguments=lambda own: {"id": own.run_id, "state": "finished"}),
    Attempt("updateUser", in_team="viewer",
            arguments=lambda own: {"defaultEntity": own.team}),
    Attempt("upsertBucket", in_team="member",
            arguments=lambda own: {"id": own.run_id, "notes": "stolen"}),
    Attempt("upsertBucket", in_team="member",
            arguments=lambda own: {"name": own.run, "modelName": own.project, "entityName": own.entity,
                "notes": "stolen"}),
    Attempt("upsertBucket", in_team="member",
            arguments=lambda own: {"name": "new", "modelName": own.project, "entityName": own.entity}),
    Attempt("upsertBucket", in_team="member",
            arguments=lambda own: {"name": "new", "modelName": "new", "entityName": own.team}),
    Attempt("upsertModel", in_team="member", in_registry="admin",
            arguments=lambda own: {"id": own.project_id, "description": "stolen"}),
    Attempt("upsertModel", in_team="admin",
            arguments=lambda own: {"entityName": own.entity, "name": own.project, "access": "USER_WRITE"}),
    Attempt("upsertModel", in_team="member",
            arguments=lambda own: {"entityName": own.team, "name": "new"}),
    Attempt("upsertModel", in_team="owner", in_registry="admin",
            arguments=lambda own: {"id": own.registry_id, "access": "RESTRICTED"}),
    Attempt("upsertModel", in_team=("owner", "member"), in_registry=("owner", "chief", "seat"),
            why="it makes another registry",
            arguments=lambda own: {"entityName": own.guild, "name": "wandb-registry-new"}),
    Attempt("upsertSweep", in_team="member",
            arguments=lambda own: {"id": own.sweep_id, "state": "CANCELED"}),
    Attempt("upsertSweep", in_team="member",
            arguments=lambda own: {"projectName": own.project, "entityName": own.entity, "config": SWEEP}),
    Attempt("upsertSweep", in_team="member",
            arguments=lambda own: {"projectName": "new", "entityName": own.team, "config": SWEEP}),
    Attempt("upsertView", in_team="member",
            arguments=lambda own: {"id": own.view_id, "displayName": "stolen"}),
    Attempt("upsertView", in_team="member",
            arguments=lambda own: {"projectName": own.project, "entityName": own.entity, "type": "runs",
                "displayName": "new", "spec": "{}"}),
    Attempt("upsertOrganizationMember", in_team="owner",
            arguments=lambda own: {"organizationName": own.organization, "username": "eve", "role": "admin"}),
    Attempt("useArtifact", in_team="member",
            arguments=lambda own: _run(own) | {"artifactID": own.logged.version}),
    Attempt("useArtifact", in_team="viewer", in_registry="restricted",
            why="the run is one that anybody may write; and to have used a version is no download",
            arguments=lambda own: {"entityName": "eve", "projectName": "attic", "runName": "mine",
                "artifactID": own.logged.version}),
]

OPEN: dict[str, Input] = {
    "createOrganization": lambda _: {"name": "another"},  # the caller's own
    "createUser": lambda _: {"email": "new@example.com"},  # for instance admins alone, and ann is none
    "generateApiKey": lambda _: {"description": "spare"},  # the caller's own
}

LOOKUPS: list[Lookup] = [
    Lookup("artifact", lambda own: {"id": own.logged.version}, in_team=True,
           in_registry="guest"),
    Lookup("artifact", lambda own: {"id": own.logged.pending}, in_team=True),
    Lookup("artifactCollection", lambda own: {"id": own.logged.sequence}, in_team=True),
    Lookup("artifactCollection", lambda own: {"id": own.logged.portfolio}, in_team=True,
           in_registry="restricted"),
    Lookup("clientIDMapping", lambda _: {"clientID": "client1"}),
    Lookup("entity", lambda own: {"name": own.entity}, in_team=True,
           in_registry="restricted"),
    Lookup("entity", lambda own: {"name": own.team}),
    Lookup("entity", lambda own: {"name": own.guild}),
    Lookup("model", lambda own: {"name": own.project, "entityName": own.entity}, in_team=True),
    Lookup("models", lambda own: {"entityName": own.entity}, in_team=True),
    Lookup("models", lambda own: {"entityName": own.team}),
    Lookup("organization", lambda own: {"name": own.organization}),
    Lookup("project", lambda own: {"name": own.project, "entityName": own.entity}, in_team=True,
           in_registry="restricted"),
    Lookup("project", lambda own: {"name": own.registry, "entityName": own.guild}),
    Lookup("users", lambda own: {"query": own.entity}),
    Lookup("view", lambda own: {"id": own.view_id}, in_team=True),
    Lookup("viewer", lambda _: {}),
]

NOBODYS_FIELDS = {"serverInfo"}  # of Query: they lead to nobody's things


def attempts(mutation: str) -> list[Input]:
    return [attempt.arguments for attempt in ATTEMPTS if attempt.mutation == mutation]


def lookups(field: str) -> list[Input]:
    return [lookup.arguments for lookup in LOOKUPS if lookup.field == field]


def inside(own: OwnedResources) -> dict[str, Any]:
    """Arguments of fields further in, by their name."""
    return {"name": own.run, "sweepName": own.sweep, "agentName": own.agent, "specs": ['{"keys": ["word"]}'],
            "liveKeys": ["word"], "missingOk": True, "storageLayout": "V2", "manifestVersion": "1"}


def _place(own: OwnedResources) -> dict[str, Any]:
    return {"entityName": own.entity, "projectName": own.project}


def _run(own: OwnedResources) -> dict[str, Any]:
    return _place(own) | {"runName": own.run}


def _alias(own: OwnedResources, alias: str) -> dict[str, Any]:
    return _place(own) | {"artifactCollectionName": "set", "alias": alias}
