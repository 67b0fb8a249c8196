"""`entity(name)` of a name that is nobody's, as far as who asks may know."""

from __future__ import annotations

from typing import Any

import pytest

from support.world import World

EVE = "e" * 40
LOOK = """query Q($name: String) { entity(name: $name) { name available isTeam entityType members { name } user { name }
  organization { name } project(name: "p") { name } projects { edges { node { name } } }
  artifactCollections { totalCount } artifactMemberships { totalCount } } }"""
NOTHING = {"isTeam": False, "entityType": None, "members": [], "user": None, "organization": None, "project": None,
           "projects": {"edges": []},
           "artifactCollections": {"totalCount": 0}, "artifactMemberships": {"totalCount": 0}}


def look(world: World, name: str, key: str | None = None) -> Any:
    return world.gql(LOOK, {"name": name}, **({"key": key} if key else {}))["entity"]


def test_a_name_that_nobody_has_is_available(world: World) -> None:
    assert look(world, "nobody") == {"name": "nobody", "available": True, **NOTHING}
    assert world.count("entities") == 1
    world.add_user("nobody", EVE)
    assert look(world, "nobody")["available"] is False


@pytest.mark.parametrize("name", ["settings", "a b", "-", "a" * 129, "/"])
def test_a_name_that_nobody_may_have_is_not(world: World, name: str) -> None:
    assert look(world, name) == {"name": name, "available": False, **NOTHING}


def test_of_what_is_not_shown_there_is_no_more_than_that_the_name_is_taken(world: World) -> None:
    world.add_user("eve", EVE)
    world.gql('mutation { createOrganization(input: {name: "guild"}) { organization { id } } }')
    world.gql('mutation { upsertModel(input: {entityName: "guild-org", name: "wandb-registry-p"}) { model { id } } }')
    world.gql('mutation { createTeam(input: {teamName: "crew"}) { entity { id } } }')
    [service] = world.gql("""mutation { createServiceAccount(input: {entityName: "crew", description: "ci"}) {
      user { username } } }""").values()
    for name in ("guild-org", service["user"]["username"]):
        assert look(world, name)["entityType"] is not None
        assert look(world, name, EVE) == {"name": name, "available": False, **NOTHING}


def test_without_a_key_there_is_nothing(world: World) -> None:
    assert world.gql(LOOK, {"name": "nobody"}, key=None) == {"entity": None}


def test_flags_leave_it_to_the_script_whether_code_is_saved(world: World) -> None:
    assert world.gql("{ viewer { flags } }") == {"viewer": {"flags": "{}"}}
