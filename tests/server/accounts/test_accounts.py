"""Users, keys, teams and organizations, through the schema and its services."""

from __future__ import annotations

from typing import Any

import pytest

from dumbbell_server.accounts import organizations, queries, service, teams
from dumbbell_server.accounts.access import Keys
from dumbbell_server.accounts.events import AccountsChanged, EntityDeleting
from dumbbell_server.database.engine import reading
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import Unauthenticated

CREATE_TEAM = """mutation($name: String!, $admin: String) {
  createTeam(input: {teamName: $name, teamAdminUserName: $admin}) { entity { id name available limits } } }"""
INVITE = """mutation($team: String!, $username: String, $email: String, $admin: Boolean) {
  createInvite(input: {entityName: $team, username: $username, email: $email, admin: $admin}) {
    invite { id name email createdAt toUser { name } } } }"""
UNINVITE = """mutation($id: String, $team: String) {
  deleteInvite(input: {id: $id, entityName: $team}) { success } }"""
MEMBERS = """query($name: String!) { entity(name: $name) {
  id isTeam entityType readOnly storageBytes members { id username role admin pending accountType apiKey } } }"""
VIEWER = """{ viewer { id username name email admin entity flags deletedAt photoUrl
  apiKeys { edges { node { id name description } } } teams { edges { node { name } } } organizations { name } } }"""


def team_names(viewer: dict[str, Any]) -> list[str]:
    return [edge["node"]["name"] for edge in viewer["teams"]["edges"]]


def test_viewer_and_server_info(town: Any) -> None:
    town.user("ada")
    viewer = town.ask("ada", VIEWER)["viewer"]
    assert (viewer["username"], viewer["entity"], viewer["admin"]) == ("ada", "ada", False)
    assert team_names(viewer) == ["ada"]
    assert viewer["organizations"] == []
    info = town.ask(None, "{ viewer { id } serverInfo { cliVersionInfo latestLocalVersionInfo { outOfDate } "
                          "features { name isEnabled } } }")
    assert info["viewer"] is None
    assert set(info["serverInfo"]["cliVersionInfo"]) == {"max_cli_version", "min_cli_version"}
    assert info["serverInfo"]["latestLocalVersionInfo"] == {"outOfDate": False}


def test_keys_are_made_shown_as_prefix_and_deleted(town: Any) -> None:
    town.user("ada")
    town.user("bob")
    keys = Keys(town.backend.database, town.backend.settings)
    town.backend.events.subscribe(AccountsChanged, lambda unit, _: unit.after_commit(keys.clear))
    made = town.ask("ada", 'mutation { generateApiKey(input: {description: "x", clientMutationId: "7"}) '
                           "{ apiKey { id name description } clientMutationId } }")["generateApiKey"]
    key = made["apiKey"]["name"]
    assert (len(key), made["clientMutationId"]) == (40, "7")
    assert keys.actor(key).username == "ada"
    (shown,) = town.ask("ada", VIEWER)["viewer"]["apiKeys"]["edges"]
    assert key.startswith(shown["node"]["name"])
    assert len(shown["node"]["name"]) < 40
    found = town.ask("bob", '{ users(query: "ada") { edges { node { username email apiKeys { edges { node { id } } } '
                            "} } } }")["users"]["edges"]
    assert found == [{"node": {"username": "ada", "email": "ada@localhost", "apiKeys": {"edges": []}}}]
    delete = "mutation($id: String!) { deleteApiKey(input: {id: $id}) { success } }"
    assert town.answer("bob", delete, id=made["apiKey"]["id"]).status == 404
    assert town.ask("ada", delete, id=made["apiKey"]["id"])["deleteApiKey"]["success"]
    assert town.answer("ada", delete, id=made["apiKey"]["id"]).status == 404
    with pytest.raises(Unauthenticated):
        keys.actor(key)


def test_team_invite_and_removal(town: Any) -> None:
    for name in ("ada", "bob", "eve"):
        town.user(name)
    assert town.ask("ada", CREATE_TEAM, name="crew")["createTeam"]["entity"]["name"] == "crew"
    assert town.answer("ada", CREATE_TEAM, name="crew").status == 409
    assert town.answer("eve", CREATE_TEAM, name="other", admin="ada").status == 403
    assert town.answer("eve", INVITE, team="crew", username="eve").status == 404
    invite = town.ask("ada", INVITE, team="crew", username="bob", admin=False)["createInvite"]["invite"]
    assert invite["toUser"] == {"name": "bob"}
    assert team_names(town.ask("bob", VIEWER)["viewer"]) == ["bob", "crew"]
    assert town.answer("bob", INVITE, team="crew", username="eve").status == 403
    entity = town.ask("bob", MEMBERS, name="crew")["entity"]
    assert [(m["username"], m["role"], m["accountType"]) for m in entity["members"]] == [
        ("ada", "admin", "USER"), ("bob", "member", "USER")]
    assert (entity["isTeam"], entity["entityType"], entity["storageBytes"]) == (True, "team", 0)
    assert town.ask("eve", MEMBERS, name="crew")["entity"]["members"] == []
    assert town.ask(None, MEMBERS, name="crew")["entity"] is None
    ada, bob = (member["id"] for member in entity["members"])
    assert town.answer("bob", UNINVITE, team="crew", id=ada).status == 403
    assert town.answer("ada", UNINVITE, team="crew", id=ada).status == 400  # the last admin
    update = "mutation($e: String) { updateUser(input: {defaultEntity: $e}) { user { entity } } }"
    assert town.ask("bob", update, e="crew")["updateUser"]["user"]["entity"] == "crew"
    assert town.answer("eve", update, e="crew").status == 404
    assert town.ask("ada", UNINVITE, team="crew", id=bob)["deleteInvite"]["success"]
    assert town.answer("ada", UNINVITE, team="crew", id=bob).status == 404
    assert town.ask("bob", VIEWER)["viewer"]["entity"] == "bob"


def test_invited_address_joins_when_its_user_is_created(town: Any) -> None:
    town.user("root", admin=True)
    town.user("ada")
    town.ask("ada", CREATE_TEAM, name="crew")
    assert town.ask("ada", INVITE, team="crew", email="cy@x.org")["createInvite"]["invite"]["toUser"] is None
    assert town.ask("ada", MEMBERS, name="crew")["entity"]["members"][1]["pending"]
    create = "mutation($e: String) { createUser(input: {email: $e, admin: false}) { user { username email } } }"
    assert town.answer("ada", create, e="cy@x.org").status == 403
    assert town.ask("root", create, e="cy@x.org")["createUser"]["user"] == {"username": "cy", "email": "cy@x.org"}
    assert town.answer("root", create, e="cy@x.org").status == 409
    assert [m["username"] for m in town.ask("cy", MEMBERS, name="crew")["entity"]["members"]] == ["ada", "cy"]


def test_service_account_key_is_for_admins_and_goes_with_it(town: Any) -> None:
    town.user("ada")
    town.user("bob")
    town.ask("ada", CREATE_TEAM, name="crew")
    town.ask("ada", INVITE, team="crew", username="bob")
    make = """mutation { createServiceAccount(input: {entityName: "crew", description: "nightly"}) { user { id } } }"""
    assert town.answer("bob", make).status == 403
    town.ask("ada", make)
    service_member = town.ask("ada", MEMBERS, name="crew")["entity"]["members"][2]
    assert service_member["accountType"] == "SERVICE"
    actor = Keys(town.backend.database, town.backend.settings).actor(service_member["apiKey"])
    assert actor.entity_name == "crew"
    assert all(m["apiKey"] is None for m in town.ask("bob", MEMBERS, name="crew")["entity"]["members"])
    town.ask("ada", UNINVITE, team="crew", id=service_member["id"])
    with pytest.raises(Unauthenticated):
        Keys(town.backend.database, town.backend.settings).actor(service_member["apiKey"])


def test_organization_is_seen_by_its_members(town: Any) -> None:
    for name in ("ada", "bob", "eve"):
        town.user(name)

    def make(unit: Unit) -> None:
        org = organizations.make_organization(unit, "Big Org", teams.user_named(unit.session, "ada"))
        organizations.set_role(unit, org, teams.user_named(unit.session, "bob"), "viewer")
        teams.make_team(unit, "crew", teams.user_named(unit.session, "ada"), org.id)

    town.backend.write(None, make)
    text = """{ organization(name: "Big Org") { id name coreWeaveOrganizationId orgEntity { name entityType }
      advancedRegistryFeatures { advancedSearch } featureFlags(rampIDType: OrgName) { rampKey isEnabled }
      members { username role } teams { name } } }"""
    found = town.ask("bob", text)["organization"]
    assert found["orgEntity"] == {"name": "Big-Org-org", "entityType": "organization"}
    assert found["members"] == [{"username": "ada", "role": "admin"}, {"username": "bob", "role": "viewer"}]
    assert found["teams"] == [{"name": "crew"}]
    assert town.ask("eve", text)["organization"] is None
    assert town.ask("eve", MEMBERS, name="Big-Org-org")["entity"]["members"] == []
    by_team = '{ entity(name: "crew") { organization { name orgEntity { name } } } }'
    assert town.ask("ada", by_team)["entity"]["organization"]["name"] == "Big Org"
    assert town.ask("eve", by_team)["entity"]["organization"] is None
    by_user = '{ entity(name: "ada") { user { organizations { name } } } }'
    assert town.ask("bob", by_user)["entity"]["user"]["organizations"] == [{"name": "Big Org"}]
    assert town.ask("eve", by_user)["entity"]["user"]["organizations"] == []


def test_rename_is_remembered(town: Any) -> None:
    town.user("ada")
    town.user("eve")
    town.ask("ada", CREATE_TEAM, name="crew")
    rename = """mutation($old: String!, $new: String!) {
      renameEntity(input: {entityName: $old, newName: $new}) { entity { name } } }"""
    assert town.answer("eve", rename, old="crew", new="gang").status == 404
    assert town.answer("ada", rename, old="crew", new="eve").status == 409
    assert town.ask("ada", rename, old="crew", new="gang")["renameEntity"]["entity"]["name"] == "gang"
    with reading(town.backend.database) as session:
        team = queries.entity_by_name(session, "gang")
        assert team is not None
        assert queries.former(session, "entity", "crew") == team.id
    town.ask("ada", rename, old="ada", new="lovelace")
    assert town.ask("lovelace", VIEWER)["viewer"]["name"] == "lovelace"


def test_who_takes_a_name_takes_its_invitations(town: Any) -> None:
    town.user("ada")
    town.user("eve")
    town.ask("ada", CREATE_TEAM, name="crew")
    town.ask("eve", """mutation { renameEntity(input: {entityName: "eve", newName: "eva"}) { entity { name } } }""")
    town.user("eve")
    assert town.ask("ada", INVITE, team="crew", email="eve@localhost")["createInvite"]["invite"]["toUser"] == {
        "name": "eve"}
    assert [m["username"] for m in town.ask("ada", MEMBERS, name="crew")["entity"]["members"]] == ["ada", "eve"]


def test_deleted_user_is_gone_twice_and_the_name_is_free(town: Any) -> None:
    town.user("ada")
    emitted: list[int] = []
    town.backend.events.subscribe(EntityDeleting, lambda _, event: emitted.append(event.entity_id))

    def remove(unit: Unit) -> None:
        user = teams.user_named(unit.session, "ada")
        for _ in range(2):
            service.delete_user(unit, user)

    town.backend.write(None, remove)
    assert len(emitted) == 1
    town.user("ada")
    assert team_names(town.ask("ada", VIEWER)["viewer"]) == ["ada"]
