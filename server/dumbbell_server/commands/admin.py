"""`dumbbell admin …`: what a running server does when its admin port is asked."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from dumbbell_server.commands.shared import stop

SUMMARY = "Reset, seed and export a running server by its admin port"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_Url = Annotated[str | None, typer.Option(help="Of the admin port, such as http://localhost:8081 "
                                               "[DUMBBELL_ADMIN_URL].")]
_Token = Annotated[str | None, typer.Option(help="Of that port [DUMBBELL_ADMIN_TOKEN].")]
_Folder = Annotated[Path | None, typer.Option(help="Without a URL: the data folder of a server on this machine "
                                                   "[DUMBBELL_DATA_DIR, .dumbbell].")]


@app.command()
def info(url: _Url = None, token: _Token = None, data_dir: _Folder = None) -> None:
    """Print the server's version and how much it holds.

    Example: `dumbbell admin info --url http://localhost:8081 --token …`.
    """
    with _client(url, token, data_dir) as client:
        found = client.info()
    typer.echo(f"version {found['version']}")
    for name, number in found["counts"].items():
        typer.echo(f"{name} {number}")


@app.command()
def reset(
    entity: Annotated[str | None, typer.Argument(help="A user, team or organization: all of its projects go.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything but the first user with their keys.")] = False,
    url: _Url = None, token: _Token = None, data_dir: _Folder = None,
) -> None:
    """Remove all projects of an entity, or with --all everything but the first user.

    Examples: `dumbbell admin reset gym`; `dumbbell admin reset --all`.
    """
    if (entity is None) is not everything:
        stop("name an entity, or say --all, which removes everything but the first user with their keys")
    with _client(url, token, data_dir) as client:
        typer.echo(f"Removed {_listed(client.reset(entity))}.")


@app.command()
def seed(
    fixtures: Annotated[list[str], typer.Argument(help="Names of shipped fixtures, or paths of files or folders.")],
    url: _Url = None, token: _Token = None, data_dir: _Folder = None,
) -> None:
    """Load fixtures, each whole or not at all. What exists is left alone.

    Examples: `dumbbell admin seed demo`; `dumbbell admin seed ./fixtures`.
    """
    with _client(url, token, data_dir) as client:
        for fixture in fixtures:
            typer.echo(f"Made {_listed(client.seed(fixture))}.")


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Folder to write, which is not there yet or empty.")],
    scope: Annotated[str | None, typer.Argument(help="ENTITY or ENTITY/PROJECT [everything].")] = None,
    with_keys: Annotated[bool, typer.Option(help="API keys too, as hashes: they work where it is loaded.")] = False,
    url: _Url = None, token: _Token = None, data_dir: _Folder = None,
) -> None:
    """Write what the server holds as a fixture: loaded elsewhere, it gives equal answers.

    Examples: `dumbbell admin export saved/`; `dumbbell admin export saved/ team/project`.
    """
    with _client(url, token, data_dir) as client:
        left_out = client.export(folder, scope, with_keys=with_keys)
    for line in left_out:
        typer.echo(f"Left out: {line}.", err=True)
    typer.echo(f"Wrote {folder}.")


@contextlib.contextmanager
def _client(url: str | None, token: str | None, data_dir: Path | None) -> Iterator[Any]:
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


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items() if number) or "nothing"
