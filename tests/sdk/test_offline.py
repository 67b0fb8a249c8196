"""Offline runs of the real wandb: imported, they are what `wandb sync` makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.offline_scripts import EVERYTHING, KILLED, PARTS, answers, dumbbell, folders_of, sync
from support.sdk import run_script
from support.server import STILL, Server, start_server

pytestmark = pytest.mark.sdk

Answers = dict[str, Any]
# Releases by which a run is logged, and by which it is synced: by their own, and by today's where that reads all of it.
# Whose log, and by whose `wandb sync`; each with exit codes 0 and 1, most of them by --soak.
PAIRS = [("0.12.21", "0.12.21"), ("0.22.3", "0.22.3"), ("0.22.3", "0.31.0"), ("0.31.0", "0.31.0")]
_EXACT = 1e6  # beyond, a float may stand for an integer
SHORT = [(PAIRS[0], "0"), (PAIRS[1], "1"), (PAIRS[3], "0")]
# Made again by each sync, with keys in another order or of that very moment.
MADE_FILES = {"config.yaml", "wandb-summary.json", "output.log", "wandb-metadata.json"}


def imported_times(run: Answers) -> None:
    """A sync makes the run now."""
    for name in ("createdAt", "heartbeatAt"):
        del run[name]


def made_files(run: Answers) -> None:
    run["files"] = {name: name if name in MADE_FILES else file for name, file in run["files"].items()}


def environments(run: Answers) -> None:
    """0.31.0 makes up a key, and says in its telemetry that it synced."""
    about = run["config"]["_wandb"]["value"]
    about["e"] = list(about.get("e", {}).values())
    about["t"] = {key: sorted(set(value) - {76}) if isinstance(value, list) else value
                  for key, value in about["t"].items() if key != "12"}


def order_of_metrics(run: Answers) -> None:
    """0.31.0 has them in any order; what leads by its place to another is then another number."""
    about = run["config"]["_wandb"]["value"]
    names = [metric.get("1", metric.get("2")) for metric in about["m"]]
    about["m"] = sorted(({**metric, "5": names[metric["5"] - 1]} if "5" in metric else metric for metric in about["m"]),
                        key=lambda metric: str(metric.get("1", metric.get("2"))))


def older_about(run: Answers) -> None:
    """Python engines say more, or the same in other words (docs/protocol/offline.md#config)."""
    del run["config"]["_wandb"]
    for entry in run["config"].values():
        entry.pop("desc", None)


def lost_exit(run: Answers) -> None:
    """0.22.3 takes no notice of how the run ended: neither of its code nor of its runtime."""
    for name in ("state", "exitcode"):
        del run[name]
    run["summaryMetrics"].pop("_wandb", None)


def whole_seconds(run: Answers) -> None:
    """0.22.3 sends system metrics of whole seconds."""
    for row in (*run["events"], run["systemMetrics"]):
        del row["_timestamp"], row["_runtime"]


def empty_descriptions(run: Answers) -> None:
    """Python engines send an empty text where there is none."""
    for version in run["outputArtifacts"]:
        version["description"] = version["description"] or None


def streams_apart(run: Answers) -> None:
    """Python engines send what both streams wrote in the order in which they get to it, without empty lines."""
    run["logLines"] = sorted((str(level), line) for level, line in run["logLines"] if line)


def key_types(run: Answers) -> None:
    """What is known of keys once they were asked for; rows say the same."""
    del run["historyKeys"]


CORE = [imported_times, made_files, environments, order_of_metrics, key_types]
PYTHON = [imported_times, made_files, older_about, key_types, streams_apart, empty_descriptions]
DIFFERENCES: dict[tuple[str, str], list[Callable[[Answers], None]]] = {
    ("0.12.21", "0.12.21"): PYTHON,
    ("0.22.3", "0.22.3"): [*PYTHON, lost_exit, whole_seconds],
    ("0.22.3", "0.31.0"): CORE,
    ("0.31.0", "0.31.0"): CORE,
}


@contextmanager
def imported(tmp_path: Path, paths: Sequence[Path]) -> Iterator[Server]:
    """A server whose data folder they were imported into, twice."""
    tmp_path.mkdir()
    done = dumbbell("import", *paths, "--data-dir", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    again = dumbbell("import", *paths, "--data-dir", tmp_path / "data")
    assert again.stdout == "Made nothing.\n", again.stdout + again.stderr
    with start_server(tmp_path, **STILL) as server:
        yield server


def both(tmp_path: Path, pair: tuple[str, str], script: str, **env: str) -> tuple[Answers, Answers]:
    """What a server answers of a script's offline runs, after an import and after a sync; differences left out."""
    folders = _folders(tmp_path, pair[0], script, env)
    with imported(tmp_path / "imported", folders) as server:
        ours = answers(server)
    synced = tmp_path / "synced"
    synced.mkdir()
    with start_server(synced, **STILL) as server:
        sync(pair[1], server, tmp_path, folders)  # it removes what is staged, so it comes second
        theirs = answers(server)
    for leave_out in DIFFERENCES[pair]:
        leave_out(ours)
        leave_out(theirs)
    return ours, theirs


def _folders(tmp_path: Path, version: str, script: str, env: dict[str, str]) -> list[Path]:
    with start_server(_made(tmp_path / "nobody"), **STILL) as server:
        done = run_script(version, server, tmp_path, script, env=env)
    folders = folders_of(done)
    assert folders, str(done)
    return folders


def _made(path: Path) -> Path:
    path.mkdir()
    return path


def same(ours: Answers, theirs: Answers) -> None:
    """Field by field, with NaN equal to itself, and seconds but for the last bits of what adds them up."""
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert _comparable(value) == _comparable(theirs[name]), name


def _comparable(value: Any) -> Any:
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else round(value, 9) if abs(value) < _EXACT else value
    if isinstance(value, dict):
        return {key: _comparable(inner) for key, inner in value.items()}
    return [_comparable(inner) for inner in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize(("pair", "code"), [
    pytest.param(pair, code, id=f"{pair[0]}-by-{pair[1]}-{code}",
                 marks=() if (pair, code) in SHORT else pytest.mark.soak)
    for pair in PAIRS for code in ("0", "1")])
def test_everything_that_a_run_logs(tmp_path: Path, pair: tuple[str, str], code: str) -> None:
    ours, theirs = both(tmp_path, pair, EVERYTHING, EXIT=code, WANDB_X_STATS_SAMPLING_INTERVAL="1")
    assert len(ours["history"]) == 6
    assert len(ours["outputArtifacts"]) == 3
    assert ours["events"]
    assert ("error", "progress 100%") in ours["logLines"]
    assert {"saved.txt", "sub/deep.bin", "config.yaml", "wandb-metadata.json", "output.log"} < ours["files"].keys()
    same(ours, theirs)


@pytest.mark.parametrize("version", ["0.22.3", "0.31.0"])
def test_a_run_that_was_killed_has_all_that_was_written(tmp_path: Path, version: str) -> None:
    ours, theirs = both(tmp_path, (version, "0.31.0"), KILLED)
    assert 500 < len(ours["history"]) <= 2000
    assert (ours["state"], ours["exitcode"]) == ("failed", 1)
    same(ours, theirs)


def test_a_killed_run_of_a_python_engine(tmp_path: Path) -> None:
    """A sync of 0.12.21 calls it finished, and leaves its output.log where it is."""
    ours, theirs = both(tmp_path, ("0.12.21", "0.12.21"), KILLED)
    assert len(ours["history"]) > 500
    del ours["files"]["output.log"]
    assert [(run.pop("state"), run.pop("exitcode")) for run in (ours, theirs)] == [("failed", 1), ("finished", 0)]
    same(ours, theirs)


def test_a_run_that_went_on_in_another_process(tmp_path: Path) -> None:
    ours, theirs = both(tmp_path, ("0.31.0", "0.31.0"), PARTS)
    assert [row["_step"] for row in ours["history"]] == [0, 1, 2, 3, 4, 5]
    assert [row["x"] for row in ours["history"]] == [0, 1, 2, 100, 101, 102]
    assert ours["displayName"] == "name1"
    same(ours, theirs)
