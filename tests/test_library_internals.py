"""What the code relies on in libraries beyond what they promise: each in one module, named in its test.

A new version that lacks one of these breaks here, and says where to look.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import signal
import socket
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
import stamina
import strawberry
from graphql import execute_sync, parse
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from stamina import instrumentation

from dumbbell import _pieces, _retry
from dumbbell_server import serving
from dumbbell_server.database.statements import Statement
from dumbbell_server.graph.inputs import plain
from dumbbell_server.graph.planned import PlannedList, PlanningExecutor, Selection

ROOT = Path(__file__).parents[1]
# What is used of a library beyond its promise, and the one module that may name it.
ONE_MODULE = {
    r"StrawberryGraphQLCoreExecutionContext|collect_subfields|complete_list_value|build_resolve_info":
        "server/dumbbell_server/graph/planned.py",
    r"\bfound\._schema|strawberry\.Schema\(": "server/dumbbell_server/schema.py",
    r"_raw_info": "server/dumbbell_server/files/graphql.py",
    r"\.from_input\b": "server/dumbbell_server/graph/inputs.py",
    r"driver_connection": "server/dumbbell_server/database/statements.py",
    r"network_stream": "client/dumbbell/_pieces.py",
    r"instrumentation": "client/dumbbell/_retry.py",
    r"capture_signals|should_exit|on_tick|force_exit": "server/dumbbell_server/serving.py",
    # what it relies on is shown by tests/server/admin/test_tars.py
    r"tar\.members|tar\.offset|frombuf": "server/dumbbell_server/admin/tars.py",
    # what it relies on is shown by tests/server/http/test_protocol.py
    r"HttpToolsProtocol|\.pipeline\b|read_paused|response_complete": "server/dumbbell_server/http/protocol.py",
}


@pytest.mark.parametrize("pattern", ONE_MODULE)
def test_one_module_names_it(pattern: str) -> None:
    sources = [path for folder in ("server", "client") for path in (ROOT / folder).rglob("*.py")]
    named = [path.relative_to(ROOT).as_posix() for path in sources if re.search(pattern, path.read_text())]
    assert named == [ONE_MODULE[pattern]]


@strawberry.type
class Part:
    name: str


@strawberry.type
class Item:
    number: int
    part: Part


class Items(PlannedList):
    """Numbers as items; remembers what it was shown of the selection."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("the list was executed item by item")

    def planned(self, selection: Selection) -> list[dict[str, Any]]:
        self.seen = list(selection)
        part = selection.complete("part", Part(name="whole"))
        assert list(selection.below("part")) == [("name", "name")]
        return [{"n": number, "part": part} for number in (1, 2)]


def test_the_executor_of_graphql_core_hands_over_lists_with_their_selection() -> None:
    items = Items()

    @strawberry.type
    class Query:
        @strawberry.field
        def items(self) -> list[Item]:
            return items  # type: ignore[return-value]

        @strawberry.field
        def ordinary(self) -> list[Item]:
            return [Item(number=3, part=Part(name="p"))]

    schema = strawberry.Schema(Query)._schema
    document = parse("""query Q($no: Boolean = false) { items { n: number ...rest left: number @include(if: $no) }
                        ordinary { number } } fragment rest on Item { part { name } }""")
    result = execute_sync(schema, document, executor_class=PlanningExecutor)
    assert result.errors is None
    assert items.seen == [("n", "number"), ("part", "part")]
    part = {"name": "whole"}
    assert result.data == {"items": [{"n": 1, "part": part}, {"n": 2, "part": part}], "ordinary": [{"number": 3}]}


@strawberry.input
class Given:
    text: str | None = None
    long_names: list[str] | None = None


def test_an_input_of_strawberry_is_made_by_our_function() -> None:
    calls: list[Mapping[str, Any]] = []
    definition = plain(Given).__strawberry_definition__  # type: ignore[attr-defined]
    ours = definition.from_input

    def counted(target: Any, given: Mapping[str, Any], context: Any) -> Any:
        calls.append(given)
        return ours(target, given, context)

    definition.from_input = counted

    @strawberry.type
    class Query:
        @strawberry.field
        def shown(self, given: Given) -> str:
            return f"{given.text} {given.long_names}"

    schema = strawberry.Schema(Query)._schema
    document = parse('{ a: shown(given: {text: "x"}) b: shown(given: {longNames: ["y"]}) }')
    assert execute_sync(schema, document).data == {"a": "x None", "b": "None ['y']"}
    assert calls == [{"text": "x", "longNames": None}, {"text": None, "longNames": ["y"]}]


def test_strawberry_gives_the_unfolded_fields_of_graphql_core() -> None:
    nodes: list[Any] = []

    @strawberry.type
    class Query:
        @strawberry.field
        def item(self, info: strawberry.Info) -> Item:
            raw = info._raw_info
            nodes.extend(raw.field_nodes)
            nodes.append(raw.fragments["rest"])
            return Item(number=1, part=Part(name="p"))

    document = parse("{ item { ...rest } } fragment rest on Item { number }")
    assert execute_sync(strawberry.Schema(Query)._schema, document).data == {"item": {"number": 1}}
    spread = nodes[0].selection_set.selections[0]
    assert spread.name.value == "rest"
    assert nodes[1].selection_set.selections[0].name.value == "number"


def test_a_statement_on_the_driver_of_sqlite_is_in_the_transaction_of_sqlalchemy() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        assert isinstance(connection.connection.driver_connection, sqlite3.Connection)
        connection.exec_driver_sql("CREATE TABLE t (a)")
        connection.commit()
        with connection.begin() as transaction:
            Statement("INSERT INTO t VALUES (:a)").on(connection, a=1)
            assert Statement("SELECT a FROM t").on(connection).one().a == 1
            transaction.rollback()
        assert Statement("SELECT count(*) FROM t").on(connection).scalar() == 0
        with pytest.raises(DBAPIError, match="no such table"):
            Statement("SELECT 1 FROM missing").on(connection)
    engine.dispose()


def test_an_answer_of_httpx2_knows_its_socket_and_what_came_with_the_head() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    rest = threading.Event()

    def serve() -> None:
        with listening, listening.accept()[0] as line:
            line.recv(65536)
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhead+")
            rest.wait(10)
            line.sendall(b"later")

    thread = threading.Thread(target=serve)
    thread.start()
    with (httpx2.Client() as client,
          client.stream("GET", f"http://127.0.0.1:{listening.getsockname()[1]}/") as answer):
        found = _pieces._socket_of(answer)
        assert isinstance(found, socket.socket)
        begun = answer.iter_raw()
        assert next(begun) == b"head+"
        rest.set()
        found.settimeout(10)
        assert found.recv(100) == b"later"
    thread.join()


@pytest.fixture
def hooks_of_stamina() -> Iterator[None]:
    stamina.set_testing(True, attempts=2)
    yield
    stamina.set_testing(False)
    instrumentation.set_on_retry_hooks(None)


@pytest.mark.usefixtures("hooks_of_stamina")
def test_the_hooks_that_stamina_chose_are_known_by_their_module(caplog: pytest.LogCaptureFixture) -> None:
    instrumentation.set_on_retry_hooks([instrumentation.LoggingOnRetryHook])
    assert [hook.__module__.partition(".")[0] for hook in instrumentation.get_on_retry_hooks()] == ["stamina"]
    with caplog.at_level(logging.DEBUG), pytest.raises(_retry.CutError):
        _retry.retried(always_cut)
    assert {record.name for record in caplog.records} == {"dumbbell"}
    caplog.clear()
    with caplog.at_level(logging.DEBUG), pytest.raises(_retry.CutError):
        stamina.retry(on=_retry.CutError)(always_cut)()
    assert {record.name for record in caplog.records} == {"stamina"}


def always_cut() -> None:
    raise _retry.CutError("cut")


@pytest.mark.usefixtures("hooks_of_stamina")
def test_what_stamina_asks_may_answer_with_seconds() -> None:
    waits: list[float] = []
    instrumentation.set_on_retry_hooks([lambda details: waits.append(details.wait_for)])
    stamina.set_testing(False)

    def refused() -> None:
        raise _retry.StatusError(429, "Too Many Requests", "", "0.01")

    with pytest.raises(_retry.StatusError):
        _retry.retried(refused, window=0.03)
    assert waits[0] == pytest.approx(0.01)


def test_uvicorn_leaves_signals_to_us_and_ends_by_its_flag() -> None:
    before = signal.getsignal(signal.SIGTERM)
    sockets = serving.listen("127.0.0.1", 0)

    async def nothing(_scope: Any, _receive: Any, _send: Any) -> None:
        """An app that is never asked."""

    async def served() -> None:
        server = serving._server(nothing)
        running = asyncio.create_task(server.serve(sockets))
        while not server.started:  # noqa: ASYNC110 - uvicorn has a flag, no event
            await asyncio.sleep(0.01)
        assert signal.getsignal(signal.SIGTERM) is before
        server.should_exit = True
        await asyncio.wait_for(running, 5)

    async def cut() -> None:
        begun = asyncio.Event()

        async def endless(_scope: Any, _receive: Any, _send: Any) -> None:
            begun.set()
            await asyncio.Event().wait()

        server = serving._server(endless)
        sockets = serving.listen("127.0.0.1", 0)
        running = asyncio.create_task(server.serve(sockets))
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection("127.0.0.1", sockets[0].getsockname()[1])
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await begun.wait()
        server.should_exit = True
        server.cut()
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        await asyncio.wait_for(running, 5)

    asyncio.run(served())
    asyncio.run(cut())
    for listening in sockets:
        with contextlib.suppress(OSError):
            listening.close()
