"""Offline runs: `dumbbell import`, `dumbbell view`."""

from __future__ import annotations

import contextlib
import tempfile
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from dumbbell_server.commands.shared import (
    Database,
    Folder,
    Token,
    Url,
    listed,
    make_first_user,
    open_or_ask,
    running,
    stop,
)


def register(app: typer.Typer) -> None:
    app.command("import")(import_)
    app.command("view")(view)


def import_(
    paths: Annotated[list[Path], typer.Argument(help="Folders offline-run-*, files run-ID.wandb, or folders that have "
                                                     "such runs somewhere below, such as wandb/.")],
    entity: Annotated[str | None, typer.Option(help="Instead of the one that a run names [or the first user].")] = None,
    project: Annotated[str | None, typer.Option(help="Instead of the one that a run names.")] = None,
    run_id: Annotated[str | None, typer.Option("--id", help="Of the run, where it is one.")] = None,
    url: Url = None, token: Token = None, data_dir: Folder = None, database_url: Database = None,
) -> None:
    """Load offline runs of wandb, as `wandb sync` does, whole or not at all. What exists is left alone.

    Into a stopped folder, or by a running server that has an admin port. Folders of one run that went on become one
    run.

    Examples: `dumbbell import wandb/offline-run-*`; `dumbbell import wandb --url http://localhost:8081 --token …`.
    """
    from dumbbell_server.errors import DumbbellError
    from dumbbell_server.moving.offline.convert import Target

    try:
        with _converted(paths, Target(entity, project, run_id)) as fixture:
            backend = None if url is not None else open_or_ask(data_dir, database_url, make=True)
            if backend is None:
                with running(url, token, data_dir) as client:
                    made = client.seed(fixture)
            else:
                with contextlib.closing(backend):
                    made = _load(backend, fixture)
    except DumbbellError as error:
        stop(error)
    typer.echo(f"Made {listed(made)}.")


def _load(backend: Any, fixture: Path) -> dict[str, int]:
    from dumbbell_server.moving.offline.fixture import check_entities
    from dumbbell_server.seeding.form.reading import read_fixture
    from dumbbell_server.seeding.load import load

    make_first_user(backend)
    read = read_fixture(fixture)
    check_entities(backend, read)
    return vars(load(backend, read))


@contextlib.contextmanager
def _converted(paths: list[Path], target: Any, *, teams: bool = False) -> Iterator[Path]:
    """The folder of a fixture of these runs, with progress on the terminal. It is gone afterwards."""
    from tqdm import tqdm

    from dumbbell_server.moving.offline.fixture import Progress, convert

    with tempfile.TemporaryDirectory(prefix="dumbbell-") as name:
        with tqdm(unit="B", unit_scale=True, disable=None) as bar:
            progress = Progress(bar.reset, bar.update, lambda text: typer.echo(f"dumbbell: {text}", err=True))
            convert(paths, Path(name), target, progress, teams=teams)
        yield Path(name)


def view(
    folder: Annotated[Path, typer.Argument(help="Folder with offline runs somewhere below, or a fixture.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page of the first project.")] = True,
) -> None:
    """Show offline runs, or a fixture, in the browser: without a key, and only to this machine. Until Ctrl-C.

    Nothing is kept, and nothing in the folder is changed. Examples: `dumbbell view wandb`; `dumbbell view .`.
    """
    from dumbbell_server.errors import DumbbellError, StartupError
    from dumbbell_server.logs import set_up
    from dumbbell_server.moving.offline import finding
    from dumbbell_server.moving.offline.convert import Target
    from dumbbell_server.moving.viewing import show
    from dumbbell_server.seeding.form.folder import documents

    def on_ready(addresses: list[str]) -> None:
        typer.echo(f"{folder} is shown until Ctrl-C at {' '.join(addresses)}")
        if browser:
            webbrowser.open(addresses[0])

    set_up("warning")
    try:
        if folder.is_dir() and not finding.has_some(folder) and documents(folder):
            show(folder, port, on_ready)
            return
        with _converted([folder], Target(), teams=True) as converted:
            show(converted, port, on_ready)
    except (StartupError, DumbbellError) as error:
        stop(error)
