"""wandb.Api().runs of three releases finds the same runs in the same order, those that the evaluator says."""

from __future__ import annotations

import json
import random
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import dumbbell
from dumbbell_server.listing.filters import matches_document, plain, read
from support.sdk import read_of, run_script
from support.server import Server, start_server

RUNS, BATCH = 2000, 50
UPSERTS = (f"mutation M({', '.join(f'$i{index}: UpsertBucketInput!' for index in range(BATCH))}) {{"
           + " ".join(f"u{index}: upsertBucket(input: $i{index}) {{ inserted }}" for index in range(BATCH)) + "}")

QUESTIONS: list[tuple[dict[str, Any], str]] = [
    ({}, "+created_at"),
    ({}, "-created_at"),
    ({"state": "failed"}, "-created_at"),
    ({"state": {"$in": ["failed", "crashed"]}}, "+name"),
    ({"state": {"$ne": "finished"}}, "-name"),
    ({"$and": [{"state": "finished"}, {"config.lr.value": {"$lt": 0.01}}, {"tags": "baseline"}]},
     "+summary_metrics.loss"),
    ({"config.lr": {"$gte": 0.05}}, "-config.lr.value"),
    ({"config.lr.value": {"$gt": 0.02, "$lt": 0.03}}, "+config.lr"),
    ({"config.model.value": "vit"}, "+summary_metrics.loss"),
    ({"config.model": {"$nin": ["vit", "mlp"]}}, "-summary_metrics.loss"),
    ({"config.data.value.workers": 3}, "+config.seed.value"),
    ({"config.data.shuffle": True}, "-config.seed"),
    ({"config.mixed.value": {"$exists": True}}, "+config.mixed.value"),
    ({"config.mixed": {"$type": "string"}}, "-config.mixed.value"),
    ({"config.mixed": None}, "+summary_metrics.acc"),
    ({"config.layers": 64}, "+summary_metrics.loss"),
    ({"config.layers": {"$size": 2}}, "-summary_metrics.loss"),
    ({"config.layers": {"$all": [32, 64]}}, "+config.lr"),
    ({"config.layers": {"$elemMatch": {"$gt": 40, "$lt": 100}}}, "+config.lr"),
    ({"summary_metrics.loss": {"$lt": 0.1}}, "+summary_metrics.loss"),
    ({"summary_metrics.loss": {"$exists": False}}, "+created_at"),
    ({"summary_metrics.loss": {"$not": {"$gt": 0.5}}}, "-created_at"),
    ({"summary_metrics.best.loss": {"$gte": 0.9}}, "-summary_metrics.best.loss"),
    ({"summary_metrics.eval/acc.top1": {"$gt": 0.8}}, "+summary_metrics.eval/acc.top1"),
    ({"summary_metrics.epoch": {"$mod": [10, 3]}}, "+summary_metrics.epoch,-summary_metrics.acc"),
    ({"tags": {"$in": ["debug", "nightly"]}}, "+created_at"),
    ({"tags": {"$nin": ["debug"]}}, "-created_at"),
    ({"tags": {"$size": 0}}, "+display_name"),
    ({"tags": {"$all": ["baseline", "debug"]}}, "+created_at"),
    ({"$or": [{"tags": "release"}, {"summary_metrics.acc": {"$gt": 0.95}}]}, "-summary_metrics.acc"),
    ({"$nor": [{"tags": "release"}, {"state": "finished"}]}, "+summary_metrics.acc"),
    ({"display_name": {"$regex": "^run 1.*7$"}}, "-display_name"),
    ({"displayName": {"$regex": "RUN 19[0-9]$", "$options": "i"}}, "+displayName"),
    ({"name": {"$in": ["r0001", "r1999", "none"]}}, "+created_at"),
    ({"group": "g3"}, "+summary_metrics.loss"),
    ({"group": {"$exists": True}, "jobType": "eval"}, "-group,+name"),
    ({"job_type": "train"}, "+state,-summary_metrics.acc"),
    ({"$or": [{"config.model": "vit", "config.batch": 16}, {"config.model": "mlp", "config.batch": 64}]},
     "+config.batch,-config.model,+name"),
    ({"$and": [{"$or": [{"state": "failed"}, {"state": "crashed"}]}, {"summary_metrics.acc": {"$gte": 0.5}}]},
     "-config.batch,+summary_metrics.acc"),
    ({"username": "local", "summary_metrics.epoch": 7}, "-summary_metrics.acc"),
]
SCRIPT = """
    import json
    import wandb

    api = wandb.Api(timeout=60)
    found = []
    for filters, order in json.loads(%r):
        runs = api.runs("local/p", filters=filters, order=order, per_page=300)
        found.append([[run.id for run in runs], len(runs)])
    print("found" + json.dumps(found))
"""
CLIENTS = """
    import datetime
    import json
    import time
    import %s as client

    now = time.time()
    text = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
    before = [now, int(now * 1000), text.isoformat(), text.strftime("%%Y-%%m-%%dT%%H:%%M:%%SZ"),
              text.strftime("%%Y-%%m-%%d %%H:%%M:%%S"), text.strftime("%%Y-%%m-%%d"), {"$date": text.isoformat()}]
    def found(filters):
        return sorted(run.id for run in client.Api(timeout=60).runs("local/p", filters=filters))
    def refused(filters):
        try:
            return found(filters)
        except Exception as error:
            answer = getattr(error, "response", None)  # 0.17.9 prints what it says, and raises the status
            return f"{error} {getattr(answer, 'text', '')}"
    print("READ " + json.dumps([
        [found({"created_at": {"$lt": "2020-12-31T00:00:00"}}), found({"created_at": {"$gte": now + 86400}})],
        [found({"$and": [{"createdAt": {"$gt": "2020-12-01T00:00:00", "$lt": "2999"}}, {"state": "Finished"}]})],
        [len(found({"created_at": {"$gt": then}})) for then in (0, 1577836800000, "2020", "1 Jan 2020 00:00:00 GMT")],
        [len(found({"created_at": {"$gt": then}})) + len(found({"created_at": {"$lte": then}})) for then in before],
        [refused({"state": "done"}), refused({"created_at": {"$gt": "yesterday"}}), refused({"tags": 5}),
         refused({"display_name": 7})],
    ]))
"""


def documents() -> list[dict[str, Any]]:
    """Runs of all kinds: values that are missing, of other types, equal to others'."""
    draw = random.Random(1)
    made = []
    for number in range(RUNS):
        config: dict[str, Any] = {
            "lr": draw.random() * 0.1, "batch": draw.choice([16, 32, 64]), "seed": number,
            "model": draw.choice(["vit", "mlp", "resnet", "unet"]),
            "layers": draw.choices([16, 32, 64, 128], k=draw.randrange(4)),
            "data": {"workers": number % 9, "shuffle": number % 2 == 0}}
        if number % 3:
            config["mixed"] = draw.choice([1, 2.5, "auto", "none", True])
        summary: dict[str, Any] = {"acc": round(draw.random(), 2), "epoch": draw.randrange(100),
                                   "best": {"loss": draw.random()}, "eval/acc.top1": draw.random()}
        if number % 10:
            summary["loss"] = draw.random()
        made.append({
            "name": f"r{number:04}", "display_name": f"run {number}",
            "state": draw.choice(["finished", "failed", "crashed"]),
            "tags": sorted(draw.sample(["baseline", "debug", "nightly", "release"], draw.randrange(3))),
            "group": f"g{number % 7}" if number % 4 else None, "job_type": draw.choice(["train", "eval"]),
            "username": "local", "config": config, "summary_metrics": summary, "created_at": number})
    return made


def seed(server: Server, made: list[dict[str, Any]]) -> None:
    for start in range(0, len(made), BATCH):
        variables = {f"i{index}": {
            "modelName": "p", "entityName": "local", "name": run["name"], "displayName": run["display_name"],
            "state": run["state"], "tags": run["tags"], "groupName": run["group"], "jobType": run["job_type"],
            "config": json.dumps({key: {"value": value, "desc": None} for key, value in run["config"].items()}),
            "summaryMetrics": json.dumps(run["summary_metrics"]),
        } for index, run in enumerate(made[start:start + BATCH])}
        body = json.dumps({"query": UPSERTS, "variables": variables}).encode()
        request = urllib.request.Request(f"{server.base_url}/graphql", body, {
            "Content-Type": "application/json", "Authorization": f"Bearer {server.api_key}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert "errors" not in json.load(answer)


def renamed(filters: Any) -> Any:
    """The filter with the keys of `documents`: no `.value` of a config, one spelling."""
    if isinstance(filters, list):
        return [renamed(part) for part in filters]
    names = {"displayName": "display_name", "jobType": "job_type"}
    return {names.get(key, key.replace(".value", "") if key.startswith("config.") else key):
            renamed(value) if key in {"$and", "$or", "$nor"} else value for key, value in filters.items()}


def expected(made: list[dict[str, Any]], filters: dict[str, Any], order: str) -> list[str]:
    tree = read(renamed(filters), plain)
    kept = [run for run in made if matches_document(tree, run)]
    keys = order.split(",")
    kept.sort(key=lambda run: run["created_at"], reverse=keys[0].startswith("-"))
    for key in reversed(keys):
        kept = ordered(kept, next(iter(renamed({key[1:]: None}))), descending=key.startswith("-"))
    return [run["name"] for run in kept]


def ordered(runs: list[dict[str, Any]], name: str, *, descending: bool) -> list[dict[str, Any]]:
    """Numbers, then texts, bools, and what is missing, whichever way it goes."""
    kinds: dict[type, list[dict[str, Any]]] = {float: [], str: [], bool: [], type(None): []}
    for run in runs:
        kind = type(value_of(run, name))
        kinds[float if kind is int else kind].append(run)
    missing = kinds.pop(type(None))
    return [run for group in kinds.values()
            for run in sorted(group, key=lambda run: value_of(run, name), reverse=descending)] + missing


def value_of(run: dict[str, Any], name: str) -> Any:
    head, _, rest = name.partition(".")
    if not rest:
        return run[name]
    inside = run[head]
    if rest in inside:
        return inside[rest]
    first, _, second = rest.partition(".")
    return inside.get(first, {}).get(second) if second else None


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = documents()
    with start_server(tmp_path_factory.mktemp("runs")) as server:
        seed(server, made)
        yield server, made


@pytest.mark.sdk
@pytest.mark.parametrize("version", ["0.31.0", "0.22.3", "0.12.21"])
def test_forty_questions_are_answered_alike(version: str, seeded: tuple[Server, Any], tmp_path: Path) -> None:
    server, made = seeded
    assert len(QUESTIONS) == 40
    finished = run_script(version, server, tmp_path, SCRIPT % json.dumps(QUESTIONS), timeout=280)
    assert finished.returncode == 0, finished
    found = json.loads(finished.line("found").removeprefix("found"))
    for (filters, order), (names, count) in zip(QUESTIONS, found, strict=True):
        wanted = expected(made, filters, order)
        assert wanted, (filters, order)
        assert (names, count) == (wanted, len(wanted)), (filters, order)


@pytest.mark.sdk
@pytest.mark.parametrize(("version", "client"), [("0.31.0", "wandb"), ("0.31.0", "dumbbell"), ("0.17.9", "wandb")])
def test_times_and_states_are_understood_or_refused(version: str, client: str, tmp_path: Path) -> None:
    packages, place = ["httpx2", "stamina", "orjson"], {"PYTHONPATH": str(Path(dumbbell.__file__).parent.parent)}
    own = client == "dumbbell"
    with start_server(tmp_path) as server:
        seed(server, documents()[:BATCH])
        finished = run_script(version, server, tmp_path, CLIENTS % client, env=place if own else None,
                              packages=packages if own else ())
    none, capitalized, past, split, refusals = read_of(finished)
    assert none == [[], []]
    assert capitalized == [[run["name"] for run in documents()[:BATCH] if run["state"] == "finished"]]
    assert past == [BATCH] * 4
    assert split == [BATCH] * 7
    for refusal, said in zip(refusals, ["'done' is none of aborted, crashed", "is no time; write it as",
                                        "5 is never a list of texts", "7 is never a text"], strict=True):
        assert said in refusal, refusals
