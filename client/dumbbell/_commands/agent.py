"""`dumbbell agent`: the program of a sweep, once for each of its runs."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from typing import NoReturn

from dumbbell._agent import agent
from dumbbell._commands import COMMANDS
from dumbbell._commands.shared import api_of, parser_of, run_command

_TEXT = f"""{COMMANDS['agent']}.

The command in the config of the sweep is started for each run, with the values of its parameters; without one,
`python PROGRAM --name=value ...`. The program finds its run by WANDB_RUN_ID and its like, as `wandb.init()` and
`dumbbell.Api().run()` do. Ctrl-C lets the run that goes on come to its end, Ctrl-C again ends it.
"""
_EXAMPLES = """\
  dumbbell agent my-team/vision/0f3kq2zt
  dumbbell agent 0f3kq2zt --project vision --count 5
"""


def command(arguments: list[str]) -> int:
    """Run the command; the exit code."""
    parser = parser_of("agent", _TEXT, _EXAMPLES)
    parser.add_argument("sweep", metavar="SWEEP", help="its id, or entity/project/id, or the address of its page")
    parser.add_argument("--project", "-p", metavar="NAME", help="where the sweep is, if SWEEP does not say so")
    parser.add_argument("--entity", "-e", metavar="NAME", help="the same [the default entity]")
    parser.add_argument("--count", type=int, metavar="N", help="end after so many runs")
    parser.add_argument("--max-consecutive-failed-runs", type=int, metavar="N",
                        help="end after so many runs that have failed in a row")
    return run_command(_agent, parser.parse_args(arguments))


def _agent(given: argparse.Namespace) -> None:
    shown = logging.getLogger("dumbbell")
    shown.setLevel(logging.INFO)
    shown.addHandler(logging.StreamHandler(sys.stderr))
    signal.signal(signal.SIGTERM, _end)
    agent(given.sweep, None, given.entity, given.project, given.count,
          max_consecutive_failed_runs=given.max_consecutive_failed_runs, api=api_of(given))


def _end(number: int, _: object) -> NoReturn:
    """End by an error, so that the program that goes on is ended too, and its run."""
    sys.exit(128 + number)
