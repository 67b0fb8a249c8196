"""`dumbbell login`: a key is tried, and written to the netrc file for its host."""

from __future__ import annotations

import argparse
import getpass
import sys
from urllib.parse import urlsplit

from dumbbell import _netrc, _settings
from dumbbell.api import Api
from dumbbell.errors import AuthenticationError, Error, UsageError

SUMMARY = "Write the key of a server to your netrc file, for that server only"

_TEXT = f"""{SUMMARY}.

The key is tried first. Nothing else changes: other servers keep their keys, and scripts go on asking
the server that WANDB_BASE_URL names.
"""
_EXAMPLES = """\
examples:
  dumbbell login --host http://localhost:8080
  dumbbell token | dumbbell login --host http://localhost:8080 -
"""


def login(key: str | None = None, relogin: bool | None = None, host: str | None = None, force: bool | None = None,
          timeout: int | None = None, verify: bool = True, referrer: str | None = None, prompt: bool = True) -> bool:
    """Choose the server and the key of this process, as `wandb.login` does.

    Args:
        key: the key, which is written to the netrc file for this server too. Without one, that of WANDB_API_KEY, of
            the netrc file, or of a prompt where there is a terminal.
        relogin: ask at the terminal, whatever is known.
        host: the server; it is asked by later `Api()` of this process unless WANDB_BASE_URL says otherwise.
        force: accepted because wandb has it; there is no working offline.
        timeout: seconds that the server has to answer.
        verify: try the key.
        referrer: accepted because wandb has it.
        prompt: False never asks.

    Returns:
        Whether there is a key.

    Raises:
        AuthenticationError: the server does not know the key.
        UsageError: what was given is no key.
    """
    del force, referrer
    overrides = {"base_url": host} if host else {}
    base_url = _settings.read_settings(overrides)["base_url"]
    found = _settings.checked_key(key) if key is not None else _known(base_url, relogin=bool(relogin), prompt=prompt)
    if found is None:
        return False
    if verify:
        _ = Api({"base_url": base_url}, api_key=found, timeout=timeout).viewer
    if key is not None or relogin:
        _netrc.write_key(urlsplit(base_url).netloc, found)
    _settings.choose(base_url, found)
    return True


def _known(base_url: str, *, relogin: bool, prompt: bool) -> str | None:
    if relogin:
        return _settings.checked_key(getpass.getpass(f"API key for {base_url}: "))
    try:
        return _settings.find_key(base_url, prompt=prompt)
    except UsageError:
        return None


def command(arguments: list[str]) -> int:
    """Run `dumbbell login`; the exit code."""
    given = _parser().parse_args(arguments)
    key = _key(given.key, given.host)
    if not key:
        return _stop("no key was given; `dumbbell token` beside the server makes one")
    try:
        api = Api({"base_url": given.host}, api_key=key)
        name = api.viewer.username
    except AuthenticationError:
        return _stop(f"{given.host or 'the server'} does not know this key; `dumbbell token` beside it makes one")
    except Error as error:
        return _stop(str(error))
    base_url = api.settings["base_url"]
    parts = urlsplit(base_url)
    machines = [parts.netloc, parts.hostname or ""] if given.any_port else [parts.netloc]
    try:
        for machine in dict.fromkeys(machines):
            path = _netrc.write_key(machine, api.api_key)
    except (OSError, UnicodeDecodeError) as error:
        return _stop(f"cannot write the netrc file: {error}")
    print(f"Logged in to {base_url} as {name}; the key is in {path}.")  # noqa: T201 - what was asked for
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dumbbell login", description=_TEXT, epilog=_EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("key", nargs="?", metavar="KEY",
                        help="the key, or - to read it from standard input [asked for]")
    parser.add_argument("--host", metavar="URL", help="the server [WANDB_BASE_URL, or what `wandb login` chose]")
    parser.add_argument("--any-port", action="store_true",
                        help="also for other ports of the same host: wandb before 0.31 looks without the port")
    return parser


def _key(given: str | None, host: str | None) -> str:
    if given == "-":
        return sys.stdin.readline().strip()
    return given or getpass.getpass(f"API key for {host or 'the server'}: ").strip()


def _stop(message: str) -> int:
    sys.stderr.write(f"dumbbell: {message}\n")
    return 2
