"""Versions that a script logs, uses, downloads and finds again."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.sdk import read_of, run_script
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


@pytest.mark.parametrize("version", ["0.31.0", "0.28.2", "0.22.3"])
def test_round_trip(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        said = read_of(run_script(version, server, tmp_path, ROUND_TRIP))
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


EDITS = """
    import json
    import wandb

    said = {}
    run = wandb.init(project="edited", id="maker")
    for text in ("one", "two", "three"):
        artifact = wandb.Artifact("set", type="dataset")
        with artifact.new_file("a.txt") as file:
            file.write(text)
        run.log_artifact(artifact).wait()
    api = wandb.Api()

    def fetch(name):
        return wandb.Api().artifact(name)

    first = api.artifact("local/edited/set:v0")
    first.aliases.append("best")
    first.tags = ["good", "very good"]
    first.description = "words"
    first.metadata["n"] = 1
    first.save()
    second = api.artifact("local/edited/set:v1")
    second.aliases.append("best")
    second.save()
    said["moved"] = [fetch("local/edited/set:v0").aliases, fetch("local/edited/set:best").version]
    again = fetch("local/edited/set:v0")
    said["said of it"] = [sorted(again.tags), again.description, again.metadata]
    again.tags = ["good"]
    again.aliases = ["old"]
    again.save()
    said["after"] = [fetch("local/edited/set:old").tags, fetch("local/edited/set:old").version]

    run.link_artifact(first, "local/shelf/models", aliases=["chosen"])
    linked = second.link("local/shelf/models")
    shelf = fetch("local/shelf/models:v0")
    said["link"] = [shelf.name, shelf.source_name, shelf.version, shelf.source_version, sorted(shelf.aliases),
                    shelf.is_link, fetch("local/shelf/models:latest").source_version]
    said["relinked"] = first.link("local/shelf/models").version
    said["links of"] = [link.qualified_name for link in fetch("local/edited/set:v0").linked_artifacts]
    with open(shelf.file()) as file:
        said["through the link"] = file.read()
    shelf.unlink()
    said["unlinked"] = [wandb.Api().artifact_exists("local/shelf/models:v0"),
                        wandb.Api().artifact_exists("local/edited/set:v0")]
    said["shelf"] = [version.name for version in wandb.Api().artifacts("dataset", "local/shelf/models")]
    fetch("local/shelf/models:v1").delete(delete_aliases=True)
    said["deleted through the link"] = wandb.Api().artifact_exists("local/edited/set:v1")

    try:
        fetch("local/edited/set:old").delete()
    except Exception as error:
        said["refused"] = "aliases" in str(error)
    fetch("local/edited/set:latest").delete(delete_aliases=True)
    said["latest"] = fetch("local/edited/set:latest").version
    fourth = wandb.Artifact("set", type="dataset")
    with fourth.new_file("a.txt") as file:
        file.write("four")
    said["next"] = run.log_artifact(fourth).wait().version
    run.finish()

    collection = wandb.Api().artifact_collection("dataset", "local/edited/set")
    said["aliases"] = sorted(collection.aliases)
    collection.name, collection.description, collection.tags = "renamed", "told", ["kept"]
    collection.save()
    collection.change_type("corpus")
    found = wandb.Api().artifact_collection("corpus", "local/edited/renamed")
    said["collection"] = [found.name, found.description, found.tags, found.type,
                          fetch("local/edited/renamed:v1").type, wandb.Api().artifact_exists("local/edited/set:v1")]
    said["types"] = [kind.name for kind in wandb.Api().artifact_types("local/edited")]
    found.delete()
    said["gone"] = wandb.Api().artifact_collection_exists("local/edited/renamed", "corpus")
    portfolio = wandb.Api().artifact_collection("dataset", "local/shelf/models")
    said["portfolio"] = portfolio.is_sequence()
    portfolio.delete()
    said["project"] = [kind.name for kind in wandb.Api().artifact_types("local/shelf")]
    print("READ " + json.dumps(said))
"""


@pytest.mark.parametrize("version", ["0.31.0", "0.28.2", "0.22.3"])
def test_edits_links_and_deletes(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        said = read_of(run_script(version, server, tmp_path, EDITS))
    assert said == {
        "moved": [[], "v1"],
        "said of it": [["good", "very good"], "words", {"n": 1}],
        "after": [["good"], "v0"],
        "link": ["models:v0", "set:v0", "v0", "v0", ["chosen"], True, "v1"],
        "relinked": "v0",
        "links of": ["local/shelf/models:v0"],
        "through the link": "one",
        "unlinked": [False, True],
        "shelf": ["models:v1"],
        "deleted through the link": True,
        "refused": True,
        "latest": "v1",
        "next": "v3",
        "aliases": ["best", "latest", "old"],
        "collection": ["renamed", "told", ["kept"], "corpus", "corpus", False],
        "types": ["corpus"],
        "gone": False,
        "portfolio": False,
        "project": [],
    }


OLD = """
    import json
    import pathlib
    import wandb

    pathlib.Path("data/deep").mkdir(parents=True)
    pathlib.Path("data/a.txt").write_text("first")
    pathlib.Path("data/deep/b c.bin").write_bytes(bytes(range(256)) * 100)
    said = {}
    with wandb.init(project="kept", id="maker") as run:
        for text in ("first", "second"):
            pathlib.Path("data/a.txt").write_text(text)
            artifact = wandb.Artifact("set", type="dataset", description="words", metadata={"n": 3})
            artifact.add_dir("data")
            artifact.add_reference("http://127.0.0.1:1/never", name="page", checksum=False)
            run.log_artifact(artifact, aliases=["latest", text]).wait()
        table = wandb.Table(columns=["n"], data=[[1]])
        run.log({"seen": table})
        run.link_artifact(artifact, "local/shelf/models", aliases=["chosen"])
    with wandb.init(project="kept", id="user") as run:
        used = run.use_artifact("set:first")
        said["text"] = pathlib.Path(used.get_path("a.txt").download()).read_text()
        said["bin"] = pathlib.Path(used.get_path("deep/b c.bin").download()).stat().st_size
    api = wandb.Api()
    found = api.artifact("local/kept/set:v1")
    said["found"] = [found.name, found.type, found.description, found.metadata, sorted(found.aliases), found.version]
    said["versions"] = sorted(version.name for version in api.artifact_versions("dataset", "local/kept/set"))
    said["users"] = [run.id for run in api.artifact("local/kept/set:first").used_by()]
    said["maker"] = found.logged_by().id
    said["outputs"] = sorted(item.type for item in api.run("local/kept/maker").logged_artifacts())
    said["inputs"] = [item.name for item in api.run("local/kept/user").used_artifacts()]
    said["types"] = sorted(kind.name for kind in api.artifact_types("local/kept"))
    said["collections"] = [item.name for item in api.artifact_type("dataset", "local/kept").collections()]
    said["linked"] = api.artifact("local/shelf/models:chosen").digest == found.digest
    found.description = "others"
    found.aliases.append("best")
    found.save()
    said["edited"] = api.artifact("local/kept/set:best").description
    api.artifact("local/kept/set:first").delete(delete_aliases=True)
    said["left"] = [version.name for version in wandb.Api().artifact_versions("dataset", "local/kept/set")]
    print("READ " + json.dumps(said))
"""


def test_client_of_2022(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        said = read_of(run_script("0.12.21", server, tmp_path, OLD))
    assert said == {
        "text": "first",
        "bin": 25600,
        "found": ["set:v1", "dataset", "words", {"n": 3}, ["latest", "second"], "v1"],
        "versions": ["set:v0", "set:v1"],
        "users": ["user"],
        "maker": "maker",
        "outputs": ["dataset", "dataset", "run_table"],
        "inputs": ["set:v0"],
        "types": ["dataset", "run_table"],
        "collections": ["set"],
        "linked": True,
        "edited": "others",
        "left": ["set:v1"],
    }
