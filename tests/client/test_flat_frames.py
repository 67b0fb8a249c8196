"""Runs as one table, and the Api as a context."""

from __future__ import annotations

import datetime as dt
import json

import pytest

import dumbbell
from dumbbell._flat import columns_of, flat, flat_run
from support.world import World


def test_config_and_summary_are_columns(world: World, api: dumbbell.Api) -> None:
    world.upsert("a", config=json.dumps({"lr": {"value": 0.1}, "net": {"value": {"depth": 2, "more": {}}}}),
                 summaryMetrics='{"loss": 1, "best": {"acc": 0.5}}', tags=["x"])
    world.upsert("b", summaryMetrics='{"other": "text"}')
    rows = [flat_run(run) for run in api.runs("local/p", order="+name")]
    assert rows[0] | {"id": "a", "tags": ["x"], "config.lr": 0.1, "config.net.depth": 2, "config.net.more": {},
                      "summary.loss": 1, "summary.best.acc": 0.5} == rows[0]
    assert columns_of(rows)[-6:] == ["config.lr", "config.net.depth", "config.net.more", "summary.best.acc",
                                     "summary.loss", "summary.other"]
    assert [name for name in flat_run(api.run("local/p/a"), config=False, summary=False) if "." in name] == []
    lazy = api.runs("local/p", order="+name", lazy=True)
    assert [flat_run(run) for run in lazy] == rows


def test_leaves_have_dotted_names() -> None:
    assert dict(flat("", {"a": {"b": 1}, "c": [1]})) == {"a.b": 1, "c": [1]}
    assert dict(flat("x", 3)) == {"x": 3}


def test_without_the_library_it_says_so(world: World, api: dumbbell.Api) -> None:
    world.upsert("a")
    for name in ("pandas", "polars"):
        try:
            __import__(name)
        except ImportError:
            with pytest.raises(dumbbell.UsageError, match=f"needs {name}"):
                getattr(api.runs("local/p"), f"to_{name}")()


def test_an_api_is_closed_and_opens_again(api: dumbbell.Api) -> None:
    with api as same:
        assert same.viewer.username == "local"
        http = same.client.transport.http
    assert http.is_closed
    api.client.transport._inner = None  # closed with the connections, and not needed any more
    assert api.client.transport.http is not http


def test_times_are_of_utc(world: World, api: dumbbell.Api) -> None:
    world.upsert("a")
    row = api.runs("local/p")._flat(config=True, summary=True)[0]
    assert isinstance(row["created_at"], dt.datetime)
    assert row["created_at"].utcoffset() == dt.timedelta(0)


def test_keys_are_completed(world: World, api: dumbbell.Api) -> None:
    world.upsert("a", summaryMetrics='{"loss": 1}')
    assert api.run("local/p/a").summary._ipython_key_completions_() == ["loss"]
