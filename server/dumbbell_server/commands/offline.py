"""Offline runs: `dumbbell import`, `dumbbell view`."""

from __future__ import annotations

import contextlib
import os
import tempfile
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from dumbbell_server.commands.shared import Database, Folder, open_stopped, stop


def register(app: typer.Typer) -> None:
    app.command("import")(import_)
    app.command("view")(view)


def import_(
    paths: Annotated[list[Path], typer.Argument(help="Folders offline-run-*, files run-ID.wandb, or folders that have "
                                                     "such runs somewhere below, such as wandb/.")],
    entity: Annotated[str | None, typer.Option(help="Instead of the one that a run names [or the first user].")] = None,
    project: Annotated[str | None, typer.Option(help="Instead of the one that a run names.")] = None,
    run_id: Annotated[str | None, typer.Option("--id", help="Of the run, where it is one.")] = None,
    url: Annotated[str | None, typer.Option(help="Admin port of a running server that is to have them, such as "
                                                 "http://localhost:8081.")] = None,
    token: Annotated[str | None, typer.Option(help="Of that port [DUMBBELL_ADMIN_TOKEN].")] = None,
    data_dir: Folder = None, database_url: Database = None,
) -> None:
    """Load offline runs of wandb, as `wandb sync` does, whole or not at all. What exists is left alone.

    Into a stopped folder, or with --url into a running server. Folders of one run that went on become one run.

    Examples: `dumbbell import wandb/offline-run-*`; `dumbbell import wandb --url http://localhost:8081 --token …`.
    """
    from dumbbell_server.errors import DumbbellError
    from dumbbell_server.moving.offline.convert import Target

    try:
        with _converted(paths, Target(entity, project, run_id)) as folder:
            made = _into_folder(folder, data_dir, database_url) if url is None else _into_server(folder, url, token)
    except DumbbellError as error:
        stop(error)
    typer.echo(f"Made {made}.")


def _into_folder(fixture: Path, data_dir: Path | None, database_url: str | None) -> object:
    from dumbbell_server.app import first_key
    from dumbbell_server.moving.offline.fixture import check_entities
    from dumbbell_server.seeding.form.reading import read_fixture
    from dumbbell_server.seeding.load import load

    backend = open_stopped(data_dir, database_url, make=True)
    try:
        made = first_key(backend)
        if made is not None and backend.settings.api_key is None:
            typer.echo(f"export WANDB_API_KEY={made}  # of {backend.settings.user}, shown this once")
        read = read_fixture(fixture)
        check_entities(backend, read)
        return load(backend, read)
    finally:
        backend.close()


def _into_server(fixture: Path, url: str, token: str | None) -> object:
    from dumbbell_server.admin.client import AdminClient, AdminError
    from dumbbell_server.seeding.loading.state import Counts

    token = token or os.environ.get("DUMBBELL_ADMIN_TOKEN")
    if not token:
        stop(f"{url} asks for a token; give it by --token or DUMBBELL_ADMIN_TOKEN")
    try:
        with AdminClient(url, token) as client:
            return Counts(**client.seed(fixture))
    except AdminError as error:
        stop(error)


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
