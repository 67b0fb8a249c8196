"""Sweeps and reports, read."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

import dumbbell
from support.faulty_transport import RecordingTransport
from support.world import World

UPSERT = """mutation UpsertSweep($config: String, $entityName: String, $projectName: String) {
  upsertSweep(input: {config: $config, entityName: $entityName, projectName: $projectName}) { sweep { name } } }"""

REPORT = """mutation UpsertView($entityName: String, $projectName: String, $type: String, $name: String,
                               $displayName: String, $spec: String) {
  upsertView(input: {entityName: $entityName, projectName: $projectName, type: $type, name: $name,
                     displayName: $displayName, spec: $spec}) { view { id name } } }"""


def make_sweep(world: World, metric: dict[str, Any] | None = None, values: list[float | str | None] | None = None,
               key: str = "loss") -> str:
    config: dict[str, Any] = {"method": "grid", "parameters": {"x": {"values": [1, 2]}}}
    if metric is not None:
        config["metric"] = metric
    made = world.gql(UPSERT, {"config": json.dumps(config), "entityName": "local", "projectName": "p"})
    name: str = made["upsertSweep"]["sweep"]["name"]
    for number, value in enumerate(values or []):
        run = f"{name}-{number}"
        world.upsert(run, sweep=name)
        world.upsert(run, summaryMetrics="{}" if value is None else f'{{"{key}": {value}}}')
        world.clock.move(60)
    return name


def test_the_documented_attributes(world: World, api: dumbbell.Api) -> None:
    name = make_sweep(world, {"name": "loss", "goal": "minimize"}, [3, 1, 2])
    sweep = api.sweep(f"local/p/{name}")
    assert (sweep.id, sweep.name, sweep.project, sweep.entity) == (name, name, "p", "local")
    assert sweep.config["metric"] == {"name": "loss", "goal": "minimize"}
    assert (sweep.path, sweep.url) == (["local", "p", name], f"http://testserver/local/p/sweeps/{name}")
    assert [run.id for run in sweep.runs] == [f"{name}-{number}" for number in (2, 1, 0)]
    assert len(sweep.runs) == 3
    assert sweep.runs[-1].id in sweep.runs_by_id
    assert sweep.state
    assert sweep.expected_run_count == 2
    assert api.sweep(f"/local/p/sweeps/{name}") is sweep
    assert [each.id for each in api.project("p").sweeps()] == [name]
    assert len(api.project("p").sweeps()) == 1
    assert "loss" not in repr(sweep)
    assert name in sweep._repr_html_()
    api.flush()
    assert api.sweep(f"p/{name}") is not sweep


@pytest.mark.parametrize(("metric", "values", "best"), [
    ({"name": "loss", "goal": "minimize"}, [3, 1, 2], 1), ({"name": "loss", "goal": "maximize"}, [1, 3, 2], 1),
    ({"name": "loss"}, [3, 1, 2], 1), ({"name": "loss", "goal": "minimize"}, [None, 2, "NaN"], 1),
    ({"name": "loss", "goal": "maximize"}, [None, 2, "NaN"], 1), ({"name": "loss"}, [], None)])
def test_the_best_run(world: World, api: dumbbell.Api, metric: dict[str, str], values: list[float | str | None],
                      best: int | None) -> None:
    name = make_sweep(world, metric, values)
    found = api.sweep(f"local/p/{name}").best_run()
    assert (found and found.id) == (None if best is None else f"{name}-{best}")


def test_the_best_run_by_a_nested_metric_and_by_an_order(world: World, api: dumbbell.Api) -> None:
    name = make_sweep(world, {"name": "val.loss"}, ['{"loss": 2}', '{"loss": 1}', '{"loss": 3}'], key="val")  # type: ignore[list-item]
    sweep = api.sweep(f"local/p/{name}")
    assert sweep.order == "+summary_metrics.val.loss"
    assert sweep.best_run().id == f"{name}-1"  # type: ignore[union-attr]
    assert sweep.best_run("-val.loss").id == f"{name}-2"  # type: ignore[union-attr]
    assert sweep.best_run("+createdAt").id == f"{name}-0"  # type: ignore[union-attr]


def test_without_a_metric_the_newest_is_the_best(world: World, api: dumbbell.Api) -> None:
    name = make_sweep(world, None, [1, 2])
    sweep = api.sweep(f"local/p/{name}")
    assert sweep.order is None
    with pytest.warns(UserWarning, match="most recent"):
        assert sweep.best_run().id == f"{name}-1"  # type: ignore[union-attr]


def test_a_missing_sweep(world: World, api: dumbbell.Api) -> None:
    world.upsert("r")
    with pytest.raises(dumbbell.NotFoundError, match="local/p/none"):
        api.sweep("local/p/none")
    for client in (api, api.client):
        assert dumbbell.Sweep.get(client, "local", "p", "none") is None
        assert dumbbell.Sweep.get(client, "local", "none", "none", withRuns=False) is None


def test_get_brings_the_runs_along(world: World, api: dumbbell.Api, wire: RecordingTransport) -> None:
    name = make_sweep(world, {"name": "loss"}, [1, 2])
    wire.clear()
    sweep = dumbbell.Sweep.get(api, "local", "p", name)
    assert sweep is not None
    assert len(sweep.runs) == len(list(sweep.runs)) == 2
    assert sweep.runs[0].sweep_name == name
    assert len(wire.requests) == 1
    assert copy.deepcopy(sweep).config == sweep.config


def test_a_run_knows_its_sweep_even_a_deleted_one(world: World, api: dumbbell.Api, wire: RecordingTransport) -> None:
    name = make_sweep(world, {"name": "loss"}, [1, 2])
    runs = api.runs("local/p")
    wire.clear()
    assert [run.sweep.id for run in runs if run.sweep] == [name, name]
    assert wire.operations == ["Runs", "Sweep"]
    runs[0]._attrs["sweepName"] = "deleted"
    assert runs[0].sweep is None
    world.upsert("alone")
    assert api.run("local/p/alone").sweep is None


SPEC = {"panelGroups": [{"name": "one", "openRunSet": 0, "runSets": [{
    "sort": {"key": {"section": "summary", "name": "loss"}, "ascending": True},
    "filters": {"op": "OR", "filters": [{"op": "AND", "filters": [
        {"key": {"section": "config", "name": "lr"}, "op": ">", "value": 1}]}]},
    "selections": {"root": 0, "tree": ["r1", {"group": "x", "children": ["r2", ["r3"]]}]}}]}]}


def make_report(world: World, name: str, title: str, spec: Any = None) -> str:
    world.upsert("r0")
    made = world.gql(REPORT, {"entityName": "local", "projectName": "p", "type": "runs", "name": name,
                              "displayName": title, "spec": json.dumps(spec or {})})
    found: str = made["upsertView"]["view"]["id"]
    return found


def test_reports_are_listed_and_found(world: World, api: dumbbell.Api) -> None:
    ids = [make_report(world, f"name {number}", f"A title: {number}!", SPEC) for number in range(3)]
    reports = api.reports("local/p", per_page=1)
    assert [report.name for report in reports] == ["name 2", "name 1", "name 0"]
    assert len(reports) == 3
    report = reports[0]
    assert (report.display_name, report.spec, report.id) == ("A title: 2!", SPEC, ids[2])
    assert (str(report.user), report.user["username"]) == ("local", "local")  # type: ignore[index]
    assert report.updated_at
    assert report.url == f"http://testserver/local/p/reports/A-title-2--{ids[2].rstrip('=')}"
    assert [each.name for each in api.reports("local/p", name="name%201")] == ["name 1"]
    assert api.reports("local/p", name="name 1") is api.reports("p", name="name%201")
    assert api.from_path(f"local/p/reports/A-title-1--{ids[1].rstrip('=')}").name == "name 1"
    with pytest.raises(ValueError, match="could not find report"):
        api.from_path("local/p/reports/None--abcd")
    with pytest.raises(ValueError, match="local/none"):
        len(api.reports("local/none"))
    assert "A title" in report._repr_html_()


def test_an_empty_report(world: World, api: dumbbell.Api) -> None:
    make_report(world, "empty", "Empty")
    report = api.reports("local/p")[0]
    assert (report.spec, report.sections) == ({}, [])
    assert dumbbell.BetaReport(api.client, {"spec": None}).spec == {}


def test_the_runs_of_a_section(world: World, api: dumbbell.Api) -> None:
    make_report(world, "n", "T", SPEC)
    for number in range(1, 5):
        world.upsert(f"r{number}", config=json.dumps({"lr": {"value": number}}),
                     summaryMetrics=f'{{"loss": {-number}}}')
    report = api.reports("local/p")[0]
    section = report.sections[0]
    kept = copy.deepcopy(section)
    runs = report.runs(section)
    assert runs.filters == {"$or": [{"$and": [{"config.lr": {"$gt": 1}}, {"name": {"$in": ["r1", "r2", "r3"]}}]}]}
    assert runs.order == "+summary_metrics.loss"
    assert [run.id for run in runs] == ["r3", "r2"]
    assert [run.id for run in report.runs(section, only_selected=False)] == ["r4", "r3", "r2"]
    assert section == kept
    section["runSets"][0]["selections"]["root"] = 1
    assert [run.id for run in report.runs(section)] == ["r4"]
    section["runSets"][0]["filters"] = {}
    assert report.runs(section).filters == {"name": {"$nin": ["r1", "r2", "r3"]}}
