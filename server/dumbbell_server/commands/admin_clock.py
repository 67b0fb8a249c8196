"""`dumbbell admin clock …`: the clock of a running server."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dumbbell_server.commands.shared import RunningFolder, Token, Url, running

SUMMARY = "Freeze the clock of a running server, move it on, or have it skip to what is due"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command()
def show(url: Url = None, token: Token = None, data_dir: RunningFolder = None) -> None:
    """Print the server's time, and what is due next.

    Example: `dumbbell admin clock show`.
    """
    with running(url, token, data_dir) as client:
        _show(client.clock())


@app.command()
def freeze(
    moment: Annotated[str | None, typer.Argument(help="Such as 2026-01-05T10:00:00Z [where it is].")] = None,
    url: Url = None, token: Token = None, data_dir: RunningFolder = None,
) -> None:
    """Let the clock stand still.

    Examples: `dumbbell admin clock freeze`; `dumbbell admin clock freeze 2026-01-05T10:00:00Z`.
    """
    with running(url, token, data_dir) as client:
        _show(client.freeze(moment))


@app.command()
def advance(
    seconds: Annotated[float, typer.Argument(help="By which it is later.")],
    url: Url = None, token: Token = None, data_dir: RunningFolder = None,
) -> None:
    """Move the clock on. What has become due by then has happened when the command ends.

    Example: `dumbbell admin clock advance 301`.
    """
    with running(url, token, data_dir) as client:
        _show(client.advance(seconds))


@app.command("next")
def skip(url: Url = None, token: Token = None, data_dir: RunningFolder = None) -> None:
    """Move the clock on to the next thing that is due.

    Example: `dumbbell admin clock next`.
    """
    with running(url, token, data_dir) as client:
        _show(client.skip())


@app.command()
def auto(
    quiet: Annotated[float, typer.Argument(help="Seconds in which clients ask and nothing is written.")] = 0.2,
    url: Url = None, token: Token = None, data_dir: RunningFolder = None,
) -> None:
    """Let the clock skip by itself to the next thing that is due, whenever clients wait.

    Example: `dumbbell admin clock auto 0.5`.
    """
    with running(url, token, data_dir) as client:
        _show(client.skip_by_itself(quiet))


@app.command()
def release(url: Url = None, token: Token = None, data_dir: RunningFolder = None) -> None:
    """Give the clock the machine's time again.

    Example: `dumbbell admin clock release`.
    """
    with running(url, token, data_dir) as client:
        _show(client.release())


def _show(found: dict[str, Any]) -> None:
    if found["happened"] is not None:
        typer.echo(f"{found['happened']}.")
    how = "frozen" if found["frozen"] else "going" if found["auto"] is None else \
        f"skipping after {found['auto']} s of quiet"
    typer.echo(f"{found['now']}, {how}, {found['ahead']} s ahead of the machine.")
    due = found["next"]
    typer.echo("Nothing is due." if due is None else f"Next: {due['what']}, at {due['at']}.")
