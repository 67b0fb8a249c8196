"""The same questions to `dumbbell.Api` and to the real `wandb.Api`, of one server: the same answers, or a reason."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contract.seeded import seed
from dumbbell_server.releases import python_of
from support.sdk import _environment
from support.server import STILL, start_server

pytestmark = pytest.mark.sdk

VERSION = "0.31.0"
HERE = Path(__file__).parent

OLD_WINS = "the signature of 2020 wins"
FIXED = "a bug of wandb that ours has not"

# Case: why the answers differ. A case that is here and does not differ fails as well.
DIFFERENCES = {
    "runs_default_order_first": f"{OLD_WINS}: newest first; wandb has shown the oldest first since 0.17",
    "runs_twice": f"{OLD_WINS}: newest first",
    "runs_nested_loops": f"{FIXED}: loops over one list disturb each other",
    "runs_truth": f"{FIXED}: a truth test asks the server how many there are",
    "scan_key": f"{OLD_WINS}: only the keys that were asked for; wandb adds _step",
    "write_update_of_a_new_run": f"{FIXED}: a new run lacks the fields that update() sends",
    "file_path_uri": "the URI of a bucket or nothing; wandb gives whatever URL there is where both are the same",
    "artifact_by_data:latest": f"{OLD_WINS}: the name holds the version, whatever it was found by",
    "artifact_by_data:was1": f"{OLD_WINS}: the name holds the version",
    "artifact_by_weights:best": f"{OLD_WINS}: the name holds the version",
    "run_use_artifact": f"{OLD_WINS}: the name holds the version",
    "artifact_by_digest": f"{OLD_WINS}: a digest is a name of an artifact; wandb knows it no more",
    "artifact_ref": f"{OLD_WINS}: the URI as it was added; wandb gives the path of a file:// one",
    "sweeps_filtered_len": f"{FIXED}: the length of a filtered list is that of all",
    "sweeps_ordered": f"{FIXED}: the order is taken and not sent",
    "artifact_versions_missing": f"{FIXED}: a collection that is not there has no versions",
}

# Where wandb raises no ValueError, and ours does in the same place, that is the rule of client-api: one error is both.


def _cases() -> list[str]:
    source = "import cases, guide_cases, more_cases, trial; print(chr(10).join(trial.CASES))"
    done = subprocess.run([sys.executable, "-c", source], cwd=HERE, capture_output=True, text=True, check=True,
                          timeout=60)
    return done.stdout.split("\n")[:-1]


NAMES = _cases()


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each client gave, by the mark of its trial."""
    folder = tmp_path_factory.mktemp("contract")
    (folder / "server").mkdir()
    with start_server(folder / "server", **STILL) as server:
        (folder / "seed").mkdir()
        facts = {"base_url": server.base_url, "key": server.api_key,
                 "names": seed(server.base_url, server.api_key, folder / "seed")}
        found = {}
        for module, who, python in (("dumbbell", "d", Path(sys.executable)), ("wandb", "w", python_of(VERSION))):
            own = folder / who
            own.mkdir()
            with (own / "output").open("wb") as output:
                done = subprocess.run([str(python), str(HERE / "run_cases.py"), module, who, str(own)], cwd=own,
                                      input=json.dumps(facts).encode(), env=_environment(own, server), check=False,
                                      stdout=output, stderr=subprocess.STDOUT, timeout=240)
            assert done.returncode == 0, (own / "output").read_text(errors="replace")[-4000:]
            found[who] = json.loads((own / f"{who}.json").read_text())
    return found


def _compared(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what is said in an error: the classes and the words are each client's own."""
    return {"raises": True} if "raises" in answer else answer


@pytest.mark.parametrize("name", NAMES)
def test_both_clients_answer_alike(answers: dict[str, dict[str, Any]], name: str) -> None:
    ours, theirs = answers["d"][name], answers["w"][name]
    if name in DIFFERENCES:
        assert _compared(ours) != _compared(theirs), f"no difference any more: {DIFFERENCES[name]}"
        assert "raises" not in ours
    else:
        assert _compared(ours) == _compared(theirs)
    if theirs.get("value_error"):
        assert "raises" not in ours or ours["value_error"]


def test_there_are_cases_enough_and_every_difference_is_one_of_them() -> None:
    assert len(NAMES) >= 120
    assert set(NAMES) >= set(DIFFERENCES)
