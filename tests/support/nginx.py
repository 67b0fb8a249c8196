"""nginx with a fragment of docs/proxy.md in front of a server, on a free port with a certificate of its own."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.certificates import make_certificate

PAGE = Path(__file__).parents[2] / "docs" / "proxy.md"
WHOLE_HOST, KEEPS_PREFIX, TAKES_PREFIX = range(3)  # the fragments, in their order
_START = 30.0  # seconds
_MAIN = """
daemon off;
user {user} {group};  # root's worker is somebody else, who may not enter the folder
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """`port` speaks TLS with the certificate in `certificate`, which is also its authority's."""

    port: int
    certificate: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a client must be told to trust it."""
        return {"SSL_CERT_FILE": str(self.certificate), "REQUESTS_CA_BUNDLE": str(self.certificate)}

    def requests(self) -> list[str]:
        """The lines of its access log."""
        return (self.folder / "access.log").read_text().splitlines()


def require_nginx() -> str:
    """Where it is; the test is skipped where it is not."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None or shutil.which("openssl") is None:
        pytest.skip("needs nginx and openssl in PATH; .ci/run installs them on Debian")
    return found


def fragment(number: int) -> str:
    """A server block of the page: the first as it stands, or with one of the others in place of its locations."""
    fragments = re.findall(r"^```nginx\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(fragments) == 3
    if number == WHOLE_HOST:
        return str(fragments[0])
    start = fragments[0].index("    location / {")
    return f"{fragments[0][:start]}{fragments[number]}}}\n"


@contextlib.contextmanager
def listening() -> Iterator[socket.socket]:
    """A socket for nginx, whose port is known, and nobody else's, before nginx starts."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as made:
        yield made


@contextlib.contextmanager
def start_nginx(folder: Path, number: int, listener: socket.socket, upstream: str) -> Iterator[Nginx]:
    """The fragment of that number, in front of the server at `upstream`."""
    binary = require_nginx()
    folder.mkdir()
    certificate, key = make_certificate(folder)
    port = listener.getsockname()[1]
    text = fragment(number)
    for before, after in (("127.0.0.1:8080", urlsplit(upstream).netloc), ("listen 443", f"listen 127.0.0.1:{port}"),
                          ("/etc/ssl/certs/wandb.example.com.pem", str(certificate)),
                          ("/etc/ssl/private/wandb.example.com.key", str(key))):
        assert before in text
        text = text.replace(before, after)
    configuration = folder / "nginx.conf"
    configuration.write_text(_MAIN.format(
        folder=folder, server=text, user=pwd.getpwuid(os.geteuid()).pw_name, group=grp.getgrgid(os.getegid()).gr_name))
    log = folder / "error.log"
    with log.open("wb") as errors:
        # NGINX is how it hands its sockets to its successor
        process = subprocess.Popen([binary, "-c", str(configuration), "-p", str(folder)], stdin=subprocess.DEVNULL,
                                   stdout=errors, stderr=errors, pass_fds=[listener.fileno()],
                                   env=os.environ | {"NGINX": f"{listener.fileno()};"})
    try:
        assert _answers(process, port), log.read_text()
        yield Nginx(port, certificate, folder)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_START)


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Once it does. False where it ended instead."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as plain, \
                context.wrap_socket(plain, server_hostname="localhost"):
            return True
        time.sleep(0.02)
    return False
