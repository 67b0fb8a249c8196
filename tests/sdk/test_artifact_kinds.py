"""Kinds of artifacts: incremental, distributed, drafts, references, tables, code, and the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.sdk import read_of, run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

GROWING = """
    import json
    import pathlib
    import wandb

    def artifact_of(files, **more):
        artifact = wandb.Artifact("set", type="dataset", **more)
        for name, text in files.items():
            with artifact.new_file(name) as file:
                file.write(text)
        return artifact

    said = {}
    with wandb.init(project="grown", id="maker") as run:
        run.log_artifact(artifact_of({"a": "one", "b": "two"})).wait()
        grown = run.log_artifact(artifact_of({"b": "changed", "c": "three"}, incremental=True)).wait()
        said["incremental"] = [grown.version, sorted(grown.manifest.entries), grown.file_count]
        run.upsert_artifact(artifact_of({"x": "1"}), distributed_id="together")
        run.upsert_artifact(artifact_of({"y": "2"}), distributed_id="together")
        done = run.finish_artifact(artifact_of({"z": "3"}), distributed_id="together").wait()
        said["distributed"] = [done.version, sorted(done.manifest.entries)]
        draft = wandb.Api().artifact("local/grown/set:v0").new_draft()
        draft.remove("a")
        with draft.new_file("d") as file:
            file.write("four")
        run.log_artifact(draft).wait()
        said["draft"] = [draft.version, sorted(draft.manifest.entries)]
    folder = pathlib.Path(wandb.Api().artifact("local/grown/set:latest").download())
    said["files"] = {path.name: path.read_text() for path in sorted(folder.iterdir())}
    print("READ " + json.dumps(said))
"""
REFERENCES = """
    import json
    import os
    import pathlib
    import wandb

    said = {}
    pathlib.Path("near.txt").write_text("near")
    with wandb.init(project="far", id="maker") as run:
        base = wandb.Artifact("base", type="dataset")
        base.add_file("near.txt", name="inner.txt")
        table = wandb.Table(columns=["n", "text"], data=[[1, "one"], [2, "two"]])
        base.add(table, "t")
        run.log_artifact(base)
        base.wait()
        far = wandb.Artifact("far", type="dataset")
        far.add_reference("file://" + os.path.abspath("near.txt"))
        far.add_reference("http://127.0.0.1:1/never", name="page", checksum=False)
        far.add_reference(base.get_entry("inner.txt").ref_url(), name="through.txt")
        far.add(wandb.Api().artifact("local/far/base:v0").get("t"), "again")
        run.log_artifact(far).wait()
    found = wandb.Api().artifact("local/far/far:v0")
    said["entries"] = sorted(found.manifest.entries)
    said["file"] = pathlib.Path(found.get_entry("near.txt").download("one")).read_text()
    said["through"] = pathlib.Path(found.get_entry("through.txt").download("two")).read_text()
    said["table"] = found.get("again").data
    said["listed"] = len(list(found.files()))
    print("READ " + json.dumps(said))
"""
TABLES = """
    import json
    import pathlib
    import wandb

    said = {}
    pathlib.Path("code").mkdir()
    pathlib.Path("code/train.py").write_text("print(1)")
    with wandb.init(project="shown", id="maker") as run:
        run.log({"seen": wandb.Table(columns=["n", "page"], data=[[1, wandb.Html("<p>one</p>")]])})
        code = run.log_code("code")
        parts = wandb.Artifact("parts", type="dataset")
        for at in range(2):
            parts.add(wandb.Table(columns=["n"], data=[[at]]), f"pieces/{at}")
        parts.add(wandb.data_types.PartitionedTable("pieces"), "whole")
        run.log_artifact(parts).wait()
    api = wandb.Api()
    made = api.run("local/shown/maker")
    logged = {item.type: item for item in made.logged_artifacts()}
    said["types"] = sorted(logged)
    said["table"] = [[row[0], type(row[1]).__name__] for row in logged["run_table"].get("seen").data]
    said["code"] = [path for path in sorted(logged["code"].manifest.entries)]
    said["parts"] = sorted(row[0] for _, row in api.artifact("local/shown/parts:v0").get("whole").iterrows())
    key = made.summary["seen"]
    said["path"] = [key["artifact_path"].startswith("wandb-client-artifact://"), key["nrows"]]
    said["kinds"] = sorted(kind.name for kind in api.artifact_types("local/shown"))
    print("READ " + json.dumps(said))
"""
COMMAND = """
    import json
    import os
    import pathlib
    import subprocess
    import sys

    def wandb(*words):
        done = subprocess.run([sys.executable, "-m", "wandb", *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    pathlib.Path("data").mkdir()
    pathlib.Path("data/a.txt").write_text("put")
    said = {}
    put = wandb("artifact", "put", "-n", "commands/set", "-t", "dataset", "-a", "best", "data")
    said["put"] = "local/commands/set:v0" in put
    wandb("artifact", "get", "local/commands/set:best", "--root", "back")
    said["got"] = pathlib.Path("back/a.txt").read_text()
    said["listed"] = "set:v0" in wandb("artifact", "ls", "local/commands")
    print("READ " + json.dumps(said))
"""


@pytest.mark.parametrize("version", ["0.31.0", "0.28.2", "0.22.3"])
def test_incremental_distributed_and_drafted_versions(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        said = read_of(run_script(version, server, tmp_path, GROWING))
    assert said == {
        "incremental": ["v1", ["a", "b", "c"], 3],
        "distributed": ["v2", ["x", "y", "z"]],
        "draft": ["v3", ["b", "d"]],
        "files": {"b": "two", "d": "four"},
    }


@pytest.mark.parametrize("version", ["0.31.0", "0.22.3"])
def test_references_and_objects_of_other_artifacts(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        said = read_of(run_script(version, server, tmp_path, REFERENCES))
    assert said == {
        "entries": ["again.table.json", "near.txt", "page", "through.txt"],
        "file": "near",
        "through": "near",
        "table": [[1, "one"], [2, "two"]],
        "listed": 4,
    }


@pytest.mark.parametrize("version", ["0.31.0", "0.28.2"])
def test_tables_media_and_code(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        said = read_of(run_script(version, server, tmp_path, TABLES))
    assert said == {
        "types": ["code", "dataset", "run_table"],
        "table": [[1, "Html"]],
        "code": ["train.py"],
        "parts": [0, 1],
        "path": [True, 1],
        "kinds": ["code", "dataset", "run_table"],
    }


@pytest.mark.parametrize("version", ["0.31.0", "0.22.3"])
def test_command_line(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        said = read_of(run_script(version, server, tmp_path, COMMAND))
    assert said == {"put": True, "got": "put", "listed": True}
