"""A key that `dumbbell login` wrote is found by `wandb`, without WANDB_API_KEY."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.sdk import run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

READ = """
    import wandb

    print("READ", wandb.Api().viewer.username)
"""


@pytest.mark.parametrize(("version", "options"), [("0.31.0", ()), ("0.22.3", ("--any-port",))])
def test_the_netrc_entry_is_the_one_that_wandb_reads(version: str, options: tuple[str, ...], tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with start_server(tmp_path) as server:
        subprocess.run([sys.executable, "-m", "dumbbell", "login", "--host", server.base_url, server.api_key, *options],
                       check=True, timeout=60)
        done = run_script(version, server, tmp_path, READ,
                          env={"WANDB_API_KEY": "", "NETRC": str(tmp_path / "netrc")})
        assert done.line("READ") == "READ local", done
