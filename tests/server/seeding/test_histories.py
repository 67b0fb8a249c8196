"""Where rows of fixtures come from: written out, CSV, JSON lines, Parquet, formulas, lines as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dumbbell_server.errors import BadInput
from dumbbell_server.seeding.form.reading import read_fixture
from dumbbell_server.seeding.load import load
from support.world import World

ASK = """{ project(name: "p", entityName: "local") { run(name: "r") {
  history(minStep: 0, maxStep: 1000000) events summaryMetrics systemMetrics config historyLineCount heartbeatAt
  createdAt state exitcode displayName } } }"""


def loaded(world: World, folder: Path, run: str, **files: str | bytes) -> dict[str, Any]:
    """What the server says of the run `r`, which the fixture describes so."""
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "x.dumbbell.yaml").write_text(
        "created: 2026-01-01T00:00:00Z\nprojects:\n  - entity: local\n    name: p\n    runs:\n"
        f"      - {{id: r, {run}}}\n")
    load(world.backend, read_fixture(folder))
    found: dict[str, Any] = world.gql(ASK)["project"]["run"]
    return found


def rows(run: dict[str, Any]) -> list[dict[str, Any]]:
    return [{key: value for key, value in json.loads(row).items() if key not in {"_runtime", "_timestamp"}}
            for row in run["history"]]


def test_rows_that_are_written_out(world: World, tmp_path: Path) -> None:
    run = loaded(world, tmp_path, "history: [{loss: 1, a: x}, {_step: 5, loss: .nan}, {loss: 3}], summary: {best: 1}")
    assert [json.dumps(row) for row in rows(run)] == [
        '{"_step": 0, "loss": 1, "a": "x"}', '{"_step": 5, "loss": NaN}', '{"_step": 6, "loss": 3}']
    assert json.loads(run["summaryMetrics"]) == {
        "_step": 6, "_runtime": 20.0, "_timestamp": 1767229220.0, "loss": 3, "a": "x", "best": 1}
    assert (run["createdAt"], run["heartbeatAt"]) == ("2026-01-01T01:00:00.000000Z", "2026-01-01T01:00:30.000000Z")
    assert (run["state"], run["exitcode"], run["historyLineCount"]) == ("finished", 0, 3)


def test_csv(world: World, tmp_path: Path) -> None:
    run = loaded(world, tmp_path, "history: {file: rows.csv}", rows__csv="_step,loss,note,ok\n0,1.5,a,true\n4,,b,\n")
    assert rows(run) == [{"_step": 0, "loss": 1.5, "note": "a", "ok": True}, {"_step": 4, "note": "b"}]


def test_json_lines(world: World, tmp_path: Path) -> None:
    run = loaded(world, tmp_path, "history: {file: rows.jsonl}", rows__jsonl='{"loss": 1}\n\n{"loss": {"a": 2}}\n')
    assert rows(run) == [{"_step": 0, "loss": 1}, {"_step": 1, "loss": {"a": 2}}]


def test_parquet(world: World, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet  # noqa: PLC0415 - an extra

    parquet.write_table(pyarrow.table({"_step": [0, 7], "loss": [1.0, None]}), tmp_path / "rows.parquet")
    run = loaded(world, tmp_path, "history: {file: rows.parquet}")
    assert rows(run) == [{"_step": 0, "loss": 1.0}, {"_step": 7}]


def test_system_metrics_and_relative_times(world: World, tmp_path: Path) -> None:
    run = loaded(world, tmp_path, "created: -2h, state: running, system: {rows: 2, keys: {system.cpu: 50 + step}}")
    assert [json.loads(row)["system.cpu"] for row in run["events"]] == [50.0, 51.0]
    assert json.loads(run["systemMetrics"])["system.cpu"] == 51.0
    now = world.clock.text()
    assert run["heartbeatAt"] == now
    assert run["createdAt"] == world.clock.text_ago(7200)


def test_lines_are_stored_as_they_are(world: World, tmp_path: Path) -> None:
    lines = '{"_step":0,  "loss":NaN}\n\0003\n{"_step": 9}\n'
    run = loaded(world, tmp_path, "history: {lines: rows.jsonl}", rows__jsonl=lines)
    assert run["history"] == ['{"_step":0,  "loss":NaN}', '{"_step": 9}']
    assert run["historyLineCount"] == 5
    assert run["summaryMetrics"] == "{}"


@pytest.mark.parametrize(("run", "files", "says"), [
    ("history: {file: rows.csv}", {"rows__csv": "a,b\n1\n"}, "rows.csv:2: the row has not as many values"),
    ("history: {file: rows.jsonl}", {"rows__jsonl": '{"a": 1}\n[1]\n'}, "rows.jsonl:2: a row is a JSON object"),
    ("history: {file: rows.jsonl}", {"rows__jsonl": '{"a": 1}\n{"a"\n'}, "rows.jsonl:2: this is not JSON"),
    ("history: {file: rows.parquet}", {"rows__parquet": b"PAR1"}, "rows.parquet: this is no Parquet file"),
    ("history: {file: rows.txt}", {"rows__txt": "a"}, "of no known format; say `format`"),
    ("history: {lines: rows.jsonl}", {"rows__jsonl": "[1]\n"}, "a line is not a JSON object: '[1]'"),
    ("history: {lines: rows.jsonl}", {"rows__jsonl": "\0many\n"}, "says how many lines never came"),
])
def test_files_of_rows_that_are_wrong(world: World, tmp_path: Path, run: str, files: dict[str, str | bytes],
                                      says: str) -> None:
    with pytest.raises(BadInput, match=r"^x\.dumbbell\.yaml:6: ") as caught:
        loaded(world, tmp_path, run, **files)
    assert says in str(caught.value)
    assert world.gql('{ project(name: "p", entityName: "local") { id } }') == {"project": None}


def test_a_link_out_of_the_folder_is_not_followed(world: World, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "fixture"
    folder.mkdir()
    (folder / "rows.csv").symlink_to(tmp_path / "secret")
    with pytest.raises(BadInput, match="leads out of the fixture's folder"):
        loaded(world, folder, "history: {file: rows.csv}")
