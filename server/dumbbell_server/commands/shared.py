"""What the commands have in common: options, settings, and how they end. They import what they need as they run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

Folder = Annotated[Path | None, typer.Option(help="Folder of the database and of stored files [.dumbbell].")]
Database = Annotated[str | None, typer.Option(help="postgresql://… instead of SQLite in the data folder.")]

Url = Annotated[str | None, typer.Option(help="Of the admin port of a running server, such as http://localhost:8081 "
                                              "[DUMBBELL_ADMIN_URL].")]
Token = Annotated[str | None, typer.Option(help="Of that port [DUMBBELL_ADMIN_TOKEN].")]
RunningFolder = Annotated[Path | None, typer.Option(help="Without a URL: the data folder of a server on this machine "
                                                         "[DUMBBELL_DATA_DIR, .dumbbell].")]


def stop(message: object) -> NoReturn:
    """End the command, which could not do what it was asked for."""
    typer.echo(f"dumbbell: {message}", err=True)
    raise typer.Exit(2)


def settings_of(**given: Any) -> Any:
    """Options over the environment over defaults."""
    from pydantic import ValidationError

    from dumbbell_server.settings import Settings

    try:
        return Settings(**{key: value for key, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        stop(f"setting {'.'.join(map(str, first['loc']))}: {first['msg']}")


def open_stopped(data_dir: Path | None, database_url: str | None, *, make: bool = False) -> Any:
    """The backend of a stopped folder that has a database; with `make` also of one that has none yet."""
    from dumbbell_server.errors import StartupError

    try:
        return opened(data_dir, database_url, make=make)
    except StartupError as error:
        stop(error)


def opened(data_dir: Path | None, database_url: str | None, *, make: bool = False) -> Any:
    """The same. Raises StartupError."""
    from dumbbell_server.backend import open_backend
    from dumbbell_server.clock import Clock
    from dumbbell_server.database.opening import require_database
    from dumbbell_server.wiring import subscribe

    settings = settings_of(data_dir=data_dir, database_url=database_url)
    if not make:
        require_database(settings.database_url, settings.data_dir.absolute())
    backend = open_backend(settings, Clock())
    subscribe(backend)
    return backend


def make_first_user(backend: Any) -> None:
    """The first user is there; the key that was made for them is shown this once."""
    from dumbbell_server.wiring import first_key

    made = first_key(backend)
    if made is not None and backend.settings.api_key is None:
        typer.echo(f"export WANDB_API_KEY={made}  # of {backend.settings.user}, shown this once")


def open_or_ask(data_dir: Path | None, database_url: str | None, *, make: bool = False) -> Any:
    """The same; None where a server that can be asked runs on the folder."""
    from dumbbell_server.errors import StartupError

    try:
        return opened(data_dir, database_url, make=make)
    except StartupError as error:
        if (settings_of(data_dir=data_dir).data_dir / "admin.json").exists():
            return None
        stop(f"{error}; or have the server that runs on it do it: start it with --admin-port")


@contextlib.contextmanager
def running(url: str | None, token: str | None, data_dir: Path | None) -> Iterator[Any]:
    """By options, else the environment, else what a server has written into its data folder."""
    from dumbbell_server.admin.client import AdminClient, AdminError

    if data_dir is None or url is not None:
        url = url or os.environ.get("DUMBBELL_ADMIN_URL")
    try:
        with _found(AdminClient, url, token, data_dir) as client:
            yield client
    except AdminError as error:
        stop(error)


def _found(kind: Any, url: str | None, token: str | None, data_dir: Path | None) -> Any:
    if url is None:
        return kind.of_folder(data_dir or Path(os.environ.get("DUMBBELL_DATA_DIR") or ".dumbbell"))
    token = token or os.environ.get("DUMBBELL_ADMIN_TOKEN")
    if not token:
        stop(f"{url} asks for a token; give it by --token or DUMBBELL_ADMIN_TOKEN")
    return kind(url, token)


def listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items() if number) or "nothing"
