"""Two processes of the real wandb that log to one name at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dumbbell_server.releases import python_of
from support.sdk import run_script
from support.server import Server, start_server
from support.wire import Client

pytestmark = pytest.mark.sdk

VERSION = "0.31.0"
EACH = 200
# Each says that it is ready and waits for the other, so that neither is done before the other has begun.
LOG = """
    import pathlib, time
    import wandb

    with wandb.init(project="together", id="writer{writer}") as run:
        pathlib.Path("{meeting}/{writer}").touch()
        while len(list(pathlib.Path("{meeting}").iterdir())) < 2:
            time.sleep(0.01)
        made = []
        for number in range({versions}):
            artifact = wandb.Artifact("shared", type="dataset", metadata={{"writer": {writer}, "number": number}})
            with artifact.new_file("own.txt") as file:
                file.write("{writer} " + str(number))
            with artifact.new_file("same.txt") as file:
                file.write("the same in each")
            made.append(run.log_artifact(artifact, aliases=["writer{writer}"]))
        print("READ", [artifact.wait().version for artifact in made])
"""
ALL = """{ project(name: "together") { artifactType(name: "dataset") { artifactCollection(name: "shared") {
  artifacts(first: 1000) { totalCount edges { version node { state metadata aliases { alias }
    files(first: 5) { edges { node { name sizeBytes } } } } } } } } } }"""


@pytest.mark.timeout(900)
def test_versions_are_numbered_without_gap_or_double(tmp_path: Path) -> None:
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    python_of(VERSION)
    with start_server(tmp_path) as server:
        def log(writer: int) -> list[str]:
            done = run_script(VERSION, server, tmp_path, LOG.format(writer=writer, versions=EACH, meeting=meeting),
                              timeout=600)
            assert done.returncode == 0, done
            return list(json.loads(done.line("READ ").removeprefix("READ ").replace("'", '"')))

        with ThreadPoolExecutor(2) as pool:
            told = [*pool.map(log, range(2))]
        check(server, told)


def check(server: Server, told: list[list[str]]) -> None:
    client = Client(server)
    found: dict[str, Any] = client.ask(ALL)["project"]["artifactType"]["artifactCollection"]
    client.close()
    edges = found["artifacts"]["edges"]
    assert found["artifacts"]["totalCount"] == 2 * EACH
    assert [edge["version"] for edge in edges] == [f"v{at}" for at in reversed(range(2 * EACH))]
    assert {edge["node"]["state"] for edge in edges} == {"COMMITTED"}
    assert all([file["node"]["name"] for file in edge["node"]["files"]["edges"]] == ["own.txt", "same.txt"]
               for edge in edges)
    # each writer is told the numbers of its own versions
    told_by = {version: writer for writer, theirs in enumerate(told) for version in theirs}
    assert told_by == {edge["version"]: json.loads(edge["node"]["metadata"])["writer"] for edge in edges}
    assert len(told_by) == 2 * EACH
    # neither was done before the other had begun
    assert min(map(number_of, told[0])) < max(map(number_of, told[1]))
    assert min(map(number_of, told[1])) < max(map(number_of, told[0]))
    # `latest` is the last, and each writer's alias is on the last of its own
    last = [max(map(number_of, theirs)) for theirs in told]
    aliases = [(one["alias"], edge["version"]) for edge in edges for one in edge["node"]["aliases"]]
    assert sorted(aliases) == [("latest", f"v{2 * EACH - 1}"), ("writer0", f"v{last[0]}"), ("writer1", f"v{last[1]}")]


def number_of(version: str) -> int:
    return int(version.removeprefix("v"))
