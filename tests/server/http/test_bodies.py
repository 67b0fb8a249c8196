"""Bodies: whose they are is known before they are unpacked, and how long they are before they are read."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dumbbell_server import json_text
from dumbbell_server.http import bodies
from dumbbell_server.http.memory import LARGE
from dumbbell_server.json_text import check_values
from support.world import KEY, MAX_BODY, World

STREAM = "/files/local/p/r/file_stream"
AUTH = {"authorization": f"Bearer {KEY}"}
GZIP = {"content-encoding": "gzip"}


def question(size: int) -> bytes:
    """A question of so many bytes."""
    text = b'{"query": "{ __typename }"}'
    return text + b" " * (size - len(text))


def rows(size: int) -> bytes:
    """A heartbeat of so many bytes."""
    return b"{" + b" " * (size - 2) + b"}"


def with_size(packed: bytes, size: int) -> bytes:
    """The same gzip stream with another size at its end."""
    return packed[:-4] + size.to_bytes(4, "little")


@pytest.fixture(params=["/graphql", STREAM])
def path(request: pytest.FixtureRequest, world: World) -> str:
    world.upsert("r")
    return str(request.param)


def body_for(path: str, size: int) -> bytes:
    return question(size) if path == "/graphql" else rows(size)


@pytest.fixture
def never_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    def unpack(*_: Any) -> bytes:
        raise AssertionError("it was unpacked")
    monkeypatch.setattr(bodies, "_unpacked", unpack)


def test_a_body_up_to_the_limit_is_read(world: World, path: str) -> None:
    for size in (2000, LARGE, LARGE + 1, MAX_BODY):
        body = body_for(path, size)
        assert world.client.post(path, content=body, headers=AUTH).status_code == 200
        assert world.client.post(path, content=gzip.compress(body), headers=AUTH | GZIP).status_code == 200
        assert world.client.post(path, content=iter([body[:100], body[100:]]), headers=AUTH).status_code == 200


@pytest.mark.usefixtures("never_unpacked")
def test_a_longer_one_is_400_which_every_client_takes_for_final(world: World, path: str) -> None:
    body = body_for(path, MAX_BODY + 1)
    setting = "DUMBBELL_MAX_GRAPHQL_BODY" if path == "/graphql" else "DUMBBELL_MAX_STREAM_BODY"
    for content, headers in ((body, {}), (iter([body[:-1], body[-1:]]), {}), (gzip.compress(body), GZIP)):
        answer = world.client.post(path, content=content, headers=AUTH | headers)
        assert answer.status_code == 400
        (error,) = answer.json()["errors"]
        assert f"{MAX_BODY} are the most this server reads ({setting})" in error["message"]


@pytest.mark.usefixtures("never_unpacked")
def test_without_a_key_a_body_is_short(world: World) -> None:
    packed = gzip.compress(question(48 << 20))
    assert len(packed) < 50_000
    for content, headers in ((question(LARGE + 1), {}), (packed, GZIP)):
        answer = world.client.post("/graphql", content=content, headers=headers)
        assert answer.status_code == 400
        assert f"{LARGE} are the most without an API key" in answer.text
    assert world.client.post("/graphql", content=question(LARGE)).status_code == 200


@pytest.mark.usefixtures("never_unpacked")
def test_a_key_that_nobody_has_opens_nothing(world: World, path: str) -> None:
    headers = {"authorization": f"Bearer {'0' * 40}"} | GZIP
    assert world.client.post(path, content=gzip.compress(body_for(path, 2000)), headers=headers).status_code == 401


@pytest.mark.parametrize(("packed", "message"), [
    (with_size(gzip.compress(question(3000)), 2000), "not hold the number of bytes|incorrect length"),
    (with_size(gzip.compress(question(3000)), 4000), "not hold the number of bytes|incorrect length"),
    (with_size(gzip.compress(question(3 << 20)), 100), "not hold the number of bytes"),
    (gzip.compress(question(3000)) * 2, "send one gzip stream"),
    (gzip.compress(question(3000)) + b"more" + bytes(4), "not hold the number of bytes"),
    (b"nothing of the kind", "the unpacked body has"),
    (with_size(gzip.compress(question(3000))[:-9], 5000), "ends too early"),
    (b"", "too short"), (b"\x1f\x8b", "too short"), (b"x" * 30 + bytes(4), "not gzip"),
], ids=["longer", "shorter", "far longer", "two", "more", "text", "cut", "empty", "begun", "nulls"])
def test_what_is_not_one_gzip_stream_is_400(world: World, packed: bytes, message: str) -> None:
    answer = world.client.post("/graphql", content=packed, headers=AUTH | GZIP)
    assert answer.status_code == 400
    assert any(part in answer.text for part in message.split("|")), answer.text


def test_no_more_is_unpacked_than_the_end_names(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    class Unpacker:
        def __init__(self, wbits: int) -> None:
            self._real = real(wbits=wbits)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

        def decompress(self, data: bytes, most: int) -> bytes:
            plain = self._real.decompress(data, most)
            made.append(len(plain))
            return plain

    real = bodies.zlib.decompressobj
    monkeypatch.setattr(bodies.zlib, "decompressobj", Unpacker)
    with pytest.raises(bodies.BadInput):
        bodies._unpacked(with_size(gzip.compress(bytes(10 << 20)), 1000), 1000)
    assert made == [1001]


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """In which thread something was done last, by its name."""
    seen: dict[str, str] = {}

    def watch(module: Any, name: str) -> None:
        real = getattr(module, name)

        def called(*arguments: Any) -> Any:
            seen[name] = threading.current_thread().name
            return real(*arguments)
        monkeypatch.setattr(module, name, called)

    watch(bodies, "_unpacked")
    watch(bodies, "_unpacked_size")
    watch(bodies, "check_values")
    return seen


def test_what_is_long_is_unpacked_and_parsed_in_a_thread(world: World, path: str, threads: dict[str, str]) -> None:
    def post(size: int) -> None:
        threads.clear()
        content = gzip.compress(body_for(path, size))
        assert world.client.post(path, content=content, headers=AUTH | GZIP).status_code == 200

    post(LARGE + 1)
    loop = threads["_unpacked_size"]
    assert loop not in {threads["_unpacked"], threads["check_values"]}
    post(LARGE)
    assert threads["_unpacked"] == loop
    assert (threads["check_values"] == loop) is (path == STREAM)


def test_json_that_takes_far_more_memory_than_its_text_is_400(world: World) -> None:
    world.upsert("r")
    lists = "[" + "[]," * (1 << 20) + "1]"
    told = world.stream("r", f'{{"x": {lists}}}'.encode(), status=400)
    assert "1000000 lists and objects" in told["errors"][0]["message"]
    answer = world.client.post("/graphql", content=f'{{"query": "{{ __typename }}", "variables": {{"a": {lists}}}}}'
                               .encode(), headers=AUTH)
    assert (answer.status_code, "the body holds more than" in answer.text) == (400, True)
    assert "config" in world.refused_upsert("r", config=f'{{"a": {{"value": {lists}}}}}')
    told = world.history("r", [f'{{"_step": 0, "a": {lists}}}'], status=400)
    assert "lists and objects" in told["errors"][0]["message"]
    assert world.count("chunks") == 0


def test_what_clients_log_is_not_too_many_values() -> None:
    """Most of it is text within the JSON; and a row of ten MiB may be all numbers."""
    rows = [json.dumps({"_step": step, "a": {"b": [step]}, 'c"\\': "\\"}) for step in range(400_000)]
    check_values(json.dumps({"files": {"wandb-history.jsonl": {"offset": 0, "content": rows}}}).encode(), "")
    check_values('{"a": [' + "0," * 4_999_000 + "1]}", "")
    check_values("[]," * 1_000_000, "")
    for dense in ("[]," * 1_000_001, '["ab",' * 1_100_000, "0," * 5_000_001, '"a",' * 5_000_001,
                  '{"\\\\":{},' * 600_000, '["\\"",[' * 600_000):
        with pytest.raises(bodies.BadInput, match="x holds more than"):
            check_values(dense, "x")


@pytest.mark.parametrize("piece", range(1, 12))
def test_values_are_counted_alike_wherever_pieces_end(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(json_text, "_PIECE", piece)
    monkeypatch.setattr(json_text, "_SHORTEST_LIST", 0)
    monkeypatch.setattr(json_text, "_MOST_LISTS", 3)
    held = json.dumps({"a,[{": ["[[[[", '"[[[[', '\\"[[[[', "\\\\[[[[", "\\" * 9, {}]})
    check_values(held, "x")
    with pytest.raises(bodies.BadInput, match="x holds more than"):
        check_values(f"[{held}]", "x")


def test_a_key_is_asked_of_the_database_in_a_thread_and_remembered(world: World, threads: dict[str, str],
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    app: Any = world.client.app
    real = app.state.dumbbell.actor_of

    def actor_of(*given: Any) -> Any:
        asked.append(threading.current_thread().name)
        return real(*given)

    monkeypatch.setattr(app.state.dumbbell, "actor_of", actor_of)
    world.upsert("r")
    for _ in range(2):
        world.client.post(STREAM, content=gzip.compress(rows(100)), headers=AUTH | GZIP)
    assert len(asked) == 1
    assert asked[0].startswith("dumbbell-keys")
    assert threads["_unpacked_size"] != asked[0]
