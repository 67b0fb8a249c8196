"""Runs that go on, and what a run carries beside its rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.sdk import Finished, run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

Script = Callable[[str], Finished]
VERSIONS = ["0.31.0", "0.28.2", "0.18.7"]

START = """
    import wandb

    run = wandb.init(project="resumed", id="again", resume="{resume}", config={{"{key}": 1}})
    print(run.resumed, run.starting_step)
    for value in {values}:
        run.log({{"value": value}})
    run.finish()
"""
READ = """
    import json
    import wandb

    read = wandb.Api().run("local/resumed/again")
    print(json.dumps({
        "rows": [[row["_step"], row["value"]] for row in read.scan_history()],
        "config": dict(read.config),
        "value": read.summary["value"],
        "state": read.state,
    }))
"""
REFUSED = """
    import wandb

    try:
        wandb.init(project="resumed", id="{run}", resume="{resume}")
    except wandb.errors.Error as error:
        print("refused:", " ".join(str(error).split()))
    else:
        print("accepted")
"""


@pytest.fixture(params=VERSIONS)
def script(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Script]:
    """Runs a script by one version of the SDK against one server, and wants it to end well."""
    with start_server(tmp_path) as server:

        def run(source: str) -> Finished:
            finished = run_script(request.param, server, tmp_path, source)
            assert finished.returncode == 0, finished
            return finished

        yield run


def last_json(finished: Finished) -> Any:
    return json.loads(finished.last_line)


@pytest.mark.parametrize("resume", ["allow", "must"])
def test_resumed_run_continues_at_next_step(script: Script, resume: str) -> None:
    first = script(START.format(resume="allow", key="before", values=[1, 2, 3]))
    assert "False 0" in first.stdout, first
    second = script(START.format(resume=resume, key="after", values=[4, 5]))
    assert "True 3" in second.stdout, second
    assert last_json(script(READ)) == {
        "rows": [[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]],
        "config": {"before": 1, "after": 1},
        "value": 5,
        "state": "finished",
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_auto_continues_a_failed_run_and_then_starts_over(version: str, tmp_path: Path) -> None:
    source = """
        import json
        import os
        import wandb

        run = wandb.init(project="resumed", resume="auto")
        run.log({"value": run.starting_step})
        print("READ " + json.dumps([run.id, run.starting_step]), flush=True)
        if os.environ["FAIL"]:
            raise SystemExit(1)
        run.finish()
    """
    (tmp_path / "kept").mkdir()  # where the SDK notes the run until it has ended well
    with start_server(tmp_path) as server:
        ended = [run_script(version, server, tmp_path, source,
                            env={"WANDB_DIR": str(tmp_path / "kept"), "FAIL": fail}) for fail in ("yes", "", "")]
    failed, resumed, fresh = [json.loads(one.line("READ ").removeprefix("READ ")) for one in ended]
    assert resumed == [failed[0], 1], ended[1]
    assert fresh[0] != failed[0]
    assert fresh[1] == 0


def test_never_is_refused_where_the_run_exists(script: Script) -> None:
    script(START.format(resume="never", key="before", values=[1]))
    refused = script(REFUSED.format(run="again", resume="never"))
    assert "resum" in refused.line("refused:"), refused
    assert last_json(script(READ))["rows"] == [[0, 1]]


def test_must_is_refused_where_there_is_no_run(script: Script) -> None:
    refused = script(REFUSED.format(run="absent", resume="must"))
    assert "resum" in refused.line("refused:"), refused


def test_labels_of_a_run_are_read_back(script: Script) -> None:
    finished = script("""
        import json
        import wandb

        run = wandb.init(project="labels", name="shown", group="folds", job_type="train", tags=["b", "a"],
                         notes="two lines\\nof notes")
        path = f"{run.entity}/{run.project}/{run.id}"
        run.finish()
        read = wandb.Api().run(path)
        print(json.dumps([read.name, read.group, read.job_type, sorted(read.tags), read.notes]))
    """)
    assert last_json(finished) == ["shown", "folds", "train", ["a", "b"], "two lines\nof notes"]


def test_defined_metrics_shape_the_summary(script: Script) -> None:
    finished = script("""
        import json
        import wandb

        run = wandb.init(project="metrics")
        run.define_metric("epoch")
        run.define_metric("acc", step_metric="epoch", summary="max")
        run.define_metric("loss", summary="min")
        for epoch, acc, loss in [(0, 0.5, 3.0), (1, 0.75, 1.0), (2, 0.25, 2.0)]:
            run.log({"epoch": epoch, "acc": acc, "loss": loss})
        path = f"{run.entity}/{run.project}/{run.id}"
        run.finish()
        summary = wandb.Api().run(path).summary
        print(json.dumps([summary["acc"]["max"], summary["loss"]["min"], summary["epoch"]]))
    """)
    assert last_json(finished) == [0.75, 1.0, 2]


def test_values_that_are_no_numbers_are_kept(script: Script) -> None:
    finished = script("""
        import json
        import wandb

        run = wandb.init(project="odd")
        run.log({"nan": float("nan"), "up": float("inf"), "down": float("-inf"), "one": 1})
        path = f"{run.entity}/{run.project}/{run.id}"
        run.finish()
        read = wandb.Api().run(path)
        keys = ["nan", "up", "down", "one"]
        [row] = list(read.scan_history())
        print(json.dumps([[str(float(where[key])) for key in keys] for where in (row, read.summary)]))
    """)
    assert last_json(finished) == [["nan", "inf", "-inf", "1.0"]] * 2


def test_nested_values_are_read_back_nested(script: Script) -> None:
    finished = script("""
        import json
        import wandb

        config = {"model": {"layers": [1, 2], "head": {"dim": 3}}}
        run = wandb.init(project="nested", config=config)
        run.log({"train": {"loss": 1.5, "by": {"class": {"cat": 2}}}, "flat/slash": 3, "dotted.key": 4})
        run.summary["best"] = {"epoch": 5}
        path = f"{run.entity}/{run.project}/{run.id}"
        run.finish()
        read = wandb.Api().run(path)
        [row] = list(read.scan_history())
        train = {"loss": 1.5, "by": {"class": {"cat": 2}}}
        print(json.dumps([
            read.config == config,
            row["train.loss"] if "train.loss" in row else row["train"]["loss"],
            row["flat/slash"],
            row["dotted.key"],
            json.loads(json.dumps(dict(read.summary["train"]), default=dict)) == train,
            read.summary["best"]["epoch"],
            [len(read.history(keys=[key], pandas=False)) for key in ("train.loss", "train.by.class.cat", "dotted.key")],
        ]))
    """)
    assert last_json(finished) == [True, 1.5, 3, 4, True, 5, [1, 1, 1]]
