"""Files of runs asked for by name: each is there, uploaded or not."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from support.world import World

BOB = "b" * 40
FILES = """query Q($names: [String], $pattern: String, $first: Int, $after: String) {
  project(name: "p", entityName: "local") { run(name: "r") { fileCount
    files(names: $names, pattern: $pattern, first: $first, after: $after) {
      totalCount pageInfo { hasNextPage endCursor }
      edges { cursor node { id name sizeBytes md5 digest url updatedAt upload: url(upload: true) } } } } } }"""
CREATE = """mutation M($files: [String!]!) { createRunFiles(input: {entityName: "local", projectName: "p", runName: "r",
  files: $files}) { files { uploadUrl } } }"""
MD5 = base64.b64encode(hashlib.md5(b"text").digest()).decode()


@pytest.fixture(autouse=True)
def uploaded(world: World) -> None:
    world.upsert("r")
    world.gql('mutation { upsertModel(input: {name: "p", access: "USER_READ"}) { model { id } } }')
    for made in world.gql(CREATE, {"files": ["b.txt", "a.txt"]})["createRunFiles"]["files"]:
        assert world.client.put(made["uploadUrl"], content=b"text").is_success


def files(world: World, key: str | None = None, **given: Any) -> Any:
    return world.gql(FILES, given, **({"key": key} if key else {}))["project"]["run"]["files"]


def names(found: Any) -> list[str]:
    return [edge["node"]["name"] for edge in found["edges"]]


@pytest.mark.parametrize("reader", [False, True])
def test_a_file_that_the_run_does_not_have_is_a_stub(world: World, *, reader: bool) -> None:
    world.add_user("bob", BOB)
    found = files(world, BOB if reader else None, names=["none.txt", "a.txt"])
    assert (names(found), found["totalCount"]) == (["none.txt", "a.txt"], 2)
    stub, whole = (edge["node"] for edge in found["edges"])
    assert [stub[name] for name in ("sizeBytes", "md5", "digest", "url", "updatedAt")] == [0, "0", "0", None, None]
    assert [whole[name] for name in ("sizeBytes", "md5")] == [4, MD5]
    assert world.client.get(whole["url"]).text == "text"
    assert [bool(each["upload"]) for each in (stub, whole)] == [not reader] * 2
    assert stub["id"] != whole["id"]


def test_lists_and_patterns_leave_it_out(world: World) -> None:
    files(world, names=["none.txt"])
    for found in (files(world), files(world, names=[]), files(world, pattern="%.txt")):
        assert (names(found), found["totalCount"]) == (["b.txt", "a.txt"], 2)
    assert files(world, pattern="none%")["edges"] == []
    assert world.run("fileCount") == {"fileCount": 2}


def test_an_empty_file_is_none(world: World) -> None:
    [made] = world.gql(CREATE, {"files": ["empty"]})["createRunFiles"]["files"]
    assert world.client.put(made["uploadUrl"], content=b"").is_success
    [edge] = files(world, names=["empty"])["edges"]
    assert (edge["node"]["sizeBytes"], edge["node"]["md5"]) == (0, "1B2M2Y8AsgTpgAmY7PhCfg==")


def test_names_come_page_by_page_and_once_each(world: World) -> None:
    asked = ["x", "a.txt", "x", "b.txt", "y"]
    page = files(world, names=asked, first=3)
    assert (names(page), page["pageInfo"]["hasNextPage"]) == (["x", "a.txt", "b.txt"], True)
    rest = files(world, names=asked, first=3, after=page["edges"][-1]["cursor"])
    assert (names(rest), rest["pageInfo"]["hasNextPage"]) == (["y"], False)
    many = [f"n{number}" for number in range(2000)]
    assert names(files(world, names=many)) == many


@pytest.mark.parametrize(("given", "what"), [
    ({"names": ["a.txt"], "pattern": "%"}, "not both"), ({"names": ["../a"]}, "../a"), ({"names": ["a", "/"]}, "/")])
def test_what_no_file_can_be_called_is_named(world: World, given: dict[str, Any], what: str) -> None:
    assert what in world.errors(FILES, given, status=400)[0]


def test_a_deleted_file_is_a_stub(world: World) -> None:
    [edge] = files(world, names=["a.txt"])["edges"]
    world.gql("mutation M($files: [ID!]!) { deleteFiles(input: {files: $files}) { success } }",
              {"files": [edge["node"]["id"]]})
    [edge] = files(world, names=["a.txt"])["edges"]
    assert edge["node"]["md5"] == "0"
