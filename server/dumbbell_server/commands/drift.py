"""`dumbbell check-sdk` and `dumbbell proxy`: what clients ask, and what other servers answer, against this one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dumbbell_server.commands.shared import stop


def register(app: typer.Typer) -> None:
    app.command("check-sdk")(check_sdk)
    app.command("proxy")(proxy)


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


def proxy(
    upstream: Annotated[str, typer.Option(metavar="BASE_URL", help="Such as https://api.wandb.ai.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = 0,
    record: Annotated[Path | None, typer.Option(help="Folder, in which each project that was logged to is a fixture "
                                                     "at the end.")] = None,
    report: Annotated[Path | None, typer.Option(help="JSON file for the differences.")] = None,
) -> None:
    """Stand between clients and another server, and say what of its answers this server would give otherwise.

    Until Ctrl-C; the exit code is 1 where there was a difference. Only this machine can ask. Keys are passed on, and
    are in no report and no recording.

    Examples: `dumbbell proxy --upstream https://api.wandb.ai`, then WANDB_BASE_URL as it says;
    `dumbbell proxy --upstream https://api.wandb.ai --record recorded --report drift.json`.
    """
    from dumbbell_server.errors import DumbbellError
    from dumbbell_server.logs import set_up
    from dumbbell_server.moving.proxy import serve

    set_up("warning")
    try:
        passing = serve.serve(upstream, port, lambda url: typer.echo(f"export WANDB_BASE_URL={url}"), _tell)
        left_out = serve.record(upstream, passing, record) if record is not None else []
        if report is not None:
            serve.write_report(report, passing)
    except (DumbbellError, OSError) as error:
        stop(error)
    for line in left_out:
        typer.echo(f"Left out: {line}", err=True)
    if passing.answers.seen:
        raise typer.Exit(1)


def _tell(difference: Any) -> None:
    typer.echo(f"{difference.operation}: {difference.what}")
