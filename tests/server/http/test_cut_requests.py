"""A client that goes in the middle of a body is no error of the server, and leaves nothing."""

from __future__ import annotations

import asyncio
import base64
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog
from starlette.types import Message

from support.artifact_driver import ArtifactDriver, md5
from support.world import KEY, World

FILES = """mutation { createRunFiles(input: {entityName: "local", projectName: "p", runName: "r", files: ["a"]}) {
  files { uploadUrl } } }"""


def doors(world: World) -> dict[str, tuple[str, str]]:
    """Method and URL of each way in for bodies."""
    world.upsert("r")
    driver = ArtifactDriver(world)
    artifact = driver.create()["id"]
    [node] = driver.files(artifact, {"f": b"x"})
    manifest = driver.announce(artifact, digest=md5(b"x"))
    return {
        "graphql": ("POST", "/graphql"),
        "file stream": ("POST", "/files/local/p/r/file_stream"),
        "run file": ("PUT", world.gql(FILES)["createRunFiles"]["files"][0]["uploadUrl"]),
        "artifact file": ("PUT", node["uploadUrl"]),
        "manifest": ("PUT", manifest["file"]["uploadUrl"]),
    }


def cut(world: World, method: str, url: str) -> list[Message]:
    """What is answered to a client that sends ten bytes of a hundred and goes."""
    split = urlsplit(url)
    headers = {"host": "localhost", "content-length": "100", "content-type": "application/json",
               "authorization": "Basic " + base64.b64encode(f"api:{KEY}".encode()).decode()}
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": split.path, "raw_path": split.path.encode(), "query_string": split.query.encode(), "root_path": "",
        "client": ("127.0.0.1", 1), "server": ("localhost", 80),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
    messages = iter([{"type": "http.request", "body": b"x" * 10, "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Message] = []

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(world.client.app(scope, receive, send))  # type: ignore[arg-type]
    return sent


@pytest.mark.parametrize("door", ["graphql", "file stream", "run file", "artifact file", "manifest"])
def test_a_body_that_is_cut_leaves_no_error_and_no_bytes(world: World, door: str) -> None:
    method, url = doors(world)[door]
    stored = {table: world.count(table) for table in ("chunks", "run_files", "artifact_blobs")}
    with structlog.testing.capture_logs() as lines:
        sent = cut(world, method, url)
    assert [line for line in lines if line["log_level"] not in {"debug", "info"}] == []
    assert all(message.get("status", 400) == 400 for message in sent)
    assert {table: world.count(table) for table in stored} == stored
    folder = world.backend.settings.data_dir / "blobs"
    assert [path for path in folder.rglob("*") if path.is_file()] == []
