"""Whole uses of the client over a line that fails again and again. Nothing half-written is left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

import dumbbell
from dumbbell import errors
from support.faulty_transport import RecordingTransport, cut
from support.world import World

BYTES = bytes(range(256)) * 200
ROWS = [{"_step": step, "loss": step} for step in range(40)]


class Bad:
    """Every request fails once before it is let through."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.seen: dict[Any, int] = {}
        self.failed = 0

    def __call__(self, request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        body = request.read() if request.method == "POST" else b""
        key = (request.method, str(request.url), body)
        self.seen[key] = self.seen.get(key, 0) + 1
        if self.seen[key] > 1:
            return answer
        self.failed += 1
        if self.kind == "slow":
            raise httpx2.ReadTimeout("the body is slow", request=request)
        if self.kind == "cut":
            return cut(answer, max(1, len(answer.read()) // 2))
        if self.kind == "wrong" and request.method == "GET":
            content = bytes(len(answer.read()))
            return httpx2.Response(answer.status_code, content=content or b"x", request=request)
        if self.kind in {"500", "429"}:
            headers = {"retry-after": "0"} if self.kind == "429" else {}
            return httpx2.Response(int(self.kind), headers=headers, request=request)
        return answer


def list_runs(api: dumbbell.Api, _: Path) -> Any:
    return [run.id for run in api.runs("local/p", per_page=1, order="+name")]


def read_run(api: dumbbell.Api, _: Path) -> Any:
    run = api.run("local/p/a")
    return run.config, dict(run.summary), run.lastHistoryStep


def write_run(api: dumbbell.Api, _: Path) -> Any:
    run = api.run("local/p/a")
    run.notes = "written"
    run.summary.update({"x": 1})
    run.update()
    api.flush()
    return api.run("local/p/a").notes


def scan(api: dumbbell.Api, _: Path) -> Any:
    return list(api.run("local/p/a").scan_history(page_size=7)) == ROWS


def sample(api: dumbbell.Api, _: Path) -> Any:
    return api.run("local/p/a").history(keys=["loss"], samples=3, pandas=False)


def fetch_file(api: dumbbell.Api, folder: Path) -> Any:
    with api.run("local/p/a").file("deep/f").download(str(folder)) as file:
        return file.buffer.read() == BYTES


def send_file(api: dumbbell.Api, folder: Path) -> Any:
    (folder / "sent").write_bytes(BYTES)
    return api.run("local/p/a").upload_file(str(folder / "sent"), str(folder)).size


def fetch_artifact(api: dumbbell.Api, folder: Path) -> Any:
    artifact = api.artifact("local/p/data:latest")
    artifact.download(str(folder))
    artifact.verify(str(folder), strict=True)
    return sorted(artifact.manifest.entries)


def log_artifact(api: dumbbell.Api, folder: Path) -> Any:
    artifact = dumbbell.Artifact("fresh", "t")
    (folder / "sent").write_bytes(BYTES)
    artifact.add_dir(str(folder))
    return api.run("local/p/a").log_artifact(artifact).name


def list_artifacts(api: dumbbell.Api, _: Path) -> Any:
    return [version.name for version in api.artifacts("t", "local/p/data", per_page=1)]


CASES: list[Callable[[dumbbell.Api, Path], Any]] = [
    list_runs, read_run, write_run, scan, sample, fetch_file, send_file, fetch_artifact, log_artifact, list_artifacts]


@pytest.fixture
def seeded(world: World, api: dumbbell.Api, tmp_path: Path) -> dumbbell.Api:
    for name in ("a", "b", "c"):
        world.upsert(name, config='{"lr": {"value": 1}}', summaryMetrics='{"loss": 2}')
    world.history("a", ROWS)
    run = api.run("local/p/a")
    (tmp_path / "up" / "deep").mkdir(parents=True)
    (tmp_path / "up" / "deep" / "f").write_bytes(BYTES)
    run.upload_file(str(tmp_path / "up" / "deep" / "f"), str(tmp_path / "up"))
    for number in range(3):
        (tmp_path / "up" / str(number)).write_bytes(BYTES[number:])
        artifact = dumbbell.Artifact("data", "t")
        artifact.add_dir(str(tmp_path / "up"))
        run.log_artifact(artifact)
    api.flush()
    return api


def parts(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["500", "429", "cut", "slow", "wrong"])
def test_a_bad_line_changes_no_answer(seeded: dumbbell.Api, wire: RecordingTransport, tmp_path: Path, kind: str,
                                      case: Callable[[dumbbell.Api, Path], Any]) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "bad").mkdir()
    bad = Bad(kind)
    wire.mangle = bad
    answer = case(seeded, tmp_path / "bad")
    wire.mangle = None
    seeded.flush()
    assert answer == case(seeded, tmp_path / "good")
    assert bad.failed
    assert parts(tmp_path) == []


@pytest.mark.parametrize("case", [fetch_file, fetch_artifact])
@pytest.mark.parametrize("kind", ["500", "cut", "wrong"])
def test_a_dead_line_leaves_nothing_half_written(seeded: dumbbell.Api, wire: RecordingTransport, tmp_path: Path,
                                                 kind: str,
                                                 case: Callable[[dumbbell.Api, Path], Any]) -> None:
    def always(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        if request.method != "GET" or "manifest" in request.url.path:
            return answer
        return Bad(kind)(request, answer if kind != "cut" else httpx2.Response(200, content=b"", request=request))
    (tmp_path / "down").mkdir()
    wire.mangle = always
    with pytest.raises(dumbbell.CommError) as caught:
        case(seeded, tmp_path / "down")
    if kind == "wrong":
        assert isinstance(caught.value, errors.DigestError)
    left = [path for path in (tmp_path / "down").rglob("*") if path.is_file()]
    assert left == []
    assert parts(tmp_path) == []
