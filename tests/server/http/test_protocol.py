"""What a peer may send on a connection, and how long it may take."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest
import uvloop
from starlette.types import Receive, Scope, Send

from dumbbell_server import serving
from dumbbell_server.http import protocol

GET = b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK"


class Peer:
    """A socket to the server, spoken to by hand."""

    def __init__(self, port: int, *, small: bool = False) -> None:
        self.socket = socket.socket()
        if small:  # so that what is not read stays in the server
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> tuple[int, bytes]:
        """Status and body of one answer with a length."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            came = self.socket.recv(1)
            assert came, head
            head += came
        lines = head.lower().split(b"\r\n")
        (length,) = [int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length")]
        return int(head.split()[1]), self.read(length)

    def read(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            came = self.socket.recv(length - len(data))
            assert came
            data += came
        return data

    def ended(self) -> bool:
        """Whether the server has ended the connection; what it still sends is read."""
        with contextlib.suppress(ConnectionError):
            while self.socket.recv(1 << 16):
                pass
        return True

    def open(self) -> bool:
        self.socket.settimeout(0.2)
        try:
            return bool(self.socket.recv(1, socket.MSG_PEEK))
        except TimeoutError:
            return True
        except ConnectionError:
            return False
        finally:
            self.socket.settimeout(10)


class Served:
    """A server in a thread, with a clock that the test sets."""

    def __init__(self) -> None:
        self.sockets = serving.listen("127.0.0.1", 0)
        self.port = self.sockets[0].getsockname()[1]
        self.go_on = threading.Event()  # for what waits within the app
        self.seen: list[str] = []
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await self._answer(scope, receive, send)

        self.server = serving._server(app)
        self.later = 0.0
        self._thread = threading.Thread(target=uvloop.run, args=(self._serve(),))

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        await self.server.serve(self.sockets)

    def start(self) -> None:
        self._thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        self.go_on.set()
        self.server.should_exit = True
        self._thread.join(10)

    def on_loop(self, work: Callable[[], Any]) -> Any:
        done: Future[Any] = Future()
        self.loop.call_soon_threadsafe(lambda: done.set_result(work()))
        return done.result(10)

    def until(self, last: str) -> None:
        """Until the app has seen this."""
        deadline = time.monotonic() + 10
        while last not in self.seen:
            assert time.monotonic() < deadline, self.seen
            time.sleep(0.01)

    def look(self, later: float) -> None:
        """As the server does every second, so many seconds later than the last time."""
        time.sleep(0.1)  # what was sent arrives
        self.later += later
        self.on_loop(lambda: protocol.look(self.server.server_state.connections, self.loop.time() + self.later))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """/wait answers when it is allowed to, /unread without reading the body, /large with 8 MiB."""
        path = scope["path"]
        self.seen.append(path)
        size = 0
        if path == "/wait":
            await asyncio.to_thread(self.go_on.wait)
        if path not in {"/wait", "/unread", "/large"}:
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    self.seen.append("gone")
                    return
                size += len(message["body"])
                more = message["more_body"]
        body = bytes(8 << 20) if path == "/large" else f"{path} {size}".encode()
        length = str(len(body)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(serving, "look", lambda *_: None)
        made = Served()
        made.start()
        yield made
        made.stop()


@pytest.fixture
def served(running: Served) -> Iterator[Served]:
    running.seen.clear()
    running.later = 0.0
    running.go_on.clear()
    yield running
    running.go_on.set()
    running.on_loop(lambda: [each.transport.abort() for each in list(running.server.server_state.connections)])


@pytest.fixture
def peer(served: Served) -> Iterator[Peer]:
    made = Peer(served.port)
    with made.socket:
        yield made


def head(fields: int = 0, size: int = 0, url: int = 1) -> bytes:
    """A whole head of so many fields and bytes."""
    text = b"GET /" + b"u" * (url - 1) + b" HTTP/1.1\r\n" + b"".join(b"f%d: v\r\n" % field for field in range(fields))
    return text + b"x: " + b"y" * (size - len(text) - 7) + b"\r\n\r\n"


def in_pieces(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), 8000):
        yield data[at:at + 8000]


@pytest.mark.parametrize("sent", [
    head(fields=255), head(size=60 << 10), head(url=16 << 10), head(fields=255, size=60 << 10, url=16 << 10)],
    ids=["fields", "bytes", "url", "all"])
@pytest.mark.parametrize("pieces", [False, True])
def test_a_head_within_the_limits_is_read(peer: Peer, sent: bytes, pieces: bool) -> None:
    for _ in range(2):
        for piece in in_pieces(sent) if pieces else [sent]:
            peer.send(piece)
        assert peer.answer()[0] == 200


@pytest.mark.parametrize(("sent", "status"), [
    (head(fields=256), 431), (head(size=65 << 10), 431), (head(fields=5000), 431), (head(url=(16 << 10) + 1), 414),
    (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 260, 431), (b"GET / HTTP/1.1\r\na: " + b"b" * (66 << 10), 431),
    (b"GET / HTTP/1.1\r\n" + b"a" * (66 << 10), 431), (b"GET /" + b"a" * (66 << 10), 414),
    (b"nonsense\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
    (b"GET /\xff HTTP/1.1\r\n\r\n", 400), (b"CONNECT x:1 HTTP/1.1\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", 400),
], ids=["fields", "bytes", "both", "url", "fields without end", "value without end", "name without end",
        "url without end", "nonsense", "length", "bytes in the url", "connect", "chunks"])
@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_what_is_beyond_them_is_refused_and_the_connection_ends(
        served: Served, peer: Peer, sent: bytes, status: int, pieces: bool, after: bool) -> None:
    if after:
        peer.send(GET % b"first")
        assert peer.answer()[0] == 200
    with contextlib.suppress(ConnectionError):  # it ends as soon as it is clear
        for piece in in_pieces(sent) if pieces else [sent]:
            peer.send(piece)
            time.sleep(0.002)
    answered, body = peer.answer()
    assert answered == status
    assert json.loads(body)["errors"][0]["message"]
    assert peer.ended()
    assert [path for path in served.seen if path not in {"/first", "/"}] in ([], ["gone"])


def test_what_follows_a_long_body_is_a_head_like_any_other(peer: Peer) -> None:
    post = b"POST /a HTTP/1.1\r\nContent-Length: 200000\r\n\r\n" + bytes(200_000)
    for _ in range(3):
        peer.send(post + head(size=30 << 10)[:-2])
        peer.send(b"\r\n")
        assert [peer.answer()[0], peer.answer()[0]] == [200, 200]


def test_requests_may_wait_for_the_one_before_but_not_very_many(served: Served, peer: Peer) -> None:
    peer.send(b"".join(GET % b"%d" % number for number in range(20)))
    assert [peer.answer()[1] for _ in range(20)] == [b"/%d 0" % number for number in range(20)]
    peer.send(GET % b"wait" + (GET % b"more") * 2000)
    time.sleep(0.2)
    assert served.seen[20:] == ["/wait"]
    served.go_on.set()
    assert peer.ended()
    assert len(served.seen) < 40


def test_an_answer_on_its_way_is_not_mixed_with_a_refusal(served: Served, peer: Peer) -> None:
    peer.send(GET % b"wait" + b"nonsense\r\n\r\n")
    time.sleep(0.1)
    served.go_on.set()
    with contextlib.suppress(ConnectionError):
        assert peer.socket.recv(100) == b""


def test_an_upgrade_is_answered_as_the_request_that_it_is(peer: Peer) -> None:
    peer.send(b"GET /a HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n")
    assert peer.answer() == (200, b"/a 0")
    assert peer.ended()


def test_a_connection_without_a_first_byte_ends_after_ten_seconds(served: Served, peer: Peer) -> None:
    served.look(9)
    assert peer.open()
    served.look(2)
    assert peer.ended()


@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x"])
@pytest.mark.parametrize("after", [False, True])
def test_a_head_that_is_not_whole_in_time_is_408(served: Served, peer: Peer, begun: bytes, after: bool) -> None:
    if after:
        peer.send(GET % b"a")
        peer.answer()
    peer.send(begun)
    served.look(0)
    served.look(9)
    assert peer.open()
    peer.send(b"E")  # one byte now and then does not help
    served.look(2)
    assert peer.answer()[0] == 408
    assert peer.ended()


def test_a_connection_may_be_idle_between_requests(served: Served, peer: Peer) -> None:
    peer.send(GET % b"a")
    peer.answer()
    served.look(0)
    served.look(70)
    peer.send(GET % b"b")
    peer.answer()
    served.look(70)
    assert peer.open()
    served.look(76)
    assert peer.ended()


def test_a_body_that_does_not_move_is_cut(served: Served, peer: Peer) -> None:
    peer.send(b"POST /a HTTP/1.1\r\nContent-Length: 100000\r\n\r\n")
    served.look(0)
    for _ in range(3):
        peer.send(bytes(4096))
        served.look(29)
    for _ in range(2):
        peer.send(bytes(2000))
        served.look(16)
    assert peer.ended()
    served.until("gone")


def test_a_sender_is_not_blamed_for_a_server_that_does_not_read(served: Served, peer: Peer) -> None:
    peer.socket.settimeout(0.5)
    with contextlib.suppress(TimeoutError):  # as much as both systems take
        peer.send(b"POST /wait HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n" + bytes(10_000_000))
    peer.socket.settimeout(10)
    for _ in range(3):
        served.look(100)
    served.go_on.set()
    assert peer.answer() == (200, b"/wait 0")


def test_a_sender_that_waits_to_be_asked_is_not_blamed(served: Served, peer: Peer) -> None:
    peer.send(b"POST /wait HTTP/1.1\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
    for _ in range(3):
        served.look(100)
    served.go_on.set()
    assert peer.answer()[0] == 200


def test_work_takes_as_long_as_it_takes(served: Served, peer: Peer) -> None:
    peer.send(GET % b"wait")
    for _ in range(3):
        served.look(1000)
    served.go_on.set()
    assert peer.answer() == (200, b"/wait 0")


@pytest.mark.parametrize("closing", [b"", b"Connection: close\r\n"])
def test_an_answer_that_nobody_reads_is_cut(served: Served, closing: bytes) -> None:
    peer = Peer(served.port, small=True)
    with peer.socket:
        peer.send(b"GET /large HTTP/1.1\r\n" + closing + b"\r\n")
        served.look(0)
        for _ in range(3):
            served.look(55)
            peer.read(1 << 20)
            served.look(0)
        served.look(61)
        assert served.on_loop(lambda: len(served.server.server_state.connections)) == 0
        assert peer.ended()


def test_a_body_may_follow_its_answer_and_be_ignored(served: Served, peer: Peer) -> None:
    """A client that has sent all of it before it reads the answer gets one, and may use the connection again."""
    peer.send(b"POST /unread HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n" + bytes(5_000_000) + GET % b"next")
    assert peer.answer() == (200, b"/unread 0")
    assert peer.answer() == (200, b"/next 0")
    assert served.seen == ["/unread", "/next"]


def test_a_body_that_follows_its_answer_ends_some_time(served: Served, peer: Peer,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MOST_UNREAD", 1 << 20)
    peer.send(b"POST /unread HTTP/1.1\r\nContent-Length: 50000000\r\n\r\n")
    assert peer.answer() == (200, b"/unread 0")
    with pytest.raises(ConnectionError):
        peer.send(bytes(50_000_000))
    slow = Peer(served.port)
    with slow.socket:
        slow.send(b"POST /unread HTTP/1.1\r\nContent-Length: 50000000\r\n\r\n")
        slow.answer()
        served.look(0)
        served.look(31)
        assert slow.ended()


def test_the_server_looks_every_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "look", protocol.look)
    monkeypatch.setitem(protocol._TIMES, "idle", 0.1)
    served = Served()
    served.start()
    try:
        peer = Peer(served.port)
        with peer.socket:
            began = time.monotonic()
            assert peer.ended()
            assert time.monotonic() - began < 8
    finally:
        served.stop()
