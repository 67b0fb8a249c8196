"""Compositions of the repository's compose files, each under a name of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tarfile
import uuid
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.repository import ROOT

KEY = "composed" + "0" * 32
TOKEN = "composed-token-000000"
BASE = "python:3.11-slim-bookworm"
_STAND_INS = {"postgres": "postgres", "minio": "minio/minio", "nginx": "nginxinc/nginx-unprivileged"}


def docker(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """What a command printed, which has to succeed."""
    done = subprocess.run(["docker", *arguments], cwd=ROOT, env=environment, text=True, capture_output=True,
                          check=False)
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Composed:
    """A composition that is up. `base_url` and `api_key` are what a script has to know."""

    project: str
    file: str
    base_url: str
    admin_url: str
    environment: dict[str, str]
    api_key: str = KEY

    def compose(self, *arguments: str) -> str:
        return docker("compose", "--project-name", self.project, "--file", self.file, *arguments,
                      environment=self.environment)

    def up(self) -> None:
        self.compose("up", "--detach", "--build", "--wait", "--wait-timeout", "180")

    def containers(self, service: str = "dumbbell") -> list[str]:
        """Their ids."""
        return self.compose("ps", "--quiet", service).split()

    def ask(self, query: str) -> Any:
        answer = httpx2.post(f"{self.base_url}/graphql", json={"query": query}, timeout=30,
                             headers={"authorization": f"Bearer {self.api_key}"})
        return answer.raise_for_status().json()["data"]


@contextlib.contextmanager
def composed(file: str, **settings: str) -> Iterator[Composed]:
    """Up, with these variables in the environment; gone afterwards, with its volumes."""
    if shutil.which("docker") is None:
        pytest.fail("--compose needs the docker command")
    ports = _free_ports(2)
    environment = os.environ | {"DUMBBELL_PORT": ports[0], "DUMBBELL_ADMIN_PORT": ports[1], "DUMBBELL_API_KEY": KEY,
                                "DUMBBELL_ADMIN_TOKEN": TOKEN, **settings}
    running = Composed(f"dumbbell-test-{uuid.uuid4().hex[:12]}", file, f"http://127.0.0.1:{ports[0]}",
                       f"http://127.0.0.1:{ports[1]}", environment)
    with contextlib.ExitStack() as stack:
        stack.callback(running.compose, "down", "--volumes", "--remove-orphans")
        running.up()
        yield running


def _free_ports(count: int) -> list[str]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [str(found.getsockname()[1]) for found in sockets]


def provide_images() -> None:
    """The images of the other services: as they are here, from a registry, or stand-ins under their names."""
    text = (ROOT / "docker-compose.scale.yml").read_text()
    for folder, name in _STAND_INS.items():
        image = next(line.split()[1] for line in text.splitlines() if line.strip().startswith(f"image: {name}:"))
        there = docker("image", "ls", "--quiet", image).strip()
        if not there and subprocess.run(["docker", "pull", "-q", image], capture_output=True, timeout=120,
                                        check=False).returncode:
            docker("build", "--quiet", "--tag", image, str(ROOT / "tests" / "compose" / "stand_ins" / folder))


def inspect(thing: str) -> Any:
    return json.loads(docker("inspect", thing))[0]


def seconds_until_healthy(container: str) -> float:
    """From its start to the end of the first check that succeeded; asked soon, for only the last five are known."""
    state = inspect(container)["State"]
    first = next(check for check in state["Health"]["Log"] if check["ExitCode"] == 0)
    return _moment(first["End"]) - _moment(state["StartedAt"])


def _moment(text: str) -> float:
    return datetime.fromisoformat(f"{text[:19]}+00:00").timestamp() + float("0" + text[19:].rstrip("Z").split("+")[0])


def own_layers(image: str, folder: Path) -> tuple[int, int]:
    """Bytes of the layers above the base image: unpacked, and compressed as a registry holds them."""
    below = len(inspect(BASE)["RootFS"]["Layers"])
    docker("save", "--output", str(folder / "image.tar"), image)
    with tarfile.open(folder / "image.tar") as saved:
        manifest = saved.extractfile("manifest.json")
        assert manifest is not None
        layers: Sequence[str] = json.load(manifest)[0]["Layers"][below:]
        sizes = [_sizes(saved, layer) for layer in layers]
    (folder / "image.tar").unlink()
    return sum(size for size, _ in sizes), sum(packed for _, packed in sizes)


def _sizes(saved: tarfile.TarFile, layer: str) -> tuple[int, int]:
    source, packer = saved.extractfile(layer), zlib.compressobj(6)
    assert source is not None
    size = packed = 0
    while chunk := source.read(1 << 20):
        size += len(chunk)
        packed += len(packer.compress(chunk))
    return size, packed + len(packer.flush())
