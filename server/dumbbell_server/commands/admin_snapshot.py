"""`dumbbell admin snapshot …`: snapshots of a running server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dumbbell_server.commands.shared import RunningFolder, Token, Url, running, stop

SUMMARY = "Put aside all that a running server holds, which `dumbbell admin restore` puts back"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="Up to 64 letters, digits and ._-.")]


@app.command()
def make(name: Name, url: Url = None, token: Token = None, data_dir: RunningFolder = None) -> None:
    """Put aside all that the server holds, in place of what went by this name.

    Example: `dumbbell admin snapshot make before`.
    """
    with running(url, token, data_dir) as client:
        typer.echo(f"Made {client.snapshot(name)['name']}.")


@app.command("list")
def show(url: Url = None, token: Token = None, data_dir: RunningFolder = None) -> None:
    """Print the snapshots that there are.

    Example: `dumbbell admin snapshot list`.
    """
    with running(url, token, data_dir) as client:
        for found in client.snapshots():
            typer.echo(f"{found['name']}, of {found['created']}, {found['size']} bytes and files")


@app.command()
def delete(name: Name, url: Url = None, token: Token = None, data_dir: RunningFolder = None) -> None:
    """Delete a snapshot.

    Example: `dumbbell admin snapshot delete before`.
    """
    with running(url, token, data_dir) as client:
        client.delete_snapshot(name)
    typer.echo(f"Deleted {name}.")


@app.command()
def save(
    name: Name, file: Annotated[Path, typer.Argument(help="To write, such as before.tar.")],
    url: Url = None, token: Token = None, data_dir: RunningFolder = None,
) -> None:
    """Write a snapshot as one file for another server. It holds the hashes of API keys.

    Example: `dumbbell admin snapshot save before before.tar`.
    """
    try:
        with running(url, token, data_dir) as client:
            client.save_snapshot(name, file)
    except OSError as error:
        stop(f"cannot write {file}: {error.strerror}")
    typer.echo(f"Wrote {file}.")


@app.command()
def load(
    name: Name, file: Annotated[Path, typer.Argument(help="That `save` wrote.")],
    url: Url = None, token: Token = None, data_dir: RunningFolder = None,
) -> None:
    """Take the file of a snapshot, under this name; `dumbbell admin restore` puts it in place.

    Example: `dumbbell admin snapshot load before before.tar`.
    """
    try:
        with running(url, token, data_dir) as client:
            client.load_snapshot(name, file)
    except OSError as error:
        stop(f"cannot read {file}: {error.strerror}")
    typer.echo(f"Loaded {name}.")
