"""What is logged at the limits of the SDK arrives; what is beyond the server's own ends the wait at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.sdk import read_of, run_script
from support.server import start_server

pytestmark = pytest.mark.sdk
LARGE = """
    import json
    import wandb

    run = wandb.init(project="large", id="r", config={"list": list(range(300_000)), "text": "c" * 1_000_000})
    for step in range(200):
        run.log({"values": [step] * 4_000})
    run.log({"text": "r" * 6_000_000})
    run.log({"quotes": '"' * 500_000})
    run.summary["own"] = "s" * 1_000_000
    run.finish()
    found = wandb.Api().run("local/large/r")
    rows = list(found.scan_history(page_size=100))
    print("READ", json.dumps([len(found.config["list"]), len(found.summary["own"]), len(rows),
                              sum(len(row.get("values") or ()) for row in rows), len(rows[200]["text"]),
                              len(rows[201]["quotes"])]))
"""
BEYOND = """
    import wandb

    run = wandb.init(project="large", id="r")
    run.log({"text": "r" * 100_000})
    run.finish()
    print("READ 1")
"""


@pytest.mark.parametrize("version", ["0.31.0", "0.17.9"])
def test_large_configs_summaries_and_rows_arrive(tmp_path: Path, version: str) -> None:
    with start_server(tmp_path) as server:
        found = read_of(run_script(version, server, tmp_path, LARGE, timeout=300))
    assert found == [300_000, 1_000_000, 202, 800_000, 6_000_000, 500_000]


@pytest.mark.parametrize("version", ["0.31.0", "0.17.9"])
def test_what_is_too_long_for_the_server_is_given_up_at_once(tmp_path: Path, version: str) -> None:
    with start_server(tmp_path, DUMBBELL_MAX_STREAM_BODY="50000") as server:
        # 413 would be sent again thirty times by 0.17
        assert read_of(run_script(version, server, tmp_path, BEYOND, timeout=60)) == 1
        assert "api_key" not in server.log.read_text()
