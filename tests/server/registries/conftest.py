"""An organization with people of every kind, and what is done with its registries."""

from __future__ import annotations

from typing import Any

import pytest

from support.world import World

PEOPLE = {"boss": "admin", "mia": "member", "vic": "viewer", "out": None}
KEYS = {name: name[0] * 40 for name in PEOPLE} | {"local": "f" * 40}
UPSERT = """mutation M($input: UpsertModelInput!) { upsertModel(input: $input) { inserted project {
  id internalId name entity { name organization { name } } description createdAt updatedAt access
  allowAllArtifactTypes: allowAllArtifactTypesInRegistry } } }"""
FIND = "query Q($name: String, $entity: String) { entity(name: $entity) { project(name: $name) { id name } } }"
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
