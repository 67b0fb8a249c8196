"""What somebody may do to a server: each attack again and again, a few at a time, until its time is over.

`python -m support.hostile_attacks URL KEY SECONDS NAME…` is the process of the attackers.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import itertools
import json
import random
import socket
import sys
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

PROJECT = "attacked"
LONG = "long"  # a run with a long history
_AT_ONCE = 4  # threads of an attack
_PAUSE = 0.05  # seconds between two of a thread
_GZIP = {"Content-Encoding": "gzip"}
_UPSERT = """mutation Upsert($name: String) { upsertBucket(input: {entityName: "local", modelName: "attacked",
  name: $name}) { inserted } }"""
_FILTERED = 'query Q($f: JSONString) { project(name: "attacked", entityName: "local") { runCount(filters: $f) } }'


class Target:
    """The server, as the first user or without a key."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key
        self.address = urlsplit(url).hostname or "", urlsplit(url).port or 80
        self.auth = {"Authorization": "Basic " + b64encode(f"api:{key}".encode()).decode()}

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.address, timeout=60)

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = self.connection()
        with contextlib.closing(connection):
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(1 << 20)

    def gql(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        status, body = self.post("/graphql", _question(query, **(variables or {})), self.auth)
        answer = json.loads(body)
        assert status == http.client.OK and "errors" not in answer, answer  # noqa: PT018 - one question
        return answer["data"]

    def upsert(self, run: str) -> None:
        self.gql(_UPSERT, {"name": run})

    def prepare(self) -> None:
        """A run with a history of 20,000 rows, which some attacks read."""
        self.upsert(LONG)
        for first in range(0, 20_000, 2000):
            rows = [json.dumps({"_step": step, "text": f"{step:0100}"}) for step in range(first, first + 2000)]
            body = json.dumps({"files": {"wandb-history.jsonl": {"offset": first, "content": rows}}}).encode()
            self.post(stream_of(LONG), body, self.auth)


def stream_of(run: str) -> str:
    return f"/files/local/{PROJECT}/{run}/file_stream"


def _question(query: str, **variables: Any) -> bytes:
    return json.dumps({"query": query, "variables": variables}).encode()


# an attack sends one request, or opens some connections, and says how it was answered
Attack = Callable[[Target], str]


def _nested(field: str, depth: int) -> str:
    inner = "name"
    for _ in range(depth):
        inner = f"runs(first:50){{edges{{node{{{field} project{{{inner}}}}}}}}}"
    return _of_project(inner)


def _of_project(fields: str) -> str:
    return f'{{project(name:"{PROJECT}",entityName:"local"){{{fields}}}}}'


def _of_long_run(fields: str) -> str:
    return _of_project(f'run(name:"{LONG}"){{{fields}}}')


def _ask(target: Target, query: str, **variables: Any) -> str:
    return _graphql(target, query, target.auth, **variables)


def _graphql(target: Target, query: str, headers: dict[str, str], **variables: Any) -> str:
    status, body = target.post("/graphql", _question(query, **variables), headers)
    return f"{status} with errors" if body.startswith(b'{"errors"') and status == http.client.OK else str(status)


def planned(target: Target) -> str:
    """Runs of the project of runs, and so on, by whole pages: 37 GB of answer."""
    return _ask(target, _nested("name", 5))


def fields(target: Target) -> str:
    """The same, field by field."""
    return _ask(target, _nested("history(samples:1)", 5))


def aliases(target: Target) -> str:
    """A long history sixty times."""
    many = " ".join(f"a{number}: history(samples: 20000)" for number in range(60))
    return _ask(target, _of_long_run(many))


def dots(target: Target) -> str:
    """A key of 100,000 dots in a filter."""
    return _ask(target, _FILTERED, f=json.dumps({"config." + "a." * 100_000 + "b": 1}))


def documents(target: Target) -> str:
    """Without a key, documents that take long to validate, each another."""
    number = random.randrange(1 << 30)
    query = f"{{ x{number}: __typename " + 'a: project(name:"p") { id } ' * 1000 + "}"
    return _graphql(target, query, {})


_SPACES = gzip.compress(b'{"query": "{ __typename }"' + b" " * (48 << 20) + b"}")  # 47 KB
_ROWS = gzip.compress(b'{"files": {}' + b" " * (60 << 20) + b"}")
_LISTS = gzip.compress(b'{"files": [' + b"[]," * (10 << 20) + b"1]}")


def packed(target: Target) -> str:
    """Without a key."""
    return str(target.post("/graphql", _SPACES, _GZIP)[0])


def unknown(target: Target) -> str:
    """With keys that nobody has."""
    key = f"{random.randrange(1 << 160):040x}"
    return str(target.post(stream_of(LONG), _SPACES, _GZIP | {"Authorization": f"Bearer {key}"})[0])


def rows(target: Target) -> str:
    """With a key, and nearly as long as may be."""
    return str(target.post(stream_of(LONG), _ROWS, _GZIP | target.auth)[0])


def lists(target: Target) -> str:
    """With a key: what takes twenty times its length when it is read."""
    return str(target.post(stream_of(LONG), _LISTS, _GZIP | target.auth)[0])


def _raw(target: Target, pieces: Iterator[bytes]) -> str:
    with socket.create_connection(target.address, 10) as sent:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                sent.sendall(piece)
        return sent.recv(12)[9:].decode() or "closed"


def heads(target: Target) -> str:
    """Without end, of one line or of very many."""
    line = random.choice([b"x" * 1000, b"X-A: b\r\n" * 125])
    return _raw(target, itertools.chain([b"GET / HTTP/1.1\r\n"], itertools.repeat(line, 10_000)))


def pipelined(target: Target) -> str:
    """Many thousand requests at once, whose answers nobody reads."""
    return _raw(target, itertools.repeat(b"GET /healthz HTTP/1.1\r\n\r\n" * 1000, 20))


def slow(target: Target) -> str:
    """Heads and bodies of which a byte comes now and then, fifty at a time."""
    body = b"POST %b HTTP/1.1\r\nContent-Length: 1000000\r\nAuthorization: %b\r\n\r\n" % (
        stream_of(LONG).encode(), target.auth["Authorization"].encode())
    opened = [socket.create_connection(target.address, 10) for _ in range(50)]
    for number, each in enumerate(opened):
        each.sendall(body if number % 2 else b"GET / HTTP/1.1\r\nX: ")
    for _ in range(20):
        time.sleep(0.1)
        for each in opened:
            with contextlib.suppress(OSError):
                each.send(b"x")
    for each in opened:
        each.close()
    return "done"


def unread(target: Target) -> str:
    """Long answers that nobody reads."""
    body = _question(_of_long_run("history(samples: 20000)"))
    head = "POST /graphql HTTP/1.1\r\nContent-Length: {}\r\nAuthorization: {}\r\n\r\n"
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asked.connect(target.address)
        asked.sendall(head.format(len(body), target.auth["Authorization"]).encode() + body)
        time.sleep(2)
        return asked.recv(12)[9:].decode() or "closed"


ATTACKS: dict[str, Attack] = {attack.__name__: attack for attack in (
    planned, fields, aliases, dots, documents, packed, unknown, rows, lists, heads, pipelined, slow, unread)}


def main() -> None:
    target = Target(*sys.argv[1:3])
    end = time.monotonic() + float(sys.argv[3])
    seen: dict[str, Counter[str]] = {name: Counter() for name in sys.argv[4:]}

    def attack(name: str) -> None:
        while time.monotonic() < end:
            try:
                seen[name][ATTACKS[name](target)] += 1
            except ConnectionRefusedError:  # the server has ended
                return
            except (OSError, http.client.HTTPException) as error:
                seen[name][type(error).__name__] += 1
            time.sleep(_PAUSE)

    threads = [threading.Thread(target=attack, args=(name,), daemon=True) for name in seen for _ in range(_AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end + 0.5 - time.monotonic()))
    print(json.dumps({name: dict(each) for name, each in seen.items()}))


if __name__ == "__main__":
    main()
