"""Parquet files of ended runs: whose rows come back the same, and by whose names no other's ever come."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dumbbell_server.wiring import make_worker
from support.world import World, world_on_backend

REWIND = """mutation M($step: Float!) { rewindRun(input: {runName: "r", projectName: "p", metricName: "_step",
  metricValue: $step}) { rewoundRun { id } } }"""


def rows(start: int, end: int, **more: Any) -> list[dict[str, Any]]:
    return [{"_step": step, "loss": step / 3, "whole": step * step, "text": f"t{step}", "good": step % 2 == 0,
             "some": step if step % 3 else step + 0.5, "x.y": step, **more} for step in range(start, end)]


def log(world: World, lines: list[Any], offset: int = 0, *, run: str = "r", **more: Any) -> None:
    world.history(run, lines, offset, **more)


def end(world: World, run: str = "r", project: str = "p") -> None:
    world.stream(run, {"complete": True, "exitcode": 0}, project=project)
    work(world)


def work(world: World) -> None:
    make_worker(world.backend).run()


def urls(world: World, run: str = "r", project: str = "p") -> list[str]:
    found = world.run('parquetHistory(liveKeys: ["_step"]) { parquetUrls liveData }', run, project=project)
    assert found["parquetHistory"]["liveData"] == []
    return list(found["parquetHistory"]["parquetUrls"])


def read(world: World, run: str = "r", project: str = "p") -> list[list[dict[str, Any]]]:
    files = []
    for url in urls(world, run, project):
        answer = world.client.get(url)
        assert answer.status_code == 200
        files.append(pq.read_table(io.BytesIO(answer.content)).to_pylist())
    return files


@pytest.fixture(params=["sqlite", "postgres", "s3"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with world_on_backend(request, tmp_path) as opened:
        yield opened


@pytest.fixture(autouse=True)
def run(world: World) -> None:
    world.upsert("r")


def test_an_ended_run_offers_all_of_its_rows_as_they_were_logged(world: World) -> None:
    log(world, [*rows(0, 300), *rows(301, 305)])
    work(world)
    assert urls(world) == []
    end(world)
    expected = [{**row, "some": float(row["some"])} for row in [*rows(0, 300), *rows(301, 305)]]
    [found] = read(world)
    assert [repr(sorted(row.items())) for row in found] == [repr(sorted(row.items())) for row in expected]


def test_a_file_is_given_whole_or_in_part_to_who_has_its_url(world: World) -> None:
    log(world, rows(0, 10))
    end(world)
    [url] = urls(world)
    whole = world.client.get(url).content
    part = world.client.get(url, headers={"range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, whole[4:10])
    if world.backend.blobs.direct is None:  # a bucket's URLs are its own affair
        assert world.client.get(url.partition("?")[0]).status_code == 403
        assert world.client.get(url.replace("/1.parquet", "/2.parquet")).status_code == 403


@pytest.mark.parametrize("odd", [
    {"deep": {"a": 1}}, {"image": {"_type": "image-file"}}, {"list": [1]}, {"loss": "text"}, {"none": None},
    {"late": 1}, {"loss": True}, {"\ud800": 1}, {"_step": 3.5}, {"_step": -1}, {"empty": {}},
], ids=str)
def test_a_run_whose_rows_would_come_back_otherwise_offers_none(world: World, odd: dict[str, Any]) -> None:
    log(world, [*rows(0, 5), {**rows(5, 6)[0], **odd}])
    end(world)
    assert urls(world) == []
    assert len(world.run("history(minStep: -9)")["history"]) in {5, 6}


def test_runs_of_two_writers_and_forks_offer_none(world: World) -> None:
    log(world, rows(0, 5), x_wandb_async_client_id="x")
    end(world)
    assert urls(world) == []
    branch = {"_wandb": {"value": {"branch_point": {"run_id": "r", "step": 2}}}}
    world.upsert("f", config=json.dumps(branch))
    log(world, rows(3, 6), run="f")
    end(world, "f")
    assert urls(world, "f") == []


def test_a_resumed_run_adds_a_file_and_leaves_the_first(world: World) -> None:
    log(world, rows(0, 5))
    end(world)
    first = [world.client.get(url).content for url in urls(world)]
    log(world, rows(5, 8), 5)
    assert urls(world) == []
    end(world)
    assert [world.client.get(url).content for url in urls(world)][:1] == first
    assert [[row["_step"] for row in file] for file in read(world)] == [[0, 1, 2, 3, 4], [5, 6, 7]]
    log(world, [{"_step": 8, "loss": 1.0}], 8)
    end(world)
    assert urls(world) == []


def test_a_changed_run_offers_none_once_it_has_offered_some(world: World) -> None:
    log(world, rows(0, 5))
    end(world)
    world.gql(REWIND, {"step": 3.0})  # nobody has heard of the file yet
    work(world)
    assert [[row["_step"] for row in file] for file in read(world)] == [[0, 1, 2, 3]]
    world.gql(REWIND, {"step": 2.0})
    work(world)
    assert urls(world) == []
    log(world, rows(3, 4), 3)
    end(world)
    assert urls(world) == []
    blobs = [key for key in list(world.backend.blobs.keys()) if key.startswith("history/")]
    assert len(blobs) == world.count("partitions")


def test_a_run_made_again_under_a_name_offers_none(world: World) -> None:
    log(world, rows(0, 5))
    end(world)
    assert len(urls(world)) == 1
    node = world.run("id")["id"]
    world.gql("mutation M($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }", {"id": node})
    assert world.count("partitions") == 0
    world.upsert("r")
    log(world, rows(0, 3))
    end(world)
    assert urls(world) == []
    world.upsert("other")
    log(world, rows(0, 3), run="other")
    end(world, "other")
    assert len(urls(world, "other")) == 1


def test_work_is_found_again_and_done_once(world: World) -> None:
    log(world, rows(0, 50))
    world.stream("r", {"complete": True, "exitcode": 0})
    assert make_worker(world.backend).run() == 1
    assert make_worker(world.backend).run() == 0
    heard: list[tuple[int, int]] = []
    log(world, rows(50, 60), 50)
    world.stream("r", {"complete": True, "exitcode": 0})
    make_worker(world.backend).run(lambda done, left: heard.append((done, left)))
    assert heard == [(0, 1), (1, 0)]


def test_who_asks_hears_how_much_is_left(world: World) -> None:
    assert world.client.get("/compact").status_code == 401
    headers = {"authorization": "Bearer " + "f" * 40}
    log(world, rows(0, 5))
    assert world.client.get("/compact", headers=headers).json() == {"left": 1}
