"""Where there is nobody, or somebody else, a call ends at once or within its time-out, and says with whom it failed."""

from __future__ import annotations

import contextlib
import http.server
import logging
import pickle
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import stamina

import dumbbell
from dumbbell import _retry, errors
from support.certificates import make_certificate

KEY = "k" * 40
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate by openssl")


@pytest.fixture(autouse=True)
def _waits() -> Iterator[None]:
    """Retries wait as they do for users."""
    stamina.set_testing(False)
    yield
    stamina.set_testing(True, attempts=4)


class Handler(http.server.BaseHTTPRequestHandler):
    """Refuses everything, as a server of another kind does."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(405)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(301)
        self.send_header("location", "https://elsewhere.example/x?signature=secret")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        del format, args


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None,
            handler: type[http.server.BaseHTTPRequestHandler] = Handler) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def failed(base_url: str, timeout: float = 2) -> tuple[errors.CommError, float, int]:
    """The error, the seconds that it took, and how many requests were tried."""
    tried: list[str] = []
    logger = logging.getLogger("dumbbell")
    handler = logging.Handler()
    handler.emit = lambda record: tried.append(record.levelname)  # type: ignore[method-assign]
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    began = time.monotonic()
    try:
        with pytest.raises(errors.CommError) as caught:
            _ = dumbbell.Api({"base_url": base_url}, api_key=KEY, timeout=timeout).viewer
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    took = time.monotonic() - began
    assert KEY not in str(caught.value) + repr(caught.value)
    assert KEY.encode() not in pickle.dumps(caught.value)
    assert tried[:1] in ([], ["WARNING"])
    assert set(tried[1:]) <= {"INFO"}
    return caught.value, took, len(tried)


def test_a_port_where_nobody_listens_is_tried_for_the_time_out() -> None:
    port = free_port()
    error, took, tried = failed(f"http://127.0.0.1:{port}")
    assert f"nothing listens at 127.0.0.1:{port}" in str(error)
    assert tried >= 1  # a server that starts again is met
    assert took < 20
    assert isinstance(error.exc, httpx2.ConnectError)


def test_a_server_that_comes_back_is_met() -> None:
    port = free_port()

    class Answers(Handler):
        def do_POST(self) -> None:
            body = b'{"data": {"viewer": {"username": "me"}}}'
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
    warned = threading.Event()
    handler = logging.Handler()
    handler.emit = lambda _: warned.set()  # type: ignore[method-assign]
    logging.getLogger("dumbbell").addHandler(handler)
    found: list[str] = []

    def ask() -> None:
        found.append(dumbbell.Api({"base_url": f"http://127.0.0.1:{port}"}, api_key=KEY, timeout=20).viewer.username)
    thread = threading.Thread(target=ask)
    thread.start()
    try:
        assert warned.wait(30)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Answers)
        answering = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        answering.start()
        thread.join(30)
        server.shutdown()
        server.server_close()
        answering.join()
    finally:
        logging.getLogger("dumbbell").removeHandler(handler)
        thread.join()
    assert found == ["me"]


def unknown(*_: object, **__: object) -> list[object]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_a_name_that_nobody_has_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error, _, tried = failed("http://nowhere.invalid:81")
    assert "there is no host nowhere.invalid:81" in str(error)
    assert tried == 0


@needs_openssl
def test_a_certificate_that_nobody_signed_fails_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(tmp_path))
    with serving(context) as port:
        error, _, tried = failed(f"https://localhost:{port}")
        assert f"the certificate of localhost:{port} is not trusted" in str(error)
        assert tried == 0
        monkeypatch.setenv("WANDB_INSECURE_DISABLE_SSL", "true")
        error, _, tried = failed(f"https://localhost:{port}")
        assert "HTTP 405" in str(error)


def test_tls_to_a_server_that_speaks_none_fails_at_once() -> None:
    with serving() as port:
        error, _, tried = failed(f"https://127.0.0.1:{port}")
    assert f"127.0.0.1:{port} does not speak TLS" in str(error)
    assert tried == 0


def test_a_server_of_another_kind_fails_at_once() -> None:
    with serving() as port:
        error, _, tried = failed(f"http://127.0.0.1:{port}")
    assert str(error) == f"127.0.0.1:{port}: HTTP 405 Method Not Allowed"
    assert tried == 0


def test_one_that_never_answers_ends_with_the_window() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # connects by itself, and nobody reads
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        api = dumbbell.Api({"base_url": f"http://{host}"}, api_key=KEY, timeout=1)
        began = time.monotonic()
        with pytest.raises(errors.CommError, match=host) as caught:
            api.client.transport.execute("{ x }", window=4.0)
    assert isinstance(caught.value.exc, httpx2.ReadTimeout)
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("fault", [httpx2.ReadTimeout("slow"), httpx2.ConnectError("refused"), _retry.CutError("cut")])
def test_nothing_begins_that_could_pass_the_window(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the attempts take: by a clock of the test's own."""
    clock = 0.0
    monkeypatch.setattr(_retry.time, "monotonic", lambda: clock)
    for takes in (0.0, 0.3, 2.0, 9.0):
        tries, clock, began = _retry._Tries(20.0, 9.0), 0.0, []
        tries._began = 0.0
        while True:
            began.append(clock)
            clock += min(takes, tries.left(9.0))
            pause = tries.wait(fault)
            if pause is False:
                break
            clock += pause
        assert clock <= 20.0
        assert isinstance(fault, httpx2.ConnectError) or len(began) > 1


def test_a_redirect_of_questions_names_where_to() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(301, headers={"location": "https://one/graphql"}, request=request)
    api = dumbbell.Api({"base_url": "http://one"}, api_key=KEY, transport=httpx2.MockTransport(answer))
    with pytest.raises(errors.CommError, match="http://one/graphql leads on to https://one/graphql"):
        _ = api.viewer


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_store_that_refuses_is_named_and_not_the_server(status: int) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert "authorization" not in request.headers
        return httpx2.Response(status, text="<Error>", request=request)
    api = dumbbell.Api({"base_url": "http://one"}, api_key=KEY, transport=httpx2.MockTransport(answer))
    stamina.set_testing(True, attempts=1)
    with pytest.raises(errors.CommError, match=r"^https://far.example/f cannot be had: far.example: HTTP") as caught:
        api.client.transport.fetched("https://far.example/f?signature=secret", len)
    assert not isinstance(caught.value, errors.AuthenticationError)
    assert "secret" not in str(caught.value)
    assert b"secret" not in pickle.dumps(caught.value)
