"""The README's quick start needs no network: it runs where there is none, and nobody looks for one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dumbbell_server.releases import python_of

pytestmark = pytest.mark.sdk


def alone() -> list[str]:
    """The command that runs another in namespaces of its own. The test is skipped where that is not allowed."""
    command = ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    try:
        done = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs the command unshare")
    if done.returncode != 0:
        pytest.skip(f"this machine allows no namespaces: {done.stderr.strip()}")
    return command


def test_the_quick_start_works_without_a_way_out_and_looks_for_none(tmp_path: Path) -> None:
    command = alone()
    python_of("0.31.0")  # out here, where it can be fetched
    done = subprocess.run([*command, sys.executable, "-m", "support.no_network", str(tmp_path)], text=True,
                          capture_output=True, timeout=240, check=False,
                          env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["code"], found["ended"]) == (0, 0), found["said"]
    assert found["lines"][-2] == "finished {'lr': 0.1} 0.1"
    assert json.loads(found["lines"][-1]) == [1 / (step + 1) for step in range(10)]
    ours, address, name = found["looked_for"]
    assert ours == 0, "somebody looked for a way to another address"
    assert ours < address < name, "the kernel does not count such looks here"
