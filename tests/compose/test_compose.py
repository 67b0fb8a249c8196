"""`docker compose up` as a user runs it: the SDK on the host, servers in their containers.

With `--compose`, and an engine that `docker` reaches. `-s` prints the figures.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import yaml

from dumbbell_server.admin.client import AdminClient
from support.composed import (
    TOKEN,
    Composed,
    composed,
    docker,
    inspect,
    own_layers,
    provide_images,
    seconds_until_healthy,
)
from support.sdk import run_script

pytestmark = [pytest.mark.compose, pytest.mark.sdk, pytest.mark.timeout(900)]

PLAIN, SCALE = "docker-compose.yml", "docker-compose.scale.yml"
HEALTHY, ENDED = 10.0, 2.0  # seconds
UNPACKED, PACKED = 350_000_000, 150_000_000  # bytes
LOG = """
    import pathlib
    import wandb

    run = wandb.init(project="composed", id="kept", config={"lr": 0.1})
    for step in range(100):
        run.log({"loss": 1 / (step + 1)})
    pathlib.Path("notes.txt").write_text("kept")
    wandb.save("notes.txt")
    artifact = wandb.Artifact("set", "dataset")
    artifact.add_file("notes.txt")
    run.log_artifact(artifact)
    run.finish()
"""
READ = """
    import json
    import pathlib
    import wandb

    read = wandb.Api().run("local/composed/kept")
    with read.file("notes.txt").download(root="read", replace=True) as opened:
        notes = opened.read()
    folder = wandb.Api().artifact("local/composed/set:v0").download("artifact")
    print(json.dumps({"state": read.state, "lr": read.config["lr"], "loss": read.summary["loss"],
                      "steps": [row["_step"] for row in read.scan_history()], "notes": notes,
                      "artifact": pathlib.Path(folder, "notes.txt").read_text()}))
"""
LOGGED = {"state": "finished", "lr": 0.1, "loss": 0.01, "steps": [*range(100)], "notes": "kept", "artifact": "kept"}
PROJECTS = '{ models(entityName: "gym") { edges { node { name } } } }'


def log(running: Composed, folder: Path) -> None:
    done = run_script("0.31.0", running, folder, LOG)
    assert done.returncode == 0, done


def check_read(running: Composed, folder: Path) -> None:
    done = run_script("0.31.0", running, folder, READ)
    assert done.returncode == 0, done
    assert json.loads(done.last_line) == LOGGED


@pytest.fixture(scope="module")
def plain() -> Iterator[Composed]:
    with composed(PLAIN) as running:
        yield running


def test_it_is_healthy_soon_with_the_demo(plain: Composed) -> None:
    (container,) = plain.containers()
    took = seconds_until_healthy(container)
    print(f"healthy {took:.1f} s after its start")
    assert took <= HEALTHY
    assert plain.ask(PROJECTS)["models"]["edges"]


def test_a_killed_container_comes_back_with_everything(plain: Composed, tmp_path: Path) -> None:
    log(plain, tmp_path)
    check_read(plain, tmp_path)
    plain.compose("kill", "--signal", "KILL")
    plain.up()
    check_read(plain, tmp_path)
    plain.compose("down")  # without its volume
    plain.up()
    check_read(plain, tmp_path)


def test_the_admin_port_is_published_to_loopback(plain: Composed) -> None:
    with AdminClient(plain.admin_url, TOKEN) as client:
        assert client.info()["counts"]["projects"] > 0
    assert httpx2.post(f"{plain.admin_url}/admin/reset", json={}).status_code == 401
    ports = inspect(plain.containers()[0])["NetworkSettings"]["Ports"]
    assert {binding["HostIp"] for bindings in ports.values() for binding in bindings or []} == {"127.0.0.1"}
    assert "version" in plain.compose("exec", "dumbbell", "dumbbell", "admin", "info")


def test_it_may_do_little(plain: Composed) -> None:
    def inside(command: str) -> str:
        return plain.compose("exec", "dumbbell", "sh", "-c", command)

    status = dict(line.split(":\t", 1) for line in inside("cat /proc/1/status").splitlines() if ":\t" in line)
    assert {name: int(status[name], 16) for name in status if name.startswith("Cap")} == dict.fromkeys(
        ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0)
    assert (status["NoNewPrivs"], status["Uid"].split()[0], status["Gid"].split()[0]) == ("1", "10001", "10001")
    for path in ("/", "/opt/dumbbell", "/home", "/seed.d"):
        assert "Read-only file system" in inside(f"touch {path}/x 2>&1 || true")
    assert inside("stat -c '%a %u' /data").split() == ["700", "10001"]
    host = inspect(plain.containers()[0])["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False)


def test_it_ends_soon_after_sigterm(plain: Composed) -> None:
    (container,) = plain.containers()
    begin = time.monotonic()
    docker("kill", "--signal", "TERM", container)
    docker("wait", container)
    took = time.monotonic() - begin
    print(f"ended {took:.1f} s after SIGTERM")
    assert took <= ENDED
    assert inspect(container)["State"]["ExitCode"] == 0
    plain.up()


def test_the_image_is_small_and_says_what_it_is(plain: Composed, tmp_path: Path) -> None:
    image = inspect(plain.containers()[0])["Image"]
    unpacked, packed = own_layers(image, tmp_path)
    print(f"our layers: {unpacked / 1e6:.0f} MB, compressed {packed / 1e6:.0f} MB")
    assert unpacked <= UNPACKED
    assert packed <= PACKED
    labels = inspect(image)["Config"]["Labels"]
    assert labels["org.opencontainers.image.licenses"] == "MIT"
    assert labels["org.opencontainers.image.description"].startswith(
        "MIT licence, no account, no licence key, no telemetry, works with no network")


WHOLE = """
import botocore.session, fastapi, numpy.linalg, numpy.random, psycopg, pyarrow.compute, pyarrow.parquet, re2, uvloop
import zstandard
services = botocore.session.get_session()
for name in ("s3", "sts", "sso", "sso-oidc"):
    services.create_client(name, "us-east-1")
print(zstandard.backend, len(pyarrow.parquet.ParquetFile(pyarrow.BufferReader(data)).read()))
"""


def test_what_was_taken_out_of_the_image_is_not_missed(plain: Composed) -> None:
    write = ("import io, pyarrow as pa, pyarrow.parquet; out = io.BytesIO(); "
             "pyarrow.parquet.write_table(pa.table({'a': [1, 2]}), out, compression='zstd'); data = out.getvalue()")
    assert plain.compose("exec", "dumbbell", "python", "-c", f"{write}\n{WHOLE}").split() == ["cext", "2"]
    compact = ("dumbbell", "compact", "--url", "http://localhost:8080", "--api-key", plain.api_key)
    assert plain.compose("exec", "dumbbell", *compact).endswith("Nothing is left to do.\n")  # Parquet files among it


def test_empty_and_fixtures_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "seed").mkdir(mode=0o755)
    (tmp_path / "seed" / "mine.dumbbell.yaml").write_text(
        "created: 2026-01-05T10:00:00Z\nusers: [{name: first, first: true}]\n"
        "projects: [{entity: first, name: mine, user: first, runs: [{id: one, user: first}]}]\n")
    more = {"services": {"dumbbell": {"volumes": [f"{tmp_path / 'seed'}:/seed.d:ro"]}}}
    tmp_path.chmod(0o755)
    (tmp_path / "more.yml").write_text(yaml.safe_dump(more))
    with composed(PLAIN, DUMBBELL_SEED="empty") as running:
        assert running.ask(PROJECTS)["models"]["edges"] == []
        docker("compose", "--project-name", running.project, "--file", PLAIN, "--file", str(tmp_path / "more.yml"),
               "up", "--detach", "--wait", environment=running.environment)
        found = running.ask('{ models(entityName: "local") { edges { node { name } } } }')
        assert found["models"]["edges"] == [{"node": {"name": "mine"}}]


def test_one_port_leads_to_two_servers(tmp_path: Path) -> None:
    provide_images()
    with composed(SCALE) as running:
        containers = running.containers()
        took = max(map(seconds_until_healthy, containers))
        print(f"two servers: healthy {took:.1f} s after their start")
        log(running, tmp_path)
        check_read(running, tmp_path)
        assert len(containers) == 2
        for container in containers:  # each by itself, past the port
            assert _steps_by(container, running.api_key) == 100
        served = {httpx2.get(f"{running.base_url}/ready").headers["x-served-by"] for _ in range(60)}
        assert len(served) == 2
        docker("kill", "--signal", "KILL", containers[0])
        check_read(running, tmp_path)
        running.up()
        check_read(running, tmp_path)


ASK_ITSELF = """
import json, sys, urllib.request as u
query = 'query { project(name: "composed") { run(name: "kept") { historyLineCount } } }'
request = u.Request("http://127.0.0.1:8080/graphql", json.dumps({"query": query}).encode(),
                    {"authorization": "Bearer " + sys.argv[1], "content-type": "application/json"})
print(json.load(u.urlopen(request, timeout=20))["data"]["project"]["run"]["historyLineCount"])
"""


def _steps_by(container: str, key: str) -> int:
    return int(docker("exec", container, "python", "-c", ASK_ITSELF, key))
