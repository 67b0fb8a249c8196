"""The command `dumbbell`."""

from __future__ import annotations

import contextlib
import gc
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from dumbbell_server.commands import admin as admin_commands
from dumbbell_server.commands import drift, fixtures, moving, offline
from dumbbell_server.commands.shared import Database, Folder, open_stopped, settings_of, stop

app = typer.Typer(help="A stand-in for the Weights & Biases backend.", no_args_is_help=True,
                  pretty_exceptions_enable=False, rich_markup_mode=None,
                  context_settings={"help_option_names": ["-h", "--help"]})

app.add_typer(admin_commands.app, name="admin", help=admin_commands.SUMMARY)

_T = TypeVar("_T")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit. The arguments are those of the process unless given."""
    app(arguments, prog_name=None if arguments is None else "dumbbell")


def summaries() -> dict[str, str]:
    """The names of the commands, and what each does in a sentence."""
    found: dict[str, str] = {}
    for command in app.registered_commands:
        assert command.callback is not None  # noqa: S101 - each is a function below
        text = inspect.getdoc(command.callback) or ""
        found[command.name or command.callback.__name__] = text.partition("\n")[0].partition(". ")[0].rstrip(".")
    for group in app.registered_groups:
        found[group.name or ""] = group.help or ""
    return found


@app.callback()
def _main() -> None:
    """Run `dumbbell COMMAND --help` for examples."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on [localhost].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [8080]; 0 takes a free one.")] = None,
    data_dir: Folder = None,
    database_url: Database = None,
    blob_url: Annotated[str | None, typer.Option(help="memory:// or s3://bucket/prefix for stored files.")] = None,
    public_url: Annotated[str | None, typer.Option(help="Base of the URLs handed out [the request's Host].")] = None,
    admin_port: Annotated[int | None, typer.Option(help="Port of the admin and the fixture service; 0 takes a free "
                                                        "one.")] = None,
    fixture_port: Annotated[int | None, typer.Option(help="Another name for --admin-port.")] = None,
    open_: Annotated[bool | None, typer.Option("--open", help="Accept any well-formed key; loopback only.")] = None,
    ready_file: Annotated[Path | None, typer.Option(help="JSON file to write once requests are answered.")] = None,
    seed: Annotated[str | None, typer.Option(help="Load fixtures first, as `dumbbell seed`; with commas between."),
                    ] = None,
    export_on_exit: Annotated[Path | None, typer.Option(help="Write all there is to this folder at the end, as "
                                                             "`dumbbell export`.")] = None,
) -> None:
    """Serve until SIGTERM. Each option is also DUMBBELL_<OPTION> in the environment.

    Examples: `dumbbell serve`; `dumbbell serve --port 0 --data-dir /tmp/x --ready-file /tmp/ready.json`.
    """
    gc.disable()  # until it serves: what is made by then stays, and to go through it is an eighth of the start
    with _hidden("rich"):  # structlog takes it where it finds it, for colours that we never show
        from dumbbell_server.logs import set_up
    from dumbbell_server.errors import DumbbellError, StartupError

    settings = settings_of(host=host, port=port, data_dir=data_dir, database_url=database_url, blob_url=blob_url,
                           public_url=public_url, open=open_, seed=seed, export_on_exit=export_on_exit,
                           **_one_port(admin_port, fixture_port))
    set_up(settings.log_level)
    try:
        _serve(settings, ready_file or _from_environment())
    except (StartupError, DumbbellError) as error:
        stop(error)


def _one_port(admin_port: int | None, fixture_port: int | None) -> dict[str, int | None]:
    """An option of either name is over the environment of both; two that differ are for the settings to refuse."""
    given = admin_port if admin_port is not None else fixture_port
    return {"admin_port": given, "fixture_port": given if fixture_port is None else fixture_port}


@contextlib.contextmanager
def _hidden(name: str) -> Iterator[None]:
    """A package that is not found by what is imported meanwhile."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # so Python says that there is no such module
    try:
        yield
    finally:
        del sys.modules[name]


def _from_environment() -> Path | None:
    path = os.environ.get("DUMBBELL_READY_FILE")
    return Path(path) if path else None


def _check(settings: Any) -> None:
    """What can be refused before anything is opened."""
    from dumbbell_server.errors import StartupError

    if settings.open and settings.host not in {"localhost", "127.0.0.1", "::1"}:
        raise StartupError(f"--open lets everybody in, and {settings.host} is not loopback; use --host localhost")
    if settings.export_on_exit is not None:
        from dumbbell_server.seeding.export import check_target  # with all of fixtures, a tenth of a start

        check_target(settings.export_on_exit)


def _serve(settings: Any, ready_file: Path | None) -> None:
    from dumbbell_server.admin.port import open_port
    from dumbbell_server.app import create_app
    from dumbbell_server.artifact_files import garbage
    from dumbbell_server.backend import open_backend
    from dumbbell_server.clock import AdjustableClock
    from dumbbell_server.commands.fixtures import export_at_end, load_named
    from dumbbell_server.seeding.at_start import fixtures_at_start
    from dumbbell_server.serving import Ending, Once, Started, Upkeep, listen, run, url_of, write_ready_file
    from dumbbell_server.wiring import first_key

    _check(settings)
    sockets = listen(settings.host, settings.port)
    backend = open_backend(settings, clock := AdjustableClock())
    try:
        made = first_key(backend)
        key = made or settings.api_key
        app = create_app(backend)
        apps: list[Any] = [(app, sockets)]
        if seeds := fixtures_at_start(settings):
            gc.freeze()
            gc.enable()  # a file may be long
            for names in seeds:
                load_named(backend, names)
        admin = open_port(backend, listen)
        apps.extend(admin.apps)
        started = Started(url_of(settings.host, sockets), admin.url, os.getpid(), key, admin.url, admin.token)

        def on_ready() -> None:
            admin.announce()
            if ready_file is not None:
                write_ready_file(ready_file, started)
            _greet(started, made is not None and settings.api_key is None)
            _show_link(backend, app.state.sign_in, settings.public_url or started.base_url)

        upkeep = Upkeep(settings.collect_every, lambda: garbage.run(backend), clock)
        backend.register_pause(upkeep.paused)
        app.state.worker.start()
        removing = Once(backend.remove_leftovers, backend.ending.set)
        stops = [removing.stop, app.state.worker.stop, upkeep.stop, admin.withdraw]
        try:
            run(apps, on_ready, Ending(stops, backend.database.close, last=settings.export_on_exit is None).begin)
        finally:
            for stop in stops:
                stop()
    finally:
        backend.close()
    if settings.export_on_exit is not None:
        export_at_end(settings)


def _greet(started: Any, made_now: bool) -> None:
    """Where it serves; the key only to who sits at the terminal, or where nobody could know it otherwise."""
    if not (made_now or sys.stdout.isatty()):
        typer.echo(f"Dumbbell serves on {started.base_url}.")
        return
    key = started.api_key or "…  # the key printed at the first start; `dumbbell token` makes another"
    typer.echo(f"Dumbbell serves on {started.base_url}. In the shell of your script:\n\n"
               f"  export WANDB_BASE_URL={started.base_url}\n  export WANDB_API_KEY={key}\n")


def _show_link(backend: Any, sign_in: Any, base_url: str) -> None:
    """On this terminal alone, and where a browser needs to sign in at all."""
    from dumbbell_server.database.engine import reading

    with reading(backend.database) as session:
        is_open = sign_in.public_user(session) is not None
    if not is_open:
        typer.echo(f"To see its pages, once and within an hour: {sign_in.link(base_url)}")


@app.command()
def migrate(data_dir: Folder = None, database_url: Database = None) -> None:
    """Bring the database to this version's form, as `serve` does at its start.

    Example: `dumbbell migrate --data-dir .dumbbell`.
    """
    backend = open_stopped(data_dir, database_url)
    backend.close()
    typer.echo("The database is up to date.")


@app.command("gc")
def collect_garbage(
    delete: Annotated[bool, typer.Option(help="Remove it; without this it is only counted.")] = False,
    data_dir: Folder = None, database_url: Database = None,
) -> None:
    """Remove expired and abandoned artifact versions, and bytes that nothing names. In a stopped folder.

    A server that runs does the same now and then. Example: `dumbbell gc --delete`.
    """
    from tqdm import tqdm

    from dumbbell_server.artifact_files import garbage

    backend = open_stopped(data_dir, database_url)
    try:
        found = garbage.survey(backend)
        if delete:
            with tqdm(total=found.versions + found.files + found.strays, disable=None) as bar:
                found = garbage.run(backend, bar.update)
    finally:
        backend.close()
    typer.echo(f"{'Removed' if delete else 'Would remove'} {found.versions} versions, {found.files} files "
               f"of {found.size} bytes and {found.strays} stray blobs.")


@app.command()
def token(
    user: Annotated[str | None, typer.Option(help="Whose key [the first user].")] = None,
    data_dir: Folder = None, database_url: Database = None,
) -> None:
    """Make another API key and print it. A running server takes it at once.

    Example: `export WANDB_API_KEY=$(dumbbell token)`.
    """
    from dumbbell_server.accounts.keys import add_key, make_key
    from dumbbell_server.clock import Clock

    key = make_key(Clock())
    _as_user(user, data_dir, database_url, lambda unit, owner: add_key(unit, owner.id, key, "dumbbell token"))
    typer.echo(key)


def _as_user(user: str | None, data_dir: Path | None, database_url: str | None, work: Callable[[Any, Any], _T]) -> _T:
    """What the unit gives that is done for this user, or the first one; beside a running server, if there is one."""
    from dumbbell_server.accounts.first_user import first_user
    from dumbbell_server.accounts.queries import user_by_name
    from dumbbell_server.clock import Clock
    from dumbbell_server.database.events import Events
    from dumbbell_server.database.opening import open_unchanged
    from dumbbell_server.database.units import Unit
    from dumbbell_server.errors import DumbbellError, NotFound, StartupError

    settings = settings_of(data_dir=data_dir, database_url=database_url)
    name, find = user or settings.user, user_by_name if user else first_user

    def run(session: Any) -> _T:
        found = find(session, name)
        if found is None:
            raise NotFound(f"there is no user {name!r} here; `dumbbell serve` makes the first one")
        return work(Unit(session, Clock(), Events(), None), found)

    try:
        database = open_unchanged(settings.database_url, settings.data_dir.absolute(), settings.synchronous)
        with contextlib.closing(database):
            return database.write(run)
    except (StartupError, DumbbellError) as error:
        stop(error)


@app.command()
def organization(
    name: Annotated[str, typer.Argument(help="Of the organization, once on the server.")],
    user: Annotated[str | None, typer.Option(help="Its admin [the first user].")] = None,
    data_dir: Folder = None, database_url: Database = None,
) -> None:
    """Make an organization, which registries belong to. A running server knows it within seconds.

    Example: `dumbbell organization lab`.
    """
    from dumbbell_server.accounts.organizations import make_organization

    made = _as_user(user, data_dir, database_url, lambda unit, admin: make_organization(unit, name, admin).name)
    typer.echo(f"Made the organization {made}.")


@app.command()
def compact(
    url: Annotated[str | None, typer.Option(help="A running server that is to do it, such as http://localhost:8080.",
                                            )] = None,
    api_key: Annotated[str | None, typer.Option(help="A key of that server [DUMBBELL_API_KEY, WANDB_API_KEY].")] = None,
    data_dir: Folder = None, database_url: Database = None,
) -> None:
    """Do all the work of the background now: histories to columns, those of ended runs to Parquet files.

    In a stopped folder, or with --url by a running server. Returns when nothing is left to do.

    Examples: `dumbbell compact`; `dumbbell compact --url http://localhost:8080`.
    """
    if url is not None:
        key = api_key or os.environ.get("DUMBBELL_API_KEY") or os.environ.get("WANDB_API_KEY")
        from dumbbell_server.admin.compacting import ask

        try:
            ask(url, key or "", _show_left)
        except OSError as error:
            stop(f"{url} does not do it: {error}; check --url and --api-key")
    else:
        from dumbbell_server.wiring import make_worker

        backend = open_stopped(data_dir, database_url)
        try:
            make_worker(backend).run(lambda _done, left: _show_left(left))
        finally:
            backend.close()
    typer.echo("Nothing is left to do.")


def _show_left(left: int) -> None:
    if left:
        typer.echo(f"{left} {'run is' if left == 1 else 'runs are'} left.")


fixtures.register(app)
moving.register(app)
offline.register(app)
drift.register(app)
