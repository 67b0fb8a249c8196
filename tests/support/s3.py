"""A bucket on loopback: moto's server, as a process of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
from starlette.testclient import TestClient

_START = 60.0  # seconds

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
               "AWS_DEFAULT_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true"}


@dataclass(frozen=True)
class S3:
    """What speaks S3, and at which address."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """What a server has to know of it."""
        return ENVIRONMENT | {"AWS_ENDPOINT_URL": self.endpoint}

    def new_bucket(self) -> str:
        """The name of a bucket that is empty; moto asks for no signature to make it."""
        name = f"bucket-{uuid.uuid4().hex}"
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/{name}", method="PUT"), timeout=10).close()
        return name


@contextlib.contextmanager
def start_s3() -> Iterator[S3]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    python = os.environ.get("MOTO_PYTHON", sys.executable)  # moto brings a botocore newer than the oldest we work with
    process = subprocess.Popen([python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=os.environ | ENVIRONMENT)
    try:
        _wait(process, f"http://127.0.0.1:{port}/moto-api/")
        yield S3(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        assert process.poll() is None, f"moto's server ended with {process.returncode}"
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.1)
    raise AssertionError(f"moto's server did not answer within {_START} s")


def reach_the_network(client: TestClient) -> None:
    """Let a client of an app in this process follow redirects to a bucket, which is a real server on loopback."""
    client._mounts[httpx2._utils.URLPattern("all://127.0.0.1")] = httpx2.HTTPTransport()
