"""The commands of the client against a server over TCP: what they print, write and refuse."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

import dumbbell
from support.server import Server, start_server

COMMANDS = ["agent", "download", "history", "login", "runs", "sweep"]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """An empty folder to run a command in."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("commands")
    with start_server(folder) as started:
        api = dumbbell.Api({"base_url": started.base_url}, api_key=started.api_key)
        for number in range(3):
            run = api.create_run(run_id=f"r{number}", project="p", entity="local")
            run.config.update({"lr": 10.0 ** -number, "net": {"depth": number}})
            run.tags = ["even"] if number % 2 == 0 else []
            run.update()
            run.summary.update({"loss": number})
        post_history(started, "r0", [{"_step": step, "loss": 1 / (step + 1), "deep": {"a": step}, "word": "a,b"}
                                     for step in range(3)])
        (folder / "up" / "media").mkdir(parents=True)
        (folder / "up" / "note.txt").write_text("note")
        (folder / "up" / "media" / "x.bin").write_bytes(b"x" * 100)
        first = api.run("local/p/r0")
        for name in ("note.txt", "media/x.bin"):
            first.upload_file(str(folder / "up" / name), str(folder / "up"))
        artifact = dumbbell.Artifact("set", "data")
        artifact.add_dir(str(folder / "up"))
        first.log_artifact(artifact)
        yield started


def post_history(server: Server, run: str, rows: list[dict[str, object]]) -> None:
    httpx2.post(f"{server.base_url}/files/local/p/{run}/file_stream", auth=("api", server.api_key), json={
        "files": {"wandb-history.jsonl": {"offset": 0, "content": [json.dumps(row) for row in rows]}},
        "complete": True, "exitcode": 0}).raise_for_status()


def run(server: Server | None, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    where = {} if server is None else {"WANDB_BASE_URL": server.base_url, "WANDB_API_KEY": server.api_key}
    return subprocess.run([sys.executable, "-m", "dumbbell", *arguments], text=True, capture_output=True, timeout=60,
                          check=False, cwd=folder, env={**plain, **where, "HOME": str(folder)})


def printed(server: Server, folder: Path, *arguments: str) -> str:
    done = run(server, folder, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_runs_as_a_table(server: Server, work: Path) -> None:
    lines = printed(server, work, "runs", "p", "--order", "+created_at", "--columns",
                    "id,state,config.lr,config.net.depth,summary.loss,tags").splitlines()
    assert [line.split() for line in lines] == [
        ["id", "state", "config.lr", "config.net.depth", "summary.loss", "tags"],
        ["r0", "finished", "1", "0", "0", "even"], ["r1", "running", "0.1", "1", "1"],
        ["r2", "running", "0.01", "2", "2", "even"]]


@pytest.mark.parametrize(("conditions", "ids"), [
    (["state=running"], ["r1", "r2"]), (["config.lr<0.5"], ["r1", "r2"]),
    (["summary_metrics.loss>=1", "tags=even"], ["r2"]),
    (["config.net.depth!=1", "config.lr<=1"], ["r0", "r2"]), (["name~^r[01]"], ["r0", "r1"])])
def test_runs_by_conditions(server: Server, work: Path, conditions: list[str], ids: list[str]) -> None:
    asked = [part for condition in conditions for part in ("--filter", condition)]
    rows = [json.loads(line) for line in printed(
        server, work, "runs", "local/p", *asked, "--format", "json", "--order", "+created_at").splitlines()]
    assert [row["id"] for row in rows] == ids
    assert all(row["config.net.depth"] == int(row["id"][1]) for row in rows)


def test_runs_as_csv_in_a_file(server: Server, work: Path) -> None:
    assert printed(server, work, "runs", "p", "--format", "csv", "-o", "runs.csv", "--limit", "2",
                   "--filters", '{"state": "running"}') == ""
    rows = list(csv.DictReader((work / "runs.csv").read_text().splitlines()))
    assert [row["id"] for row in rows] == ["r2", "r1"]
    assert rows[0]["tags"] == '["even"]'
    assert rows[0]["config.lr"] == "0.01"
    assert [path.name for path in work.iterdir()] == ["runs.csv"]


def test_history_in_each_form(server: Server, work: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(printed(server, work, "history", "p/r0"))))
    assert [[row["_step"], row["deep.a"], row["word"]] for row in rows] == [["0", "0", "a,b"], ["1", "1", "a,b"],
                                                                         ["2", "2", "a,b"]]
    lines = printed(server, work, "history", "local/p/r0", "--keys", "loss", "--format", "jsonl").splitlines()
    assert [json.loads(line) for line in lines] == [{"loss": 1.0}, {"loss": 0.5}, {"loss": 1 / 3}]
    first = printed(server, work, "history", "p/r0", "--keys", "_step,loss").splitlines()[:2]
    assert first == ["_step,loss", "0,1.0"]
    assert printed(server, work, "history", "p/r0", "--stream", "system") == "\n"
    done = run(server, work, "history", "p/r0", "--format", "parquet")
    assert (done.returncode, done.stderr) == (2, "dumbbell: Parquet goes to a file: add --output history.parquet\n")


def test_history_as_parquet(server: Server, work: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="writes Parquet by pyarrow")
    printed(server, work, "history", "p/r0", "--format", "parquet", "-o", "h.parquet")
    assert parquet.read_table(work / "h.parquet").to_pylist()[1] == {
        "_step": 1, "loss": 0.5, "deep.a": 1, "word": "a,b"}


def test_download_of_a_run(server: Server, work: Path) -> None:
    assert printed(server, work, "download", "p/r0", "--pattern", "media/%") == "r0\n"
    assert [path.name for path in (work / "r0").rglob("*") if path.is_file()] == ["x.bin"]
    assert printed(server, work, "download", "p/r0", "--file", "note.txt", "--root", "down") == "down\n"
    assert (work / "down" / "note.txt").read_text() == "note"


def test_download_of_an_artifact(server: Server, work: Path) -> None:
    assert printed(server, work, "download", "p/set:latest") == "artifacts/set:v0\n"
    assert (work / "artifacts" / "set:v0" / "media" / "x.bin").stat().st_size == 100
    assert printed(server, work, "download", "local/p/set:v0", "--root", "some", "--prefix", "note") == "some\n"
    assert [path.name for path in (work / "some").iterdir()] == ["note.txt"]


@pytest.mark.parametrize(("arguments", "said"), [
    (["runs", "none"], "could not find project local/none"), (["runs", "p", "--filter", "lr"], "'lr' is no condition"),
    (["runs", "p", "--filters", "[1]"], "is not a JSON object"),
    (["history", "p/none"], "could not find run local/p/none"),
    (["download", "p/r0", "--file", "none"], "has no file 'none'"),
    (["download", "p/none:v0"], "could not find artifact"),
    (["download", "p/r0", "--prefix", "x"], "--prefix is for an artifact"),
    (["download", "p/set:v0", "--pattern", "x"], "--pattern is for a run")])
def test_what_cannot_be_is_said_in_one_line(server: Server, work: Path, arguments: list[str], said: str) -> None:
    done = run(server, work, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("dumbbell: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples(work: Path, name: str) -> None:
    done = run(None, work, name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: dumbbell {name} ")
    assert f"  dumbbell {name} " in done.stdout.partition("examples:")[2]


def test_without_a_key_it_is_said(work: Path) -> None:
    done = run(None, work, "runs", "p", "--host", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert "no API key for http://127.0.0.1:9" in done.stderr
