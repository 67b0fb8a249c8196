"""`dumbbell view`: pages of offline runs on this machine, with no key and no network."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.offline_logs import EXIT, HEADER, output, row, run_record, write_run

_ADDRESSES = re.compile(r" is shown until Ctrl-C at (http://localhost:\d+/.*)")
# In a network namespace of its own, where nothing leads out and even loopback is down at first.
ALONE = """
import fcntl, re, signal, socket, struct, subprocess, sys, urllib.request

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 1 | 64))  # SIOCSIFFLAGS: up and running
view = subprocess.Popen([sys.executable, "-m", "dumbbell_server", "view", sys.argv[1], "--no-browser"],
                        stdout=subprocess.PIPE, text=True)
url = view.stdout.readline().split()[-1]
print(urllib.request.urlopen(url + "/runs/made").read().decode())
view.send_signal(signal.SIGINT)
sys.exit(view.wait(20))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Somewhere below, a run of the first user and one of a team."""
    above = tmp_path / "code" / "deep" / "wandb"
    write_run(above, [HEADER, run_record(name="shown name", config={"update": []}), row(0, loss=0.5),
                      output("said\n"), EXIT])
    return tmp_path / "code"


@contextmanager
def viewed(*arguments: object, **env: str) -> Iterator[list[str]]:
    """The addresses of its pages. It ends by Ctrl-C, and takes all that it made with it."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("DUMBBELL_")}
    process = subprocess.Popen([sys.executable, "-m", "dumbbell_server", "view", *map(str, arguments), "--no-browser"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=outer | env)
    try:
        assert process.stdout is not None
        said = _ADDRESSES.search(process.stdout.readline())
        assert said is not None, process.communicate(timeout=20)[1]
        yield said[1].split()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def test_pages_open_without_a_key(tmp_path: Path, folder: Path) -> None:
    write_run(folder / "wandb", [HEADER, run_record("other", entity="team", project="more"), EXIT], "other")
    before = sorted(folder.rglob("*"))
    spool = tmp_path / "spool"
    spool.mkdir()
    with viewed(folder, TMPDIR=str(spool)) as (offline, more):
        assert offline.endswith("/local/offline")
        assert more.endswith("/team/more")
        assert "shown name" in page(offline)
        assert "loss" in page(f"{offline}/runs/made")
        assert "other" in page(f"{more}/runs/other")
    assert list(spool.iterdir()) == []
    assert sorted(folder.rglob("*")) == before


def test_the_settings_of_another_server_are_none_of_its(tmp_path: Path, folder: Path) -> None:
    with viewed(folder, DUMBBELL_DATABASE_URL="postgresql://localhost:1/none", DUMBBELL_HOST="0.0.0.0",
                DUMBBELL_DATA_DIR=str(tmp_path / "real"), DUMBBELL_USER="somebody") as [url]:
        assert url.endswith("/local/offline")
    assert not (tmp_path / "real").exists()


def test_it_is_for_this_machine_alone(folder: Path) -> None:
    with viewed(folder) as [url]:
        request = urllib.request.Request(url, headers={"Host": "example.com"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)
        refused.value.close()
        assert refused.value.code == 403


def test_a_fixture_is_shown_too(tmp_path: Path) -> None:
    (tmp_path / "x.dumbbell.json").write_text(json.dumps({
        "users": [{"name": "ann"}],
        "projects": [{"entity": "ann", "name": "p", "runs": [{"id": "r", "name": "hers"}]}]}))
    with viewed(tmp_path) as [url]:
        assert url.endswith("/ann/p")
        assert "hers" in page(url)


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "dumbbell_server", "view", str(tmp_path)], check=False, timeout=60,
                          capture_output=True, text=True)
    assert done.returncode == 2
    assert f"dumbbell: there is no offline run in '{tmp_path}': " in done.stderr


def test_it_needs_no_network(folder: Path) -> None:
    if subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no network namespaces here")
    done = subprocess.run(["unshare", "-rn", sys.executable, "-c", ALONE, str(folder)], check=False, timeout=120,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "shown name" in done.stdout
