"""Opening the admin port, where the settings ask for it, and saying where it is.

FastAPI, and what reads and writes fixtures, are imported for it alone: that takes a third of a start.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from starlette.types import ASGIApp

from dumbbell_server.admin.own_folder import clear_folder
from dumbbell_server.backend import Backend
from dumbbell_server.serving import url_of, write_private

FILE = "admin.json"  # in the data folder, while the server runs: where its commands look


@dataclass(frozen=True)
class AdminPort:
    """An open port, or none: then there is no app, URL or token."""

    file: Path
    apps: list[tuple[ASGIApp, list[socket.socket]]] = field(default_factory=list)
    url: str | None = None
    token: str | None = field(default=None, repr=False)

    def announce(self) -> None:
        """The file says where it is and what it asks for."""
        if self.url is not None:
            write_private(self.file, {"admin_url": self.url, "admin_token": self.token})

    def withdraw(self) -> None:
        """The file is gone, also what a server left that was killed."""
        self.file.unlink(missing_ok=True)


def open_port(backend: Backend, listen: Callable[[str, int], list[socket.socket]]) -> AdminPort:
    """The port that the settings name. StartupError where it is taken."""
    settings = backend.settings
    clear_folder(backend)
    file = settings.data_dir.absolute() / FILE
    AdminPort(file).withdraw()
    if settings.admin_port is None:
        return AdminPort(file)
    from dumbbell_server.admin.api import admin_app  # noqa: PLC0415 - see above

    token = settings.admin_token or secrets.token_urlsafe(32)
    sockets = listen(settings.admin_host, settings.admin_port)
    return AdminPort(file, [(admin_app(backend, token), sockets)], url_of(settings.admin_host, sockets), token)
