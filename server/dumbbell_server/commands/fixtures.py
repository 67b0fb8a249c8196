"""Fixtures: `dumbbell seed`, `export`, `schema`, `generate`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from dumbbell_server.commands.shared import (
    Database,
    Folder,
    Token,
    Url,
    listed,
    make_first_user,
    open_or_ask,
    running,
    stop,
)


def register(app: typer.Typer) -> None:
    app.command("seed")(seed)
    app.command("export")(export)
    app.command("schema")(schema)
    app.command("generate")(generate)


def load_named(backend: Any, names: Sequence[str], on_progress: Callable[[int], object] | None = None) -> Any:
    """All of these fixtures, as one: whole or not at all."""
    from dumbbell_server.seeding.form.reading import Fixture, read_fixture
    from dumbbell_server.seeding.load import load

    return load(backend, sum(map(read_fixture, names), Fixture()), on_progress)


def seed(
    fixtures: Annotated[list[str], typer.Argument(help="Names of shipped fixtures, such as `demo`, or paths of folders "
                                                       "or of files *.dumbbell.yaml.")],
    data_dir: Folder = None, database_url: Database = None, url: Url = None, token: Token = None,
) -> None:
    """Load fixtures, whole or not at all. What exists is left alone, and nothing fires.

    Into a stopped folder, or by a running server that has an admin port.

    Examples: `dumbbell seed demo`; `dumbbell seed my.dumbbell.yaml recorded/ --data-dir /tmp/x`.
    """
    from tqdm import tqdm

    from dumbbell_server.errors import DumbbellError

    backend = None if url is not None else open_or_ask(data_dir, database_url, make=True)
    if backend is None:
        with running(url, token, data_dir) as client:
            for fixture in fixtures:
                typer.echo(f"Made {listed(client.seed(fixture))}.")
        return
    try:
        make_first_user(backend)
        with tqdm(unit=" objects", disable=None) as bar:
            counts = load_named(backend, fixtures, bar.update)
    except DumbbellError as error:
        stop(error)
    finally:
        backend.close()
    typer.echo(f"Made {listed(vars(counts))}.")


def export(
    folder: Annotated[Path, typer.Argument(help="Folder to write, which is not there yet or empty.")],
    scope: Annotated[str | None, typer.Argument(help="ENTITY or ENTITY/PROJECT [everything].")] = None,
    with_keys: Annotated[bool, typer.Option(help="API keys too, as hashes: they work where it is loaded.")] = False,
    data_dir: Folder = None, database_url: Database = None, url: Url = None, token: Token = None,
) -> None:
    """Write what a server holds as a fixture: loaded elsewhere, it gives equal answers.

    Of a stopped folder, or of a running server that has an admin port.

    Examples: `dumbbell export saved/`; `dumbbell export saved/ team/project`.
    """
    from dumbbell_server.errors import DumbbellError

    backend = None if url is not None else open_or_ask(data_dir, database_url)
    if backend is None:
        with running(url, token, data_dir) as client:
            _show(client.export(folder, scope, with_keys=with_keys), f"Wrote {folder}.")
        return
    try:
        _export(backend, folder, scope, with_keys=with_keys)
    except DumbbellError as error:
        stop(error)
    finally:
        backend.close()


def export_at_end(settings: Any) -> None:
    """All that a server held that has just stopped."""
    from dumbbell_server.backend import open_backend
    from dumbbell_server.clock import Clock

    backend = open_backend(settings, Clock())
    try:
        _export(backend, settings.export_on_exit, None, with_keys=False)
    finally:
        backend.close()


def _export(backend: Any, folder: Path, scope: str | None, *, with_keys: bool) -> None:
    from tqdm import tqdm

    from dumbbell_server.seeding.export import export as write

    with tqdm(unit=" objects", disable=None) as bar:
        written = write(backend, folder, scope, with_keys=with_keys, on_progress=bar.update)
    _show(written.left_out, f"Wrote {written} to {folder}.")


def _show(left_out: Sequence[str], done: str) -> None:
    for line in left_out:
        typer.echo(f"Left out: {line}.", err=True)
    typer.echo(done)


def schema() -> None:
    """Print the JSON Schema of fixtures, which editors check *.dumbbell.yaml and *.dumbbell.json by.

    Example: `dumbbell schema > dumbbell.schema.json`, and in VS Code's settings
    `"yaml.schemas": {"./dumbbell.schema.json": "*.dumbbell.yaml"}`.
    """
    from dumbbell_server.seeding.form.documents import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


def generate(
    file: Annotated[Path, typer.Argument(help="File to write, such as load.dumbbell.yaml; - prints.")],
    runs: Annotated[int, typer.Option(min=1, max=100_000, help="Runs.")] = 100,
    rows: Annotated[int, typer.Option(min=1, max=1_000_000, help="Rows of each run's history.")] = 1000,
    keys: Annotated[int, typer.Option(min=1, max=1000, help="Keys of each row.")] = 5,
    seed_: Annotated[int, typer.Option("--seed", help="Another seed, other values.")] = 0,
    project: Annotated[str, typer.Option(help="ENTITY/PROJECT.")] = "local/load",
) -> None:
    """Write a fixture of so many runs, for load: `dumbbell seed` takes it.

    Example: `dumbbell generate load.dumbbell.yaml --runs 1000 --rows 1000`.
    """
    from dumbbell_server.errors import DumbbellError
    from dumbbell_server.seeding.made.generated import fixture_text

    try:
        text = fixture_text(project, runs=runs, rows=rows, keys=keys, seed=seed_)
        if str(file) == "-":
            sys.stdout.write(text)
        elif not file.name.endswith((".dumbbell.yaml", ".dumbbell.yml")):
            stop(f"{file} must end in .dumbbell.yaml, so that it is known as a fixture")
        else:
            file.write_text(text, encoding="utf-8")
    except (OSError, DumbbellError) as error:
        stop(error)
