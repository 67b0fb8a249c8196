"""Requests on sockets of their own, for clients that do not wait, do not read, or do not go on; and long queries."""

from __future__ import annotations

import contextlib
import json
import select
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from support.live import Live
from support.server import Server

LIMITLESS = {f"DUMBBELL_MAX_QUERY_{name}": "1000000000000" for name in ("PRICE", "FIELDS", "CELLS", "TEXT", "SECONDS")}
UPSERT = 'mutation {{ upsertBucket(input: {{name: "r{}", modelName: "p"}}) {{ inserted }} }}'
_RUNS = 60
_PAGE = "project {{ runs(first: 60) {{ edges {{ node {{ wandbConfig {} }} }} }} }}"  # which no page answers at once


@contextlib.contextmanager
def live_on(server: Server) -> Iterator[Live]:
    live = Live(server)
    with live.client:
        yield live


def make_runs(live: Live) -> None:
    """What `bomb` goes through."""
    for number in range(_RUNS):
        live.gql(UPSERT.format(number))


def bomb(depth: int = 4) -> str:
    """Sixty to that power of fields, executed one by one: of four levels it takes minutes, where there is no limit."""
    inner = ""
    for _ in range(depth):
        inner = _PAGE.format(inner)
    return "query Q { " + inner.replace("project {", 'project(name: "p") {', 1) + " }"


def send(server: Server, method: str, path: str, body: bytes = b"", *, length: int | None = None) -> socket.socket:
    """A request whose body may be announced as longer than what is sent of it; little of the answer fits in here."""
    where = urlsplit(server.base_url)
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(60)
    line.connect(("127.0.0.1", where.port))
    line.sendall(f"{method} {path} HTTP/1.1\r\nhost: {where.netloc}\r\n"
                 f"authorization: Bearer {server.api_key}\r\n"
                 f"content-length: {len(body) if length is None else length}\r\n\r\n".encode() + body)
    return line


def ask(server: Server, query: str, *, before: str = "") -> socket.socket:
    """A query named Q, whose answer nobody reads yet; `before` stands before it in the document."""
    name = "Q" if before else None
    return send(server, "POST", "/graphql", json.dumps({"query": before + query, "operationName": name}).encode())


def answered(line: socket.socket, within: float = 0) -> bool:
    """Whether something has come, or the end."""
    return bool(select.select([line], [], [], within)[0])
