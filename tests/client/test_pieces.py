"""Long bodies, which come straight from a socket: whole, cut, stalled, and by the wrong length."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dumbbell import errors
from dumbbell._download import download
from dumbbell._pieces import _LONG, PIECE
from dumbbell._transport import Transport

BODY = os.urandom(_LONG + PIECE // 3)
MD5 = b64encode(hashlib.md5(BODY).digest()).decode()
Answer = Callable[[socket.socket, int], None]  # writes to a connection the body from this byte on


def head(start: int) -> bytes:
    status = "206 Partial Content" if start else "200 OK"
    ranges = f"Content-Range: bytes {start}-{len(BODY) - 1}/{len(BODY)}\r\n" if start else ""
    return f'HTTP/1.1 {status}\r\nContent-Length: {len(BODY) - start}\r\nETag: "x"\r\n{ranges}\r\n'.encode()


def whole(line: socket.socket, start: int) -> None:
    line.sendall(head(start) + BODY[start:])


def cut_at(end: int) -> Answer:
    def answer(line: socket.socket, start: int) -> None:
        line.sendall(head(start) + BODY[start:end])
    return answer


def stalled_at(end: int) -> Answer:
    def answer(line: socket.socket, start: int) -> None:
        line.sendall(head(start) + BODY[start:end])
        line.recv(1)  # until the client has had enough
    return answer


def one_by_one(line: socket.socket, start: int) -> None:
    line.sendall(head(start))
    for at in range(start, len(BODY), 100_003):
        line.sendall(BODY[at:at + 100_003])


def wrong(line: socket.socket, start: int) -> None:
    line.sendall(head(start) + bytes(len(BODY) - start))


def chunked(line: socket.socket, _: int) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))


class Server:
    """Answers each request by the next of its answers, on a connection that ends with it."""

    def __init__(self, answers: list[Answer]) -> None:
        self.requests: list[dict[str, str]] = []
        self._answers = answers
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        for answer in self._answers:
            line, _ = self._listening.accept()
            with line:
                asked = b""
                while not asked.endswith(b"\r\n\r\n"):
                    asked += line.recv(65536)
                fields = dict(each.split(": ", 1) for each in asked.decode().split("\r\n")[1:-2])
                self.requests.append({name.lower(): value for name, value in fields.items()})
                start = int(self.requests[-1].get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
                answer(line, start)

    def close(self) -> None:
        self._thread.join(30)
        self._listening.close()
        assert not self._thread.is_alive()


@contextmanager
def serving(*answers: Answer) -> Iterator[Server]:
    server = Server(list(answers))
    try:
        yield server
    finally:
        server.close()


def fetched(server: Server, folder: Path, timeout: float = 9) -> tuple[bytes, bytes, int]:
    """What came into both files, and how many bytes were told of."""
    told: list[int] = []
    with (folder / "one").open("w+b", buffering=0) as one, (folder / "two").open("w+b", buffering=0) as two:
        download(Transport(server.url, timeout, "k" * 40), f"{server.url}/x", one, md5=MD5, size=len(BODY),
                 told=told.append, second=two)
    return (folder / "one").read_bytes(), (folder / "two").read_bytes(), sum(told)


@pytest.mark.parametrize("answer", [whole, one_by_one, chunked])
def test_a_long_body_comes_as_it_is(tmp_path: Path, answer: Answer) -> None:
    with serving(answer) as server:
        assert fetched(server, tmp_path) == (BODY, BODY, len(BODY))
    assert server.requests[0]["authorization"].startswith("Basic ")  # it is the server's own host


@pytest.mark.parametrize("end", [1, 70_000, PIECE, PIECE + 1, 3 * PIECE - 1, len(BODY) - 1])
def test_a_cut_body_goes_on_where_it_was_cut(tmp_path: Path, end: int) -> None:
    with serving(cut_at(end), whole) as server:
        assert fetched(server, tmp_path) == (BODY, BODY, len(BODY))
    assert server.requests[1]["range"] == f"bytes={end}-"
    assert server.requests[1]["if-range"] == '"x"'


def test_a_stalled_body_goes_on_after_the_timeout(tmp_path: Path) -> None:
    with serving(stalled_at(PIECE + 5), whole) as server:
        assert fetched(server, tmp_path, timeout=0.2) == (BODY, BODY, len(BODY))
    assert server.requests[1]["range"] == f"bytes={PIECE + 5}-"


def test_other_bytes_are_asked_for_once_more(tmp_path: Path) -> None:
    with serving(wrong, whole) as server:
        assert fetched(server, tmp_path) == (BODY, BODY, len(BODY))
    assert "range" not in server.requests[1]


def test_bytes_that_stay_wrong_are_an_error(tmp_path: Path) -> None:
    with serving(wrong, wrong) as server, pytest.raises(errors.DigestError, match="MD5"):
        fetched(server, tmp_path)


def test_another_file_in_the_middle_begins_anew(tmp_path: Path) -> None:
    def other(line: socket.socket, _: int) -> None:
        whole(line, 0)  # 200 instead of 206: the file has changed
    with serving(cut_at(PIECE), other) as server:
        assert fetched(server, tmp_path) == (BODY, BODY, len(BODY))


def test_the_next_request_takes_another_connection(tmp_path: Path) -> None:
    with serving(whole, whole) as server:
        transport = Transport(server.url, 9, "k" * 40)
        for _ in range(2):
            file = (tmp_path / "file").open("w+b", buffering=0)
            with file:
                download(transport, f"{server.url}/x", file, md5=MD5)
    assert len(server.requests) == 2
