"""How to use every mutation and every lookup on ann's things. Tests fail for one that is not here.

A mutation has the inputs with which ann herself would use it, in each form that names what it is about; a stranger
who sends the same must be refused. What is about nobody's things is in OPEN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.estate import SECRET, SWEEP, Estate

Input = Callable[[Estate], dict[str, Any]]

ATTEMPTS: dict[str, list[Input]] = {
    "createInvite": [lambda own: {"entityName": own.team, "email": "x@example.com", "role": "admin"}],
    "createRunFiles": [lambda own: _run(own) | {"files": ["new.txt"]}],
    "createServiceAccount": [lambda own: {"entityName": own.team, "description": "robot"}],
    "createTeam": [lambda own: {"teamName": "spies", "organizationName": own.organization}],
    "deleteApiKey": [lambda own: {"id": own.key_id}],
    "deleteFiles": [lambda own: {"files": [own.file_id]}],
    "deleteInvite": [lambda own: {"id": own.member_id, "entityName": own.team}],
    "deleteModel": [
        lambda own: {"id": own.project_id},
        lambda own: {"entityName": own.entity, "projectName": own.project},
    ],
    "deleteOrganization": [lambda own: {"name": own.organization}],
    "deleteOrganizationMember": [lambda own: {"organizationName": own.organization, "username": "bob"}],
    "deleteRun": [lambda own: {"id": own.run_id, "deleteArtifacts": True}],
    "deleteView": [lambda own: {"id": own.view_id}],
    "markRunFilesUploaded": [lambda own: _run(own) | {"files": [f"{SECRET}.txt"]}],
    "renameEntity": [lambda own: {"entityName": own.team, "newName": "stolen"}],
    "renameProject": [lambda own: {
        "entityName": own.entity, "oldProjectName": own.project, "newProjectName": "stolen"}],
    "rewindRun": [lambda own: _run(own) | {"metricName": "_step", "metricValue": 0.0}],
    "stopRun": [lambda own: {"id": own.run_id}],
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
}

OPEN: dict[str, Input] = {
    "createOrganization": lambda _: {"name": "another"},  # the asker's own
    "createUser": lambda _: {"email": "new@example.com"},  # for instance admins alone, and ann is none
    "generateApiKey": lambda _: {"description": "spare"},  # the asker's own
}

# Fields of Query, with the arguments that lead to ann's things; what is not about anybody's things has none.
LOOKUPS: dict[str, list[Input]] = {
    "entity": [lambda own: {"name": own.entity}, lambda own: {"name": own.team}],
    "model": [lambda own: {"name": own.project, "entityName": own.entity}],
    "models": [lambda own: {"entityName": own.entity}, lambda own: {"entityName": own.team}],
    "organization": [lambda own: {"name": own.organization}],
    "project": [lambda own: {"name": own.project, "entityName": own.entity}],
    "serverInfo": [],
    "users": [lambda own: {"query": own.entity}],
    "view": [lambda own: {"id": own.view_id}],
    "viewer": [lambda _: {}],
}


def inside(own: Estate) -> dict[str, Any]:
    """Arguments of fields further in, by their name."""
    return {"name": own.run, "sweepName": own.sweep, "specs": ['{"keys": ["word"]}'], "liveKeys": ["word"],
            "missingOk": True}


def _run(own: Estate) -> dict[str, Any]:
    return {"entityName": own.entity, "projectName": own.project, "runName": own.run}
