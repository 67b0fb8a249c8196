"""History, sampled and whole."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import httpx2
import pytest

import dumbbell
import dumbbell.history
from support.faulty_transport import RecordingTransport, answering
from support.server import start_server
from support.wire import Client
from support.world import World

ROWS = [{"_step": step, "loss": 1 / (step + 1), **({"acc": step} if step % 3 == 0 else {})} for step in range(20)]


@pytest.fixture
def run(world: World, api: dumbbell.Api) -> dumbbell.Run:
    world.upsert("r")
    world.history("r", ROWS)
    return api.run("local/p/r")


def test_sampled_rows(run: dumbbell.Run) -> None:
    assert run.history(pandas=False) == ROWS
    few = run.history(samples=4, pandas=False)
    assert (len(few), few[0], few[-1]) == (4, ROWS[0], ROWS[-1])


def test_keys_give_rows_that_have_them_all(run: dumbbell.Run) -> None:
    assert run.history(keys=["acc"], pandas=False) == [{"_step": step, "acc": step} for step in range(0, 20, 3)]
    assert run.history(keys=["acc"], x_axis="loss", pandas=False)[1] == {"loss": 0.25, "acc": 3}
    assert run.history(keys=["acc", "_step"], pandas=False)[0] == {"_step": 0, "acc": 0}
    assert run.history(keys=["acc", "missing"], pandas=False) == []


def test_machine_metrics_are_another_stream(world: World, run: dumbbell.Run) -> None:
    world.stream("r", {"files": {"wandb-events.jsonl": {"offset": 0, "content": ['{"system.cpu": 3}']}}})
    assert run.history(stream="system", pandas=False) == [{"system.cpu": 3}]


@pytest.mark.parametrize(("arguments", "said"), [
    ({"keys": ["loss"], "stream": "system"}, "stream must be default"), ({"keys": "loss"}, "in a list"),
    ({"keys": [1]}, "list of strings")])
def test_keys_that_cannot_be_are_told_and_give_nothing(run: dumbbell.Run, capsys: pytest.CaptureFixture[str],
                                                       arguments: dict[str, Any], said: str) -> None:
    assert run.history(**arguments) == []
    assert said in capsys.readouterr().err


def test_without_pandas_history_is_a_list(run: dumbbell.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.warns(UserWarning, match="pandas is not installed"):
        assert run.history() == ROWS


@pytest.mark.parametrize(("low", "high"), [(None, None), (0, 20), (3, 7), (5, 5), (19, 1000), (50, None), (0, 1)])
@pytest.mark.parametrize("page_size", [1, 7, 10, 20, 1000])
def test_a_scan_gives_every_row_of_its_steps(run: dumbbell.Run, low: int | None, high: int | None,
                                             page_size: int) -> None:
    wanted = [row for row in ROWS if (low or 0) <= row["_step"] < (20 if high is None else high)]
    scan = run.scan_history(page_size=page_size, min_step=low, max_step=high)
    assert list(scan) == wanted
    assert list(scan) == wanted
    keyed = run.scan_history(["acc"], page_size, low, high)
    assert list(keyed) == [{"acc": row["acc"]} for row in wanted if "acc" in row]


def test_a_scan_asks_for_windows_of_steps(run: dumbbell.Run, wire: RecordingTransport) -> None:
    wire.clear()
    scan = run.scan_history(page_size=8)
    assert len(wire.requests) == 1
    list(scan)
    windows = sorted((body["variables"]["minStep"], body["variables"]["maxStep"]) for body in wire.bodies[1:])
    assert windows == [(0, 8), (8, 16), (16, 20)]
    wire.clear()
    list(run.scan_history(["acc"], page_size=10))
    specs = sorted(json.loads(body["variables"]["spec"])["maxStep"] for body in wire.bodies[1:])
    assert specs == [9, 19]


def test_a_scan_over_a_gap_takes_few_requests(world: World, api: dumbbell.Api, wire: RecordingTransport) -> None:
    world.upsert("gap")
    rows = [{"_step": step, "x": step} for step in (0, 1, 50_000, 50_001, 100_000)]
    world.history("gap", rows)
    run = api.run("local/p/gap")
    wire.clear()
    assert list(run.scan_history(page_size=100)) == rows
    assert len(wire.requests) < 60


def test_a_run_without_history(world: World, api: dumbbell.Api, wire: RecordingTransport) -> None:
    world.upsert("empty")
    run = api.run("local/p/empty")
    wire.clear()
    assert run.lastHistoryStep == -1
    assert list(run.scan_history()) == []
    assert run.history(pandas=False) == []
    assert wire.operations == ["RunHistoryKeys", "RunHistoryKeys", "RunHistory"]


@pytest.mark.parametrize(("arguments", "said"), [
    ({"page_size": 0}, "page_size"), ({"page_size": -1}, "page_size"), ({"keys": "loss"}, "keys"),
    ({"keys": [3]}, "keys")])
def test_scans_that_cannot_be(run: dumbbell.Run, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(dumbbell.InvalidValueError, match=said):
        run.scan_history(**arguments)


def test_no_keys_are_all_keys(run: dumbbell.Run) -> None:
    assert list(run.scan_history(keys=[])) == ROWS


def test_rows_of_a_scan_are_fresh_and_loops_independent(run: dumbbell.Run) -> None:
    scan = run.scan_history(page_size=5)
    next(iter(scan))["loss"] = "spoiled"
    assert [next(scan), scan.next()] == ROWS[:2]
    assert [row["_step"] for row in scan] == list(range(20))
    assert next(scan) == ROWS[2]
    assert "<th>loss</th>" in scan._repr_html_()


NOT_FINITE = [
    {"_step": 0, "a": math.nan, "text": "NaN", "list": [1, math.nan, {"b": math.inf}], "dict": {"c": -math.inf}},
    {"_step": 1, "a": -math.inf, "text": "Infinity", "list": ["NaN"], "dict": {"c": "-Infinity"}}]


def test_numbers_that_json_has_not_come_through_with_keys_and_without(world: World, api: dumbbell.Api) -> None:
    world.upsert("n")
    world.history("n", NOT_FINITE)
    run = api.run("local/p/n")
    names = ["_step", "a", "text", "list", "dict"]
    for rows in (run.scan_history(), run.scan_history(names), run.history(pandas=False),
                 run.history(keys=names[1:], pandas=False), api.runs("local/p").histories(keys=names[1:])):
        found = [{name: row[name] for name in names} for row in rows]
        assert repr(found) == repr(NOT_FINITE)  # NaN is not itself
    assert list(run.scan_history(["text"])) == [{"text": "NaN"}, {"text": "Infinity"}]
    assert list(run.scan_history(["dict.c"])) == [{"dict.c": -math.inf}, {"dict.c": "-Infinity"}]


def test_last_values_of_keys_are_numbers_or_texts_as_they_were_logged(world: World, api: dumbbell.Api) -> None:
    world.upsert("n")
    world.history("n", NOT_FINITE[::-1])
    world.history("n", [{"_step": 2, "text": "Infinity", "list": ["NaN", math.nan]}], 2)
    for run in (api.run("local/p/n"), api.runs("local/p")[0]):
        found = {name: facts["previousValue"] for name, facts in run.history_keys["keys"].items()}
        assert repr(found["a"]) == "-inf"
        assert (found["text"], repr(found["list"]), found["dict.c"]) == ("Infinity", "['NaN', nan]", "-Infinity")
        assert {key for facts in run.history_keys["keys"].values() for key in facts} == {
            "typeCounts", "monotonic", "previousValue"}


def test_histories_of_many_runs(world: World, api: dumbbell.Api, run: dumbbell.Run) -> None:
    world.upsert("s")
    world.history("s", [{"_step": 0, "loss": 7}])
    rows = api.runs("local/p", order="+name").histories(samples=3, keys=["loss"])
    assert [row["run_id"] for row in rows] == [run.id] * 3 + ["s"]
    assert rows[-1] == {"_step": 0, "loss": 7, "run_id": "s"}
    with pytest.raises(ValueError, match="format"):
        api.runs("local/p").histories(format="csv")


def test_a_long_history_of_an_ended_run_comes_from_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow.parquet")
    rows = [{"_step": step, "loss": step / 7, "name": f"s{step}", "some": step if step % 3 else step + 0.5}
            for step in range(3000)]
    (tmp_path / "live").mkdir()
    with start_server(tmp_path / "live") as server, RecordingTransport(httpx2.HTTPTransport()) as wire:
        api = dumbbell.Api({"base_url": server.base_url}, api_key=server.api_key, transport=wire)
        api.create_run(run_id="long", project="p", entity="local")
        posted = httpx2.post(f"{server.base_url}/files/local/p/long/file_stream", auth=("api", server.api_key), json={
            "files": {"wandb-history.jsonl": {"offset": 0, "content": [json.dumps(row) for row in rows]}},
            "complete": True, "exitcode": 0})
        posted.raise_for_status()
        run = api.run("local/p/long")
        scan = run.scan_history(page_size=100)
        background = Client(server)
        background.compact()
        background.close()
        wire.clear()
        by_name = [dict(sorted(row.items())) for row in rows]
        assert repr(list(scan)) == repr(by_name)  # 1 is not 1.0
        assert list(run.scan_history(["loss"], 100)) == [{"loss": row["loss"]} for row in rows]
        assert list(run.scan_history(["loss", "none"], 100)) == []
        assert list(run.scan_history(page_size=10, min_step=17, max_step=2000)) == rows[17:2000]
        assert not {"HistoryPage", "SampledHistoryPage"} & set(wire.operations)
        found = run.download_history_exports(tmp_path / "exports" / "deep")
        read = [row for path in found.paths for row in pyarrow.ParquetFile(path).read().to_pylist()]
        assert (read, found.contains_live_data, found.errors) == (rows, False, None)
        wire.clear()
        assert repr(list(run.scan_history(page_size=1000))) == repr(by_name)
        assert "HistoryPage" in wire.operations


def test_rows_that_are_in_no_file_yet_are_told(run: dumbbell.Run, tmp_path: Path) -> None:
    with pytest.raises(dumbbell.IncompleteRunHistoryError, match="wait until it has ended"):
        run.download_history_exports(tmp_path / "exports")
    found = run.download_history_exports(tmp_path / "exports", require_complete_history=False)
    assert (found.paths, found.contains_live_data) == ([], True)
    assert not (tmp_path / "exports").exists()


def test_without_pyarrow_or_on_an_old_server_history_comes_in_pages(
        world: World, api: dumbbell.Api, wire: RecordingTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"_step": step, "x": step} for step in range(50)]
    world.upsert("r")
    world.history("r", rows)
    scan = api.run("local/p/r").scan_history(page_size=5)
    wire.faults.append(lambda request: answering(200, {"errors": [{"message": "Cannot query field"}]})(request)
                       if b"RunParquetHistory" in request.read() else None)
    assert list(scan) == rows
    monkeypatch.setattr(dumbbell.history, "readable", lambda: False)
    wire.clear()
    assert list(scan) == rows
    assert set(wire.operations) == {"HistoryPage"}
