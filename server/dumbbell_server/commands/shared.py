"""What the commands have in common: options, settings, and how they end. They import what they need as they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

Folder = Annotated[Path | None, typer.Option(help="Folder of the database and of stored files [.dumbbell].")]
Database = Annotated[str | None, typer.Option(help="postgresql://… instead of SQLite in the data folder.")]


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
    from dumbbell_server.app import subscribe
    from dumbbell_server.backend import open_backend
    from dumbbell_server.clock import Clock
    from dumbbell_server.database.opening import require_database
    from dumbbell_server.errors import StartupError

    settings = settings_of(data_dir=data_dir, database_url=database_url)
    try:
        if not make:
            require_database(settings.database_url, settings.data_dir.absolute())
        backend = open_backend(settings, Clock())
    except StartupError as error:
        stop(error)
    subscribe(backend)
    return backend
