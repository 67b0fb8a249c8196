"""`dumbbell admin …`: what a running server does when its admin port is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dumbbell_server.commands import admin_clock, admin_snapshot
from dumbbell_server.commands.shared import RunningFolder, Token, Url, listed, running, stop

SUMMARY = "Reset, seed and export a running server by its admin port, set its clock, take snapshots"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(admin_clock.app, name="clock", help=admin_clock.SUMMARY)
app.add_typer(admin_snapshot.app, name="snapshot", help=admin_snapshot.SUMMARY)


@app.command()
def info(url: Url = None, token: Token = None, data_dir: RunningFolder = None) -> None:
    """Print the server's version and how much it holds.

    Example: `dumbbell admin info --url http://localhost:8081 --token …`.
    """
    with running(url, token, data_dir) as client:
        found = client.info()
    typer.echo(f"version {found['version']}")
    for name, number in found["counts"].items():
        typer.echo(f"{name} {number}")


@app.command()
def reset(
    entity: Annotated[str | None, typer.Argument(help="A user, team or organization: all of its projects go.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything but the first user with their keys.")] = False,
    url: Url = None, token: Token = None, data_dir: RunningFolder = None,
) -> None:
    """Remove all projects of an entity, or with --all everything but the first user.

    Examples: `dumbbell admin reset gym`; `dumbbell admin reset --all`.
    """
    if (entity is None) is not everything:
        stop("name an entity, or say --all, which removes everything but the first user with their keys")
    with running(url, token, data_dir) as client:
        typer.echo(f"Removed {listed(client.reset(entity))}.")


@app.command()
def restore(
    name: Annotated[str, typer.Argument(help="Of a snapshot.")],
    url: Url = None, token: Token = None, data_dir: RunningFolder = None,
) -> None:
    """Have the server hold what the snapshot holds, and nothing else.

    Example: `dumbbell admin restore before`.
    """
    with running(url, token, data_dir) as client:
        typer.echo(f"Restored {client.restore(name)['name']}.")


@app.command()
def seed(
    fixtures: Annotated[list[str], typer.Argument(help="Names of shipped fixtures, or paths of files or folders.")],
    url: Url = None, token: Token = None, data_dir: RunningFolder = None,
) -> None:
    """Load fixtures, each whole or not at all. What exists is left alone.

    Examples: `dumbbell admin seed demo`; `dumbbell admin seed ./fixtures`.
    """
    with running(url, token, data_dir) as client:
        for fixture in fixtures:
            typer.echo(f"Made {listed(client.seed(fixture))}.")


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Folder to write, which is not there yet or empty.")],
    scope: Annotated[str | None, typer.Argument(help="ENTITY or ENTITY/PROJECT [everything].")] = None,
    with_keys: Annotated[bool, typer.Option(help="API keys too, as hashes: they work where it is loaded.")] = False,
    url: Url = None, token: Token = None, data_dir: RunningFolder = None,
) -> None:
    """Write what the server holds as a fixture: loaded elsewhere, it gives equal answers.

    Examples: `dumbbell admin export saved/`; `dumbbell admin export saved/ team/project`.
    """
    with running(url, token, data_dir) as client:
        left_out = client.export(folder, scope, with_keys=with_keys)
    for line in left_out:
        typer.echo(f"Left out: {line}.", err=True)
    typer.echo(f"Wrote {folder}.")
