"""A fixture shown on this machine, by a server whose data are gone when it ends."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from dumbbell_server.app import create_app
from dumbbell_server.backend import open_backend
from dumbbell_server.clock import Clock
from dumbbell_server.seeding.form.reading import Fixture, read_fixture
from dumbbell_server.seeding.load import load
from dumbbell_server.serving import listen, run, url_of
from dumbbell_server.settings import Settings
from dumbbell_server.wiring import first_key

_HOST = "localhost"


class _Given(Settings):
    """Settings that the environment has no say in: it may be that of another server, with its database."""

    @classmethod
    def settings_customise_sources(cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
                                   *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource,
                                   ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls
        return (init_settings,)


def show(folder: Path, port: int, on_ready: Callable[[list[str]], None]) -> None:
    """Serve the fixture until SIGINT or SIGTERM, to this machine and without a key.

    `on_ready` gets the addresses of its projects' pages.
    """
    fixture = read_fixture(folder)
    sockets = listen(_HOST, port)
    with tempfile.TemporaryDirectory(prefix="dumbbell-", ignore_cleanup_errors=True) as name:
        given: dict[str, Any] = {"data_dir": Path(name), "open": True, "synchronous": "NORMAL"}
        backend = open_backend(_Given(**given), Clock())
        try:
            first_key(backend)
            app = create_app(backend)
            load(backend, fixture)
            app.state.worker.start()
            base = url_of(_HOST, sockets)
            addresses = [f"{base}{path}" for path in _pages(fixture, backend.settings.user)]
            try:
                run([(app, sockets)], lambda: on_ready(addresses), lambda: None)
            finally:
                app.state.worker.stop()
        finally:
            backend.close()


def _pages(fixture: Fixture, first: str) -> list[str]:
    """Of all projects; of the server, where there is none."""
    called = {user.name: first for read in fixture.documents for user in read.document.users if user.first}
    paths = {(called.get(project.entity, project.entity), project.name)
             for read in fixture.documents for project in read.document.projects}
    return [f"/{quote(entity, safe='')}/{quote(project, safe='')}" for entity, project in sorted(paths)] or ["/"]
