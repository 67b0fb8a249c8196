"""Versions that a script logs, uses, downloads and finds again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.sdk import Finished, run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

ROUND_TRIP = """
    import json
    import pathlib
    import wandb

    pathlib.Path("data/deep").mkdir(parents=True)
    pathlib.Path("data/a.txt").write_text("first")
    pathlib.Path("data/deep/b c#1.bin").write_bytes(bytes(range(256)) * 100)
    pathlib.Path("data/empty").write_bytes(b"")
    said = {}
    with wandb.init(project="kept", id="maker") as run:
        artifact = wandb.Artifact("set", type="dataset", description="words", metadata={"n": 3, "deep": {"x": [1]}})
        artifact.add_dir("data")
        run.log_artifact(artifact, aliases=["best"]).wait()
        said["logged"] = [artifact.name, artifact.version, artifact.state, artifact.size, artifact.file_count]
        same = wandb.Artifact("set", type="dataset")
        same.add_dir("data")
        run.log_artifact(same).wait()
        said["again"] = same.version
        other = wandb.Artifact("set", type="dataset")
        with other.new_file("only.txt") as file:
            file.write("only")
        run.log_artifact(other).wait()
        said["other"] = other.version
    with wandb.init(project="kept", id="user") as run:
        used = run.use_artifact("set:best")
        folder = pathlib.Path(used.download())
        said["files"] = {str(path.relative_to(folder)): path.stat().st_size
                         for path in sorted(folder.rglob("*")) if path.is_file()}
        used.verify()
    api = wandb.Api()
    found = api.artifact("local/kept/set:v0")
    said["found"] = [found.name, found.type, found.description, found.metadata, sorted(found.aliases), found.digest
                     == artifact.digest]
    said["latest"] = api.artifact("local/kept/set").version
    said["versions"] = [version.name for version in api.artifacts("dataset", "local/kept/set")]
    said["users"] = [run.name and run.id for run in found.used_by()]
    said["maker"] = found.logged_by().id
    made = api.run("local/kept/maker")
    said["outputs"] = [item.name for item in made.logged_artifacts()]
    said["inputs"] = [item.name for item in api.run("local/kept/user").used_artifacts()]
    said["listed"] = [[file.name, file.size] for file in found.files()]
    said["one"] = pathlib.Path(found.get_entry("a.txt").download("one")).read_text()
    said["types"] = [kind.name for kind in api.artifact_types("local/kept")]
    said["collections"] = [item.name for item in api.artifact_type("dataset", "local/kept").collections()]
    said["exists"] = [api.artifact_exists("local/kept/set:best"), api.artifact_exists("local/kept/set:nope"),
                      api.artifact_collection_exists("local/kept/set", "dataset")]
    print("READ " + json.dumps(said))
"""


def read_of(finished: Finished) -> Any:
    """What a script said it read; the SDK may print after it."""
    assert finished.returncode == 0, str(finished)
    return json.loads(finished.line("READ ").removeprefix("READ "))


def test_round_trip(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        said = read_of(run_script("0.31.0", server, tmp_path, ROUND_TRIP))
    assert said == {
        "logged": ["set:v0", "v0", "COMMITTED", 25605, 3],
        "again": "v0",
        "other": "v1",
        "files": {"a.txt": 5, "deep/b c#1.bin": 25600, "empty": 0},
        "found": ["set:v0", "dataset", "words", {"n": 3, "deep": {"x": [1]}}, ["best"], True],
        "latest": "v1",
        "versions": ["set:v1", "set:v0"],
        "users": ["user"],
        "maker": "maker",
        "outputs": ["set:v0", "set:v1"],
        "inputs": ["set:v0"],
        "listed": [["a.txt", 5], ["deep/b c#1.bin", 25600], ["empty", 0]],
        "one": "first",
        "types": ["dataset"],
        "collections": ["set"],
        "exists": [True, False, True],
    }
