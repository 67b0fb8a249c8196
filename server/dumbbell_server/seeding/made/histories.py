"""Rows of a fixture as the lines that are stored: written out, in files, by formulas, or lines as they were."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import dumps, loads
from dumbbell_server.seeding.form.documents import Formulas, Lines, Part, RowsFile
from dumbbell_server.seeding.form.reading import Read
from dumbbell_server.seeding.made.formula import read_formula

PACE = 10.0  # seconds from row to row, where nothing is said
MISSING = "\0"  # begins a line that says how many lines never came: no stored line has it
AT_ONCE = 2000  # lines
_BYTES_AT_ONCE = 4 << 20
_FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}

Row = dict[str, Any]


@dataclass(frozen=True)
class Piece:
    """Consecutive lines of a writer."""

    writer: str
    first: int
    lines: list[str]
    rows: list[Row] | None = None  # what the lines were made of, if they were made here


def stored_lines(read: Read, source: Lines) -> Iterator[Piece]:
    """The lines of files as they are. A writer's pieces follow each other."""
    paths = source.lines if isinstance(source.lines, dict) else {"": source.lines}
    for writer, name in paths.items():
        first = 0
        for lines in _split(read.file(name)):
            for piece in _parted(lines):
                if isinstance(piece, int):
                    first += piece
                else:
                    yield Piece(writer, first, piece)
                    first += len(piece)
        yield Piece(writer, first, [])  # how far it goes, where the last lines never came


def _split(path: Path) -> Iterator[list[str]]:
    """Lines in lists of a bounded size. Only a line feed ends one."""
    with path.open("rb") as file:
        while raw := file.readlines(_BYTES_AT_ONCE):
            lines = [line.removesuffix(b"\n").decode("utf-8", "surrogatepass") for line in raw]
            for at in range(0, len(lines), AT_ONCE):
                yield lines[at:at + AT_ONCE]


def _parted(lines: list[str]) -> Iterator[list[str] | int]:
    """What came, and how many lines did not come between."""
    start = 0
    for at, line in enumerate(lines):
        if line.startswith(MISSING):
            if at > start:
                yield lines[start:at]
            yield _missing(line)
            start = at + 1
    if start < len(lines):
        yield lines[start:]


def _missing(line: str) -> int:
    count = line.removeprefix(MISSING)
    if not count.isdecimal() or len(count) > 10:  # noqa: PLR2004 - digits of the most that there can be
        raise BadInput(f"a line that begins with NUL says how many lines never came, not {count[:40]!r}")
    return int(count)


def made_rows(read: Read, path: tuple[str | int, ...], source: Part | list[Row], seed: str) -> Iterator[Row]:
    """The rows, without what every row has."""
    if isinstance(source, list):
        yield from source
    elif isinstance(source, Formulas):
        yield from _formulas(read, path, source, seed)
    elif isinstance(source, RowsFile):
        with read.at(*path, "file"):
            yield from _of_file(read.file(source.file), source.format)


def pace_of(source: object) -> float:
    return source.pace or PACE if isinstance(source, Formulas) else PACE


def count_of(source: object) -> int | None:
    """How many rows there will be; None where that is only known once they are read."""
    return source.rows if isinstance(source, Formulas) else len(source) if isinstance(source, list) else None


def _formulas(read: Read, path: tuple[str | int, ...], source: Formulas, seed: str) -> Iterator[Row]:
    columns = []
    for key, text in source.keys.items():
        with read.at(*path, "keys", key):
            columns.append(read_formula(text).values(source.rows, f"{source.seed or seed}:{key}"))
    names = tuple(source.keys)
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=False))  # there are as many


def _of_file(path: Path, given: str | None) -> Iterator[Row]:
    form = given or _FORMATS.get(path.suffix.lower())
    if form is None:
        raise BadInput(f"rows in {path.name!r} are of no known format; say `format`: csv, jsonl or parquet")
    return _READERS[form](path)


def _csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for row in reader:
                if None in row or None in row.values():
                    raise BadInput(f"{path.name}:{reader.line_num}: the row has not as many values as the first line "
                                   "has names")
                yield {key: _number(value) for key, value in row.items() if value != ""}
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadInput(f"{path.name}:{reader.line_num}: {error}") from None


def _number(text: str) -> Any:
    """What a cell means: a number where it looks like one, else the text."""
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return {"true": True, "false": False}.get(text.lower(), text)


def _jsonl(path: Path) -> Iterator[Row]:
    number = 0
    for lines in _split(path):
        for line in lines:
            number += 1
            if not line.strip():
                continue
            try:
                row = loads(line)
            except ValueError as error:
                raise BadInput(f"{path.name}:{number}: this is not JSON: {error}") from None
            if not isinstance(row, dict):
                raise BadInput(f"{path.name}:{number}: a row is a JSON object, not {line[:40]!r}")
            yield row


def _parquet(path: Path) -> Iterator[Row]:
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 - an extra, and a third of a second
    except ImportError:
        raise BadInput(f"{path.name}: reading Parquet needs pyarrow: pip install 'dumbbell[parquet]'") from None
    try:
        for batch in parquet.ParquetFile(path).iter_batches(AT_ONCE):
            for row in batch.to_pylist():
                yield {key: value for key, value in row.items() if value is not None}
    except (ArrowException, OSError) as error:
        raise BadInput(f"{path.name}: this is no Parquet file that can be read: {error}") from None


_READERS: dict[str, Callable[[Path], Iterator[Row]]] = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}


def stepped(rows: Iterable[Row], start: float, pace: float, beside: Mapping[int, Row]) -> Iterator[Row]:
    """Rows of a history with what every row has, and what else is logged at some of them, by their number."""
    step = -1
    for number, row in enumerate(rows):
        given = row.get("_step")
        step = given if isinstance(given, int) else step + 1
        whole = {"_step": step, "_runtime": number * pace, "_timestamp": start + number * pace, **row}
        if number in beside:
            whole |= beside[number]
        yield whole


def timed(rows: Iterable[Row], start: float, pace: float) -> Iterator[Row]:
    """Rows of system metrics with what every such row has."""
    for number, row in enumerate(rows):
        yield {"_wandb": True, "_runtime": number * pace, "_timestamp": start + number * pace, **row}


def as_lines(rows: Iterable[Row], folded: Row) -> Iterator[Piece]:
    """Rows as lines; `folded` has each key's last value afterwards."""
    first = 0
    going = iter(rows)
    while some := list(islice(going, AT_ONCE)):
        for row in some:
            folded.update(row)
        try:
            yield Piece("", first, [_line(row) for row in some], some)
        except (TypeError, ValueError) as error:
            raise BadInput(f"a row from number {first} on holds what JSON has not: {error}") from None
        first += len(some)


def _line(row: Row) -> str:
    """The row as text: by what is quick, but for NaN, which that writes as null, and for what it refuses."""
    try:
        text = orjson.dumps(row)
    except TypeError:
        return dumps(row)
    return dumps(row) if b"null" in text else text.decode()
