"""`dumbbell check-sdk`: a release of wandb against this server."""

from __future__ import annotations

from typing import Annotated

import typer

from dumbbell_server.commands.shared import stop


def register(app: typer.Typer) -> None:
    app.command("check-sdk")(check_sdk)


def check_sdk(
    release: Annotated[str, typer.Argument(help="Such as 0.31.0; or latest.")] = "latest",
    scenario: Annotated[bool, typer.Option(help="Log and read back a run with it, too.")] = True,
) -> None:
    """Say what a release of wandb asks that this server does not answer. The exit code is 1 where something is new.

    The release is fetched once, into ~/.cache/dumbbell-sdk. Its GraphQL documents are held against the schema; then
    it logs and reads back a run and an artifact. What this server is known not to have yet is listed, and no failure.

    Examples: `dumbbell check-sdk latest`; `dumbbell check-sdk 0.22.3 --no-scenario`.
    """
    from dumbbell_server.errors import DumbbellError
    from dumbbell_server.moving.drift.check import check
    from dumbbell_server.releases import newest, python_of

    try:
        name = newest() if release == "latest" else release
        found = check(python_of(name), scenario=scenario)
    except DumbbellError as error:
        stop(error)
    typer.echo(f"wandb {name}: {found.documents} documents, {len(found.refused)} operations that are not answered.")
    for what in sorted({operation.waits_for for operation in found.refused if operation.waits_for}):
        names = [operation.name for operation in found.refused if operation.waits_for == what]
        typer.echo(f"  not yet, {what}: {', '.join(names)}")
    for operation in found.missing:
        typer.echo(f"  MISSING {operation.name}: {'; '.join(operation.errors)}")
    for line in found.different:
        typer.echo(f"  DIFFERENT {line}")
    if scenario and not found.different:
        typer.echo("  a run and an artifact are logged and read back as they were.")
    if found.missing or found.different:
        raise typer.Exit(1)
