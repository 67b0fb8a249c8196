"""The pytest plugin. Every pytest of an environment loads it, so it imports nothing but the standard library.

Off with `-p no:dumbbell`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from dumbbell import Api
    from dumbbell_server.testing import Account, Server
    from dumbbell_server.testing.guard import Guard

_MARK = ("dumbbell(seed=...): the test is the server's first user, and these fixtures are loaded: a name, a path, or a "
         "list of them")
_INSTALL = "the fixtures of dumbbell need its server: pip install 'dumbbell[server]'"
_NEEDED = ("sqlmodel", "starlette", "strawberry", "structlog", "typer", "uvicorn", "fastapi")
_RELEASE = "DUMBBELL_SDK_RELEASE"  # sdks.py has it; that module loads with the option alone
_KEPT = "dumbbell_kept"
_SHOWN = 20  # runs of a report
_LONGEST = 300  # characters of a value in a report


class _Of:
    """What the plugin knows of a test while it runs."""

    def __init__(self, account: Account, guard: Guard) -> None:
        self.account = account
        self.guard = guard
        self._before = len(guard.reached)

    def reached(self) -> list[str]:
        """Hosts of W&B that were asked for since the last time this was asked."""
        found = self.guard.reached[self._before:]
        self._before += len(found)
        return sorted(set(found))


_test = pytest.StashKey[_Of]()
_kept = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("dumbbell", "a stand-in for the Weights & Biases backend")
    group.addoption("--dumbbell-url", default=os.environ.get("DUMBBELL_URL"), metavar="URL",
                    help="a server that runs already, instead of one of the tests' own [DUMBBELL_URL]")
    group.addoption("--dumbbell-admin-url", default=os.environ.get("DUMBBELL_ADMIN_URL"), metavar="URL",
                    help="its admin port [DUMBBELL_ADMIN_URL]; its token is DUMBBELL_ADMIN_TOKEN")
    group.addoption("--dumbbell-keep", action="store_true",
                    help="after a failure the server stays up; the last lines say where")
    group.addoption("--dumbbell-sdk", default="", metavar="VERSIONS",
                    help="run the tests once with each of these releases of wandb, such as 0.28.2,0.31.0")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARK)
    config.stash[_kept] = []


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """With releases to try, this process runs others and no test."""
    wanted = config.getoption("--dumbbell-sdk")
    if not wanted or os.environ.get(_RELEASE) or config.option.help:
        return None
    from dumbbell_server.testing.sdks import releases, run_each, worst
    from dumbbell_server.testing.server import ServerError

    arguments = [str(argument) for argument in config.invocation_params.args]
    try:
        codes = run_each(releases(wanted), arguments, config.invocation_params.dir)
    except ServerError as error:
        raise pytest.UsageError(str(error)) from None
    said = ", ".join(f"wandb {version} {'passed' if code == 0 else f'exit code {code}'}"
                     for version, code in codes.items())
    sys.stdout.write(f"\n{said}\n")
    return worst(codes)


def pytest_report_header() -> list[str]:
    release = os.environ.get(_RELEASE)
    return [f"dumbbell: wandb {release}"] if release else []


@pytest.fixture(scope="session")
def dumbbell_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server for the session (one a worker under xdist): a process of its own, or that of --dumbbell-url."""
    config = request.config
    url = config.getoption("--dumbbell-url")
    if url is None and not all(importlib.util.find_spec(name) for name in _NEEDED):
        pytest.fail(_INSTALL, pytrace=False)
    from dumbbell_server.testing.server import Server, ServerError

    server = Server() if url is None else Server.at(
        url, config.getoption("--dumbbell-admin-url") or "", os.environ.get("DUMBBELL_ADMIN_TOKEN", ""),
        os.environ.get("DUMBBELL_API_KEY", ""))
    try:
        server.start()
    except ServerError as error:
        pytest.fail(str(error), pytrace=False)
    try:
        yield server
    finally:
        if config.getoption("--dumbbell-keep") and request.session.testsfailed:
            config.stash[_kept].append(server.leave())
        else:
            server.stop()


@pytest.fixture(scope="session")
def _dumbbell_guard(dumbbell_server: Server) -> Iterator[Guard]:
    from dumbbell_server.testing.guard import Guard

    outer = urlsplit(os.environ.get("WANDB_BASE_URL", "")).hostname
    own = urlsplit(dumbbell_server.base_url).hostname
    with Guard([outer] if outer and outer != own else []) as guard:
        yield guard


@pytest.fixture
def wandb_env(request: pytest.FixtureRequest, dumbbell_server: Server, _dumbbell_guard: Guard) -> Iterator[Account]:
    """The test is a fresh user, with an entity of its own: `wandb` logs to the server, and to nowhere else.

    Its environment is set, also for subprocesses, and restored; the SDK's service ends with the test.
    """
    from dumbbell_server.testing.server import ServerError

    try:
        account = _account(request.node, dumbbell_server)
    except ServerError as error:
        pytest.fail(str(error), pytrace=False)
    with _environment(account.env | _dumbbell_guard.env(dumbbell_server.base_url)):
        _end_sdk()
        request.node.stash[_test] = found = _Of(account, _dumbbell_guard)
        try:
            yield account
        finally:
            _end_sdk()
        if reached := found.reached():
            pytest.fail(_told(reached), pytrace=False)


@pytest.fixture
def dumbbell_api(wandb_env: Account) -> Iterator[Api]:
    """`dumbbell.Api` of the test's user."""
    with wandb_env.api() as api:
        yield api


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, None]:
    """A test that asked W&B's own servers for something has failed, whatever it made of the refusal."""
    found = item.stash.get(_test, None)
    if found is None:
        yield
        return
    with _interrupted(found):
        outcome = yield
    if (reached := found.reached()):
        if outcome.excinfo is None:
            outcome.force_exception(pytest.fail.Exception(_told(reached), pytrace=False))
        else:
            item.add_report_section("call", "dumbbell", _told(reached))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """The report of a failure shows what the server has of the test."""
    outcome = yield
    report = outcome.get_result()
    found = item.stash.get(_test, None)
    if found is not None and report.when == "call" and report.failed:
        report.sections.append(("runs of this test on the server", _state(found.account)))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker's lines go to who has the terminal."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_KEPT] = session.config.stash[_kept]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[_kept].extend(getattr(node, "workeroutput", {}).get(_KEPT, []))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for line in config.stash[_kept]:
        terminalreporter.write_line(f"dumbbell: {line}")


def _account(item: pytest.Item, server: Server) -> Account:
    seeds = _seeds(item)
    if not seeds:
        return server.user()
    from dumbbell_server.admin.client import AdminError
    from dumbbell_server.testing.server import ServerError

    try:
        server.seed(*seeds)
    except AdminError as error:
        raise ServerError(str(error)) from None
    return server.first


def _seeds(item: pytest.Item) -> list[str | Path]:
    """Of the nearest mark; a path is one from the folder of the test's file, or from that of the session."""
    mark = item.get_closest_marker("dumbbell")
    if mark is None:
        return []
    if mark.args or set(mark.kwargs) != {"seed"}:
        pytest.fail(f"the mark is dumbbell(seed=...), with a fixture's name or path, not {mark.args or mark.kwargs}",
                    pytrace=False)
    given = mark.kwargs["seed"]
    wanted = [given] if isinstance(given, str | Path) else list(given)
    return [next((place / seed for place in (item.path.parent, item.config.rootpath) if (place / seed).exists()), seed)
            for seed in wanted]


@contextlib.contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """These variables and no other of wandb; afterwards those there were, and none of what a test has added."""
    def ours() -> dict[str, str]:
        return {name: value for name, value in os.environ.items()
                if name.startswith(("WANDB_", "_WANDB_")) or name in wanted}

    before = ours()
    try:
        for name in before:
            del os.environ[name]
        os.environ.update(wanted)
        yield
    finally:
        for name in ours():
            del os.environ[name]
        os.environ.update(before)


def _end_sdk() -> None:
    """What `wandb` has in this process ends: an open run, its service, settings and keys it has read."""
    wandb = sys.modules.get("wandb")
    if wandb is None:
        return
    if getattr(wandb, "run", None) is not None:
        with contextlib.suppress(Exception):  # of a run that is broken, which a test may have been about
            wandb.finish()
    # the name with the line is that of releases before 0.18
    end = getattr(wandb, "teardown", None) or getattr(wandb, "_teardown", None)
    if end is not None:
        with contextlib.suppress(Exception, SystemExit):
            end()


@contextlib.contextmanager
def _interrupted(found: _Of) -> Iterator[None]:
    """A refusal ends the test at once: the SDK would go on asking for a minute and a half.

    By a signal, since no exception gets into a thread that waits; only where nobody else has it, and where tests run in
    the main thread of a system that has such signals.
    """
    number = getattr(signal, "SIGRTMIN", None)
    main = threading.main_thread()
    if number is None or threading.current_thread() is not main or \
            signal.getsignal(number) not in {signal.SIG_DFL, _ignore}:
        yield
        return
    running = True

    def fail(*_: object) -> None:
        if running and (reached := found.reached()):
            pytest.fail(_told(reached), pytrace=False)

    signal.signal(number, fail)
    found.guard.on_refusal = lambda: signal.pthread_kill(main.ident or 0, number)
    try:
        yield
    finally:
        running = False
        found.guard.on_refusal = lambda: None
        signal.signal(number, _ignore)


def _ignore(*_: object) -> None:
    """For a signal that comes late, which would otherwise end the process."""


def _told(hosts: list[str]) -> str:
    return (f"the test asked {', '.join(hosts)} for something, and was refused: with wandb_env only "
            "WANDB_BASE_URL is reached; leave base_url and host to the environment")


def _state(account: Account) -> str:
    try:
        runs = account.runs()
    except Exception as error:  # noqa: BLE001 - a report on a failure must not fail
        return f"{account.base_url} does not say: {error}"
    lines = [f"{run.entity}/{run.project}/{run.id} {run.state}, last step {run.lastHistoryStep}, "
             f"summary {_short(dict(run.summary))}, config {_short(dict(run.config))}" for run in runs[:_SHOWN]]
    more = [f"and {len(runs) - _SHOWN} more"] if len(runs) > _SHOWN else []
    return "\n".join([*lines, *more]) or f"none: nothing was logged to the entity {account.entity}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
