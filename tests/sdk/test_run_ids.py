"""Run ids that links cannot hold: refused with the reason where a run is made, and found where one is."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from support.sdk import read_of, run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

MAKE = """
    import json
    import wandb

    errors = []
    for name in ["50%", "a%2Fb", "a\\\\b"]:  # no version looks at these characters itself
        try:
            wandb.init(project="p", id=name)
        except Exception as error:
            errors.append(str(error))
        else:
            errors.append("made")
    with wandb.init(project="p", id="good") as run:
        run.log({"a": 1})
    print("READ " + json.dumps(errors))
"""
FIND = """
    import json
    import wandb

    api = wandb.Api()
    found = []
    for run in api.runs("local/p"):
        same = api.run(f"local/p/{run.id}")
        same.summary.update({"b": 2})
        found.append([run.id, dict(same.summary)["b"], [row["a"] for row in same.scan_history(keys=["a"])]])
        run.delete()
    print("READ " + json.dumps([found, len(wandb.Api().runs("local/p"))]))
"""


# 0.17.9 prints the reason too, but waits all its init_timeout before it raises
@pytest.mark.parametrize("version", ["0.31.0", "0.22.3"])
def test_a_run_is_not_made_under_an_id_that_breaks_links_and_one_that_is_there_is_found(
        version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        errors = read_of(run_script(version, server, tmp_path, MAKE))
        assert all("is not allowed: it holds" in error for error in errors), errors
        assert len(errors) == 3
        with contextlib.closing(sqlite3.connect(server.data_dir / "dumbbell.db")) as database:
            database.execute("UPDATE runs SET name = '50% a' WHERE name = 'good'")  # as an earlier version let it
            database.commit()
        found = read_of(run_script(version, server, tmp_path, FIND))
    assert found == [[["50% a", 2, [1]]], 0], json.dumps(found)
