"""`dumbbell proxy` between the real wandb and a second server, from which a field is taken."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dumbbell_server.moving.proxy.answers import Answers
from dumbbell_server.schema import build_schema
from support.sdk import read_of, run_script
from support.server import Server, start_server

WITHOUT = """
import dumbbell_server.schema as module
build = module.build_schema
def without():
    schema = build()
    del schema.get_type("User").fields["deletedAt"]
    return schema
module.build_schema = without
"""
LOG = """
    import pathlib
    import wandb

    run = wandb.init(project="seen", id="kept", config={"lr": 0.1}, tags=["a"])
    for step in range(30):
        run.log({"loss": 1 / (step + 1), "odd": float("nan") if step == 3 else step})
    pathlib.Path("notes.txt").write_text("kept")
    artifact = wandb.Artifact("data", type="dataset", metadata={"rows": 3})
    artifact.add_file("notes.txt")
    run.log_artifact(artifact, aliases=["best"])
    run.finish()
"""
READ = """
    import json
    import wandb

    api = wandb.Api()
    run = api.run("local/seen/kept")
    artifact = api.artifact("local/seen/data:best")
    print("READ " + json.dumps({
        "state": run.state, "config": run.config, "tags": run.tags, "loss": run.summary["loss"],
        "rows": [str(row.get("odd")) for row in run.scan_history()], "made": run.created_at,
        "files": sorted(file.name for file in run.files()), "digest": artifact.digest, "version": artifact.version,
        "metadata": artifact.metadata, "id": artifact.id, "by": artifact.logged_by().id}))
"""


@dataclass(frozen=True)
class Proxy:
    """As a server that scripts speak to."""

    base_url: str
    api_key: str


@contextlib.contextmanager
def proxied(upstream: Server, folder: Path, *arguments: str) -> Iterator[tuple[Proxy, subprocess.Popen[str]]]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DUMBBELL_", "WANDB_"))}
    command = [sys.executable, "-m", "dumbbell", "proxy", "--upstream", upstream.base_url, *arguments]
    process = subprocess.Popen(command, cwd=folder, env=env, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("export WANDB_BASE_URL=").strip()
        assert url.startswith("http://localhost:"), process.stdout.read()
        yield Proxy(url, upstream.api_key), process
    finally:
        process.kill()
        process.communicate()


def asked(proxy: Proxy, query: str) -> Any:
    return httpx2.post(f"{proxy.base_url}/graphql", json={"query": query}, auth=("api", proxy.api_key)).json()


@pytest.mark.sdk
@pytest.mark.timeout(300)
def test_a_field_that_is_gone_is_named_and_nothing_else_and_a_recording_answers_alike(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WITHOUT)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with start_server(tmp_path / "one", PYTHONPATH=str(tmp_path / "site")) as upstream:
        with proxied(upstream, tmp_path, "--record", "recorded", "--report", "drift.json") as (proxy, process):
            logged = run_script("0.31.0", proxy, tmp_path, LOG)
            assert logged.returncode == 0, str(logged)
            read = read_of(run_script("0.31.0", proxy, tmp_path, READ))
            assert "deletedAt" in str(asked(proxy, "query Who { viewer { id deletedAt } }"))
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=60)
        assert (process.returncode, said) == (1, "Who: it does not know User.deletedAt, and we do\n")
    assert json.loads((tmp_path / "drift.json").read_text()) == [
        {"operation": "Who", "difference": "it does not know User.deletedAt, and we do", "times": 1}]
    [recorded] = (tmp_path / "recorded").iterdir()
    assert upstream.api_key.encode() not in b"".join(
        path.read_bytes() for path in (tmp_path / "recorded").rglob("*") if path.is_file())
    with start_server(tmp_path / "two", DUMBBELL_SEED=str(recorded)) as second:
        assert read_of(run_script("0.31.0", second, tmp_path, READ)) == read


def differences(query: str, answer: Any) -> list[str]:
    return [found.what for found in Answers(build_schema()).look({"query": query}, 200, answer)]


@pytest.mark.parametrize(("query", "answer", "found"), [
    ("{ viewer { id } }", {"data": {"viewer": {"id": "x"}}}, []),
    ("{ viewer { id admin } }", {"data": {"viewer": {"id": "x"}}}, ["User.admin is not in the answer"]),
    ("{ viewer { id admin @include(if: false) } }", {"data": {"viewer": {"id": "x"}}}, []),
    ("{ viewer { who: username } }", {"data": {"viewer": {"who": 5}}}, ["User.username is a number, and String here"]),
    ("{ viewer { id } }", {"data": {"viewer": []}}, ["Query.viewer is a list, and User here"]),
    ("{ viewer { id } }", {"data": {"viewer": {"id": None}}}, ["User.id is null, and never is here"]),
    ("{ viewer { ...f } } fragment f on User { id }", {"data": {"viewer": {"id": None}}},
     ["User.id is null, and never is here"]),
    ("{ viewer { nothing } }", {"data": {"viewer": {"nothing": 1}}},
     ["we would refuse it: Cannot query field 'nothing' on type 'User'."]),
    ("{ viewer { id } }", {"errors": [{"message": 'Cannot query field "id" on type "User".'}]},
     ["it does not know User.id, and we do"]),
    ("{ viewer { id } }", {"errors": [{"message": "permission denied"}]}, []),
    ("{ viewer { id } }", None, ["the answer is no JSON object (status 200)"]),
])
def test_answers_are_held_against_the_schema(query: str, answer: Any, found: list[str]) -> None:
    assert differences(query, answer) == found


def test_the_other_server_is_not_there(tmp_path: Path) -> None:
    with start_server(tmp_path) as upstream, proxied(upstream, tmp_path) as (proxy, _):
        assert asked(proxy, "{ viewer { username } }") == {"data": {"viewer": {"username": "local"}}}
        upstream.kill()
        answer = httpx2.post(f"{proxy.base_url}/graphql", json={"query": "{ viewer { id } }"})
        assert (answer.status_code, "does not answer" in answer.text) == (502, True)
