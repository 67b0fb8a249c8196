"""Tables, as `wandb.Table` stores them."""

from __future__ import annotations

import datetime as dt
import functools
import importlib
from collections.abc import Iterator
from typing import Any

from dumbbell import _html
from dumbbell.errors import NotFoundError, UsageError

_TIMESTAMP = "timestamp"


class Table(dict[str, Any]):
    """A table of an artifact. As a dict it is what its file holds; its attributes are what that means."""

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in their order."""
        found: list[str] = self.get("columns") or []
        return found

    @functools.cached_property
    def data(self) -> list[list[Any]]:
        """The rows; cells of time columns are datetimes of UTC."""
        times = [at for at, name in enumerate(self.columns) if self._is_time(name)]
        rows = [list(row) for row in self.get("data") or []]
        for row in rows:
            for at in times:
                if isinstance(row[at], int | float):
                    row[at] = dt.datetime.fromtimestamp(row[at] / 1000, dt.UTC)
        return rows

    def _is_time(self, column: str) -> bool:
        types = ((self.get("column_types") or {}).get("params") or {}).get("type_map") or {}
        kind = types.get(str(column)) or {}
        allowed = (kind.get("params") or {}).get("allowed_types") or []
        return any(each.get("wb_type") == _TIMESTAMP for each in [kind, *allowed])

    def get_column(self, name: str) -> list[Any]:
        """The cells of a column. NotFoundError (a ValueError) if there is none of this name."""
        if name not in self.columns:
            raise NotFoundError(f"the table has no column {name!r}; it has {', '.join(map(str, self.columns))}")
        at = self.columns.index(name)
        return [row[at] for row in self.data]

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Each row with its number, from 0."""
        yield from enumerate(self.data)

    def get_dataframe(self) -> Any:
        """The table as a `pandas.DataFrame`. UsageError if pandas is not installed."""
        try:
            pandas = importlib.import_module("pandas")
        except ImportError:
            raise UsageError("get_dataframe() needs pandas; the rows are in `data`, their names in `columns`") from None
        return pandas.DataFrame.from_records(self.data, columns=self.columns)

    def __repr__(self) -> str:
        return f"<Table {len(self.get('data') or [])} rows of {', '.join(map(str, self.columns))}>"

    def _repr_html_(self) -> str:
        return _html.table((dict(zip(self.columns, row, strict=False)) for row in self.data), self.columns)
