"""Registries as projects: made, edited, listed, seen."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Club

UPSERT = """mutation M($input: UpsertModelInput!) { upsertModel(input: $input) { inserted project { name access } } }"""
RENAME = """mutation M($entity: String!, $old: String!, $new: String!) { renameProject(input: {entityName: $entity,
  oldProjectName: $old, newProjectName: $new}) { inserted project { name } } }"""
DELETE = "mutation M($id: String) { deleteModel(input: {id: $id}) { success } }"
LIST = """query Q($filters: JSONString, $first: Int, $after: String, $order: String) { organization(name: "Club") {
  orgEntity { projects(filters: $filters, first: $first, after: $after, order: $order) {
    pageInfo { endCursor hasNextPage } edges { node { id internalId name } } } } } }"""
MEMBERS = """query Q($name: String!) { project(name: $name, entityName: "Club-org") {
  members { id username email role { name } } teamMembers { team { name members { username } } role { name } } } }"""
RUN = """mutation { upsertBucket(input: {entityName: "Club-org", modelName: "%s", name: "r"}) { inserted } }"""


def names(club: Club, who: str = "boss", **asked: Any) -> list[str]:
    found = club.ask(who, LIST, **asked)["organization"]["orgEntity"]["projects"]["edges"]
    return [edge["node"]["name"].removeprefix("wandb-registry-") for edge in found]


def test_a_registry_is_made_by_a_member_who_is_its_admin(club: Club) -> None:
    made = club.make("mia", "models", description="")
    assert made["inserted"] is True
    project = made["project"]
    assert (project["name"], project["access"], project["description"]) == ("wandb-registry-models", "PRIVATE", "")
    assert project["entity"] == {"name": "Club-org", "organization": {"name": "Club"}}
    assert project["allowAllArtifactTypes"] is True
    (admin,) = club.ask("boss", MEMBERS, name="wandb-registry-models")["project"]["members"]
    assert (admin["username"], admin["role"], admin["id"]) == ("mia", {"name": "admin"}, club.user_id("mia"))
    again = club.make("mia", "models", description=None, access="RESTRICTED")
    assert again["inserted"] is False
    assert (again["project"]["access"], again["project"]["description"]) == ("RESTRICTED", "")


def test_who_may_make_a_registry(club: Club) -> None:
    asked = {"entityName": "Club-org", "name": "wandb-registry-x"}
    assert "viewer" in club.refused("vic", UPSERT, 403, input=asked)
    assert "not found" in club.refused("out", UPSERT, 404, input=asked)
    club.refused(None, UPSERT, 401, input=asked)
    assert club.make("local", "x")["inserted"]  # an instance admin
    assert names(club) == ["x"]


@pytest.mark.parametrize(("fields", "named"), [
    ({"name": "models"}, "wandb-registry-"),
    ({"name": "wandb-registry-"}, "wandb-registry-"),
    ({"name": "wandb-registry-a/b"}, "a/b"),
    ({"access": "USER_READ"}, "USER_READ"),
    ({"access": "nobody"}, "nobody"),
])
def test_bad_registries_are_refused(club: Club, fields: dict[str, Any], named: str) -> None:
    asked = {"entityName": "Club-org", "name": "wandb-registry-x", **fields}
    assert named in club.refused("boss", UPSERT, 400, input=asked)
    assert names(club) == []


def test_visibility(club: Club) -> None:
    club.make("mia", "open")
    club.make("mia", "closed", access="RESTRICTED")
    assert [club.sees(who, "open") for who in ("boss", "mia", "vic", "out", "local", None)] == [
        True, True, True, False, True, False]
    assert [club.sees(who, "closed") for who in ("boss", "mia", "vic", "out", "local", None)] == [
        True, True, False, False, True, False]
    assert (names(club, "mia"), names(club, "vic")) == (["open", "closed"], ["open"])
    assert club.ask("out", LIST)["organization"] is None
    hidden = {"entityName": "Club-org", "name": "wandb-registry-closed"}
    club.make("boss", "theirs", access="RESTRICTED")
    assert "exists" in club.refused("mia", UPSERT, 409, input={**hidden, "name": "wandb-registry-theirs"})


def test_only_admins_edit_rename_and_delete(club: Club) -> None:
    registry = club.make("mia", "models")["project"]
    place = {"entity": "Club-org", "old": "wandb-registry-models"}
    for who, status in (("vic", 403), ("out", 404)):
        club.refused(who, DELETE, status, id=registry["id"])
        club.refused(who, RENAME, status, **place, new="wandb-registry-y")
        club.refused(who, UPSERT, status, input={"id": registry["id"], "description": "x"})
    assert "wandb-registry-" in club.refused("mia", RENAME, 400, **place, new="models")
    renamed = club.ask("mia", RENAME, **place, new="wandb-registry-y")["renameProject"]
    assert renamed == {"inserted": False, "project": {"name": "wandb-registry-y"}}
    assert (club.sees("mia", "models"), club.sees("mia", "y")) == (False, True)
    club.ask("boss", UPSERT, input={"id": registry["id"], "description": "by the organization's admin"})
    assert club.ask("boss", DELETE, id=registry["id"])["deleteModel"]["success"]
    club.refused("boss", DELETE, 404, id=registry["id"])
    assert club.world.count("registry_members") == 0


def test_nothing_is_logged_to_a_registry(club: Club) -> None:
    club.make("mia", "models")
    assert "is a registry" in club.refused("mia", RUN % "wandb-registry-models", 400)
    club.refused("mia", RUN % "plain", 404)
    club.refused("out", RUN % "wandb-registry-models", 404)
    assert names(club) == ["models"]


def test_registries_are_listed_filtered_and_ordered(club: Club) -> None:
    registries = {}
    for name in ("b", "c", "a"):
        club.world.clock.move(60)
        registries[name] = club.make("mia", name)["project"]
    assert names(club) == ["b", "c", "a"]
    assert names(club, order="name") == ["a", "b", "c"]
    assert names(club, order="-created_at") == ["a", "c", "b"]
    assert names(club, filters='{"name": "wandb-registry-c"}') == ["c"]
    assert names(club, filters='{"name": {"$contains": "registry-a"}}') == ["a"]
    assert names(club, filters='{"name": {"$regex": "-[ab]$"}}') == ["b", "a"]
    assert names(club, filters='{"$or": [{"name": "wandb-registry-a"}, {"name": "wandb-registry-b"}]}') == ["b", "a"]
    assert names(club, filters="{}") == ["b", "c", "a"]
    assert names(club, filters=f'{{"created_at": {{"$gt": "{registries["b"]["createdAt"]}"}}}}') == ["c", "a"]
    number = club.ask("mia", LIST, filters='{"name": "wandb-registry-c"}')
    node = number["organization"]["orgEntity"]["projects"]["edges"][0]["node"]["internalId"]
    decoded = int(base64.b64decode(node).decode().partition(":")[2])
    assert names(club, filters=f'{{"id": {decoded}}}') == ["c"]
    assert names(club, filters=f'{{"project_id": {decoded}}}') == ["c"]
    first = club.ask("mia", LIST, first=2, order="name")["organization"]["orgEntity"]["projects"]
    assert first["pageInfo"]["hasNextPage"] is True
    assert names(club, first=2, order="name", after=first["pageInfo"]["endCursor"]) == ["c"]
    again = '{"$or": [{"name": {"$regex": "."}}]}'  # a filter that says the same in other words
    assert names(club, first=2, order="name", after=first["pageInfo"]["endCursor"], filters=again) == ["c"]
    assert "order" in club.refused("mia", LIST, 400, order="size")
    assert "$near" in club.refused("mia", LIST, 400, filters='{"name": {"$near": 1}}')
