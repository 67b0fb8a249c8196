"""`dumbbell download`: the files of a run or of an artifact."""

from __future__ import annotations

import argparse
import sys

from dumbbell._commands import COMMANDS
from dumbbell._commands.shared import api_of, parser_of, run_command
from dumbbell.api import Api
from dumbbell.errors import InvalidValueError

_TEXT = f"""{COMMANDS['download']}.

A path with a colon in its last part is an artifact, any other a run. Files that are there and unchanged stay.
"""
_EXAMPLES = """\
  dumbbell download my-team/my-project/model:latest
  dumbbell download my-project/model:v3 --root models --prefix weights/
  dumbbell download my-project/1a2b3c4d --pattern 'media/%'
  dumbbell download my-project/1a2b3c4d --file output.log --root logs
"""


def command(arguments: list[str]) -> int:
    """Run the command; the exit code."""
    parser = parser_of("download", _TEXT, _EXAMPLES)
    parser.add_argument("path", metavar="PATH", help="[entity/]project/run_id, or [entity/]project/artifact:alias")
    parser.add_argument("--root", metavar="FOLDER", help="where to [./artifacts/<name>, or ./<run_id>]")
    parser.add_argument("--prefix", metavar="TEXT", help="of an artifact: only files whose path begins so")
    parser.add_argument("--file", action="append", default=[], metavar="NAME",
                        help="of a run: only this one; may be given again")
    parser.add_argument("--pattern", metavar="PATTERN", help="of a run: only files like this, %% for any characters")
    return run_command(_download, parser.parse_args(arguments))


def _download(given: argparse.Namespace) -> None:
    api = api_of(given)
    if ":" in given.path.rstrip("/").rpartition("/")[2]:
        _check(given, ("file", "pattern"), "a run")
        folder = api.artifact(given.path).download(given.root, path_prefix=given.prefix)
        print(folder)  # noqa: T201 - what was asked for
    else:
        _check(given, ("prefix",), "an artifact")
        _download_run(api, given)


def _check(given: argparse.Namespace, names: tuple[str, ...], what: str) -> None:
    wrong = [name for name in names if getattr(given, name)]
    if wrong:
        raise InvalidValueError(f"--{wrong[0]} is for {what}, and {given.path!r} is none")


def _download_run(api: Api, given: argparse.Namespace) -> None:
    run = api.run(given.path)
    root = given.root or run.id
    files = list(run.files(given.file, per_page=500, pattern=given.pattern))
    missing = set(given.file) - {file.name for file in files if file.uploaded}
    if missing:
        raise InvalidValueError(f"run {given.path} has no file {min(missing)!r}")
    for number, file in enumerate(files, start=1):
        file.download(root, replace=True).close()
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{number} of {len(files)} files")
    if files and sys.stderr.isatty():
        sys.stderr.write("\n")
    print(root)  # noqa: T201 - what was asked for
