"""Who is in a registry, and what each role may do."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Club

ADD = """mutation M($id: ID!, $users: [ID!], $teams: [ID!]) { result: createProjectMembers(input: {
  projectId: $id, userIds: $users, teamIds: $teams}) { success } }"""
REMOVE = """mutation M($id: ID!, $users: [ID!], $teams: [ID!]) { result: deleteProjectMembers(input: {
  projectId: $id, userIds: $users, teamIds: $teams}) { success } }"""
USER_ROLE = """mutation M($id: ID!, $who: ID!, $role: String!) { result: updateProjectMember(input: {
  projectId: $id, userId: $who, userProjectRole: $role}) { success } }"""
TEAM_ROLE = """mutation M($id: ID!, $who: ID!, $role: String!) { result: updateProjectTeamMember(input: {
  projectId: $id, teamId: $who, teamProjectRole: $role}) { success } }"""
MEMBERS = """query Q($name: String!) { project(name: $name, entityName: "Club-org") {
  members { id name username email role { name } } teamMembers { team { id name } role { name } } } }"""
EDIT = """mutation M($id: String) { upsertModel(input: {id: $id, description: "d"}) { inserted } }"""


def roles(club: Club, name: str = "models") -> dict[str, str]:
    found = club.ask("boss", MEMBERS, name=f"wandb-registry-{name}")["project"]
    users = {member["username"]: member["role"]["name"] for member in found["members"]}
    return users | {member["team"]["name"]: member["role"]["name"] for member in found["teamMembers"]}


def test_users_and_teams_are_let_in_and_removed(club: Club) -> None:
    registry = club.make("boss", "models", access="RESTRICTED")["project"]["id"]
    vic, crew = club.user_id("vic"), club.team_id()
    assert (club.sees("vic", "models"), club.sees("mia", "models")) == (False, False)
    assert club.ask("boss", ADD, id=registry, users=[vic], teams=[crew])["result"]["success"]
    assert roles(club) == {"boss": "admin", "vic": "member", "crew": "member"}
    assert (club.sees("vic", "models"), club.sees("mia", "models")) == (True, True)
    for role in ("admin", "viewer", "restricted_viewer", "member"):
        club.ask("boss", USER_ROLE, id=registry, who=vic, role=role)
        club.ask("boss", TEAM_ROLE, id=registry, who=crew, role=role)
        assert roles(club) == {"boss": "admin", "vic": role, "crew": role}
        assert club.sees("vic", "models")
    club.ask("boss", USER_ROLE, id=registry, who=vic, role="viewer")
    club.ask("boss", ADD, id=registry, users=[vic])  # once more, the role stays
    assert roles(club)["vic"] == "viewer"
    for _ in range(2):
        assert club.ask("boss", REMOVE, id=registry, users=[vic], teams=[crew])["result"]["success"]
    assert roles(club) == {"boss": "admin"}
    assert (club.sees("vic", "models"), club.sees("mia", "models")) == (False, False)


def test_only_admins_change_members(club: Club) -> None:
    registry = club.make("boss", "models")["project"]["id"]
    mia, vic = club.user_id("mia"), club.user_id("vic")
    club.ask("boss", ADD, id=registry, users=[mia])
    for who, status in (("mia", 403), ("vic", 403), ("out", 404), (None, 401)):
        club.refused(who, ADD, status, id=registry, users=[vic])
        club.refused(who, REMOVE, status, id=registry, users=[mia])
        club.refused(who, USER_ROLE, status, id=registry, who=mia, role="admin")
        club.refused(who, TEAM_ROLE, status, id=registry, who=club.team_id(), role="admin")
    club.refused("mia", EDIT, 403, id=registry)
    club.ask("boss", USER_ROLE, id=registry, who=mia, role="admin")
    club.ask("mia", EDIT, id=registry)
    club.ask("mia", ADD, id=registry, users=[vic])
    assert roles(club) == {"boss": "admin", "mia": "admin", "vic": "member"}


def test_a_teams_role_is_that_of_each_in_it(club: Club) -> None:
    registry = club.make("boss", "models", access="RESTRICTED")["project"]["id"]
    club.ask("boss", ADD, id=registry, teams=[club.team_id()])
    club.refused("mia", EDIT, 403, id=registry)
    club.ask("boss", TEAM_ROLE, id=registry, who=club.team_id(), role="admin")
    club.ask("mia", EDIT, id=registry)
    members = club.ask("boss", '{ entity(name: "crew") { members { id username } } }')["entity"]["members"]
    mia = next(member["id"] for member in members if member["username"] == "mia")
    club.ask("boss", 'mutation M($id: String) { deleteInvite(input: {entityName: "crew", id: $id}) { success } }',
             id=mia)
    assert not club.sees("mia", "models")


def test_outsiders_are_let_in_by_instance_admins_only(club: Club) -> None:
    registry = club.make("boss", "models")["project"]["id"]
    out = club.user_id("out")
    assert "not in the organization" in club.refused("boss", ADD, 400, id=registry, users=[out])
    club.ask("out", 'mutation { createTeam(input: {teamName: "others"}) { entity { id } } }')
    assert "not part" in club.refused("boss", ADD, 400, id=registry, teams=[club.team_id("others")])
    club.ask("local", ADD, id=registry, users=[out], teams=[club.team_id("others")])
    assert roles(club) == {"boss": "admin", "out": "member", "others": "member"}
    assert club.sees("out", "models")
    club.ask("boss", REMOVE, id=registry, users=[out], teams=[club.team_id("others")])
    assert not club.sees("out", "models")


def test_leaving_the_organization_leaves_its_registries(club: Club) -> None:
    registry = club.make("boss", "models", access="RESTRICTED")["project"]["id"]
    club.ask("boss", ADD, id=registry, users=[club.user_id("vic")])
    club.ask("boss", 'mutation { deleteOrganizationMember(input: {organizationName: "Club", username: "vic"}) '
                     "{ organization { id } } }")
    assert roles(club) == {"boss": "admin"}
    assert not club.sees("vic", "models")


@pytest.mark.parametrize(("users", "teams", "status"), [
    (["nonsense"], [], 400),
    ([base64.b64encode(b"Entity:1").decode()], [], 400),
    ([], [base64.b64encode(b"User:1").decode()], 400),
    ([base64.b64encode(b"User:999").decode()], [], 404),
    ([], [base64.b64encode(b"Entity:999").decode()], 404),
    ([base64.b64encode(b"User:1").decode()] * 1001, [], 400),
])
def test_bad_ids_change_nothing(club: Club, users: list[str], teams: list[str], status: int) -> None:
    registry = club.make("boss", "models")["project"]["id"]
    club.refused("local", ADD, status, id=registry, users=[club.user_id("mia"), *users], teams=teams)
    assert roles(club) == {"boss": "admin"}


def test_roles_of_nobody_and_of_plain_projects(club: Club) -> None:
    registry = club.make("boss", "models")["project"]["id"]
    mia = club.user_id("mia")
    assert "add them first" in club.refused("boss", USER_ROLE, 404, id=registry, who=mia, role="admin")
    assert "add it first" in club.refused("boss", TEAM_ROLE, 404, id=registry, who=club.team_id(), role="admin")
    club.ask("boss", ADD, id=registry, users=[mia], teams=[club.team_id()])
    assert "'owner'" in club.refused("boss", USER_ROLE, 400, id=registry, who=mia, role="owner")
    plain: Any = club.ask("boss", 'mutation { upsertModel(input: {name: "p"}) { project { id members { id } } } }')
    assert plain["upsertModel"]["project"]["members"] == []
    assert "no registry" in club.refused("boss", ADD, 400, id=plain["upsertModel"]["project"]["id"], users=[mia])
