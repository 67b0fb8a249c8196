"""What the real SDK does when the server fails it, kind by kind, and that nothing is lost by it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dumbbell_server.admin.client import AdminClient
from support.sdk import read_of, run_script
from support.server import Server, start_server

pytestmark = pytest.mark.sdk

STREAM = "/files/{entity}/{project}/{run}/file_stream"
FILES = "^/(storage/wandb_artifacts|artifactsV2)/"
FAILED = {"kind": "status"}
NUMBERS = itertools.count()

LOGS = """
    import os
    import wandb

    run = wandb.init(project="faults", id=os.environ["RUN"])
    for step in range(20):
        run.log({"value": step})
    made = wandb.Artifact(os.environ["RUN"], "set")
    with made.new_file("a.txt") as file:
        file.write("0123456789" * 1000)
    run.log_artifact(made).wait()
    run.finish()
"""
READS = """
    import json
    import os
    import wandb

    name = os.environ["RUN"]
    api = wandb.Api()
    run = api.run(f"local/faults/{name}")
    rows = [row["value"] for row in run.scan_history()]
    folder = api.artifact(f"local/faults/{name}:latest").download(skip_cache=True)
    text = open(f"{folder}/a.txt").read()
    print("READ", json.dumps([run.state, rows, text == "0123456789" * 1000]))
"""
RIGHT = ["finished", list(range(20)), True]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("faults"), DUMBBELL_ADMIN_PORT="0") as started:
        yield started


@pytest.fixture
def admin(server: Server) -> Iterator[AdminClient]:
    with AdminClient.of_folder(server.data_dir) as client:
        client.record()
        yield client
        client.remove_faults()


def logs(server: Server, tmp_path: Path, name: str) -> None:
    done = run_script("0.31.0", server, tmp_path, LOGS, env={"RUN": name})
    assert done.returncode == 0, str(done)


def reads(server: Server, tmp_path: Path, name: str) -> Any:
    return read_of(run_script("0.31.0", server, tmp_path, READS, env={"RUN": name}))


WRITING = {
    "twice 503 to upsertBucket": {"operation": "UpsertBucket", "sequence": [FAILED, FAILED]},
    "500 to the file stream": {"route": STREAM, "sequence": [{"kind": "status", "status": 500}]},
    "429 to the file stream": {"route": STREAM, "sequence": [{"kind": "rate_limit", "limit": 10, "reset": 1}]},
    "429 to a mutation": {"operation": "CreateArtifact", "sequence": [{"kind": "rate_limit", "reset": 1}]},
    "late": {"route": "/graphql", "times": 3, "effect": {"delay": 0.3, "jitter": 0.2}},
    "slow": {"operation": "UpsertBucket", "effect": {"bytes_per_second": 2000, "slice": 100}},
    "cut before": {"route": STREAM, "times": 1, "effect": {"kind": "cut", "when": "before"}},
    "reset unanswered": {"route": STREAM, "times": 1,
                         "effect": {"kind": "cut", "when": "unanswered", "how": "reset"}},
    "upsertBucket is done and not answered": {"operation": "UpsertBucket", "times": 1,
                                              "effect": {"kind": "cut", "when": "unanswered"}},
    "a version is made and not answered": {"operation": "CreateArtifact", "times": 1,
                                           "effect": {"kind": "cut", "when": "unanswered"}},
    "cut in the middle": {"route": STREAM, "times": 1, "effect": {"kind": "cut", "when": "middle"}},
    "cut after": {"route": STREAM, "effect": {"kind": "cut", "when": "after"}},
    "an upload fails": {"method": "PUT", "path": "^/storage/", "sequence": [FAILED]},
}
READING = {
    "503 to a page": {"route": "/graphql", "sequence": [FAILED]},
    "503 to a download": {"method": "GET", "path": "^/storage/", "sequence": [FAILED]},
    "a slow download": {"method": "GET", "path": "^/storage/", "effect": {"bytes_per_second": 20_000, "slice": 1000}},
}


@pytest.mark.parametrize("kind", WRITING)
def test_a_run_loses_nothing(server: Server, admin: AdminClient, tmp_path: Path, kind: str) -> None:
    name = f"writes-{next(NUMBERS)}"
    last = admin.recorder()["last"]
    admin.add_fault(**WRITING[kind])
    logs(server, tmp_path, name)
    (rule,) = admin.faults()["rules"]
    assert rule["fired"] >= 1, json.dumps(rule)
    assert any(each["fault"] for each in admin.exchanges(since=last, limit=1000))
    admin.remove_faults()
    assert reads(server, tmp_path, name) == RIGHT


@pytest.fixture(scope="module")
def logged(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    logs(server, tmp_path_factory.mktemp("logged"), "reads")
    return "reads"


@pytest.mark.parametrize("kind", READING)
def test_a_reader_gets_it_in_the_end(server: Server, admin: AdminClient, tmp_path: Path, logged: str,
                                     kind: str) -> None:
    admin.add_fault(**READING[kind])
    assert reads(server, tmp_path, logged) == RIGHT
    (rule,) = admin.faults()["rules"]
    assert rule["fired"] >= 1


CHECKS = """
    import os
    import wandb

    artifact = wandb.Api().artifact(f"local/faults/{os.environ['RUN']}:latest")
    folder = artifact.download(skip_cache=True)
    print("DOWNLOADED")
    artifact.verify(folder)
    print("VERIFIED")
"""


@pytest.mark.parametrize(("effect", "downloaded"), [
    ({"kind": "truncate"}, True), ({"kind": "damage"}, True),  # 0.31.0 looks at no digest until it is asked to
    ({"kind": "expired"}, False), ({"kind": "cut", "when": "middle"}, False),
], ids=["truncate", "damage", "expired", "cut"])
def test_a_wrong_download_is_no_version_that_verifies(server: Server, admin: AdminClient, tmp_path: Path, logged: str,
                                                      effect: dict[str, str], downloaded: bool) -> None:
    admin.add_fault(method="GET", path=FILES, effect=effect)
    done = run_script("0.31.0", server, tmp_path, CHECKS, env={"RUN": logged})
    assert admin.faults()["unmatched"] == []
    assert (done.returncode != 0, "DOWNLOADED" in done.stdout, "VERIFIED" in done.stdout) == \
        (True, downloaded, False), str(done)
    admin.remove_faults()
    assert reads(server, tmp_path, logged) == RIGHT
