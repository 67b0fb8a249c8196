"""`dumbbell admin …`: what a running server does when its admin port is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dumbbell_server.commands import admin_clock, admin_snapshot
from dumbbell_server.commands.shared import RunningFolder, Token, Url, listed, running, stop

SUMMARY = "Reset, seed, export, record and disturb a running server by its admin port; set its clock, take snapshots"

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


@app.command()
def record(
    off: Annotated[bool, typer.Option("--off", help="Record no longer.")] = False,
    url: Url = None, token: Token = None, data_dir: RunningFolder = None,
) -> None:
    """Record what goes over the main port from now on, without keys and signatures.

    Examples: `dumbbell admin record`; `dumbbell admin record --off`.
    """
    with running(url, token, data_dir) as client:
        state = client.record(on=not off)
    typer.echo(f"{'Records' if state['on'] else 'Records no longer'}; {state['exchanges']} exchanges are stored.")


@app.command()
def exchanges(
    operation: Annotated[str | None, typer.Option(help="Name of a GraphQL operation.")] = None,
    route: Annotated[str | None, typer.Option(help="Template of a path, such as /graphql.")] = None,
    status: Annotated[int | None, typer.Option(help="Of the answer; 0 where it was cut.")] = None,
    run: Annotated[str | None, typer.Option(help="Name of a run.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most, of the newest.")] = 100,
    har: Annotated[Path | None, typer.Option(help="Write them to this file, as an HTTP archive.")] = None,
    url: Url = None, token: Token = None, data_dir: RunningFolder = None,
) -> None:
    """Print what was recorded, a line each.

    Examples: `dumbbell admin exchanges --status 500`; `dumbbell admin exchanges --har run.har`.
    """
    given = {"operation": operation, "route": route, "status": status, "run": run}
    wanted = {name: value for name, value in given.items() if value is not None}
    with running(url, token, data_dir) as client:
        if har is not None:
            har.write_text(json.dumps(client.har(**wanted)))
            typer.echo(f"Wrote {har}.")
            return
        found = client.exchanges(limit=limit, **wanted)
    for each in found:
        milliseconds = each["duration"] * 1e3
        typer.echo(f"{each['number']} {each['method']} {each['operation'] or each['path']} {each['status']} "
                   f"{milliseconds:.1f} ms")


@app.command()
def faults(
    rules: Annotated[list[str] | None, typer.Argument(help="Rules to add, as JSON.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove all that are there, first.")] = False,
    url: Url = None, token: Token = None, data_dir: RunningFolder = None,
) -> None:
    """Have answers go wrong by rules, and print all rules, how often each matched, and how often it did something.

    Example: `dumbbell admin faults '{"operation": "UpsertBucket", "times": 2, "effect": {"kind": "status"}}'`.
    """
    wanted = [_rule(text) for text in rules or []]
    with running(url, token, data_dir) as client:
        if clear:
            client.remove_faults()
        for rule in wanted:
            client.add_fault(**rule)
        found = client.faults()["rules"]
    for each in found:
        typer.echo(f"{each['id']} matched {each['matched']} fired {each['fired']} {json.dumps(each['rule'])}")


def _rule(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        stop(f"{text[:80]!r} is not JSON: {error}")
    if not isinstance(found, dict):
        stop(f"{text[:80]!r} is no JSON object; docs/admin.md has what a rule says")
    return found
