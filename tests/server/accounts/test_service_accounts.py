"""A service account belongs to one team: nobody else takes it, finds it or reads its key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.world import KEY, World

ANN, EVE, VIC = "a" * 40, "e" * 40, "v" * 40
MEMBERS = "query Q($team: String!) { entity(name: $team) { members { id username role accountType apiKey } } }"
INVITE = """mutation M($team: String!, $user: String, $email: String) {
  createInvite(input: {entityName: $team, username: $user, email: $email}) { invite { id } } }"""
SEAT = """mutation M($user: String!, $role: String) { upsertOrganizationMember(input: {
  organizationName: "guild", username: $user, role: $role}) { organization { members { username } } } }"""
TEAM = """mutation M($name: String!, $user: String, $guild: String) { createTeam(input: {
  teamName: $name, teamAdminUserName: $user, organizationName: $guild}) { entity { name } } }"""
ADD = """mutation M($registry: ID!, $user: ID!) {
  createProjectMembers(input: {projectId: $registry, userIds: [$user]}) { success } }"""
FIND = "query Q($text: String) { users(query: $text) { edges { node { username } } } }"


@pytest.fixture
def robot(world: World) -> dict[str, Any]:
    """The service account of ann's team; eve has a team, an organization and a registry of her own."""
    for name, key in (("ann", ANN), ("eve", EVE), ("vic", VIC)):
        world.add_user(name, key)
    world.gql(TEAM, {"name": "crew"}, key=ANN)
    world.gql("""mutation { createInvite(input: {entityName: "crew", username: "vic", role: "viewer"}) {
              invite { id } } }""", key=ANN)
    world.gql('mutation { createServiceAccount(input: {entityName: "crew", description: "nightly"}) { user { id } } }',
              key=ANN)
    world.gql(TEAM, {"name": "gang"}, key=EVE)
    world.gql('mutation { createOrganization(input: {name: "guild"}) { organization { id } } }', key=EVE)
    return account_of(world, "crew", ANN)


def account_of(world: World, team: str, key: str) -> dict[str, Any]:
    members = world.gql(MEMBERS, {"team": team}, key=key)["entity"]["members"]
    (account,) = [member for member in members if member["accountType"] == "SERVICE"]
    return dict(account)


def registry_of(world: World) -> str:
    return str(world.gql("""mutation { upsertModel(input: {entityName: "guild-org", name: "wandb-registry-shelf"}) {
                         project { id } } }""", key=EVE)["upsertModel"]["project"]["id"])


def test_another_team_cannot_take_it(world: World, robot: dict[str, Any]) -> None:
    name = robot["username"]
    unknown = world.errors(INVITE, {"team": "gang", "user": "nobody"}, key=EVE, status=404)[0]
    for key in (EVE, ANN):
        world.gql("""mutation { createInvite(input: {entityName: "gang", username: "ann", role: "admin"}) {
                  invite { id } } }""", key=EVE)
        status = 404 if key == EVE else 400
        said = world.errors(INVITE, {"team": "gang", "user": name}, key=key, status=status)[0]
        assert (said == unknown.replace("nobody", name)) == (key == EVE)
    assert "of 'crew'" in said
    assert "of 'crew'" in world.errors(INVITE, {"team": "gang", "user": name}, status=400)[0]  # an instance admin
    world.gql(INVITE, {"team": "gang", "email": f"{name}@localhost"}, key=EVE)  # of somebody who may come one day
    members = world.gql(MEMBERS, {"team": "gang"}, key=EVE)["entity"]["members"]
    assert [member["username"] for member in members] == ["eve", "ann", None]
    assert robot["apiKey"] not in json.dumps(members)
    assert world.gql(INVITE, {"team": "crew", "user": name}, key=ANN)["createInvite"]["invite"]["id"] == robot["id"]


def test_another_organization_cannot_take_it(world: World, robot: dict[str, Any]) -> None:
    name = robot["username"]
    world.errors(SEAT, {"user": name}, key=EVE, status=404)
    assert "not in the organization" in world.errors(SEAT, {"user": name}, status=400)[0]
    registry = registry_of(world)
    assert name not in world.errors(ADD, {"registry": registry, "user": robot["id"]}, key=EVE, status=404)[0]
    world.errors(ADD, {"registry": registry, "user": robot["id"]}, status=400)


def test_the_organization_of_its_team_can(world: World, robot: dict[str, Any]) -> None:
    assert robot["apiKey"]
    world.gql(TEAM, {"name": "own", "guild": "guild"}, key=EVE)
    world.gql('mutation { createServiceAccount(input: {entityName: "own", description: "x"}) { user { id } } }',
              key=EVE)
    account = account_of(world, "own", EVE)
    registry = registry_of(world)
    world.errors(ADD, {"registry": registry, "user": account["id"]}, key=EVE, status=400)  # not before its seat
    found = world.gql(SEAT, {"user": account["username"], "role": "member"}, key=EVE)["upsertOrganizationMember"]
    assert account["username"] in json.dumps(found)
    assert world.gql(ADD, {"registry": registry, "user": account["id"]}, key=EVE)["createProjectMembers"]["success"]


def test_it_makes_no_teams_and_no_organizations(world: World, robot: dict[str, Any]) -> None:
    for key, admin in ((robot["apiKey"], None), (KEY, robot["username"])):
        said = world.errors(TEAM, {"name": "spies", "user": admin}, key=key, status=400)[0]
        assert "service account" in said
    assert "only instance admins" in world.errors(TEAM, {"name": "spies", "user": robot["username"]}, key=ANN,
                                                  status=403)[0]
    make = 'mutation { createOrganization(input: {name: "robots"}) { organization { id } } }'
    assert "service account" in world.errors(make, key=robot["apiKey"], status=400)[0]


def test_its_key_is_for_admins_of_its_team(world: World, robot: dict[str, Any]) -> None:
    assert world.gql("{ viewer { username entity } }", key=robot["apiKey"])["viewer"] == {
        "username": robot["username"], "entity": "crew"}
    for key in (VIC, EVE):
        assert robot["apiKey"] not in json.dumps(world.gql(MEMBERS, {"team": "crew"}, key=key))


def test_searches_by_strangers_leave_it_out(world: World, robot: dict[str, Any]) -> None:
    name = robot["username"]

    def finds(key: str, text: str | None) -> bool:
        return name in json.dumps(world.gql(FIND, {"text": text}, key=key))

    for text in (name, "service-", "nightly", f"{name}@"):
        assert [finds(key, text) for key in (KEY, ANN, VIC, robot["apiKey"], EVE)] == [True, True, True, True, False]
    entity = f'{{ entity(name: "{name}") {{ user {{ username email }} }} }}'
    for key in (KEY, ANN, VIC, robot["apiKey"]):
        assert world.gql(entity, key=key)["entity"]["user"]["username"] == name
    assert world.gql(entity, key=EVE) == world.gql(entity.replace(name, "nobody"), key=EVE)


def test_it_goes_with_its_team(world: World, robot: dict[str, Any]) -> None:
    remove = 'mutation M($id: String!) { deleteInvite(input: {entityName: "crew", id: $id}) { success } }'
    world.errors(remove, {"id": robot["id"]}, key=EVE, status=404)
    world.gql(remove, {"id": robot["id"]}, key=ANN)
    world.errors("{ viewer { username } }", key=robot["apiKey"], status=401)
