"""Checked by mypy, never run: what a type checker knows of the client."""

from __future__ import annotations

from typing import Any, TextIO, assert_type

import dumbbell


def runs(api: dumbbell.Api) -> None:
    listed = api.runs("entity/project", {"config.lr": {"$gt": 0.1}}, order="+created_at", per_page=10)
    assert_type(listed, dumbbell.Runs)
    assert_type(listed[0], dumbbell.Run)
    assert_type(listed[1:3], list[dumbbell.Run])
    assert_type(len(listed), int)
    for run in listed:
        assert_type(run, dumbbell.Run)


def one_run(run: dumbbell.Run) -> None:
    assert_type(run.id, str)
    assert_type(run.name, str | None)
    assert_type(run.tags, list[str])
    assert_type(run.config, dict[str, Any])
    assert_type(run.user, dumbbell.User)
    assert_type(run.path, list[str])
    assert_type(run.sweep, dumbbell.Sweep | None)
    assert_type(run.lastHistoryStep, int)
    assert_type(run.history(pandas=False), list[dict[str, Any]])
    assert_type(run.scan_history(["loss"]), dumbbell.HistoryScan)
    for row in run.scan_history():
        assert_type(row, dict[str, Any])
    assert_type(run.files(), dumbbell.Files)
    assert_type(run.file("a").download(), TextIO)
    assert_type(run.logged_artifacts()[0], dumbbell.Artifact)
    run.summary.update({"loss": 1})
    run.config = {"lr": 1}
    run.nonsense  # type: ignore[attr-defined]  # noqa: B018 - a misspelled attribute is found


def sweeps(api: dumbbell.Api) -> None:
    assert_type(dumbbell.sweep({"method": "grid"}, project="p", prior_runs=["r"]), str)
    dumbbell.agent("s", lambda run: run.config, count=3)
    dumbbell.agent("s", print)
    dumbbell.agent("s", one_run, api=api)
    dumbbell.agent("s", no_run, max_consecutive_failed_runs=2)
    dumbbell.agent("s", 7)  # type: ignore[arg-type]
    assert_type(api.project("p").sweeps(10, {"state": "RUNNING"}, "+name")[0], dumbbell.Sweep)
    assert_type(api.sweep("e/p/s").agents(), list[dumbbell.Agent])
    assert_type(api.sweep("e/p/s").agent("a").runs(), dumbbell.AgentRuns)
    assert_type(api.sweep("e/p/s").agent("a").runs()[0], dumbbell.Run)
    assert_type(api.sweep("e/p/s").agent("a").total_runs, int)
    assert_type(api.sweep("e/p/s").enqueue_run({"x": 1}), str)


def no_run() -> float:
    return 0.5


def others(api: dumbbell.Api) -> None:
    assert_type(api.projects(), dumbbell.Projects)
    assert_type(api.projects()[0].created_at, str)
    assert_type(api.sweep("e/p/s").best_run(), dumbbell.Run | None)
    assert_type(api.artifact("e/p/a:v0").download(), str)
    assert_type(api.artifact("e/p/a:v0").metadata, dict[str, Any])
    assert_type(api.reports("e/p")[0].spec, dict[str, Any])
    assert_type(api.viewer.username, str)
    assert_type(api.default_entity, str | None)
    assert_type(dumbbell.QueryGenerator.format_order_key("loss"), str)
