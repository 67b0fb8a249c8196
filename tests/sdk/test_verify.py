"""The checks of `wandb verify`, one by one, so that a failure names its check. Login is in test_trouble.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.sdk import run_script
from support.server import Server, start_server

pytestmark = pytest.mark.sdk

# A check ends in True or prints a red cross; the wait between its retries is the SDK's, 10 s a failing read.
CHECK = """
    import os
    os.environ["WANDB_PROJECT"] = "verify"

    import wandb
    from wandb.sdk.verify import verify

    host = os.environ["WANDB_BASE_URL"]
    wandb.login(host=host)
    api = wandb.Api()
    print("READ", {call}, flush=True)
"""
CHECKS = {
    "host": "verify.check_host(host)",
    "logged in": "verify.check_logged_in(api, host)",
    "version": "verify.check_wandb_version(api)",
    "logging and files": "verify.check_run(api)",
    "artifacts": "verify.check_artifacts()",
    "large bodies": "verify.check_large_post()",
    "signed upload, then CORS": (
        "[(fine, verify.check_cors_configuration(url, host)) for fine, url in [verify.check_graphql_put(api, host)]]"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("verify")) as server:
        yield server


@pytest.mark.parametrize("check", CHECKS)
def test_check_of_wandb_verify_passes(check: str, server: Server, tmp_path: Path) -> None:
    finished = run_script("0.31.0", server, tmp_path, CHECK.format(call=CHECKS[check]))
    assert finished.returncode == 0, finished
    assert "\N{CROSS MARK}" not in finished.stdout, finished
    assert finished.line("READ ") in {"READ True", "READ None", "READ [(True, None)]"}, finished
