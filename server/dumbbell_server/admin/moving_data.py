"""Fixtures into and out of a backend: where the admin port meets `seeding/`."""

from __future__ import annotations

from pathlib import Path

from dumbbell_server.backend import Backend
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.seeding.export import Written, export
from dumbbell_server.seeding.form.reading import read_fixture, shipped
from dumbbell_server.seeding.load import load


def seed_shipped(backend: Backend, name: str) -> dict[str, int]:
    """What of the shipped fixture is not there yet. Returns how much was made. NotFound for any other name."""
    if name not in shipped():  # nobody reads files by their paths
        raise NotFound(f"no fixture {name[:80]!r} comes with the server; send a folder of your own as a tar stream")
    return vars(load(backend, read_fixture(name)))


def seed_folder(backend: Backend, folder: Path) -> dict[str, int]:
    """The same of a folder. BadInput as `FILE:LINE: what is wrong`, with paths as they are in the folder."""
    try:
        return vars(load(backend, read_fixture(folder)))
    except BadInput as error:
        raise BadInput(error.message.replace(f"{folder}", ".")) from None


def write_folder(backend: Backend, folder: Path, scope: str | None, *, with_keys: bool) -> Written:
    """What the server holds, as a fixture in this empty folder."""
    return export(backend, folder, scope, with_keys=with_keys)
