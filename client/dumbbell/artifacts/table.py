"""Tables, as `wandb.Table` stores them."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from dumbbell import _html
from dumbbell._optional import library
from dumbbell.errors import InvalidValueError, NotFoundError

TABLE_ENDING = ".table.json"
_TIMESTAMP = "timestamp"
_COLUMNS = ("Input", "Output", "Expected")
_NONE = {"wb_type": "none"}


class Table(dict[str, Any]):
    """Rows under named columns, to be read from an artifact or put into one by `artifact.add(table, name)`.

    One that was read is, as a dict, what its file holds; its attributes are what that means.

    Args:
        columns: names of the columns; Input, Output and Expected as in wandb, where nothing else tells them.
        data: rows, each with a cell a column; a numpy array; or a pandas.DataFrame.
        rows: an older name of data.
        dataframe: a pandas.DataFrame, whose columns are those of the table.

    Raises:
        InvalidValueError: (a ValueError) a row has more or fewer cells than there are columns.
    """

    def __init__(self, columns: Sequence[Any] | None = None, data: Any = None, rows: Any = None,
                 dataframe: Any = None) -> None:
        super().__init__()
        given = data if data is not None else rows
        frame = dataframe if dataframe is not None else given if hasattr(given, "columns") else None
        if frame is not None:
            columns, given = list(frame.columns), frame.to_numpy(dtype=object)
        self["columns"] = list(_COLUMNS if columns is None else columns)
        for row in given if given is not None else ():
            self.add_data(*row)

    @classmethod
    def of(cls, content: dict[str, Any]) -> Table:
        """What a file of a table holds."""
        made = cls()
        made.clear()
        made.update(content)
        return made

    @property
    def columns(self) -> list[Any]:
        """Names of the columns, in their order."""
        found: list[Any] = self.get("columns") or []
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

    def add_data(self, *data: Any) -> None:
        """Add a row. InvalidValueError (a ValueError) if it has more or fewer cells than there are columns."""
        if len(data) != len(self.columns):
            raise InvalidValueError(f"the row has {len(data)} cells, and the table {len(self.columns)} columns: "
                                    f"{', '.join(map(str, self.columns))}")
        self.data.append(list(data))

    add_row = add_data

    def add_column(self, name: str, data: Sequence[Any], optional: bool = False) -> None:
        """Add a column.

        Args:
            name: a new one.
            data: a cell a row; rows are made where there are none yet.
            optional: accepted because wandb has it; any cell may be empty.

        Raises:
            InvalidValueError: (a ValueError) the name is taken, or there are more or fewer cells than rows.
        """
        del optional
        if name in self.columns:
            raise InvalidValueError(f"the table has a column {name!r} already")
        cells = list(data)
        if not self.data and not self.columns:
            self.data.extend([] for _ in cells)
        if len(cells) != len(self.data):
            raise InvalidValueError(f"column {name!r} has {len(cells)} cells, and the table {len(self.data)} rows")
        self.columns.append(name)
        for row, cell in zip(self.data, cells, strict=True):
            row.append(cell)

    def to_json(self) -> dict[str, Any]:
        """What its file holds, as wandb writes it: times in milliseconds, and the type of each column."""
        rows = [[_cell(cell) for cell in row] for row in self.data]
        types = {str(name): self._types.get(str(name)) or _type_of([row[at] for row in self.data])
                 for at, name in enumerate(self.columns)}
        return {**self, "columns": self.columns, "data": rows, "ncols": len(self.columns), "nrows": len(rows),
                "column_types": {"wb_type": "typedDict", "params": {"type_map": types}}}

    @property
    def _types(self) -> dict[str, dict[str, Any]]:
        """The types of columns that its file says, in wandb's words."""
        return ((self.get("column_types") or {}).get("params") or {}).get("type_map") or {}

    def _is_time(self, column: str) -> bool:
        kind = self._types.get(str(column)) or {}
        allowed = (kind.get("params") or {}).get("allowed_types") or []
        return any(each.get("wb_type") == _TIMESTAMP for each in [kind, *allowed])

    def get_column(self, name: str, convert_to: Literal["numpy"] | None = None) -> Any:
        """The cells of a column.

        Args:
            name: of the column.
            convert_to: "numpy" for an array, if numpy is installed; otherwise a list.

        Raises:
            NotFoundError: (a ValueError) there is none of this name.
            UsageError: numpy is not installed.
        """
        if convert_to not in {None, "numpy"}:
            raise InvalidValueError(f"convert_to is {convert_to!r}; there is 'numpy'")
        if name not in self.columns:
            raise NotFoundError(f"the table has no column {name!r}; it has {', '.join(map(str, self.columns))}")
        at = self.columns.index(name)
        cells = [row[at] for row in self.data]
        if convert_to is None:
            return cells
        return library("numpy", "convert_to='numpy' needs numpy").array(cells)

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Each row with its number, from 0."""
        yield from enumerate(self.data)

    def get_dataframe(self) -> Any:
        """The table as a `pandas.DataFrame`. UsageError if pandas is not installed."""
        pandas = library("pandas", "get_dataframe() needs pandas; the rows are in `data`, their names in `columns`")
        return pandas.DataFrame.from_records(self.data, columns=self.columns)

    def __repr__(self) -> str:
        return f"<Table {len(self.data)} rows of {', '.join(map(str, self.columns))}>"

    def _repr_html_(self) -> str:
        return _html.table((dict(zip(self.columns, row, strict=False)) for row in self.data), self.columns)


def _cell(value: Any) -> Any:
    """A cell as files have it."""
    if isinstance(value, dt.datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC)
        return round(moment.timestamp() * 1000)
    if isinstance(value, dt.date):
        return _cell(dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC))
    return value


def _type_of(cells: list[Any]) -> dict[str, Any]:
    """The type of a column in wandb's words; any cell may be empty."""
    names = sorted({_name_of(cell) for cell in cells if cell is not None})
    kinds: list[dict[str, Any]] = [_NONE, *({"wb_type": name} for name in names)]
    return {"wb_type": "union", "params": {"allowed_types": kinds}} if names else _NONE


def _name_of(cell: Any) -> str:
    if isinstance(cell, bool):
        return "boolean"
    if isinstance(cell, int | float):
        return "number"
    if isinstance(cell, dt.date):
        return _TIMESTAMP
    return "string" if isinstance(cell, str) else "any"
