"""`dumbbell runs`: the runs of a project, as a table, as CSV or as JSON lines."""

from __future__ import annotations

import argparse
import itertools

from dumbbell import _json
from dumbbell._commands import COMMANDS
from dumbbell._commands.shared import (
    api_of,
    counted,
    filters_of,
    output,
    parser_of,
    run_command,
    write_csv,
    write_table,
)
from dumbbell._flat import columns_of, flat_run

_SHOWN = ("id", "name", "state", "created_at", "tags")
_TEXT = f"""{COMMANDS['runs']}, newest first.

Config and summary are columns such as config.lr and summary.loss. A table shows some columns, CSV and JSON all of them.
"""
_EXAMPLES = """\
  dumbbell runs my-team/my-project
  dumbbell runs my-project --filter state=finished --filter 'config.lr<0.1' --order +summary_metrics.loss
  dumbbell runs my-project --columns id,name,config.lr,summary.loss --limit 20
  dumbbell runs my-project --format csv --output runs.csv
"""


def command(arguments: list[str]) -> int:
    """Run the command; the exit code."""
    parser = parser_of("runs", _TEXT, _EXAMPLES)
    parser.add_argument("path", metavar="[ENTITY/]PROJECT", help="the project, or the address of its page")
    parser.add_argument("--filter", action="append", default=[], metavar="KEY=VALUE",
                        help="a condition, with =, !=, <, <=, >, >= or ~ for a pattern; may be given again")
    parser.add_argument("--filters", metavar="JSON", help="conditions in MongoDB's language")
    parser.add_argument("--order", default="-created_at", metavar="KEY",
                        help="such as +summary_metrics.loss or -config.lr.value [-created_at]")
    parser.add_argument("--columns", metavar="NAMES", help="only these, with commas between them")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first runs")
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table", help="[table]")
    parser.add_argument("--output", "-o", metavar="FILE", help="[standard output]")
    return run_command(_list, parser.parse_args(arguments))


def _list(given: argparse.Namespace) -> None:
    found = api_of(given).runs(given.path, filters_of(given.filter, given.filters), given.order, per_page=200)
    some = itertools.islice(found, given.limit)
    rows = [flat_run(run) for run in counted(some, "runs")]
    chosen = given.columns.split(",") if given.columns else None
    with output(given.output) as file:
        if given.format == "json":
            for row in rows:
                shown = row if chosen is None else {name: row.get(name) for name in chosen}
                file.write(f"{_json.dumps(shown)}\n")
        elif given.format == "csv":
            write_csv(file, chosen or columns_of(rows), rows)
        else:
            write_table(file, chosen or _SHOWN, rows)
