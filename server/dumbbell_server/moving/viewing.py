"""A fixture shown on this machine, by a server whose data are gone when it ends."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from dumbbell_server.app import create_app, first_key
from dumbbell_server.backend import open_backend
from dumbbell_server.clock import Clock
from dumbbell_server.seeding.load import load
from dumbbell_server.seeding.reading import Fixture, read_fixture
from dumbbell_server.serving import listen, run, url_of
from dumbbell_server.settings import Settings

_HOST = "localhost"


class _Given(Settings):
    """Settings that the environment has no say in: it may be that of another server, with its database."""

    @classmethod
    def settings_customise_sources(cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
                                   *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource,
                                   ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls
        return (init_settings,)


def show(folder: Path, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve the fixture until SIGINT or SIGTERM, to this machine and without a key. `on_ready` gets the address."""
    fixture = read_fixture(folder)
    sockets = listen(_HOST, port)
    with tempfile.TemporaryDirectory(prefix="dumbbell-", ignore_cleanup_errors=True) as name:
        settings = _Given(data_dir=Path(name), host=_HOST, port=port, open=True, synchronous="NORMAL")
        backend = open_backend(settings, Clock())
        try:
            first_key(backend)
            app = create_app(backend)
            load(backend, fixture)
            app.state.worker.start()
            url = url_of(_HOST, sockets) + _page(fixture, backend.settings.user)
            try:
                run([(app, sockets)], lambda: on_ready(url), lambda: None)
            finally:
                app.state.worker.stop()
        finally:
            backend.close()


def _page(fixture: Fixture, first: str) -> str:
    """Of the project, where it is one; else the list of all."""
    renamed = {user.name: first for read in fixture.documents for user in read.document.users if user.first}
    projects = {(renamed.get(project.entity, project.entity), project.name)
                for read in fixture.documents for project in read.document.projects}
    if len(projects) != 1:
        return "/"
    [path] = projects
    return "".join(f"/{quote(part, safe='')}" for part in path)
