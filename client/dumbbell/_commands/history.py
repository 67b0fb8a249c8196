"""`dumbbell history`: every row that a run logged, as CSV, JSON lines or Parquet."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dumbbell import _json
from dumbbell._commands import COMMANDS
from dumbbell._commands.shared import api_of, counted, output, parser_of, run_command, write_csv
from dumbbell._download import replacing
from dumbbell._flat import flat
from dumbbell._optional import library
from dumbbell.errors import UsageError

_TEXT = f"""{COMMANDS['history']}, all rows in the order of steps.

In CSV and Parquet dicts within a row are columns with dots. The whole of a long history is never in memory, but for
Parquet, which takes pyarrow.
"""
_EXAMPLES = """\
  dumbbell history my-team/my-project/1a2b3c4d > history.csv
  dumbbell history my-project/1a2b3c4d --keys loss,acc --format jsonl
  dumbbell history my-project/1a2b3c4d --stream system --format csv
  dumbbell history my-project/1a2b3c4d --format parquet --output history.parquet
"""
_ALL = 10**9  # samples: of system metrics there are never so many


def command(arguments: list[str]) -> int:
    """Run the command; the exit code."""
    parser = parser_of("history", _TEXT, _EXAMPLES)
    parser.add_argument("path", metavar="[[ENTITY/]PROJECT/]RUN", help="the run, or the address of its page")
    parser.add_argument("--keys", metavar="NAMES", help="only these, of rows that have all, with commas between them")
    parser.add_argument("--stream", choices=("default", "system"), default="default",
                        help="what the script logged, or the metrics of its machine [default]")
    parser.add_argument("--format", choices=("csv", "jsonl", "parquet"), default="csv", help="[csv]")
    parser.add_argument("--output", "-o", metavar="FILE", help="[standard output]")
    return run_command(_write, parser.parse_args(arguments))


def _write(given: argparse.Namespace) -> None:
    if given.format == "parquet" and given.output is None:
        raise UsageError("Parquet goes to a file: add --output history.parquet")
    run = api_of(given).run(given.path)
    keys = given.keys.split(",") if given.keys else None
    if given.stream == "system":
        rows: Iterator[Mapping[str, Any]] = iter(run.history(samples=_ALL, pandas=False, stream="system"))
    else:
        rows = iter(run.scan_history(keys=keys))
    rows = counted(rows, "rows")
    if given.format == "parquet":
        _write_parquet(given.output, rows)
        return
    with output(given.output) as file:
        if given.format == "jsonl":
            for row in rows:
                file.write(f"{_json.dumps(row)}\n")
        elif keys is not None:
            write_csv(file, keys, rows)
        else:
            _write_all_columns(file, rows)


def _write_all_columns(file: Any, rows: Iterator[Mapping[str, Any]]) -> None:
    """The head needs the names of all rows: they wait in a file of this machine."""
    names: dict[str, None] = {}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as waiting:
        for row in rows:
            plain = dict(flat("", row))
            names.update(dict.fromkeys(plain))
            waiting.write(f"{_json.dumps(plain)}\n")
        waiting.seek(0)
        first = [name for name in ("_step",) if name in names]
        write_csv(file, [*first, *sorted(names.keys() - set(first))], map(_json.loads, waiting))


def _write_parquet(path: str, rows: Iterator[Mapping[str, Any]]) -> None:
    arrow, parquet = (library(name, "Parquet needs pyarrow: pip install 'dumbbell[parquet]'")
                      for name in ("pyarrow", "pyarrow.parquet"))
    plain = [dict(flat("", row)) for row in rows]
    names = sorted({name for row in plain for name in row})
    columns = {}
    for name in names:
        values = [row.get(name) for row in plain]
        try:
            columns[name] = arrow.array(values)
        except (arrow.ArrowInvalid, arrow.ArrowTypeError):  # of several types: a column has one
            columns[name] = arrow.array([None if value is None else _json.dumps(value) for value in values])
    with replacing(Path(path)) as file:
        parquet.write_table(arrow.table(columns), file)
