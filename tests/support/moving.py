"""A project with all that a fixture can hold, made over the wire; and what a folder holds."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

import dumbbell
from contract.seeded import seed
from support.server import Server

PATH = "local/seeded"
NAN_ROWS = ['{"_step": 0, "_timestamp": 1.7e9, "loss": NaN}', '{"_step": 1,  "x": Infinity, "é": "ü"}',
            '{"_step": 5000, "x": 1e400}']
CONSOLE = ['{"ts":"2026-01-01T00:00:00.000001","content":"plain","label":"one"}', "no time at all",
           '{"ts":"2026-01-01T00:00:01.000000","level":"error","content":"bad"}']
_VIEW = """mutation V($type: String!) { upsertView(input: {entityName: "local", projectName: "seeded", type: $type,
  name: "w", displayName: "mine", spec: "{}"}) { view { id } } }"""


def rich(server: Server, folder: Path) -> dict[str, str]:
    """The project of the contract and more: names that the server chose."""
    folder.mkdir()
    names = seed(server.base_url, server.api_key, folder)
    with api_of(server) as api:
        _rows(server, api)
        _fork(server, api)
        _artifacts(api, folder)
        for kind in ("runs/draft", "project-view"):
            api.client.execute(_VIEW, {"type": kind})
    return names


def api_of(server: Server, transport: httpx2.BaseTransport | None = None) -> dumbbell.Api:
    return dumbbell.Api({"base_url": server.base_url}, api_key=server.api_key, transport=transport)


def upsert(api: dumbbell.Api, name: str, **fields: Any) -> None:
    api.client.execute("mutation U($input: UpsertBucketInput!) { upsertBucket(input: $input) { bucket { id } } }", {
        "input": {"name": name, "modelName": "seeded", "entityName": "local", **fields}})


def stream(server: Server, run: str, body: dict[str, Any]) -> None:
    httpx2.post(f"{server.base_url}/files/{PATH}/{run}/file_stream", auth=("api", server.api_key),
                json=body).raise_for_status()


def lines(name: str, content: list[str]) -> dict[str, Any]:
    return {"files": {name: {"offset": 0, "content": content}}}


def _rows(server: Server, api: dumbbell.Api) -> None:
    upsert(api, "nan", host="box", commit="c0ffee", jobProgram="train.py", jobRepo="git@x:y.git", notes="",
           tags=["ü"])
    for name, content in (("wandb-history.jsonl", NAN_ROWS), ("output.log", CONSOLE)):
        stream(server, "nan", lines(name, content))
    stream(server, "nan", {"complete": True, "exitcode": 3})


def _fork(server: Server, api: dumbbell.Api) -> None:
    config = {"_wandb": {"value": {"branch_point": {"run_id": "r0", "step": 10}}}}
    upsert(api, "forked", config=json.dumps(config))
    stream(server, "forked", lines("wandb-history.jsonl", [json.dumps({"_step": 11 + n, "own": n}) for n in range(3)]))
    stream(server, "forked", {"complete": True, "exitcode": 0})


def _artifacts(api: dumbbell.Api, folder: Path) -> None:
    version = api.artifact(f"{PATH}/data:v1")
    version.ttl = dt.timedelta(days=30)
    version.save()
    version.link(f"{PATH}/picked", aliases=["chosen"])
    api.artifact(f"{PATH}/data:v2").link(f"{PATH}/picked")
    collection = api.artifact_collection("dataset", f"{PATH}/data")
    collection.description, collection.tags = "what we have", ["curated"]
    collection.save()
    large = folder / "large.bin"
    large.write_bytes(bytes(range(256)) * 8192)
    artifact = dumbbell.Artifact("large", "dataset")
    artifact.add_file(str(large))
    run = api.run(f"{PATH}/r2")
    run.log_artifact(artifact)
    run.use_artifact(api.artifact(f"{PATH}/weights:best"))


    return dt.timedelta(days=30)


def tree(root: Path) -> dict[str, bytes]:
    """All files of a folder with their bytes."""
    return {str(Path(folder, name).relative_to(root)): Path(folder, name).read_bytes()
            for folder, _, names in os.walk(root) for name in names}


def document(path: Path, *keys: str | int) -> Any:
    """A part of a document."""
    found = json.loads(path.read_bytes())
    for key in keys:
        found = found[key]
    return found


def run_document(root: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = document(root / PATH / "runs" / name / "run.dumbbell.json", "projects", 0, "runs", 0)
    return found


def collection_document(root: Path, name: str) -> dict[str, Any]:
    place = root / PATH / "artifacts" / name / "collection.dumbbell.json"
    found: dict[str, Any] = document(place, "projects", 0, "artifacts", 0)
    return found


def command(*arguments: str, key: str) -> subprocess.Popen[bytes]:
    """A command of `dumbbell` as a process."""
    return subprocess.Popen([sys.executable, "-m", "dumbbell_server", *arguments], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env={**os.environ, "WANDB_API_KEY": key})


class Twisted(httpx2.BaseTransport):
    """The way to a server that is not what it should be: answers to questions, and bytes, come changed."""

    def __init__(self) -> None:
        self.inner = httpx2.HTTPTransport()
        self.unknown: set[str] = set()  # fields that the server has never heard of
        self.data: Callable[[str, Any], Any] = lambda _, data: data
        self.bytes: Callable[[str, bytes], bytes] = lambda _, content: content
        self.asked: list[str] = []
        self.variables: list[tuple[str, dict[str, Any]]] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if not request.url.path.endswith("/graphql"):
            answer = self.inner.handle_request(request)
            content = answer.read()
            return httpx2.Response(answer.status_code, content=self.bytes(request.url.path, content), request=request)
        body = json.loads(request.read())
        query, name = body["query"], body["query"].split("(")[0].split("{")[0].split()[1]
        self.asked.append(name)
        self.variables.append((name, body["variables"]))
        for field in sorted(self.unknown):
            if field in query.replace("(", " ").replace("{", " ").split():
                message = {"errors": [{"message": f'Cannot query field "{field}" on type "Thing".'}]}
                return httpx2.Response(400, json=message, request=request)
        answer = self.inner.handle_request(request)
        found = json.loads(answer.read())
        if "errors" not in found:
            found["data"] = self.data(name, found["data"])
        return httpx2.Response(answer.status_code, json=found, request=request)

    def close(self) -> None:
        self.inner.close()


@contextmanager
def twisted(server: Server) -> Iterator[tuple[dumbbell.Api, Twisted]]:
    way = Twisted()
    with api_of(server, way) as api:
        yield api, way
