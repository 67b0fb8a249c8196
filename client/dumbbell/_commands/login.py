"""`dumbbell login`: a key is tried, and written to the netrc file for its host."""

from __future__ import annotations

import argparse
import getpass
import sys
from urllib.parse import urlsplit

from dumbbell import _netrc
from dumbbell._commands import COMMANDS
from dumbbell._commands.shared import api_of, parser_of, run_command
from dumbbell.errors import AuthenticationError, UsageError

_TEXT = f"""{COMMANDS['login']}.

The key is tried first. Nothing else changes: other servers keep their keys, and scripts go on asking
the server that WANDB_BASE_URL names.
"""
_EXAMPLES = """\
  dumbbell login --host http://localhost:8080
  dumbbell token | dumbbell login --host http://localhost:8080 -
"""


def command(arguments: list[str]) -> int:
    """Run the command; the exit code."""
    parser = parser_of("login", _TEXT, _EXAMPLES)
    parser.add_argument("key", nargs="?", metavar="KEY",
                        help="the key, or - to read it from standard input [asked for]")
    parser.add_argument("--any-port", action="store_true",
                        help="also for other ports of the same host: wandb before 0.31 looks without the port")
    return run_command(_login, parser.parse_args(arguments))


def _login(given: argparse.Namespace) -> None:
    key = _key(given.key, given.host)
    if not key:
        raise UsageError("no key was given; `dumbbell token` beside the server makes one")
    api = api_of(given, key)
    try:
        name = api.viewer.username
    except AuthenticationError:
        raise UsageError(f"{given.host or 'the server'} does not know this key; `dumbbell token` beside it makes "
                         "one") from None
    base_url = api.settings["base_url"]
    parts = urlsplit(base_url)
    machines = [parts.netloc, parts.hostname or ""] if given.any_port else [parts.netloc]
    try:
        for machine in dict.fromkeys(machines):
            path = _netrc.write_key(machine, api.api_key)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot write the netrc file: {error}") from error
    print(f"Logged in to {base_url} as {name}; the key is in {path}.")  # noqa: T201 - what was asked for


def _key(given: str | None, host: str | None) -> str:
    if given == "-":
        return sys.stdin.readline().strip()
    return given or getpass.getpass(f"API key for {host or 'the server'}: ").strip()
