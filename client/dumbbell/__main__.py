"""The command `dumbbell`: options, the commands of the client, and those of the server where that is installed."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Any

from dumbbell._commands import COMMANDS
from dumbbell._version import __version__

_INSTALL = "pip install 'dumbbell[server]'"
# What the extra `server` brings. The server's own code comes with every wheel, so that its presence says nothing.
_SERVER_NEEDS = ("sqlmodel", "starlette", "strawberry", "structlog", "typer", "uvicorn")

_USAGE = """\
Usage: dumbbell COMMAND [OPTIONS]

Read and write what `wandb` logs: `import dumbbell` in Python, or your own server by the commands below.

Options:
  --version   Print the version.
  -h, --help  Print this; each command has --help too.
"""


def main() -> None:
    """Run what the command line names. Exits with 2 where that cannot be."""
    arguments = sys.argv[1:]
    # a shell that completes names its wish in the environment, not in the arguments
    completing = "_DUMBBELL_COMPLETE" in os.environ
    if arguments == ["--version"]:
        print(f"dumbbell {__version__}")  # noqa: T201 - what was asked for
    elif arguments[:1] in (["-h"], ["--help"]):
        print(_help())  # noqa: T201
    elif not arguments and not completing:
        sys.stderr.write(f"{_help()}\n")
        sys.exit(2)
    elif arguments and arguments[0] in COMMANDS:
        sys.exit(importlib.import_module(f"dumbbell._commands.{arguments[0]}").command(arguments[1:]))
    elif not _server_installed():
        sys.stderr.write(f"dumbbell: {arguments[0]} needs the server: {_INSTALL}\n")
        sys.exit(2)
    else:
        _server_commands().main(arguments)


def _server_installed() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("dumbbell_server", *_SERVER_NEEDS))


def _server_commands() -> Any:
    """The module of the server's commands, by name only: the client knows no server."""
    return importlib.import_module("dumbbell_server.cli")


def _help() -> str:
    head = f"{_USAGE}\n{_listed('Commands of the client:', COMMANDS)}\n"
    if not _server_installed():
        return f"{head}\nThe server is not installed: {_INSTALL}"
    return f"{head}\n{_listed('Commands of the server:', _server_commands().summaries())}"


def _listed(title: str, commands: Mapping[str, str]) -> str:
    width = max(map(len, commands))
    return "\n".join([title, *(f"  {name:{width}}  {summary}" for name, summary in commands.items())])


if __name__ == "__main__":
    main()
