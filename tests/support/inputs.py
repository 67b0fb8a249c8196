"""Inputs for every mutation of the schema: a use from access_matrix.py on things of anybody, or what looks like one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
)

from dumbbell_server import ids
from dumbbell_server.projects.access import ACCESSES
from dumbbell_server.schema import build_schema
from support.access_matrix import OPEN, attempts
from support.ledger import Tables
from support.logged import Logged
from support.owned_resources import GRID, SWEEP, OwnedResources

T = TypeVar("T")
Own = Callable[[str, dict[str, Any]], bool]  # whether the row of a table is of something that the sender is in
Choose = Callable[[Sequence[T]], T]
SCHEMA = build_schema()
MD5 = "1B2M2Y8AsgTpgAmY7PhCfg=="
NOT_SENT = {"clientMutationId", "clientMutationID"}

# What the texts and ids of inputs are, by the name of the field, or by its input's too where that differs.
KINDS: dict[str, str] = {
    **dict.fromkeys(("entityName", "artifactEntityName", "defaultEntity"), "entity"),
    **dict.fromkeys(("projectName", "artifactProjectName", "modelName", "oldProjectName", "UpsertModelInput.name",
                     "newProjectName"), "project"),
    **dict.fromkeys(("runName", "UpsertBucketInput.name"), "run"),
    **dict.fromkeys(("username", "teamAdminUserName"), "user"),
    **dict.fromkeys(("organizationName", "CreateOrganizationInput.name", "DeleteOrganizationInput.name"),
                    "organization"),
    **dict.fromkeys(("teamName", "newName"), "entity"),
    "email": "email", "role": "role", "userProjectRole": "role", "teamProjectRole": "role", "access": "access",
    **dict.fromkeys(("artifactCollectionName", "artifactCollectionNames", "artifactPortfolioName",
                     "UpdateArtifactPortfolioInput.name", "UpdateArtifactSequenceInput.name"), "collection"),
    **dict.fromkeys(("artifactTypeName", "destinationArtifactTypeName", "ArtifactTypeInput.name",
                     "CreateArtifactTypeInput.name"), "type"),
    "metricName": "metric", "alias": "alias", "tagName": "tag", "sweep": "sweep", "state": "state", "files": "file",
    "DeleteFilesInput.files": "File",
    **dict.fromkeys(("artifactID", "baseArtifactID", "birthArtifactID"), "Artifact"),
    **dict.fromkeys(("artifactSequenceID", "artifactPortfolioID"), "ArtifactCollection"),
    "artifactManifestID": "ArtifactManifest",
    **dict.fromkeys(("clientID", "sequenceClientID"), "client"),
    "projectId": "Project", "userId": "User", "userIds": "User", "teamId": "Entity", "teamIds": "Entity",
    "UpsertModelInput.owner": "Entity", "DeleteApiKeyInput.id": "ApiKey", "DeleteInviteInput.id": "member",
    "DeleteModelInput.id": "Project", "UpsertModelInput.id": "Project",
    **dict.fromkeys(("DeleteRunInput.id", "StopRunInput.id", "UpdateRunStateInput.id", "UpsertBucketInput.id"), "Run"),
    "DeleteViewInput.id": "View", "UpsertViewInput.id": "View",
    **dict.fromkeys(("UpsertSweepInput.id", "EnqueueSweepRunInput.id"), "Sweep"), "AgentHeartbeatInput.id": "Agent",
    **dict.fromkeys(("UpsertSweepInput.config",), "yaml"),
    **dict.fromkeys(("digest", "md5"), "md5"), "hexMD5": "md5", "completedParts": "md5",
    **dict.fromkeys(("config", "summaryMetrics", "metadata", "labels", "spec", "views", "attributes", "controller",
                     "launchScheduler", "priorRunsFilters", "scheduler", "templateVariableValues", "metrics",
                     "runState"), "json"),
    **dict.fromkeys((
        "description", "displayName", "notes", "groupName", "jobType", "host", "jobProgram", "jobRepo", "commit",
        "repo", "dockerImage", "framework", "color", "ProjectIconInput.name", "tags", "storagePath", "uploadID",
        "mimetype", "ref", "usedAs", "distributedID", "cloudRegionID", "storageRegion", "tagCategoryName",
        "UpsertViewInput.name", "UpsertViewInput.type", "UpdateUserInput.name",
        "CreateArtifactFileSpecInput.name", "ArtifactManifestEntryInput.name", "CreateArtifactManifestInput.name"),
        "text"),
}
_NEW = {"entity", "project", "run", "organization", "collection", "type", "alias", "tag", "file", "email", "client"}
_NAMES_OF_NEW = {"stolen", "new", "x", "another", "spies"}  # in access_matrix.py
_IDS = {"File": "run_files", "Artifact": "artifacts", "ArtifactCollection": "artifact_collections",
        "ArtifactManifest": "artifact_manifests", "Project": "projects", "User": "users", "Entity": "entities",
        "ApiKey": "api_keys", "View": "views", "Sweep": "sweeps", "Agent": "sweep_agents",
        "Invite": "invites"}
_NAMES = {"entity": ("entities", "name"), "project": ("projects", "name"), "run": ("runs", "name"),
          "user": ("users", "username"), "organization": ("organizations", "name"),
          "collection": ("artifact_collections", "name"), "type": ("artifact_types", "name"),
          "alias": ("artifact_aliases", "name"), "tag": ("artifact_tags", "name"), "sweep": ("sweeps", "name"),
          "agent": ("sweep_agents", "name"),
          "file": ("run_files", "name"), "client": ("artifact_client_ids", "client_id")}
_FIXED = {"role": ["admin", "member", "viewer", "restricted_viewer"], "access": sorted(ACCESSES),
          "state": ["running", "finished", "CANCELED", "RUNNING"], "yaml": [SWEEP, GRID], "metric": ["_step"],
          "md5": [MD5, "0" * 32, "3" * 32]}


def kind_of(owner: str, field: str) -> str:
    return KINDS.get(f"{owner}.{field}") or KINDS[field]


class Things:
    """What there is to name, whoever's it is: a stranger may guess any id."""

    def __init__(self, tables: Tables, choose: Choose[Any], numbers: itertools.count[int], own: Own) -> None:
        self.tables = tables
        self.own = own
        self.choose = choose
        self._numbers = numbers

    def mark(self) -> str:
        """A text that nobody has sent before."""
        return f"zq{next(self._numbers)}q"

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All of a table, but the keys with which the two send what they send: those have no description."""
        rows = [*self.tables[table].values()]
        return [row for row in rows if row["description"]] if table == "api_keys" else rows

    def pool(self, kind: str) -> list[str]:
        """All values of a kind."""
        if kind in _FIXED:
            return _FIXED[kind]
        if kind in _IDS:
            return [ids.encode(kind, row["id"]) for row in self.rows(_IDS[kind])]
        if kind == "Run":
            return [self.run_id(row) for row in self.rows("runs")]
        if kind == "member":
            return self.pool("User") + self.pool("Invite")
        if kind == "email":
            return [row["email"] for row in self.rows("users") + self.rows("invites") if row["email"]]
        table, column = _NAMES[kind]
        names = [row[column] for row in self.rows(table)]
        former = [row["name"] for row in self.rows("former_names") if row["kind"] == kind]
        return [*dict.fromkeys(names + former)]

    def run_id(self, run: Mapping[str, Any]) -> str:
        project = self.tables["projects"][run["project_id"],]
        return ids.encode_run(run["name"], project["name"], self.tables["entities"][project["entity_id"],]["name"])

    def value(self, kind: str) -> str:
        """One of a kind: one that is there, or for names sometimes a new one."""
        mark = self.mark()
        if kind == "text":
            return mark
        if kind == "json":
            return f'{{"word": "{mark}"}}'
        pool = self.pool(kind)
        if kind in _NEW and (not pool or self.choose([True, False, False])):
            new = {"email": f"{mark}@localhost", "project": self.choose([mark, f"wandb-registry-{mark}"])}
            return new.get(kind, mark)
        return self.choose(pool) if pool else mark

    def pick(self, table: str, *wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """A row that meets the first of the conditions that any row meets; one with number 0 where there is none."""
        rows = self.rows(table)
        for test in wanted:
            found = [row for row in rows if test(row)]
            if found:
                return self.choose(found)
        return self.choose(rows) if rows else {"id": 0, "name": "none", "project_id": 0, "entity_id": 0}

    def target(self) -> OwnedResources:
        """Things of one project, where it has them; of any otherwise. Mostly of one that the sender is in."""
        own = self.own if self.choose([True, True, False]) else _anybodys
        project = self.pick("projects", lambda row: own("projects", row))
        entity = self.tables["entities"][project["entity_id"],] if project["id"] else {"name": "none", "id": 0}

        def is_here(row: dict[str, Any]) -> bool:
            return bool(row["project_id"] == project["id"])

        run = self.pick("runs", is_here)
        file = self.pick("run_files", lambda row: row["run_id"] == run["id"])
        team = self.pick("entities", lambda row: row is entity and row["kind"] == "team",
                         lambda row: row["kind"] == "team" and own("entities", row),
                         lambda row: row["kind"] == "team")
        organization = self.pick("organizations", lambda row: row["id"] == team.get("organization_id"),
                                 lambda row: own("organizations", row))
        guild = self.tables["entities"].get((organization.get("entity_id"),), {"name": "none", "id": 0})
        registry = self.pick("projects", lambda row: row is project and row["entity_id"] == guild["id"],
                             lambda row: row["entity_id"] == guild["id"] and own("projects", row),
                             lambda row: row["entity_id"] == guild["id"])
        sweep = self.pick("sweeps", is_here)
        agent = self.pick("sweep_agents", lambda row: row["sweep_id"] == sweep["id"])
        return OwnedResources(
            entity=entity["name"], project=project["name"], project_id=ids.encode("Project", project["id"]),
            run=run["name"], run_id=self.run_id(run) if run["id"] else "", file_id=ids.encode("File", file["id"]),
            key_id=ids.encode("ApiKey", self.pick("api_keys")["id"]), team=team["name"],
            organization=organization["name"], member_id=self.value("member"), sweep=sweep["name"],
            sweep_id=ids.encode("Sweep", sweep["id"]), agent=agent["name"], agent_id=ids.encode("Agent", agent["id"]),
            view_id=ids.encode("View", self.pick("views", is_here)["id"]),
            logged=self._logged(project["id"]), guild=guild["name"], registry=registry["name"],
            registry_id=ids.encode("Project", registry["id"]), bob_id=ids.encode("User", self.pick("users")["id"]),
            team_id=ids.encode("Entity", team["id"]))

    def _logged(self, project: int) -> Logged:
        linked = {row["artifact_id"] for row in self.rows("artifact_memberships")
                  if self.tables["artifact_collections"][row["collection_id"],]["project_id"] == project}
        version = self.pick("artifacts", lambda row: row["id"] in linked)
        pending = self.pick("artifacts", lambda row: row["project_id"] == project and row["state"] == "PENDING",
                            lambda row: row["state"] == "PENDING")

        def collection(kind: str) -> str:
            row = self.pick("artifact_collections", lambda row: (row["project_id"], row["kind"]) == (project, kind),
                            lambda row: row["kind"] == kind)
            return ids.encode("ArtifactCollection", row["id"])

        manifest = self.pick("artifact_manifests", lambda row: row["artifact_id"] == pending["id"])
        return Logged(ids.encode("Artifact", version["id"]), collection("sequence"), collection("portfolio"),
                      ids.encode("Artifact", pending["id"]), ids.encode("ArtifactManifest", manifest["id"]))

    def input(self, mutation: str) -> dict[str, Any]:
        """A use of it on some things, up to three values of which are others; texts are new."""
        uses = [OPEN[mutation]] if mutation in OPEN else attempts(mutation)
        assert SCHEMA.mutation_type is not None
        kind = get_named_type(SCHEMA.mutation_type.fields[mutation].args["input"].type)
        assert isinstance(kind, GraphQLInputObjectType)
        given = self._with_new_texts(kind, self.choose(uses)(self.target()))
        for _ in range(self.choose([0, 0, 0, 0, 1, 1, 2, 3])):
            field = self.choose([name for name in kind.fields if name not in NOT_SENT])
            given = given | {field: self._made(kind, field, kind.fields[field].type)}
        return given

    def _with_new_texts(self, kind: GraphQLInputObjectType, given: Any) -> dict[str, Any]:
        """The same, with marks where it is the text that counts."""
        return {name: self._new_text(kind, name, value) for name, value in given.items()}

    def _new_text(self, kind: GraphQLInputObjectType, name: str, value: Any) -> Any:
        named = get_named_type(kind.fields[name].type)
        if isinstance(named, GraphQLInputObjectType):
            one = self._with_new_texts
            return [one(named, item) for item in value] if isinstance(value, list) else one(named, value)
        if not isinstance(value, str) or isinstance(named, GraphQLEnumType):
            return value
        what = kind_of(kind.name, name)
        is_new = what in _NEW and value in _NAMES_OF_NEW
        return self.value(what) if is_new or what in {"text", "json", "user", "role", "access"} else value

    def _made(self, owner: GraphQLInputObjectType, field: str, kind: GraphQLInputType) -> Any:
        if isinstance(kind, GraphQLNonNull):
            return self._made(owner, field, kind.of_type)
        if isinstance(kind, GraphQLList):
            return [self._made(owner, field, kind.of_type) for _ in range(self.choose([1, 1, 2]))]
        if isinstance(kind, GraphQLInputObjectType):
            return {name: self._made(kind, name, one.type) for name, one in kind.fields.items()
                    if isinstance(one.type, GraphQLNonNull) or self.choose([False, False, True])}
        if isinstance(kind, GraphQLEnumType):
            return self.choose([*kind.values])
        if kind.name in {"Int", "Int64"}:
            return self.choose([0, 1, 2, 100])
        simple = {"Boolean": [True, False], "Float": [0.0, 1.5]}.get(kind.name)
        return self.choose(simple) if simple else self.value(kind_of(owner.name, field))


def _anybodys(_table: str, _row: dict[str, Any]) -> bool:
    return True


def fields_without_kind() -> list[str]:
    """Texts and ids of inputs of which nobody has said what they are."""
    found = []
    for name, kind in SCHEMA.type_map.items():
        for field, one in kind.fields.items() if isinstance(kind, GraphQLInputObjectType) else ():
            named = get_named_type(one.type)
            if named.name in {"String", "ID", "JSONString"} and field not in NOT_SENT and not (
                    {f"{name}.{field}", field} & KINDS.keys()):
                found.append(f"{name}.{field}")
    return found
