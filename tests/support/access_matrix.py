"""How to use every mutation and every lookup on ann's things. Tests fail for one that is not here.

A mutation has the inputs with which ann herself would use it, in each form that names what it is about; a stranger
who sends the same must be refused. What is about nobody's things is in OPEN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.owned_resources import SECRET, SWEEP, OwnedResources

Input = Callable[[OwnedResources], dict[str, Any]]

ATTEMPTS: dict[str, list[Input]] = {
    "addAliases": [lambda own: {"artifactID": own.logged.version, "aliases": [_alias(own, "stolen")]}],
    "commitArtifact": [lambda own: {"artifactID": own.logged.pending}],
    "completeMultipartUploadArtifact": [lambda own: {
        "artifactID": own.logged.pending, "storagePath": "x", "uploadID": "x", "completeMultipartAction": "Complete",
        "completedParts": [{"hexMD5": "0" * 32, "partNumber": 1}]}],
    "createArtifact": [lambda own: _place(own) | {
        "runName": own.run, "artifactTypeName": "dataset", "artifactCollectionName": "set", "digest": "3" * 32,
        "aliases": [{"artifactCollectionName": "set", "alias": "x"}], "tags": [{"tagName": "x"}], "metadata": "{}"}],
    "createArtifactCollectionTagAssignments": [lambda own: _place(own) | {
        "artifactCollectionName": "set", "tags": [{"tagName": "stolen"}]}],
    "createArtifactFiles": [lambda own: {"storageLayout": "V2", "artifactFiles": [{
        "artifactID": own.logged.pending, "name": "new.txt", "md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}]}],
    "createArtifactManifest": [lambda own: _run(own) | {
        "artifactID": own.logged.pending, "name": "wandb_manifest.json", "digest": "1B2M2Y8AsgTpgAmY7PhCfg==",
        "type": "FULL"}],
    "createArtifactType": [lambda own: _place(own) | {"name": "stolen"}],
    "createInvite": [lambda own: {"entityName": own.team, "email": "x@example.com", "role": "admin"}],
    "createProjectMembers": [lambda own: {"projectId": own.registry_id, "userIds": [own.bob_id],
                                          "teamIds": [own.team_id]}],
    "createRunFiles": [lambda own: _run(own) | {"files": ["new.txt"]}],
    "createServiceAccount": [lambda own: {"entityName": own.team, "description": "robot"}],
    "createTeam": [lambda own: {"teamName": "spies", "organizationName": own.organization}],
    "deleteApiKey": [lambda own: {"id": own.key_id}],
    "deleteAliases": [lambda own: {"artifactID": own.logged.version, "aliases": [_alias(own, "best")]}],
    "deleteArtifact": [lambda own: {"artifactID": own.logged.version, "deleteAliases": True}],
    "deleteArtifactCollectionTagAssignments": [lambda own: _place(own) | {
        "artifactCollectionName": "set", "tags": [{"tagName": "kept"}]}],
    "deleteArtifactPortfolio": [lambda own: {"artifactPortfolioID": own.logged.portfolio}],
    "deleteArtifactSequence": [lambda own: {"artifactSequenceID": own.logged.sequence}],
    "deleteFiles": [lambda own: {"files": [own.file_id]}],
    "deleteInvite": [lambda own: {"id": own.member_id, "entityName": own.team}],
    "deleteModel": [
        lambda own: {"id": own.project_id},
        lambda own: {"entityName": own.entity, "projectName": own.project},
        lambda own: {"id": own.registry_id},
    ],
    "deleteOrganization": [lambda own: {"name": own.organization}],
    "deleteOrganizationMember": [lambda own: {"organizationName": own.organization, "username": "bob"}],
    "deleteProjectMembers": [lambda own: {"projectId": own.registry_id, "userIds": [own.bob_id],
                                          "teamIds": [own.team_id]}],
    "deleteRun": [lambda own: {"id": own.run_id, "deleteArtifacts": True}],
    "deleteView": [lambda own: {"id": own.view_id}],
    "linkArtifact": [
        lambda own: _place(own) | {"artifactID": own.logged.version, "artifactPortfolioName": "stolen"},
        lambda own: {"artifactID": own.logged.version, "artifactPortfolioID": own.logged.portfolio,
                     "aliases": [{"artifactCollectionName": "shelf", "alias": "stolen"}]},
        lambda own: {"artifactID": own.logged.version, "artifactPortfolioName": "stolen",
                     "entityName": own.guild, "projectName": own.registry},
    ],
    "markRunFilesUploaded": [lambda own: _run(own) | {"files": [f"{SECRET}.txt"]}],
    "moveArtifactSequence": [lambda own: {
        "artifactSequenceID": own.logged.sequence, "destinationArtifactTypeName": "stolen"}],
    "renameEntity": [lambda own: {"entityName": own.team, "newName": "stolen"}],
    "renameProject": [lambda own: {
        "entityName": own.entity, "oldProjectName": own.project, "newProjectName": "stolen"},
        lambda own: {"entityName": own.guild, "oldProjectName": own.registry,
                     "newProjectName": "wandb-registry-stolen"}],
    "rewindRun": [lambda own: _run(own) | {"metricName": "_step", "metricValue": 0.0}],
    "stopRun": [lambda own: {"id": own.run_id}],
    "unlinkArtifact": [lambda own: {
        "artifactID": own.logged.version, "artifactPortfolioID": own.logged.portfolio}],
    "updateArtifact": [lambda own: {"artifactID": own.logged.version, "description": "stolen", "metadata": "{}",
                                    "tagsToAdd": [{"tagName": "stolen"}]}],
    "updateArtifactManifest": [lambda own: {
        "artifactManifestID": own.logged.pending_manifest, "digest": "1B2M2Y8AsgTpgAmY7PhCfg=="}],
    "updateArtifactPortfolio": [lambda own: {"artifactPortfolioID": own.logged.portfolio, "name": "stolen"}],
    "updateArtifactSequence": [lambda own: {"artifactSequenceID": own.logged.sequence, "description": "stolen"}],
    "updateProjectMember": [lambda own: {
        "projectId": own.registry_id, "userId": own.bob_id, "userProjectRole": "admin"}],
    "updateProjectTeamMember": [lambda own: {
        "projectId": own.registry_id, "teamId": own.team_id, "teamProjectRole": "admin"}],
    "updateRunState": [lambda own: {"id": own.run_id, "state": "finished"}],
    "updateUser": [lambda own: {"defaultEntity": own.team}],
    "upsertBucket": [
        lambda own: {"id": own.run_id, "notes": "stolen"},
        lambda own: {"name": own.run, "modelName": own.project, "entityName": own.entity, "notes": "stolen"},
        lambda own: {"name": "new", "modelName": own.project, "entityName": own.entity},
        lambda own: {"name": "new", "modelName": "new", "entityName": own.team},
    ],
    "upsertModel": [
        lambda own: {"id": own.project_id, "description": "stolen"},
        lambda own: {"entityName": own.entity, "name": own.project, "access": "USER_WRITE"},
        lambda own: {"entityName": own.team, "name": "new"},
        lambda own: {"id": own.registry_id, "access": "RESTRICTED"},
        lambda own: {"entityName": own.guild, "name": "wandb-registry-new"},
    ],
    "upsertSweep": [
        lambda own: {"id": own.sweep_id, "state": "CANCELED"},
        lambda own: {"projectName": own.project, "entityName": own.entity, "config": SWEEP},
        lambda own: {"projectName": "new", "entityName": own.team, "config": SWEEP},
    ],
    "upsertView": [
        lambda own: {"id": own.view_id, "displayName": "stolen"},
        lambda own: {"projectName": own.project, "entityName": own.entity, "type": "runs", "displayName": "new",
                     "spec": "{}"},
    ],
    "upsertOrganizationMember": [
        lambda own: {"organizationName": own.organization, "username": "eve", "role": "admin"}],
    "useArtifact": [
        lambda own: _run(own) | {"artifactID": own.logged.version},
        lambda own: {"entityName": "eve", "projectName": "attic", "runName": "mine", "artifactID": own.logged.version},
    ],
}

# Who may do each of these in a team: the lowest role that may, or all of them where it takes something else as well.
# `owner` made the team, its organization and a registry, where the team is a member; `member` alone has a seat there.
IN_TEAM: dict[str, list[str | tuple[str, ...]]] = {
    "addAliases": ["member"],
    "commitArtifact": ["member"],
    "completeMultipartUploadArtifact": ["member"],
    "createArtifact": ["member"],
    "createArtifactCollectionTagAssignments": ["member"],
    "createArtifactFiles": ["member"],
    "createArtifactManifest": ["member"],
    "createArtifactType": ["member"],
    "createInvite": ["admin"],
    "createProjectMembers": ["owner"],
    "createRunFiles": ["member"],
    "createServiceAccount": ["admin"],
    "createTeam": ["owner"],
    "deleteApiKey": ["owner"],
    "deleteAliases": ["member"],
    "deleteArtifact": ["admin"],
    "deleteArtifactCollectionTagAssignments": ["member"],
    "deleteArtifactPortfolio": ["admin"],
    "deleteArtifactSequence": ["admin"],
    "deleteFiles": ["member"],
    "deleteInvite": ["member"],  # it is this member who leaves
    "deleteModel": ["admin", "admin", "owner"],
    "deleteOrganization": ["owner"],
    "deleteOrganizationMember": [("owner", "member")],  # it is this member who leaves
    "deleteProjectMembers": ["owner"],
    "deleteRun": ["admin"],
    "deleteView": ["admin"],
    "linkArtifact": ["member", "member", "viewer"],  # the last into the registry, where all of the team are members
    "markRunFilesUploaded": ["member"],
    "moveArtifactSequence": ["member"],
    "renameEntity": ["admin"],
    "renameProject": ["admin", "owner"],
    "rewindRun": ["member"],
    "stopRun": ["member"],
    "unlinkArtifact": ["member"],
    "updateArtifact": ["member"],
    "updateArtifactManifest": ["member"],
    "updateArtifactPortfolio": ["member"],
    "updateArtifactSequence": ["member"],
    "updateProjectMember": ["owner"],
    "updateProjectTeamMember": ["owner"],
    "updateRunState": ["member"],
    "updateUser": ["viewer"],
    "upsertBucket": ["member", "member", "member", "member"],
    "upsertModel": ["member", "admin", "member", "owner", ("owner", "member")],
    "upsertOrganizationMember": ["owner"],
    "upsertSweep": ["member", "member", "member"],
    "upsertView": ["member", "member"],
    "useArtifact": ["member", "viewer"],  # the second by a run that anybody may write
}

# The same in a registry, by the number of the attempt; what is not here is nothing that is done to registries.
IN_REGISTRY: dict[str, dict[int, str | tuple[str, ...]]] = {
    "addAliases": {0: "member"},
    "createArtifactCollectionTagAssignments": {0: "member"},
    "createProjectMembers": {0: "admin"},
    "deleteAliases": {0: "member"},
    "deleteArtifact": {0: "owner"},  # it is the team's
    "deleteArtifactCollectionTagAssignments": {0: "member"},
    "deleteArtifactPortfolio": {0: "admin"},
    "deleteModel": {0: "admin", 1: "admin", 2: "admin"},
    "deleteProjectMembers": {0: "admin"},
    "linkArtifact": {0: "member", 1: "member", 2: "member"},
    "renameProject": {1: "admin"},
    "unlinkArtifact": {0: "member"},
    "updateArtifact": {0: "owner"},
    "updateArtifactPortfolio": {0: "member"},
    "updateProjectMember": {0: "admin"},
    "updateProjectTeamMember": {0: "admin"},
    "upsertModel": {0: "admin", 3: "admin", 4: ("owner", "chief", "seat")},  # the last makes another registry
    "useArtifact": {1: "restricted"},  # to have used it is no download
}

OPEN: dict[str, Input] = {
    "createOrganization": lambda _: {"name": "another"},  # the asker's own
    "createUser": lambda _: {"email": "new@example.com"},  # for instance admins alone, and ann is none
    "generateApiKey": lambda _: {"description": "spare"},  # the asker's own
}

# Fields of Query, with the arguments that lead to ann's things; what is not about anybody's things has none.
LOOKUPS: dict[str, list[Input]] = {
    "artifact": [lambda own: {"id": own.logged.version}, lambda own: {"id": own.logged.pending}],
    "artifactCollection": [lambda own: {"id": own.logged.sequence}, lambda own: {"id": own.logged.portfolio}],
    "clientIDMapping": [lambda _: {"clientID": "client1"}],
    "entity": [lambda own: {"name": own.entity}, lambda own: {"name": own.team},
               lambda own: {"name": own.guild}],
    "model": [lambda own: {"name": own.project, "entityName": own.entity}],
    "models": [lambda own: {"entityName": own.entity}, lambda own: {"entityName": own.team}],
    "organization": [lambda own: {"name": own.organization}],
    "project": [lambda own: {"name": own.project, "entityName": own.entity},
                lambda own: {"name": own.registry, "entityName": own.guild}],
    "serverInfo": [],
    "users": [lambda own: {"query": own.entity}],
    "view": [lambda own: {"id": own.view_id}],
    "viewer": [lambda _: {}],
}

# What leads to things that a team, and a registry, share: all who may read find them, and nobody else.
SHARED: dict[str, list[Input]] = {
    "artifact": LOOKUPS["artifact"],
    "artifactCollection": LOOKUPS["artifactCollection"],
    "entity": [lambda own: {"name": own.entity}],
    "model": LOOKUPS["model"],
    "models": [lambda own: {"entityName": own.entity}],
    "project": [lambda own: {"name": own.project, "entityName": own.entity}],
    "view": LOOKUPS["view"],
}


def inside(own: OwnedResources) -> dict[str, Any]:
    """Arguments of fields further in, by their name."""
    return {"name": own.run, "sweepName": own.sweep, "specs": ['{"keys": ["word"]}'], "liveKeys": ["word"],
            "missingOk": True, "storageLayout": "V2", "manifestVersion": "1"}


def _place(own: OwnedResources) -> dict[str, Any]:
    return {"entityName": own.entity, "projectName": own.project}


def _run(own: OwnedResources) -> dict[str, Any]:
    return _place(own) | {"runName": own.run}


def _alias(own: OwnedResources, alias: str) -> dict[str, Any]:
    return _place(own) | {"artifactCollectionName": "set", "alias": alias}
