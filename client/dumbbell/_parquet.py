"""History from the Parquet files that the server offers of runs that have ended."""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dumbbell import _json
from dumbbell._download import download
from dumbbell._transport import Transport

_BATCH = 10_000  # rows made into dicts at a time
_STEP = "_step"
_INTS = b"dumbbell.ints"  # columns of doubles whose whole numbers were logged as ints


def readable() -> bool:
    """Whether pyarrow is installed."""
    return importlib.util.find_spec("pyarrow") is not None


def rows(transport: Transport, urls: Sequence[str], low: int, high: int,
         keys: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    """Rows with low <= step < high in the order of steps; with keys, those that have them all, and nothing else.

    Without keys, their columns come in the order of names.
    """
    parquet = importlib.import_module("pyarrow.parquet")
    with tempfile.TemporaryDirectory(prefix="dumbbell-") as folder:
        for number, url in enumerate(urls):
            path = Path(folder) / f"{number}.parquet"
            with path.open("w+b", buffering=0) as file:
                download(transport, url, file)
            with parquet.ParquetFile(path) as table:
                yield from _of_file(table, low, high, keys)
            path.unlink()


def _of_file(table: Any, low: int, high: int, keys: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    there = set(table.schema_arrow.names)
    if keys is not None and not there >= set(keys):
        return
    wanted = None if keys is None else list(dict.fromkeys([*keys, _STEP]))
    ints = set(_json.loads((table.metadata.metadata or {}).get(_INTS, b"[]")))
    for batch in table.iter_batches(_BATCH, columns=wanted):
        columns = {name: _values(batch.column(name), ints=name in ints) for name in batch.schema.names}
        steps = columns[_STEP]
        shown = list(keys) if keys is not None else sorted(columns)
        for step, values in zip(steps, zip(*(columns[name] for name in shown), strict=True), strict=True):
            if not low <= step < high:
                continue
            if None not in values:
                yield dict(zip(shown, values, strict=True))
            elif keys is None:
                yield {name: value for name, value in zip(shown, values, strict=True) if value is not None}


def _values(column: Any, *, ints: bool) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return [int(value) if value.is_integer() else value for value in values] if ints else values
