"""Runs, read and written."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dumbbell
import dumbbell.run
from support.faulty_transport import RecordingTransport
from support.world import World

CONFIG = {"lr": {"desc": "rate", "value": 0.1}, "bare": 3, "none": {"value": None},
          "_wandb": {"value": {"cli_version": "0.31.0"}}, "wandb_version": 1}


@pytest.fixture
def run(world: World, api: dumbbell.Api) -> dumbbell.Run:
    world.upsert("r", config=json.dumps(CONFIG), summaryMetrics='{"loss": 0.5, "at": {"best": {"step": 3}}}',
                 tags=["a"], notes="hm", displayName="first")
    return api.run("local/p/r")


def test_the_documented_attributes(run: dumbbell.Run) -> None:
    assert (run.id, run.name, run.state, run.entity, run.project) == ("r", "first", "running", "local", "p")
    assert (run.tags, run.notes, run.path) == (["a"], "hm", ["local", "p", "r"])
    assert run.url == "http://testserver/local/p/runs/r"
    assert str(run.user) == run.user.username == run.user == "local"
    assert run.config == {"lr": 0.1, "bare": 3, "none": None}
    assert run.rawconfig["_wandb"] == {"cli_version": "0.31.0"}
    assert run.summary["loss"] == run.summary_metrics["loss"] == 0.5
    assert run.system_metrics == {}
    assert run.created_at.startswith("20")
    assert run.createdAt == run.created_at  # type: ignore[attr-defined]
    assert not run.read_only
    with pytest.raises(AttributeError, match="nonsense"):
        _ = run.nonsense  # type: ignore[attr-defined]
    assert "created_at" in dir(run)


def test_a_missing_run_is_two_kinds_of_error(api: dumbbell.Api, world: World) -> None:
    world.upsert("r")
    for error in (ValueError, dumbbell.CommError, dumbbell.RunNotFoundError):
        with pytest.raises(error, match="local/p/none"):
            api.run("local/p/none")


def test_filters_take_times_of_python_and_refuse_what_no_run_has(world: World, api: dumbbell.Api) -> None:
    world.upsert("r")
    now = world.clock.now()
    for moment in (now, now.replace(tzinfo=None), now.astimezone(dt.timezone(dt.timedelta(hours=5)))):
        assert [run.id for run in api.runs("local/p", {"created_at": {"$lte": moment}})] == ["r"]
        assert len(api.runs("local/p", {"created_at": {"$gt": moment}})) == 0
    for filters, said in (({"state": "done"}, "'done' is none of"), ({"tags": 5}, 'write "5"')):
        with pytest.raises(dumbbell.CommError, match=said):
            len(api.runs("local/p", filters))


def test_runs_are_kept_until_they_are_flushed(world: World, api: dumbbell.Api) -> None:
    world.upsert("r")
    first, runs = api.run("local/p/r"), api.runs("local/p")
    assert api.run("/local/p/runs/r") is first
    assert api.runs("p") is runs
    assert api.runs("p", per_page=3) is runs
    assert api.runs("p", {"name": "r"}) is not runs
    api.flush()
    assert api.run("local/p/r") is not first
    assert api.runs("p") is not runs


def test_update_saves_everything_and_keeps_the_clients_own_section(world: World, api: dumbbell.Api,
                                                                   wire: RecordingTransport,
                                                                   run: dumbbell.Run) -> None:
    run.name, run.notes, run.config["new"] = "second", "better", [1, 2]
    run.tags.append("b")
    del run.config["bare"]
    run.summary["loss"] = math.inf
    wire.clear()
    run.update()
    assert [list(body["variables"]) for body in wire.bodies][1:] == [["id", "summaryMetrics"]]
    stored = world.run("displayName notes tags config summaryMetrics")
    assert (stored["displayName"], stored["notes"], stored["tags"]) == ("second", "better", ["a", "b"])
    assert json.loads(stored["config"]) == {
        "lr": CONFIG["lr"], "none": {"desc": None, "value": None}, "new": {"desc": None, "value": [1, 2]},
        "_wandb": CONFIG["_wandb"], "wandb_version": 1}
    assert json.loads(stored["summaryMetrics"]) == {"loss": math.inf, "at": {"best": {"step": 3}}}
    api.flush()
    assert api.run("local/p/r").config == {"lr": 0.1, "none": None, "new": [1, 2]}


def test_config_can_be_replaced(api: dumbbell.Api, run: dumbbell.Run) -> None:
    run.config = {"only": 1}
    run.save()
    api.flush()
    assert api.run("local/p/r").config == {"only": 1}
    assert "_wandb" in api.run("local/p/r").rawconfig


def test_a_run_of_a_list_saves_as_well(world: World, api: dumbbell.Api) -> None:
    world.upsert("r", config=json.dumps(CONFIG))
    listed = api.runs("local/p", lazy=True)[0]
    listed.notes = "from a list"
    listed.tags = ["x"]
    listed.update()
    stored = world.run("notes tags config")
    assert (stored["notes"], stored["tags"]) == ("from a list", ["x"])
    assert json.loads(stored["config"])["_wandb"] == CONFIG["_wandb"]


def test_a_lazy_run_asks_for_the_rest_once(world: World, api: dumbbell.Api, wire: RecordingTransport) -> None:
    world.upsert("r", config=json.dumps(CONFIG), summaryMetrics='{"a": 1}')
    listed = api.runs("local/p", lazy=True)[0]
    assert (listed.id, listed.state) == ("r", "running")
    assert len(wire.requests) == 1
    assert (listed.config["lr"], listed.summary["a"], listed.system_metrics) == (0.1, 1, {})
    assert len(wire.requests) == 2


def test_load_can_be_forced_again_and_again(world: World, run: dumbbell.Run) -> None:
    assert run.load() == run.load()
    _ = run.summary
    world.upsert("r", summaryMetrics='{"loss": 9}')
    assert run.load(force=True)["name"] == "r"
    run.load(force=True)
    assert run.summary["loss"] == 9


def test_a_new_run_has_every_field_and_can_be_saved(world: World, api: dumbbell.Api) -> None:
    made = api.create_run(project="fresh")
    assert len(made.id) == 8
    assert (made.state, made.config, dict(made.summary), made.tags) == ("running", {}, {}, [])
    made.notes = "kept"
    made.config["a"] = 1
    made.update()
    assert world.run("notes", made.id, project="fresh") == {"notes": "kept"}
    assert dumbbell.Run.create(api, "mine", "fresh", "local").path == ["local", "fresh", "mine"]
    assert api.create_run(run_id="waits", project="fresh", state="pending").state == "pending"


def test_state_is_set_and_waited_for(world: World, run: dumbbell.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        world.stream("r", {"complete": True, "exitcode": 0})
    monkeypatch.setattr(dumbbell.run.time, "sleep", sleep)
    run.wait_until_finished()
    assert run.state == "finished"
    assert slept == [5]
    with pytest.raises(ValueError, match="pending and failed"):
        run.update_state("finished")  # type: ignore[arg-type]


def test_delete_removes_the_run(world: World, run: dumbbell.Run, wire: RecordingTransport) -> None:
    wire.clear()
    run.delete()
    assert list(wire.bodies[0]["variables"]) == ["id"]
    assert world.run("id") is None


class TestSummary:
    def test_reads_like_a_dict(self, run: dumbbell.Run) -> None:
        summary = run.summary
        assert summary["loss"] == summary.loss == summary[" loss "] == 0.5  # type: ignore[attr-defined]
        assert summary["at"]["best"].step == 3
        assert summary.get("none", 7) == 7
        assert "loss" in summary
        assert list(summary.keys()) == ["loss", "at"]
        with pytest.raises(AttributeError, match="none"):
            _ = summary.none  # type: ignore[attr-defined]

    def test_what_is_set_is_local_until_it_is_saved(self, world: World, run: dumbbell.Run) -> None:
        run.summary["a"] = 1
        run.summary.b = 2  # type: ignore[attr-defined]
        del run.summary["loss"]
        run.summary["at"]["best"]["acc"] = 4
        assert run.summary_metrics["a"] == 1
        assert json.loads(world.run("summaryMetrics")["summaryMetrics"])["loss"] == 0.5
        run.summary.update()
        assert json.loads(world.run("summaryMetrics")["summaryMetrics"]) == {
            "a": 1, "b": 2, "at": {"best": {"step": 3, "acc": 4}}}

    def test_update_merges_and_saves_the_whole(self, world: World, run: dumbbell.Run) -> None:
        run.summary["mine"] = "kept"
        run.summary.update({"mine": "lost", "other": {" x ": 1}}, overwrite=False)
        run.summary.update({"loss": float("nan")})
        stored = json.loads(world.run("summaryMetrics")["summaryMetrics"])
        assert math.isnan(stored.pop("loss"))
        assert stored == {"at": {"best": {"step": 3}}, "mine": "kept", "other": {"x": 1}}

    @pytest.mark.parametrize(("value", "wanted"), [
        (b"bytes", "bytes"), ({1}, [1]), (Path("a/b"), "a/b")])
    def test_values_of_python_are_written(self, world: World, run: dumbbell.Run, value: Any, wanted: Any) -> None:
        run.summary.update({"v": value})
        assert json.loads(world.run("summaryMetrics")["summaryMetrics"])["v"] == wanted

    def test_large_arrays_of_old_runs_are_placeholders(self, world: World, api: dumbbell.Api) -> None:
        world.upsert("old", summaryMetrics='{"weights": {"_type": "h5", "_h5_offset": 3}}')
        assert api.run("local/p/old").summary["weights"] == "..."


class _Array:
    """As numpy and torch look from outside."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def tolist(self) -> Any:
        return self.values


@pytest.mark.parametrize(("values", "wanted"), [(3, 3), ([[4.5]], 4.5), ([1, 2], [1, 2]), ([[1], [2]], [[1], [2]])])
def test_arrays_are_numbers_and_lists(world: World, run: dumbbell.Run, values: Any, wanted: Any) -> None:
    run.summary.update({"v": _Array(values)})
    assert json.loads(world.run("summaryMetrics")["summaryMetrics"])["v"] == wanted


def test_a_large_array_is_summed_up(world: World, run: dumbbell.Run) -> None:
    run.summary.update({"v": _Array(list(range(100)))})
    stored = json.loads(world.run("summaryMetrics")["summaryMetrics"])["v"]
    assert stored["_type"] == "histogram"
    assert sum(stored["values"]) == 100
    assert len(stored["bins"]) == len(stored["values"]) + 1


def test_viewer_is_asked_for_once(new_api: Callable[..., dumbbell.Api], wire: RecordingTransport) -> None:
    api = new_api()
    assert api.viewer.username == api.default_entity == "local"
    assert api.viewer.teams is not None
    assert api.viewer["username"] == "local"
    assert wire.operations == ["Viewer"]
    assert str(api.user("local")) == "local"
    assert api.user("nobody-at-all") is None
    assert new_api(entity="other").default_entity == "other"


def test_projects_and_teams(world: World, api: dumbbell.Api) -> None:
    world.upsert("r")
    project = api.project("p")
    assert (project.path, project.url) == (["local", "p"], "http://testserver/local/p/workspace")
    assert project.created_at.startswith("20")
    assert str(project.owner) == "local"
    assert api.create_project("made", "local").path == ["local", "made"]
    assert {found.name for found in api.projects()} == {"p", "made"}
    with pytest.raises(ValueError, match="local/none"):
        _ = api.project("none").created_at
    assert (api.team("none").available, api.team("none").members) == (True, [])
    assert "local" in project._repr_html_()
    assert "made" in api.projects()._repr_html_()


def test_console_output_is_read_line_by_line(world: World, api: dumbbell.Api, run: dumbbell.Run) -> None:
    lines = [f"2026-01-01T00:00:0{number}.000000 line {number}" for number in range(5)]
    world.stream("r", {"files": {"output.log": {"offset": 0, "content": lines}}})
    assert [line.content for line in run.console_logs(per_page=2)] == [f"line {number}" for number in range(5)]
    tail = run.console_logs(last=2)
    assert [line.number for line in tail] == [3, 4]
    assert tail[0].timestamp
    world.upsert("silent")
    assert list(api.run("local/p/silent").console_logs()) == []
    with pytest.raises(ValueError, match="last is 0"):
        run.console_logs(last=0)
