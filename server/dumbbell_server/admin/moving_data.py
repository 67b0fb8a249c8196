"""Fixtures into and out of a backend: where the admin port meets `seeding/`."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from dumbbell_server.backend import Backend
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.seeding.form import read_form
from dumbbell_server.seeding.load import load

FOLDER = "moving"  # below the data folder: what goes in or out may be too long for /tmp


def seed_shipped(backend: Backend, name: str) -> dict[str, int]:
    """What of the shipped fixture is not there yet. Returns how much was made. NotFound for any other name."""
    if not name.isidentifier() or not (files("dumbbell_fixtures") / name).is_dir():  # nobody reads files by their paths
        raise NotFound(f"no fixture {name[:80]!r} comes with the server; send a folder of your own as a tar stream")
    return vars(load(backend, read_form(name)))


def seed_folder(backend: Backend, folder: Path) -> dict[str, int]:
    """The same of a folder. BadInput as `FILE:LINE: what is wrong`, with paths as they are in the folder."""
    found = sorted(folder.rglob("*.yaml"))
    if len(found) != 1:
        raise BadInput(f"the folder has {len(found)} files *.dumbbell.yaml; one is expected")
    try:
        return vars(load(backend, read_form(str(found[0]))))
    except BadInput as error:
        raise BadInput(error.message.replace(f"{folder}/", "")) from None


@contextlib.contextmanager
def own_folder(backend: Backend) -> Iterator[Path]:
    """A folder that is gone afterwards."""
    above = backend.settings.data_dir.absolute() / FOLDER
    above.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=above, ignore_cleanup_errors=True) as name:
        yield Path(name)


def clear_folder(backend: Backend) -> None:
    """At a start: what an earlier server had under way when it was killed."""
    shutil.rmtree(backend.settings.data_dir.absolute() / FOLDER, ignore_errors=True)
