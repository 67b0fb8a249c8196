"""Files that clients send to the bucket themselves, as wandb does with whatever URL it is given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.s3 import reach_the_network
from support.world import World, open_world

CREATE = """mutation Create($files: [String!]!) { createRunFiles(input: {
  entityName: "local", projectName: "p", runName: "r", files: $files}) { files { name uploadUrl } } }"""
FILES = """fileCount files(first: 10) { edges { node { name sizeBytes md5 directUrl } } }"""


@pytest.fixture
def world(tmp_path: Path, bucket: str) -> Iterator[World]:
    with open_world(tmp_path, blob_url=bucket) as opened:
        reach_the_network(opened.client)
        opened.upsert()
        yield opened


def urls(world: World, *names: str) -> list[str]:
    made = world.gql(CREATE, {"files": list(names)})["createRunFiles"]["files"]
    return [file["uploadUrl"] for file in made]


def listed(world: World) -> dict[str, Any]:
    run = world.run(FILES)
    nodes = [edge["node"] for edge in run["files"]["edges"]]
    assert run["fileCount"] == len(nodes)
    return {node["name"]: node for node in nodes}


def test_a_file_goes_to_the_bucket_and_is_listed_once_it_is_there(world: World, bucket: str) -> None:
    first, second = urls(world, "a b#1.txt", "later")
    assert bucket.removeprefix("s3://") in first
    assert listed(world) == {}
    httpx2.put(first, content=b"hello").raise_for_status()
    files = listed(world)
    assert files.keys() == {"a b#1.txt"}
    assert (files["a b#1.txt"]["sizeBytes"], files["a b#1.txt"]["md5"]) == (5, "XUFAKrxLKna5cZ2REBfFkg==")
    assert world.client.get(files["a b#1.txt"]["directUrl"]).content == b"hello"
    httpx2.put(second, content=b"").raise_for_status()
    assert listed(world).keys() == {"a b#1.txt", "later"}


def test_a_file_sent_again_replaces_the_first_whose_bytes_go(world: World) -> None:
    for content in (b"one", b"two"):
        httpx2.put(urls(world, "a")[0], content=content).raise_for_status()
        url = listed(world)["a"]["directUrl"]
    assert world.client.get(url).content == b"two"
    assert len(list(world.backend.blobs.keys())) == 1


def test_bytes_that_came_for_a_deleted_run_go_with_it(world: World) -> None:
    httpx2.put(urls(world, "a")[0], content=b"x").raise_for_status()
    world.gql("mutation D($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }", world.run("id"))
    assert list(world.backend.blobs.keys()) == []


def test_what_never_came_is_forgotten(world: World) -> None:
    urls(world, "a")
    world.clock.move(world.backend.settings.url_lifetime + 2 * 3600)
    assert listed(world) == {}
    assert world.count("run_files_expected") == 0
