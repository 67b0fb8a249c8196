"""Projects over GraphQL."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from support.world import World

UPSERT = """mutation M($input: UpsertModelInput!) { upsertModel(input: $input) { inserted
  model { id name description access entityName } project { name } } }"""
RENAME = """mutation M($old: String!, $new: String!) {
  renameProject(input: {entityName: "local", oldProjectName: $old, newProjectName: $new}) { project { name } } }"""
DELETE = "mutation M($id: String) { deleteModel(input: {id: $id}) { success } }"
MODELS = """query Q($first: Int, $after: String) { models(entityName: "local", first: $first, after: $after) {
  pageInfo { hasNextPage endCursor } edges { node { name } } } }"""
FILES = """mutation M { createRunFiles(input: {entityName: "local", projectName: "p", runName: "r", files: ["a.txt"]}) {
  files { name uploadUrl } } }"""


def upsert(world: World, **fields: Any) -> Any:
    return world.gql(UPSERT, {"input": fields})["upsertModel"]


def test_a_project_is_made_and_then_edited(world: World) -> None:
    made = upsert(world, name="p", description="d")
    assert made["inserted"] is True
    assert (made["model"]["entityName"], made["model"]["access"]) == ("local", "PRIVATE")
    assert made["project"] == {"name": "p"}
    edited = upsert(world, name="p", access="USER_READ")
    assert edited["inserted"] is False
    assert edited["model"] == {**made["model"], "access": "USER_READ"}


def test_a_project_is_edited_by_its_id(world: World) -> None:
    node = upsert(world, name="p")["model"]["id"]
    assert base64.b64decode(node).startswith(b"Project:")
    assert upsert(world, id=node, description="new")["model"]["description"] == "new"


@pytest.mark.parametrize("name", ["", " ", "a/b", "a\\b", "a#b", "a?b", "a%b", "a:b", ".", "..", "a\tb", "n" * 129])
def test_bad_names_are_refused(world: World, name: str) -> None:
    world.errors(UPSERT, {"input": {"name": name}}, status=400)
    upsert(world, name="p")
    world.errors(RENAME, {"old": "p", "new": name}, status=400)
    assert world.count("projects") == 1


def test_an_unknown_access_is_refused_and_nothing_is_made(world: World) -> None:
    world.errors(UPSERT, {"input": {"name": "p", "access": "EVERYBODY"}}, status=400)
    assert world.count("projects") == 0


def test_renaming_to_a_name_that_is_taken_is_a_conflict(world: World) -> None:
    upsert(world, name="p")
    upsert(world, name="q")
    world.errors(RENAME, {"old": "p", "new": "q"}, status=409)
    assert world.gql(RENAME, {"old": "p", "new": "o"})["renameProject"]["project"] == {"name": "o"}


def test_a_deleted_project_takes_everything_along_and_is_404_then(world: World) -> None:
    node = upsert(world, name="p")["model"]["id"]
    world.upsert("r")
    world.history("r", [{"_step": 0, "a": 1}])
    world.run("historyKeys")
    world.client.app.state.worker._keep_keys()  # what a reader made, the background writes
    url = world.gql(FILES)["createRunFiles"]["files"][0]["uploadUrl"]
    assert world.client.put(url, content=b"text").status_code == 200
    assert world.run("fileCount") == {"fileCount": 1}  # a bucket is looked at when somebody asks
    tables = ("runs", "chunks", "stream_heads", "history_keys", "run_files")
    assert [world.count(table) for table in tables] == [1] * len(tables)
    assert world.gql(DELETE, {"id": node}) == {"deleteModel": {"success": True}}
    assert [world.count(table) for table in tables] == [0] * len(tables)
    world.errors(DELETE, {"id": node}, status=404)
    world.stream("r", {}, status=404)


def test_projects_come_newest_first_and_page_by_page(world: World) -> None:
    for number in range(5):
        upsert(world, name=f"p{number}")
    seen: list[str] = []
    after, more = None, True
    while more:
        page = world.gql(MODELS, {"first": 2, "after": after})["models"]
        seen += [edge["node"]["name"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert seen == ["p4", "p3", "p2", "p1", "p0"]
