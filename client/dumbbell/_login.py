"""`dumbbell login`: a key is tried, and written to the netrc file for its host."""

from __future__ import annotations

import argparse
import getpass
import sys
from urllib.parse import urlsplit

from dumbbell import _netrc
from dumbbell.api import Api
from dumbbell.errors import AuthenticationError, Error

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


def login(arguments: list[str]) -> int:
    """Run the command; the exit code."""
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
