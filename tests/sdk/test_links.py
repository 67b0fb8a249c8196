"""A version that is linked as soon as it is logged, by releases that wait for its commit and by older ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.sdk import read_of, run_script
from support.server import Server, start_server

pytestmark = pytest.mark.sdk

LINK = """
    import json, pathlib
    import wandb

    pathlib.Path("data").mkdir()
    for number in range(50):
        pathlib.Path(f"data/{{number}}.bin").write_bytes(bytes([number]) * 50_000)
    with wandb.init(project="linked", id="{run}") as run:
        artifact = wandb.Artifact("{name}", type="dataset")
        artifact.add_dir("data")
        run.log_artifact(artifact)
        run.link_artifact(artifact, "local/linked/{name}-shelf", aliases=["chosen"])
        if {unlogged}:
            other = wandb.Artifact("{name}", type="dataset", metadata={{"other": True}})
            with other.new_file("other.txt") as file:
                file.write("other")
            run.link_artifact(other, "local/linked/{name}-shelf", aliases=["other"])
"""
READ = """
    import json
    import wandb

    api = wandb.Api()
    found = {{}}
    for alias in {aliases}:
        linked = api.artifact("local/linked/{name}-shelf:" + alias)
        found[alias] = [linked.version, linked.source_version, len(linked.manifest.entries)]
    print("READ " + json.dumps(found))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("links")) as server:
        yield server


@pytest.mark.parametrize("version", ["0.12.21", "0.17.9", "0.31.0"])
def test_what_was_just_logged_is_linked(version: str, server: Server, tmp_path: Path) -> None:
    name = "v" + version.replace(".", "-")
    unlogged = version != "0.12.21"  # which links only what was logged
    done = run_script(version, server, tmp_path, LINK.format(run=name, name=name, unlogged=unlogged))
    assert done.returncode == 0, done
    wanted = {"chosen": ["v0", "v0", 50], "latest": ["v0", "v0", 50]}
    if unlogged:
        wanted |= {"other": ["v1", "v1", 1], "latest": ["v1", "v1", 1]}
    read = run_script("0.31.0", server, tmp_path, READ.format(name=name, aliases=list(wanted)))
    assert read_of(read) == wanted
