"""What a fixture of offline runs says: run by run, and of hostile ones."""

from __future__ import annotations

import hashlib
import json
import math
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dumbbell_server.errors import BadInput
from dumbbell_server.moving.offline.convert import Target
from dumbbell_server.moving.offline.fixture import Progress, convert
from dumbbell_server.seeding.form.reading import read_fixture
from support.offline_logs import EXIT, HEADER, START, Record, item, output, row, run_record, write_run

BASE = [HEADER, run_record()]


class Made:
    """The fixture of some paths, and what was said on the way."""

    def __init__(self, tmp_path: Path, *paths: Path, target: Target | None = None) -> None:
        self.root = tmp_path / "fixture"
        self.root.mkdir(exist_ok=True)
        self.said: list[str] = []
        progress = Progress(lambda _: None, lambda _: None, self.said.append)
        self.count = convert(paths, self.root, target or Target(), progress)
        self.documents = [read.document for read in read_fixture(self.root).documents]

    def run(self, run_id: str = "made") -> Any:
        return next(run for document in self.documents for project in document.projects for run in project.runs
                    if run.id == run_id)

    def lines(self, name: str, run_id: str = "made") -> list[Any]:
        path = next(self.root.glob(f"*/*/runs/{run_id}/{name}"))
        return [json.loads(line) for line in path.read_text().splitlines()]

    def config(self) -> dict[str, Any]:
        return dict(json.loads(self.run().config_json))

    def summary(self) -> dict[str, Any]:
        return dict(json.loads(self.run().summary_json))

    def file(self, name: str) -> bytes:
        blob = self.run().files[name].blob
        return (self.root / "blobs" / blob[:2] / blob).read_bytes()

    def artifacts(self) -> dict[str, list[Any]]:
        return {found.name: found.versions for document in self.documents for project in document.projects
                for found in project.artifacts}


def made(tmp_path: Path, records: Sequence[Record], files: dict[str, bytes] | None = None) -> Made:
    return Made(tmp_path, write_run(tmp_path, records, files=files))


def test_a_run_has_what_its_record_says(tmp_path: Path) -> None:
    record = run_record(name="Shown", notes="n", tags=["a", "b", "a"], group="g", job_type="j", host="h",
                        git={"remote": "git@host:x", "commit": "c0ffee"})
    found = made(tmp_path, [HEADER, record, {"environment": {"program": "train.py", "writerId": "w"}}, EXIT])
    run = found.run()
    assert (run.name, run.notes, run.tags) == ("Shown", "n", ["a", "b"])
    assert (run.group, run.job_type, run.host) == ("g", "j", "h")
    assert (run.repo, run.commit, run.program) == ("git@host:x", "c0ffee", "train.py")
    assert run.created == "2026-09-21T14:13:20.000000Z"
    assert (run.state, run.exitcode) == ("finished", 0)


def test_rows_are_exact(tmp_path: Path) -> None:
    items = [item(["deep", "a"], 1), item(["deep", "b", "c"], "x"), item("a.b", 1.0), item("big", 2**70 + 1),
             item("nan", math.nan), item("low", -math.inf), item("none", None), item("text", "é\u2028\n"),
             {"key": "plain", "text": "t"}, {"key": "whole", "integer": -5}, {"key": "half", "number": 0.5},
             {"key": "yes", "boolean": True}, {"key": "list", "json": "[1, {}]"}]
    found = made(tmp_path, [*BASE, {"history": {"item": items, "step": {"num": 7}}}, EXIT])
    [line] = found.lines("history.jsonl")
    assert math.isnan(line.pop("nan"))
    assert line == {"deep": {"a": 1, "b": {"c": "x"}}, "a.b": 1.0, "big": 2**70 + 1, "low": -math.inf, "none": None,
                    "text": "é\u2028\n", "plain": "t", "whole": -5, "half": 0.5, "yes": True, "list": [1, {}],
                    "_step": 7}
    assert isinstance(line["a.b"], float)


def test_config_and_summary_follow_their_changes(tmp_path: Path) -> None:
    found = made(tmp_path, [
        HEADER, run_record(config={"update": [item("lr", 1), item("gone", 1), item(["deep", "x"], 1)]}),
        {"config": {"update": [item("lr", 2), item(["deep", "y"], 2)], "remove": [{"key": "gone"}]}},
        {"summary": {"update": [item(["best", "v"], 1), item("old", 1)]}},
        {"summary": {"update": [item(["best", "w"], 2)], "remove": [{"nested_key": ["old"]}]}}, EXIT])
    config = found.config()
    del config["_wandb"]
    assert config == {"lr": {"value": 2}, "deep": {"value": {"x": 1, "y": 2}}}
    assert found.summary() == {"best": {"v": 1, "w": 2}}


def test_a_release_without_core_has_the_whole_summary_in_each_record(tmp_path: Path) -> None:
    found = made(tmp_path, [
        run_record(), {"summary": {"update": [item("old", 1)]}}, {"exit": {"exit_code": 0, "runtime": 5}},
        row(0, late=1), {"summary": {"update": [item("new", 1)]}}], {"any.txt": b"any"})
    assert found.summary() == {"new": 1, "_wandb": {"runtime": 5}}
    assert len(found.lines("history.jsonl")) == 1
    assert found.file("any.txt") == b"any"


def test_the_output_of_a_release_without_core_is_its_own_file_or_made_of_the_log(tmp_path: Path) -> None:
    records = [run_record(), output("said\n"), EXIT]
    for name, files, expected in (("own", {"output.log": b"own"}, b"own"), ("none", {"a": b""}, b"said\n")):
        folder = write_run(tmp_path / name, records, files=files)
        (tmp_path / f"to-{name}").mkdir()
        assert Made(tmp_path / f"to-{name}", folder).file("output.log") == expected


def test_metrics_name_the_metric_of_their_steps_by_its_place(tmp_path: Path) -> None:
    found = made(tmp_path, [
        *BASE, {"metric": {"name": "epoch", "options": b"\x18\x01"}},
        {"metric": {"glob_name": "val/*", "step_metric": "epoch", "options": b"\x08\x01\x18\x01"}},
        {"metric": {"name": "val/x", "expanded_from_glob": True}},
        {"metric": {"name": "acc", "summary": b"\x10\x01", "goal": 2}},
        {"metric": {"name": "acc", "step_metric": "epoch"}}, EXIT])
    assert found.config()["_wandb"]["value"]["m"] == [
        {"1": "epoch", "6": [3]}, {"1": "acc", "7": [2], "8": 2, "5": 1}, {"2": "val/*", "7": [], "6": [1], "5": 1}]


@pytest.mark.parametrize(("records", "state", "code"), [
    ([EXIT], "finished", 0), ([{"exit": {"exit_code": 3}}], "failed", 3), ([], "failed", 1),
    ([{"preempting": b""}, {"exit": {"exit_code": 1}}], "preempted", 1)])
def test_a_run_ends_as_its_process_did(tmp_path: Path, records: list[Record], state: str, code: int) -> None:
    run = made(tmp_path, [*BASE, *records]).run()
    assert (run.state, run.exitcode) == (state, code)


def test_system_metrics_have_times_from_the_start_on(tmp_path: Path) -> None:
    stats = {"timestamp": {"seconds": START + 2, "nanos": 500_000_000},
             "item": [item("cpu", 8.5), item("network", {"sent": 1, "recv": 2})]}
    found = made(tmp_path, [*BASE, {"stats": stats}, EXIT])
    assert found.lines("system.jsonl") == [{
        "system.cpu": 8.5, "system.network.sent": 1, "system.network.recv": 2, "_wandb": True,
        "_timestamp": START + 2.5, "_runtime": 2.5}]
    assert json.loads(found.run().system_metrics_json)["system.cpu"] == 8.5
    assert found.run().heartbeat == "2026-09-21T14:13:22.500000Z"


def test_console_lines_have_the_time_at_which_they_were_written(tmp_path: Path) -> None:
    found = made(tmp_path, [*BASE, output("a\n", second=1), output("b\n", stderr=True, second=2), EXIT])
    assert found.lines("output.log") == [
        {"ts": "2026-09-21T14:13:21.000000", "content": "a"},
        {"level": "error", "ts": "2026-09-21T14:13:22.000000", "content": "b"}]
    assert found.file("output.log") == b"a\nb\n"


def saved(*names: str) -> Record:
    return {"files": {"files": [{"path": name} for name in names]}}


def test_files_that_were_saved_are_there(tmp_path: Path) -> None:
    elsewhere = tmp_path / "weights.bin"
    elsewhere.write_bytes(b"weights")
    folder = write_run(tmp_path, [*BASE, saved("a.txt", "sub/*.csv", "link.bin", "lost.txt"), EXIT], files={
        "a.txt": b"a", "sub/1.csv": b"1", "sub/2.csv": b"2", "other.txt": b"nobody saved it"})
    (folder / "files" / "link.bin").symlink_to(elsewhere)
    found = Made(tmp_path, folder)
    assert sorted(found.run().files) == ["a.txt", "config.yaml", "link.bin", "sub/1.csv", "sub/2.csv",
                                         "wandb-summary.json"]
    assert found.file("link.bin") == b"weights"
    assert found.said == [f"file lost.txt of run made is left out: it is not in {folder / 'files'} any more"]


def entry(path: str, data: bytes, local: Path | None) -> Record:
    digest = b64encode(hashlib.md5(data).digest()).decode()
    return {"path": path, "digest": digest, "size": len(data), "local_path": str(local or "")}


def artifact(name: str, *entries: Record, digest: str = "d", **more: Any) -> Record:
    return {"artifact": {"name": name, "type": "dataset", "digest": digest, "finalize": True,
                         "client_id": f"id-{digest}", "manifest": {"version": 1, "contents": list(entries)}, **more}}


def test_versions_have_their_bytes_and_aliases(tmp_path: Path) -> None:
    local = tmp_path / "staged"
    local.write_bytes(b"bytes")
    found = made(tmp_path, [
        *BASE, artifact("data", entry("a.txt", b"bytes", local), {"path": "r", "digest": "s3://x", "ref": "s3://x"},
                        digest="1", aliases=["latest", "best", "v7"], metadata='{"n": 1}', sequence_client_id="seq"),
        artifact("data", digest="2", aliases=["best"]), artifact("data", digest="1", aliases=["again"]), EXIT])
    first, second = found.artifacts()["data"]
    assert (first.aliases, second.aliases) == (["again"], ["best"])
    assert (first.metadata_json, first.digest, first.run, first.client_ids) == ('{"n": 1}', "1", "made", ["id-1"])
    manifest = json.loads(next(found.root.glob("*/*/artifacts/data/v0.manifest.json")).read_text())
    assert manifest["contents"] == {"a.txt": {"digest": entry("", b"bytes", None)["digest"], "size": 5},
                                    "r": {"digest": "s3://x", "ref": "s3://x"}}


@pytest.mark.parametrize(("change", "problem"), [
    ("gone", "its file 'a.txt' is not on this machine any more"), ("other", "its file 'a.txt' has changed since"),
    ("nowhere", "its file 'a.txt' is only on the server that it came from")])
def test_a_version_whose_bytes_are_gone_is_left_out_in_words(tmp_path: Path, change: str, problem: str) -> None:
    local = tmp_path / "staged"
    if change == "other":
        local.write_bytes(b"other")
    of = None if change == "nowhere" else local
    found = made(tmp_path, [*BASE, artifact("data", entry("a.txt", b"bytes", of)), artifact("small"), EXIT])
    assert list(found.artifacts()) == ["small"]
    assert len(found.said) == 1
    assert found.said[0].startswith("artifact data of run made is left out: ")
    assert problem in found.said[0]


def test_a_run_of_several_processes_is_one(tmp_path: Path) -> None:
    def part(at: int, steps: range, **more: Any) -> Path:
        records = [HEADER, {"run": {**run_record()["run"], "start_time": {"seconds": START + 100 * at}, **more,
                                    "config": {"update": [item("a", at), item(f"only{at}", at)]}}},
                   *(row(step, x=at) for step in steps), output(f"part {at}\n", second=at),
                   {"summary": {"update": [item(f"s{at}", at)]}}, {"exit": {"exit_code": at}}]
        return write_run(tmp_path, records, stamp=f"2026092{at}_101010")

    second, first = part(1, range(2, 5), name="second"), part(0, range(4), name="first", notes="n")
    found = Made(tmp_path, second, first)
    assert found.count == 1
    rows = [(line["_step"], line["x"]) for line in found.lines("history.jsonl")]
    assert rows == [(0, 0), (1, 0), (2, 1), (3, 1), (4, 1)]
    assert [line["content"] for line in found.lines("output.log")] == ["part 0", "part 1"]
    config = found.config()
    assert (config["a"], config["only0"], config["only1"]) == ({"value": 1}, {"value": 0}, {"value": 1})
    assert found.summary() == {"s1": 1}
    run = found.run()
    assert (run.name, run.notes, run.exitcode) == ("second", "n", 1)
    assert run.created == "2026-09-21T14:13:20.000000Z"


@pytest.mark.parametrize(("first", "then", "expected"), [
    (range(3), range(3, 5), [0, 1, 2, 3, 4]), (range(3), range(2), [0, 1]), (range(3), range(1, 2), [0, 1]),
    (range(3), range(0), [0, 1, 2])])
def test_the_first_step_of_a_process_decides_what_it_replaces(tmp_path: Path, first: range, then: range,
                                                              expected: list[int]) -> None:
    for at, steps in enumerate((first, then)):
        write_run(tmp_path, [HEADER, run_record(start_time={"seconds": START + at}), *(row(step) for step in steps)],
                  stamp=f"2026092{at}_101010")
    found = Made(tmp_path, tmp_path)
    assert [line["_step"] for line in found.lines("history.jsonl")] == expected


def test_rows_of_a_process_that_resumes_follow(tmp_path: Path) -> None:
    """As 0.31.0 was seen to sync these."""
    for at, steps in enumerate(([0, 5], [3, 4, 9], [1, 2])):
        write_run(tmp_path, [HEADER, run_record(start_time={"seconds": START + at}, resume=True),
                             *(row(step, x=step) for step in steps),
                             {"summary": {"update": [item("_step", steps[-1])]}}], stamp=f"2026092{at}_101010")
    found = Made(tmp_path, tmp_path)
    assert [(line["_step"], line["x"]) for line in found.lines("history.jsonl")] == [
        (0, 0), (5, 5), (6, 3), (7, 4), (9, 9), (10, 1), (11, 2)]
    assert found.summary() == {"_step": 11}


def test_a_run_of_a_sweep_comes_without_it(tmp_path: Path) -> None:
    found = made(tmp_path, [HEADER, run_record(sweep="s1"), EXIT])
    assert found.run().sweep is None
    assert found.said == ["run made is not put into sweep s1, which only its own server has"]


def test_a_fork_names_its_parent(tmp_path: Path) -> None:
    found = made(tmp_path, [HEADER, run_record(branch_point={"run": "parent", "value": 7.0, "metric": "_step"}), EXIT])
    assert (found.run().fork.run, found.run().fork.step) == ("parent", 7)
    assert found.config()["_wandb"]["value"]["branch_point"] == {"run_id": "parent", "step": 7}


def test_runs_go_where_they_are_told_to(tmp_path: Path) -> None:
    folder = write_run(tmp_path, [*BASE, EXIT])
    found = Made(tmp_path, folder, target=Target("team", "other", "renamed"))
    assert (found.root / "team/other/runs/renamed/run.dumbbell.json").is_file()


def test_a_folder_gives_all_offline_runs_below_it_once(tmp_path: Path) -> None:
    above = tmp_path / "code" / "wandb"
    for run_id in ("one", "two"):
        write_run(above, [HEADER, run_record(run_id), EXIT], run_id)
    (above / "latest-run").symlink_to(next(above.glob("*one")))
    write_run(above, [], "empty")
    found = Made(tmp_path, tmp_path / "code", above, next(above.glob("*one")), next(above.glob("*two/*.wandb")))
    assert found.count == 2
    assert len(found.said) == 1
    assert "run-empty.wandb holds no run: its process ended before it wrote one" in found.said[0]


HOSTILE: dict[str, tuple[Sequence[Record], str]] = {
    "a file above the folder": ([saved("../../secret.txt")], "file name '../../secret.txt' is not allowed"),
    "an absolute file": ([saved("/etc/passwd")], "file name '/etc/passwd' is not allowed"),
    "a pattern that leads out": ([saved("../*")], "file name '../*' is not allowed"),
    "a value that is no JSON": ([{"config": {"update": [{"key": "a", "value_json": '1, "b": 2'}]}}],
                                "the value of 'a' is no JSON"),
    "a value nested too deeply": ([{"history": {"item": [{"key": "a", "value_json": "[" * 5000 + "]" * 5000}]}}],
                                  "nested"),
    "a row nested too deeply": ([{"history": {"item": [{"key": "a", "value_json": "[" * 250 + "]" * 250}]}}],
                                "a row is nested more than 200 levels deep"),
    "a key nested too deeply": ([{"summary": {"update": [item(["k"] * 5000, 1)]}}], "a key is nested more than 200"),
    "a time that no clock shows": ([{"stats": {"timestamp": {"seconds": 1 << 62}}}], "are no time"),
    "a digest that is none": ([artifact("data", {"path": "a", "digest": "!", "local_path": "/x"})], "is no base64"),
    "a file of an artifact above it": ([artifact("data", {"path": "../a", "digest": "x", "ref": "s3://x"})],
                                       "manifest entry '../a'"),
    "an alias with a slash": ([artifact("data", aliases=["a/b"])], "artifact 'data': versions.0.aliases.0"),
    "notes with a NUL": ([run_record(notes="a\0b")], "notes: the text holds a NUL"),
    "an artifact of two types": ([artifact("data"), artifact("data", type="other")], "is of type 'other' here"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_log_is_refused_by_name(tmp_path: Path, case: str) -> None:
    records, problem = HOSTILE[case]
    with pytest.raises(BadInput) as refused:
        made(tmp_path, [*BASE, *records, EXIT])
    assert "run-made.wandb" in str(refused.value)
    assert problem in str(refused.value)


def test_a_path_without_runs_is_refused(tmp_path: Path) -> None:
    for path, problem in ((tmp_path / "none", "there is no file or folder"), (tmp_path, "there is no offline run")):
        with pytest.raises(BadInput, match=problem):
            Made(tmp_path, path)


@pytest.mark.parametrize("name", ["a/../../b", "..", "x/y"])
def test_a_run_id_that_none_can_be_is_refused(tmp_path: Path, name: str) -> None:
    folder = write_run(tmp_path / "in", [HEADER, run_record(name), EXIT], "made")
    with pytest.raises(BadInput, match=r"run-made\.wandb: runs\.0\.id"):
        Made(tmp_path, folder)
    assert {path.name for path in tmp_path.iterdir()} == {"in", "fixture"}
