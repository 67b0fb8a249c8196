"""`dumbbell check-sdk`: what a release asks that the server does not answer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dumbbell_server.errors import BadInput
from dumbbell_server.moving.drift.documents import refused
from dumbbell_server.releases import python_of


@pytest.mark.sdk
@pytest.mark.timeout(300)
def test_a_release_that_works() -> None:
    done = subprocess.run([sys.executable, "-m", "dumbbell", "check-sdk", "0.31.0"], text=True, capture_output=True,
                          timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("wandb 0.31.0: 171 documents, ")
    assert "a run and an artifact are logged and read back as they were." in done.stdout


def test_what_is_new_is_named_and_what_is_known_is_said_to_wait() -> None:
    texts = ["query New { viewer { neverHeardOf } }", "query Fine { viewer { id } }", "query LaunchAgent { x }", "{ x "]
    new, known = sorted(refused({"python": texts}), key=lambda operation: operation.waits_for or "")
    assert (new.name, new.waits_for, len(new.errors)) == ("New", None, 1)
    assert "neverHeardOf" in new.errors[0]
    assert (known.name, known.waits_for) == ("LaunchAgent", "launch")


@pytest.mark.parametrize("release", ["0.31.0; import os", "../0.31.0", "", "-r requirements.txt", "newest"])
def test_what_is_no_release_is_refused(release: str) -> None:
    with pytest.raises(BadInput, match="is no release of wandb"):
        python_of(release)
