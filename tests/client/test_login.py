"""`dumbbell login`: the key is tried, and goes to the netrc entry of one server."""

from __future__ import annotations

import netrc
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dumbbell
from dumbbell import _netrc
from support.server import Server, start_server

OTHERS = """\
machine api.wandb.ai
  login user
  password for-the-cloud
macdef init
  cd /somewhere

machine localhost
  login user
  password for-another-port
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("login")) as started:
        yield started


def login(home: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "NETRC"))}
    return subprocess.run([sys.executable, "-m", "dumbbell", "login", *arguments], input=typed, text=True, timeout=60,
                          env=outer | {"HOME": str(home)}, capture_output=True, check=False)


def keys(home: Path) -> dict[str, str | None]:
    return {machine: entry[2] for machine, entry in netrc.netrc(str(home / ".netrc")).hosts.items()}


def netloc(server: Server) -> str:
    return server.base_url.removeprefix("http://")


def test_the_key_is_written_for_this_server_only(server: Server, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text(OTHERS)
    (tmp_path / ".netrc").chmod(0o644)
    done = login(tmp_path, "--host", server.base_url, server.api_key)
    assert (done.returncode, done.stderr) == (0, "")
    assert "as local" in done.stdout
    assert server.api_key not in done.stdout
    assert keys(tmp_path) == {"api.wandb.ai": "for-the-cloud", "localhost": "for-another-port",
                              netloc(server): server.api_key}
    assert "cd /somewhere" in (tmp_path / ".netrc").read_text()
    assert stat.S_IMODE((tmp_path / ".netrc").stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".netrc.*"))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    assert dumbbell.Api({"base_url": server.base_url}).viewer.username == "local"


def test_again_replaces_and_any_port_is_a_wish(server: Server, tmp_path: Path) -> None:
    for arguments in (("-",), ("-", "--any-port")):
        done = login(tmp_path, "--host", f"{server.base_url}/", *arguments, typed=f"{server.api_key}\n")
        assert done.returncode == 0, done.stderr
    assert keys(tmp_path) == {netloc(server): server.api_key, "localhost": server.api_key}
    assert (tmp_path / ".netrc").read_text().count("machine") == 2


@pytest.mark.parametrize(("arguments", "said"), [
    (("x" * 40,), "does not know this key"),
    (("-",), "no key was given"),
    (("--host", "nonsense", "x" * 40), "is not a URL"),
])
def test_what_does_not_work_writes_nothing(server: Server, tmp_path: Path, arguments: tuple[str, ...],
                                           said: str) -> None:
    (tmp_path / ".netrc").write_text(OTHERS)
    done = login(tmp_path, "--host", server.base_url, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / ".netrc").read_text() == OTHERS


def test_odd_names_and_keys_are_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "real"
    path.write_text('machine "un closed\n')
    (tmp_path / "link").symlink_to(path)
    monkeypatch.setenv("NETRC", str(tmp_path / "link"))
    _netrc.write_key("a b", "it's \"one\"")
    assert (tmp_path / "link").is_symlink()
    assert path.read_text() == ('machine "un closed\n'
                                "machine 'a b'\n  login user\n  password 'it'\"'\"'s \"one\"'\n")


def test_help_has_examples() -> None:
    done = subprocess.run([sys.executable, "-m", "dumbbell", "login", "-h"], text=True, capture_output=True,
                          timeout=60, check=True)
    assert "dumbbell token | dumbbell login --host http://localhost:8080 -" in done.stdout
