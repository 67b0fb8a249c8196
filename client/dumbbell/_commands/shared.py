"""What the commands have in common: arguments, filters, and where rows go."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from dumbbell import _json
from dumbbell._download import replacing
from dumbbell.api import Api
from dumbbell.errors import Error, InvalidValueError

_CONDITION = re.compile(r"(?P<key>[^=!<>~]+)(?P<sign>!=|>=|<=|=|>|<|~)(?P<value>.*)", re.DOTALL)
_OPERATORS = {"!=": "$ne", ">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte", "~": "$regex"}
_SHOWN_EVERY = 10_000  # rows between two lines of progress


def parser_of(name: str, text: str, examples: str) -> argparse.ArgumentParser:
    """The parser of a command, with what all have."""
    parser = argparse.ArgumentParser(prog=f"dumbbell {name}", description=text, epilog=f"examples:\n{examples}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", metavar="URL", help="the server [WANDB_BASE_URL, or what a login chose]")
    return parser


def run_command(work: Callable[[argparse.Namespace], None], given: argparse.Namespace) -> int:
    """The exit code: 2 where something was wrong, which is said in one line."""
    try:
        work(given)
    except (Error, OSError) as error:
        sys.stderr.write(f"dumbbell: {error}\n")
        return 2
    except BrokenPipeError:  # whoever read has seen enough
        return 0
    except KeyboardInterrupt:
        return 130
    return 0


def api_of(given: argparse.Namespace, key: str | None = None) -> Api:
    """The server that was named, with this key or the one that is known for it."""
    return Api({"base_url": given.host}, api_key=key)


def filters_of(conditions: Sequence[str], text: str | None) -> dict[str, Any]:
    """Conditions such as `config.lr<0.1`, and a JSON object of MongoDB's operators; all must hold.

    Raises:
        InvalidValueError: something is written in another way.
    """
    found = [_condition(each) for each in conditions]
    if text:
        try:
            given = _json.loads(text)
        except ValueError:
            given = None
        if not isinstance(given, dict):
            raise InvalidValueError(f"--filters {text!r} is not a JSON object, such as '{{\"state\": \"finished\"}}'")
        found.append(given)
    return found[0] if len(found) == 1 else {"$and": found} if found else {}


def _condition(text: str) -> dict[str, Any]:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise InvalidValueError(f"--filter {text!r} is no condition; it looks like config.lr<0.1, state=finished or "
                                "display_name~^base")
    key, sign = match["key"].strip(), match["sign"]
    value = match["value"].strip() if sign == "~" else _value(match["value"].strip())
    return {key: value if sign == "=" else {_OPERATORS[sign]: value}}


def _value(text: str) -> Any:
    """A number, true, false or null; all else is a text, and so is what stands in quotes."""
    try:
        return _json.loads(text)
    except ValueError:
        return text


@contextlib.contextmanager
def output(path: str | None) -> Iterator[TextIO]:
    """The file that was named, in place only when it is whole; standard output without one."""
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    with replacing(Path(path)) as file, io.BufferedWriter(file) as buffered:
        text = io.TextIOWrapper(buffered, encoding="utf-8", newline="")
        yield text
        text.flush()


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows with a head; lists and dicts are JSON, what is missing is empty."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])


def _cell(value: Any) -> Any:
    return _json.dumps(value) if isinstance(value, list | dict) else value


def write_table(file: TextIO, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows below their names, for people."""
    cells = [[_shown(row.get(name)) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for line in [list(columns), *cells]:
        padded = "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        file.write(f"{padded.rstrip()}\n")


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return str(_cell(value)).replace("\n", " ")[:60]


def counted(rows: Iterable[Any], what: str) -> Iterator[Any]:
    """The same, and on a terminal how many there were so far."""
    shown = sys.stderr.isatty()
    number = 0
    for number, row in enumerate(rows, start=1):
        yield row
        if shown and number % _SHOWN_EVERY == 0:
            sys.stderr.write(f"\r{number} {what}")
    if shown and number >= _SHOWN_EVERY:
        sys.stderr.write(f"\r{number} {what}\n")
