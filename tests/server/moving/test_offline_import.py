"""`dumbbell import` into folders and servers that have something already."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dumbbell_server.cli import app
from support.offline_logs import EXIT, HEADER, START, Record, row, run_record, write_run
from support.server import API_KEY, STILL, Server, start_server
from support.wire import Client

RUN = '{ project(name: "offline") { run(name: "made") { state historyLineCount } } }'
OUTPUTS = '{ project(name: "offline") { run(name: "two") { outputArtifacts { edges { node { digest } } } } } }'
VERSIONS = """{ project(name: "offline") { artifactType(name: "dataset") { artifactCollection(name: "data") {
  artifacts(first: 10) { edges { version node {
    digest aliases { alias } files { edges { node { name } } } } } } } } } }"""


def imported(*arguments: object, code: int = 0) -> Result:
    done = CliRunner().invoke(app, ["import", *map(str, arguments)], env={"DUMBBELL_API_KEY": API_KEY})
    assert done.exit_code == code, done.output
    return done


def logged(tmp_path: Path, run_id: str, *contents: bytes, aliases: Sequence[str] = ()) -> Path:
    """A run that has logged versions of `data`, each of one file with this content."""
    records: list[Record] = [HEADER, run_record(run_id), row(0, loss=1.0)]
    for content in contents:
        staged = tmp_path / hashlib.md5(content).hexdigest()
        staged.write_bytes(content)
        digest = b64encode(hashlib.md5(content).digest()).decode()
        records.append({"artifact": {
            "name": "data", "type": "dataset", "digest": staged.name, "finalize": True, "aliases": aliases,
            "client_id": f"{run_id}-{staged.name}", "sequence_client_id": f"sequence-{run_id}",
            "manifest": {"version": 1, "contents": [
                {"path": "f.txt", "digest": digest, "size": len(content), "local_path": str(staged)}]}}})
    return write_run(tmp_path, [*records, EXIT], run_id)


def versions(server: Server) -> dict[str, tuple[str, set[str]]]:
    client = Client(server)
    edges = client.ask(VERSIONS)["project"]["artifactType"]["artifactCollection"]["artifacts"]["edges"]
    client.close()
    assert all(edge["node"]["files"]["edges"] for edge in edges)
    return {edge["version"]: (edge["node"]["digest"], {alias["alias"] for alias in edge["node"]["aliases"]})
            for edge in edges}


def test_versions_follow_those_that_are_there(tmp_path: Path) -> None:
    data = ("--data-dir", tmp_path / "data")
    first = logged(tmp_path, "one", b"a", b"b", aliases=["best"])
    second = logged(tmp_path, "two", b"a", b"c", aliases=["other"])
    assert imported(first, *data).stdout == "Made 1 projects, 1 runs, 2 files, 2 artifacts.\n"
    assert imported(second, *data).stdout == "Made 1 runs, 2 files, 1 artifacts.\n"
    for again in ((first,), (second,), (first, second)):
        assert imported(*again, *data).stdout == "Made nothing.\n"
    a, b, c = (hashlib.md5(text).hexdigest() for text in (b"a", b"b", b"c"))
    with start_server(tmp_path, **STILL) as server:
        assert versions(server) == {"v0": (a, set()), "v1": (b, {"best"}), "v2": (c, {"other", "latest"})}
        client = Client(server)
        made = client.ask(OUTPUTS)
        known = [client.ask(f'{{ clientIDMapping(clientID: "{run}-{a}") {{ serverID }} }}')["clientIDMapping"]
                 for run in ("one", "two")]
        client.close()
    assert {edge["node"]["digest"] for edge in made["project"]["run"]["outputArtifacts"]["edges"]} == {a, c}
    assert known[0] == known[1] is not None  # by which tables in rows name their files


def test_nothing_of_a_list_is_there_where_one_is_damaged(tmp_path: Path) -> None:
    whole = write_run(tmp_path, [HEADER, run_record("whole"), EXIT], "whole")
    damaged = write_run(tmp_path, [HEADER, run_record("damaged"), *(row(step) for step in range(100))], "damaged")
    log = damaged / "run-damaged.wandb"
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)
    done = imported(whole, damaged, "--data-dir", tmp_path / "data", code=2)
    assert f"{log}, byte " in done.stderr
    assert "the checksum of a chunk is wrong" in done.stderr
    assert not (tmp_path / "data").exists()
    assert imported(whole, "--data-dir", tmp_path / "data").stdout == "Made 1 projects, 1 runs, 2 files.\n"


def test_a_name_for_several_runs_is_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_run(tmp_path, [HEADER, run_record(name), EXIT], name)
    done = imported(tmp_path, "--id", "x", "--data-dir", tmp_path / "data", code=2)
    assert done.stderr == "dumbbell: an id is for one run, and these are 2: one, two\n"


def test_an_entity_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = write_run(tmp_path, [HEADER, run_record(entity="elsewhere"), EXIT])
    done = imported(folder, "--data-dir", tmp_path / "data", code=2)
    assert done.stderr == ("dumbbell: runs name the entity 'elsewhere', which is not on this server; make it there, "
                           "or say --entity\n")
    imported(folder, "--entity", "local", "--project", "offline", "--id", "new", "--data-dir", tmp_path / "data")


def test_a_running_server_takes_runs_by_its_admin_port(tmp_path: Path) -> None:
    folder = write_run(tmp_path, [HEADER, run_record(), *(row(step, loss=step) for step in range(3)), EXIT])
    with start_server(tmp_path, **STILL, DUMBBELL_ADMIN_PORT="0", DUMBBELL_ADMIN_TOKEN="t" * 40) as server:
        url = server.fixture_url
        assert imported(folder, "--url", url, "--token", "t" * 40).stdout == "Made 1 projects, 1 runs, 2 files.\n"
        assert imported(folder, "--url", url, "--token", "t" * 40).stdout == "Made nothing.\n"
        assert "dumbbell: " in imported(folder, "--url", url, "--token", "wrong", code=2).stderr
        assert "asks for a token" in imported(folder, "--url", url, code=2).stderr
        client = Client(server)
        found: dict[str, Any] = client.ask(RUN)["project"]["run"]
        client.close()
    assert (found["state"], found["historyLineCount"]) == ("finished", 3)


MEASURED = """
import resource, sys
from pathlib import Path
from dumbbell_server.moving.offline.convert import Target
from dumbbell_server.moving.offline.fixture import Progress, convert

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
convert([Path(sys.argv[1])], Path(sys.argv[2]), Target(), Progress(print, lambda _: None, print))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("kind", ["rows", "lines"])
def test_memory_does_not_grow_with_a_log(tmp_path: Path, kind: str) -> None:
    """By twenty times as many records, each of half a kilobyte."""
    grown = []
    for count in (1000, 20_000):
        text = "x" * 400
        records: list[Record] = [row(step, text=text) if kind == "rows" else {"output": {
            "timestamp": {"seconds": START}, "line": f"{text}\n", "output_type": 1}} for step in range(count)]
        folder = write_run(tmp_path / str(count), [HEADER, run_record(), *records, EXIT])
        (tmp_path / f"to-{count}").mkdir()
        done = subprocess.run([sys.executable, "-c", MEASURED, str(folder), str(tmp_path / f"to-{count}")],
                              check=True, capture_output=True, text=True)
        grown.append(int(done.stdout.splitlines()[-1]))
    assert grown[1] < grown[0] + 3000  # KiB, of 10,000 more of them in the log
