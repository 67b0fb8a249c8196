"""An organization with people of every kind, and what is done with its registries."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from support.world import World

PEOPLE = {"boss": "admin", "mia": "member", "vic": "viewer", "out": None}
KEYS = {name: name[0] * 40 for name in PEOPLE} | {"local": "f" * 40}
UPSERT = """mutation M($input: UpsertModelInput!) { upsertModel(input: $input) { inserted project {
  id internalId name entity { name organization { name } } description createdAt updatedAt access
  allowAllArtifactTypes: allowAllArtifactTypesInRegistry } } }"""
FIND = "query Q($name: String, $entity: String) { entity(name: $entity) { project(name: $name) { id name } } }"
LOG = """mutation M($input: CreateArtifactInput!) { createArtifact(input: $input) { artifact { id state } } }"""
MANIFEST = """mutation M($input: CreateArtifactManifestInput!) { createArtifactManifest(input: $input) {
  artifactManifest { file { uploadUrl } } } }"""
FILES = """mutation M($input: CreateArtifactFilesInput!) { createArtifactFiles(input: $input) {
  files { edges { node { uploadUrl } } } } }"""
COMMIT = "mutation M($id: ID!) { commitArtifact(input: {artifactID: $id}) { artifact { state } } }"
LINK = """mutation M($input: LinkArtifactInput!) { linkArtifact(input: $input) { versionIndex
  artifactMembership { id artifactCollection { id name } artifact { id } } } }"""
PROJECT = "query Q($name: String!, $entity: String!) { project(name: $name, entityName: $entity) { id name readOnly } }"


class Club:
    """The organization `Club`: boss is admin, mia member, vic viewer; out is not in it. `crew` is boss's and mia's."""

    entity = "Club-org"

    def __init__(self, world: World) -> None:
        self.world = world
        for name in PEOPLE:
            world.add_user(name, KEYS[name])
        self.ask("boss", 'mutation { createOrganization(input: {name: "Club"}) { organization { id } } }')
        for name, role in PEOPLE.items():
            if role is not None:
                self.ask("boss", "mutation M($u: String!, $r: String) { upsertOrganizationMember(input: "
                                 '{organizationName: "Club", username: $u, role: $r}) { organization { id } } }',
                         u=name, r=role)
        self.ask("boss", 'mutation { createTeam(input: {teamName: "crew", organizationName: "Club"}) '
                         "{ entity { id } } }")
        self.ask("boss", 'mutation { createInvite(input: {entityName: "crew", username: "mia"}) { invite { id } } }')

    def ask(self, who: str | None, query: str, /, **variables: Any) -> Any:
        return self.world.gql(query, variables, key=KEYS[who] if who else None)

    def refused(self, who: str | None, query: str, status: int, /, **variables: Any) -> str:
        return self.world.errors(query, variables, key=KEYS[who] if who else None, status=status)[0]

    def make(self, who: str, name: str, **fields: Any) -> Any:
        """The payload of a new registry of this short name."""
        asked = {"entityName": self.entity, "name": f"wandb-registry-{name}", "access": "PRIVATE",
                 "allowAllArtifactTypesInRegistry": True, **fields}
        return self.ask(who, UPSERT, input=asked)["upsertModel"]

    def log(self, who: str, collection: str, text: str = "text", *, entity: str = "crew", kind: str = "model",
            metadata: str | None = None) -> str:
        """A committed version with one file; its id."""
        digest = base64.b64encode(hashlib.md5(text.encode()).digest()).decode()
        made = self.ask(who, LOG, input={
            "entityName": entity, "projectName": "p", "artifactTypeName": kind, "artifactCollectionName": collection,
            "digest": digest, "metadata": metadata})["createArtifact"]["artifact"]["id"]
        asked = {"artifactFiles": [{"artifactID": made, "name": "a.txt", "md5": digest}], "storageLayout": "V2"}
        for edge in self.ask(who, FILES, input=asked)["createArtifactFiles"]["files"]["edges"]:
            self.put(edge["node"]["uploadUrl"], text.encode())
        manifest = json.dumps({
            "version": 1, "storagePolicy": "wandb-storage-policy-v1", "storagePolicyConfig": {"storageLayout": "V2"},
            "contents": {"a.txt": {"digest": digest, "size": len(text)}}}).encode()
        announced = self.ask(who, MANIFEST, input={
            "artifactID": made, "name": "wandb_manifest.json", "entityName": entity, "projectName": "p",
            "runName": "", "digest": base64.b64encode(hashlib.md5(manifest).digest()).decode(), "type": "FULL"})
        self.put(announced["createArtifactManifest"]["artifactManifest"]["file"]["uploadUrl"], manifest)
        assert self.ask(who, COMMIT, id=made)["commitArtifact"]["artifact"]["state"] == "COMMITTED"
        return str(made)

    def put(self, url: str | None, data: bytes) -> None:
        """Bytes that are there already have no URL."""
        if url is not None:
            assert self.world.client.put(url, content=data).status_code == 200

    def target(self, artifact: str, where: str, aliases: tuple[str, ...] = ()) -> dict[str, Any]:
        """The input of a link to `registry/collection`."""
        registry, collection = where.split("/")
        return {"artifactID": artifact, "artifactPortfolioName": collection, "entityName": self.entity,
                "projectName": f"wandb-registry-{registry}",
                "aliases": [{"artifactCollectionName": collection, "alias": alias} for alias in aliases]}

    def link(self, who: str, artifact: str, where: str, *aliases: str) -> Any:
        return self.ask(who, LINK, input=self.target(artifact, where, aliases))["linkArtifact"]

    def sees(self, who: str | None, name: str) -> bool:
        found = self.ask(who, PROJECT, name=f"wandb-registry-{name}", entity=self.entity)["project"]
        return found is not None

    def user_id(self, name: str) -> str:
        edges = self.ask("boss", "query Q($q: String) { users(query: $q) { edges { node { id username } } } }",
                         q=name)["users"]["edges"]
        return next(str(edge["node"]["id"]) for edge in edges if edge["node"]["username"] == name)

    def team_id(self, name: str = "crew") -> str:
        return str(self.ask("boss", "query Q($n: String) { entity(name: $n) { id } }", n=name)["entity"]["id"])


@pytest.fixture
def club(world: World) -> Club:
    return Club(world)
