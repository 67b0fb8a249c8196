"""Organizations and the roles of teams, over the wire."""

from __future__ import annotations

from typing import Any

from support.world import World

ADA, BOB, EVE = "a" * 40, "b" * 40, "e" * 40
CREATE = """mutation($name: String!) { createOrganization(input: {name: $name}) {
  organization { id name orgEntity { name entityType } members { username role } } } }"""
DELETE = "mutation($name: String!) { deleteOrganization(input: {name: $name}) { success } }"
SEAT = """mutation($org: String!, $user: String!, $role: String) {
  upsertOrganizationMember(input: {organizationName: $org, username: $user, role: $role}) {
    organization { members { username role } } } }"""
UNSEAT = """mutation($org: String!, $user: String!) {
  deleteOrganizationMember(input: {organizationName: $org, username: $user}) { organization { name } } }"""
TEAM = """mutation($name: String!, $org: String) {
  createTeam(input: {teamName: $name, organizationName: $org}) { entity { name organization { name } } } }"""
INVITE = """mutation($team: String!, $user: String!, $role: String) {
  createInvite(input: {entityName: $team, username: $user, role: $role}) { invite { id } } }"""
LOOK = '{ organization(name: "Big Org") { name teams { name } } }'


def people(world: World) -> None:
    for name, key in (("ada", ADA), ("bob", BOB), ("eve", EVE)):
        world.add_user(name, key)


def seats(answer: Any) -> dict[str, str]:
    return {member["username"]: member["role"] for member in answer["organization"]["members"]}


def test_creator_of_an_organization_is_its_admin(world: World) -> None:
    people(world)
    made = world.gql(CREATE, {"name": "Big Org"}, key=ADA)["createOrganization"]
    assert seats(made) == {"ada": "admin"}
    assert made["organization"]["orgEntity"] == {"name": "Big-Org-org", "entityType": "organization"}
    assert "exists" in world.errors(CREATE, {"name": "Big Org"}, key=BOB, status=409)[0]
    for name in ("", "a/b", "x\x00y", "x" * 200):
        assert "organization name" in world.errors(CREATE, {"name": name}, key=ADA, status=400)[0]
    world.errors(CREATE, {"name": "n"}, key=None, status=401)


def test_seats_are_given_changed_and_taken_by_admins(world: World) -> None:
    people(world)
    world.gql(CREATE, {"name": "Big Org"}, key=ADA)
    ours = {"org": "Big Org"}
    world.errors(SEAT, {**ours, "user": "eve", "role": "admin"}, key=EVE, status=404)
    assert seats(world.gql(SEAT, {**ours, "user": "bob"}, key=ADA)["upsertOrganizationMember"])["bob"] == "member"
    world.errors(SEAT, {**ours, "user": "eve", "role": "member"}, key=BOB, status=403)
    assert "owner" in world.errors(SEAT, {**ours, "user": "bob", "role": "owner"}, key=ADA, status=400)[0]
    for nobody in ("nobody", "x\x00y"):
        world.errors(SEAT, {**ours, "user": nobody}, key=ADA, status=404)
    world.gql(SEAT, {**ours, "user": "bob", "role": "viewer"}, key=ADA)
    kept = world.gql(SEAT, {**ours, "user": "bob"}, key=ADA)["upsertOrganizationMember"]
    assert seats(kept) == {"ada": "admin", "bob": "viewer"}
    assert "last admin" in world.errors(SEAT, {**ours, "user": "ada", "role": "member"}, key=ADA, status=400)[0]
    assert "last admin" in world.errors(UNSEAT, {**ours, "user": "ada"}, key=ADA, status=400)[0]
    world.errors(UNSEAT, {**ours, "user": "ada"}, key=BOB, status=403)
    assert world.gql(LOOK, key=BOB)["organization"]["name"] == "Big Org"
    world.gql(UNSEAT, {**ours, "user": "bob"}, key=BOB)  # leaves
    assert world.gql(LOOK, key=BOB)["organization"] is None
    world.errors(UNSEAT, {**ours, "user": "bob"}, key=ADA, status=404)


def test_team_in_an_organization_is_made_by_its_admins_and_goes_with_it(world: World) -> None:
    people(world)
    world.gql(CREATE, {"name": "Big Org"}, key=ADA)
    world.gql(SEAT, {"org": "Big Org", "user": "bob"}, key=ADA)
    world.errors(TEAM, {"name": "crew", "org": "Big Org"}, key=BOB, status=403)
    world.errors(TEAM, {"name": "crew", "org": "Big Org"}, key=EVE, status=404)
    team = world.gql(TEAM, {"name": "crew", "org": "Big Org"}, key=ADA)["createTeam"]["entity"]
    assert team == {"name": "crew", "organization": {"name": "Big Org"}}
    assert world.gql(LOOK, key=BOB)["organization"]["teams"] == [{"name": "crew"}]
    world.errors(DELETE, {"name": "Big Org"}, key=BOB, status=403)
    world.gql(DELETE, {"name": "Big Org"}, key=ADA)
    world.errors(DELETE, {"name": "Big Org"}, key=ADA, status=404)
    assert world.gql('{ entity(name: "crew") { available } }', key=ADA)["entity"] == {"available": True}


def test_viewer_of_a_team_reads_and_may_be_promoted(world: World) -> None:
    people(world)
    world.gql(TEAM, {"name": "crew"}, key=ADA)
    world.upsert("r", entityName="crew", key=ADA)
    world.gql(INVITE, {"team": "crew", "user": "bob", "role": "viewer"}, key=ADA)
    assert world.run("name", "r", entity="crew", key=BOB) == {"name": "r"}
    world.refused_upsert("s", entityName="crew", key=BOB, status=403)
    assert "owner" in world.errors(INVITE, {"team": "crew", "user": "bob", "role": "owner"}, key=ADA, status=400)[0]
    world.gql(INVITE, {"team": "crew", "user": "bob"}, key=ADA)
    world.refused_upsert("s", entityName="crew", key=BOB, status=403)  # invited again, the role stays
    world.gql(INVITE, {"team": "crew", "user": "bob", "role": "member"}, key=ADA)
    world.upsert("s", entityName="crew", key=BOB)
    assert "last admin" in world.errors(INVITE, {"team": "crew", "user": "ada", "role": "viewer"}, key=ADA,
                                        status=400)[0]
