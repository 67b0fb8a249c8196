"""The bytes of bodies and answers that are in memory at once."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import pytest
from starlette.responses import Response

from dumbbell_server.errors import Busy
from dumbbell_server.http import memory
from dumbbell_server.http.answers import answer_with
from dumbbell_server.http.memory import LARGE, Memory, Share
from support.world import KEY, World


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @wraps(test)
    def ran() -> None:
        asyncio.run(test())
    return ran


@run
async def test_who_comes_when_it_is_used_up_waits_in_line() -> None:
    share = Share(10)
    await share.take(8)
    served: list[int] = []

    async def take(size: int) -> None:
        await share.take(size)
        served.append(size)

    waiting = [asyncio.create_task(take(size)) for size in (5, 1, 4)]
    await asyncio.sleep(0)
    assert (served, share.used) == ([], 8)  # 1 would fit, but came after 5
    share.free(8)
    await asyncio.gather(*waiting)
    assert (served, share.used) == ([5, 1, 4], 10)


@run
async def test_what_is_longer_than_all_of_it_is_alone() -> None:
    share = Share(10)
    assert share.try_take(50)
    assert not share.try_take(1)
    share.free(50)
    assert share.try_take(1)
    assert not share.try_take(50)


def test_who_waits_too_long_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_PATIENCE", 0.02)

    async def wait() -> None:
        share = Share(10)
        await share.take(10)
        first = asyncio.create_task(share.take(10))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(share.take(0))
        with pytest.raises(Busy):
            await first
        await second  # who stood behind is served now
        assert share.used == 10
    asyncio.run(wait())


@run
async def test_who_leaves_the_line_takes_nothing() -> None:
    share = Share(10)
    await share.take(10)
    before, at_the_moment = (asyncio.create_task(share.take(10)) for _ in range(2))
    await asyncio.sleep(0)
    before.cancel()
    await asyncio.sleep(0)
    share.free(10)
    at_the_moment.cancel()  # it has been served, and does not know yet
    await asyncio.gather(before, at_the_moment, return_exceptions=True)
    assert share.used == 0
    assert share.try_take(10)


@run
async def test_who_holds_some_does_not_wait() -> None:
    both = Memory(8000)
    with both.lease(known=True) as first, both.lease(known=True) as second:
        await first.take(500)
        await second.take(500)
        with pytest.raises(Busy):
            await second.take(1)
        await first.take_large(3000)
        await second.take_large(3000)
        await second.take_large(2000)
        with pytest.raises(Busy):
            await second.take_large(3001)
    assert [share.used for share in (both.small, both.large, both.strangers)] == [0, 0, 0]
    assert both.small.limit + both.large.limit + both.strangers.limit == 8000


@run
async def test_strangers_use_up_what_is_theirs_only() -> None:
    both = Memory(8000)
    with both.lease(known=False) as stranger, both.lease(known=True) as known:
        await stranger.take(1000)
        for size in (1, 2 * LARGE):
            with pytest.raises(Busy):
                both.lease(known=False).take_answer(size, needed=False)
        await known.take(1000)
        await known.take_large(6000)


@run
async def test_an_answer_counts_until_it_is_read() -> None:
    both = Memory(8 * LARGE)
    read = asyncio.Event()
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 3:
            await read.wait()

    body = bytes(6 * LARGE)
    answer = answer_with(body, 200, both.lease(known=True), needed=False)
    sending = asyncio.create_task(answer({"type": "http"}, None, send))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert both.large.used == len(body)
    with pytest.raises(Busy):
        answer_with(bytes(LARGE + 1), 200, both.lease(known=True), needed=False)
    assert type(answer_with(bytes(100), 200, both.lease(known=True), needed=False)) is Response
    answer_with(bytes(LARGE + 1), 200, both.lease(known=True), needed=True)
    assert both.large.used == len(body) + LARGE + 1  # a mutation has done what it says
    read.set()
    await sending
    assert both.large.used == LARGE + 1
    assert b"".join(message.get("body", b"") for message in sent) == body
    assert [message.get("more_body", None) for message in sent] == [None, True, False]


def test_a_request_gives_back_what_it_took(world: World) -> None:
    app: Any = world.client.app
    shares = [getattr(app.state.dumbbell.memory, name) for name in ("strangers", "small", "large")]
    schema = b"__schema { types { fields { name type { name kind } args { name } } } }"
    question = b'{"query": "{ a: %b b: %b }"}' % (schema, schema)
    for key in (None, KEY):
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        answer = world.client.post("/graphql", content=question, headers=headers)
        assert len(answer.content) > 1 << 16, answer.text
        for body in (question + b" " * LARGE, b"no", question + b" " * (8 << 20)):
            world.client.post("/graphql", content=body, headers=headers)
    world.upsert("r")
    world.history("r", [{"_step": 0, "a": "x" * LARGE}])
    world.stream("r", b"no", status=400)
    world.stream("r", b'{"a": "' + bytes(LARGE), status=400)
    gc.collect()
    assert [share.used for share in shares] == [0, 0, 0]


def test_where_all_is_used_up_a_request_is_to_be_sent_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_PATIENCE", 0.01)
    world.upsert("r")
    app: Any = world.client.app
    app.state.dumbbell.memory.small.used += app.state.dumbbell.memory.small.limit
    headers = {"authorization": f"Bearer {KEY}"}
    answer = world.client.post("/files/local/p/r/file_stream", content=b"{}", headers=headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "send the request again" in answer.json()["errors"][0]["message"]
    app.state.dumbbell.memory.small.used = 0
    world.stream("r", b"{}")
