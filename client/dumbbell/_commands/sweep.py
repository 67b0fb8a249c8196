"""`dumbbell sweep`: a sweep from a file, for agents to work on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from dumbbell._commands import COMMANDS
from dumbbell._commands.shared import api_of, parser_of, run_command
from dumbbell._sweep import place_of, sweep
from dumbbell.errors import InvalidValueError

_TEXT = f"""{COMMANDS['sweep']}.

The config is YAML, as W&B's documentation has it: method, metric, parameters, and the program that an agent starts.
What is printed is the path that an agent takes.
"""
_EXAMPLES = """\
  dumbbell sweep sweep.yaml --project vision
  dumbbell agent $(dumbbell sweep sweep.yaml --project vision)
"""


def command(arguments: list[str]) -> int:
    """Run the command; the exit code."""
    parser = parser_of("sweep", _TEXT, _EXAMPLES)
    parser.add_argument("config", metavar="FILE", help="the config, or - to read it from standard input")
    parser.add_argument("--project", "-p", metavar="NAME", help="where it belongs [that of the config]")
    parser.add_argument("--entity", "-e", metavar="NAME", help="the same [that of the config, or the default entity]")
    parser.add_argument("--name", metavar="NAME", help="what people see [that of the config]")
    parser.add_argument("--prior-run", "-R", action="append", default=[], metavar="ID",
                        help="a run of the project that counts among its runs; may be given again")
    return run_command(_sweep, parser.parse_args(arguments))


def _sweep(given: argparse.Namespace) -> None:
    config = _read(given.config)
    if given.name:
        config["name"] = given.name
    api = api_of(given)
    made = sweep(config, given.entity, given.project, given.prior_run, api=api)
    entity, project = place_of(api, made)
    found = api.sweep(f"{entity}/{project}/{made}")
    sys.stderr.write(f"{found.url}\n")
    print(f"{entity}/{project}/{made}")  # noqa: T201 - what was asked for


def _read(path: str) -> dict[str, Any]:
    text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidValueError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise InvalidValueError(f"{path} is no config of a sweep: it has no `method` and `parameters`")
    return found
