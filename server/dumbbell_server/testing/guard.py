"""A proxy on loopback that lets everything through but what is for W&B's own servers: tests do not reach them.

It works for whoever reads HTTPS_PROXY and HTTP_PROXY: `wandb` in this process, its service, and scripts of any kind.
Of HTTPS it sees the name of the host alone, so that no key ever gets here.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
import socketserver
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

_WANDB = re.compile(r"(.+\.)?wandb\.(ai|com|io)", re.IGNORECASE)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LONGEST_HEAD = 1 << 16
_PIECE = 1 << 16
_CONNECTING = 30.0
_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_PORTS = {"http": 80, "https": 443}


class Guard:
    """Runs from `with` on. `reached` are the hosts that were asked for and refused, in order."""

    def __init__(self, others: Iterable[str] = ()) -> None:
        """`others` are more hosts to refuse: the server that the user's own environment names."""
        self.reached: list[str] = []
        self.on_refusal: Callable[[], None] = lambda: None
        self._others = {name.lower() for name in others} - set(_LOOPBACK)
        self.upstream = {name: _proxy_of(name) for name in _NAMES}
        self._server = _Server(self)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="dumbbell-guard",
                         daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def refuses(self, host: str) -> bool:
        name = host.lower().rstrip(".")
        return name in self._others or _WANDB.fullmatch(name) is not None

    def env(self, base_url: str) -> dict[str, str]:
        """The environment whose requests come here, but for those to this server and to loopback."""
        url = f"http://127.0.0.1:{self._server.server_address[1]}"
        before = re.split(r"[\s,]+", os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or "")
        own = urlsplit(base_url).hostname or ""
        direct = [name for name in before if name and name != "*" and not self.refuses(name.lstrip("*."))]
        no_proxy = ",".join(dict.fromkeys([*direct, *_LOOPBACK, own]))
        found = {"HTTP_PROXY": url, "HTTPS_PROXY": url, "NO_PROXY": no_proxy}
        return found | {name.lower(): value for name, value in found.items()}


def _proxy_of(name: str) -> SplitResult | None:
    url = os.environ.get(name.lower()) or os.environ.get(name)
    if not url:
        return None
    return urlsplit(url if "://" in url else f"http://{url}")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        super().__init__(("127.0.0.1", 0), _Connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that breaks is the business of its two ends."""


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Server)  # noqa: S101 - of the line above
        guard = self.server.guard
        head = self._head()
        method, _, rest = head.partition(b" ")
        target = rest.partition(b" ")[0].decode("latin-1")
        tunnel = method == b"CONNECT"
        parts = urlsplit(f"//{target}" if tunnel else target)
        host = parts.hostname or ""
        if guard.refuses(host):
            guard.reached.append(host)
            guard.on_refusal()
            self.request.sendall(b"HTTP/1.1 403 refused: tests do not reach W&B\r\ncontent-length: 0\r\n"
                                 b"connection: close\r\n\r\n")
            return
        upstream = guard.upstream["HTTPS_PROXY" if tunnel else "HTTP_PROXY"] or guard.upstream["ALL_PROXY"]
        try:
            if upstream is not None:
                other = _connected(upstream.hostname or "", upstream.port or _PORTS.get(upstream.scheme, 80))
                first = _authorized(head, upstream)
            else:
                other = _connected(host, parts.port or _PORTS["https" if tunnel else "http"])
                first = b"" if tunnel else _to_origin(head, target)
        except OSError:
            self.request.sendall(b"HTTP/1.1 502 the host does not answer\r\ncontent-length: 0\r\n\r\n")
            return
        with other:
            if tunnel and upstream is None:
                self.request.sendall(b"HTTP/1.1 200 connected\r\n\r\n")
            other.sendall(first)
            _relay(self.request, other)

    def _head(self) -> bytes:
        """Up to the empty line, and what came along with it."""
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _LONGEST_HEAD:
            piece = self.request.recv(_PIECE)
            if not piece:
                break
            head += piece
        return head


def _connected(host: str, port: int) -> socket.socket:
    made = socket.create_connection((host, port), _CONNECTING)
    made.settimeout(None)
    return made


def _authorized(head: bytes, proxy: SplitResult) -> bytes:
    """As the client would have sent it to the proxy of its own environment."""
    if proxy.username is None:
        return head
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    line, _, rest = head.partition(b"\r\n")
    return b"\r\n".join([line, b"Proxy-Authorization: Basic " + b64encode(pair.encode()), rest])


def _to_origin(head: bytes, target: str) -> bytes:
    """The request as its server takes it. One a connection: the next one may be for another host."""
    path = target.partition("://")[2].partition("/")[2]
    lines, _, body = head.partition(b"\r\n\r\n")
    first, *fields = lines.split(b"\r\n")
    method, _, version = first.partition(b" ")
    kept = [field for field in fields if field.partition(b":")[0].lower() not in {b"connection", b"proxy-connection"}]
    request = b" ".join([method, f"/{path}".encode("latin-1"), version.rpartition(b" ")[2]])
    return b"\r\n".join([request, *kept, b"Connection: close", b"", body])


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Bytes go both ways until either end has no more."""
    ends = {one: other, other: one}
    with contextlib.suppress(OSError):
        while True:
            for ready in select.select(list(ends), [], [])[0]:
                piece = ready.recv(_PIECE)
                if not piece:
                    return
                ends[ready].sendall(piece)
