"""`dumbbell pull`, `dumbbell push` and `dumbbell scrub`: projects between servers, by way of a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

_Key = Annotated[str | None, typer.Option(help="[WANDB_API_KEY, or the netrc entry of the host].", show_default=False)]
_Scrub = Annotated[str | None, typer.Option(metavar="WHAT", help="Any of names,hosts,emails,paths: pseudonyms.")]
_Config = Annotated[list[str], typer.Option("--scrub-config", metavar="KEY", help="A key of the config whose value "
                                            "goes, such as opt.user; may be given again.")]
_Word = Annotated[list[str], typer.Option("--scrub-word", metavar="WORD", help="Any other word; may be given again.")]
_REFUSED = 1


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (pull, push, scrub):
        app.command()(command)


def pull(
    project: Annotated[str, typer.Argument(metavar="ENTITY/PROJECT")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New, or one of the same pull that was cut.")],
    from_: Annotated[str, typer.Option("--from", metavar="BASE_URL", help="Such as https://api.wandb.ai.")],
    filters: Annotated[str | None, typer.Option(metavar="JSON", help="Of runs, in MongoDB's language.")] = None,
    order: Annotated[str, typer.Option(metavar="KEY", help="Of runs, for --max-runs.")] = "-created_at",
    max_runs: Annotated[int | None, typer.Option(metavar="N", help="Only the first runs.")] = None,
    samples: Annotated[int | None, typer.Option(metavar="N", help="About so many rows of a history.")] = None,
    history: Annotated[bool, typer.Option(help="Rows and system metrics.")] = True,
    files: Annotated[bool, typer.Option(help="Files of runs.")] = True,
    artifacts: Annotated[bool, typer.Option(help="Artifacts and who used them.")] = True,
    console: Annotated[bool, typer.Option(help="What runs printed.")] = True,
    max_artifact_size: Annotated[str, typer.Option(metavar="SIZE", help="Larger versions are left out.")] = "100MB",
    api_key: _Key = None, scrub: _Scrub = None, scrub_config: _Config = [], scrub_word: _Word = [],  # noqa: B006
) -> None:
    """Record a project of any server, W&B's own included, in a folder that `dumbbell seed DIR` loads.

    A pull that was cut goes on when it is asked for again. What has changed on the server since is fetched again.
    What cannot be had, or is not what the server says it is, is left out with a line that names it; the exit code is
    then 1.

    Examples: `dumbbell pull --from https://api.wandb.ai my-team/my-project recorded`;
    `dumbbell pull --from https://api.wandb.ai my-team/my-project shown --max-runs 20 --samples 500
    --scrub names,hosts,emails,paths`.
    """
    from dumbbell_server.moving.pull import pull as work
    from dumbbell_server.moving.wire import opened

    with _refusals():
        wanted = _options(filters, order, max_runs, samples, max_artifact_size,
                          history=history, files=files, artifacts=artifacts, console=console)
        entity, name = _place(project)
        words = _wanted_scrub(scrub, scrub_config, scrub_word)
        with opened(from_, api_key) as api:
            if words is None:
                done = work(api, entity, name, folder, wanted)
            else:
                from dumbbell_server.moving.scrubbed_pull import scrubbed_pull

                done = scrubbed_pull(api, entity, name, folder, wanted, words)
    for line in done.left_out:
        typer.echo(line, err=True)
    typer.echo(f"{folder} has {done.runs} runs and {done.versions} artifact versions of {entity}/{name}.")
    if done.left_out:
        raise typer.Exit(_REFUSED)


def push(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A fixture, such as a pull or an export.")],
    project: Annotated[str, typer.Argument(metavar="ENTITY/PROJECT", help="Where it goes.")],
    to: Annotated[str, typer.Option(metavar="BASE_URL", help="Such as http://localhost:8080.")],
    source: Annotated[str | None, typer.Option("--source", metavar="ENTITY/PROJECT", help="Which project of the "
                                               "folder [the only one].")] = None,
    api_key: _Key = None,
) -> None:
    """Send a project to any server of the protocol, as its own clients would.

    Again changes nothing, and a push that was cut goes on. Over the protocol nobody can set when a thing was made,
    the number in its id, or whose it is: all of it is made now, by the owner of the key. References of artifacts to
    artifacts of the folder follow the new ids. `dumbbell seed DIR` loads all of that as it was, where the server is
    Dumbbell.

    Example: `dumbbell push recorded my-team/my-project --to http://localhost:8080`.
    """
    from dumbbell_server.moving.push import push as work
    from dumbbell_server.moving.wire import opened

    with _refusals():
        entity, name = _place(project)
        with opened(to, api_key) as api:
            done = work(api, folder, None if source is None else _place(source), entity, name)
    for line in done.left_out:
        typer.echo(line, err=True)
    typer.echo(f"{entity}/{name} has {done.runs} runs and {done.versions} artifact versions of {folder}.")
    if done.left_out:
        raise typer.Exit(_REFUSED)


def scrub(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A pull or an export.")],
    what: Annotated[str | None, typer.Option("--scrub", metavar="WHAT", help="Any of names,hosts,emails,paths [all, "
                                             "unless keys or words are given].")] = None,
    scrub_config: _Config = [], scrub_word: _Word = [],  # noqa: B006
) -> None:
    """Put pseudonyms of the same length in the place of names, hosts, e-mails, paths, words and values of config keys.

    In all files of the folder and in their names: of documents, rows, console, run files, manifests and the files of
    artifacts. Digests and sizes follow. What is packed or pictured (a zip, a PNG) is not looked into.

    Example: `dumbbell scrub recorded --scrub names,emails --scrub-config wandb_user`.
    """
    from dumbbell_server.moving.scrub.folders import scrub_folder

    with _refusals():
        words = _wanted_scrub(what if what or scrub_config or scrub_word else "names,hosts,emails,paths",
                              scrub_config, scrub_word)
        count = scrub_folder(folder, words)
    typer.echo(f"{folder} has pseudonyms for {count} words.")


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Errors of the way, the server and the folder, in one line."""
    from dumbbell.errors import Error
    from dumbbell_server.errors import DumbbellError

    try:
        yield
    except (Error, DumbbellError, OSError) as error:
        typer.echo(f"dumbbell: {error}", err=True)
        raise typer.Exit(2) from None


def _place(text: str) -> tuple[str, str]:
    from dumbbell_server.errors import BadInput

    entity, _, name = text.partition("/")
    if not entity or not name or "/" in name:
        raise BadInput(f"{text!r} is no project; write ENTITY/PROJECT")
    return entity, name


def _options(filters: str | None, order: str, max_runs: int | None, samples: int | None, size: str,
             **wanted: bool) -> Any:
    from pydantic import TypeAdapter, ValidationError

    from dumbbell_server.errors import BadInput
    from dumbbell_server.moving.options import Options
    from dumbbell_server.seeding.form.kinds import Size

    try:
        largest = TypeAdapter(Size).validate_python(int(size) if size.isdigit() else size)
    except ValidationError:
        raise BadInput(f"--max-artifact-size {size[:40]!r} is no size, such as 100MB or 2GiB") from None
    return Options(filters, order, max_runs, samples, max_artifact_size=largest, **wanted)


def _wanted_scrub(what: str | None, keys: list[str], words: list[str]) -> Any:
    if what is None and not keys and not words:
        return None
    from dumbbell_server.moving.scrub.words import wanted

    return wanted(what, keys, words)
