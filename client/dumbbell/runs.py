"""Runs, and lists of them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from dumbbell import _html, _json
from dumbbell._attrs import NOTHING
from dumbbell._client import Client
from dumbbell._documents import runs as documents
from dumbbell._flat import TIMES, columns_of, flat_run, moment_of
from dumbbell._optional import library
from dumbbell._paginator import Page, Paginator, page_of
from dumbbell.errors import InvalidValueError, NotFoundError, WrongTypeError
from dumbbell.history import framed, wrong_keys
from dumbbell.run import Run

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from dumbbell.sweeps import Sweep

__all__ = ["Run", "Runs"]

_AT_ONCE = 8  # runs whose histories are asked for side by side


class Runs(Paginator[Run]):
    """An iterable collection of runs associated with a project and optional filter.

    This is generally used indirectly via the `Api`.runs method. `len()` is the number of runs that match.
    """

    def __init__(self, client: Client, entity: str, project: str, filters: Mapping[str, Any] = NOTHING,
                 order: str | None = None, per_page: int | None = 50, *, lazy: bool = False) -> None:
        if filters is not None and not isinstance(filters, Mapping):
            raise WrongTypeError(f"filters is {filters!r}; it is a dict, such as {{'state': 'finished'}}")
        if order is not None and not isinstance(order, str):
            raise WrongTypeError(f"order is {order!r}; it is a text, such as '-created_at' or '+summary_metrics.loss'")
        self.entity = entity
        self.project = project
        self.filters = dict(filters or {})
        self.order = order
        self._lazy = lazy
        self._sweeps: dict[str, Sweep | None] = {}
        super().__init__(client, {"project": project, "entity": entity, "order": order,
                                  "filters": _json.dumps(self.filters, "filters")}, per_page)

    def _fetch(self, cursor: str | None) -> tuple[dict[str, Any], Page]:
        data = self.client.execute(documents.LIGHT_RUNS if self._lazy else documents.RUNS, {
            **self.variables, "cursor": cursor, "perPage": self.per_page})
        project = data.get("project")
        if project is None or project.get("runs") is None:
            raise NotFoundError(f"could not find project {self.entity}/{self.project}: there is none, or this key "
                                "may not see it")
        return data, page_of(project["runs"], project.get("runCount"))

    def _converted(self, row: Any) -> Run:
        run = Run(self.client, self.entity, self.project, row["node"]["name"], row["node"])
        run._sweeps = self._sweeps  # noqa: SLF001 - one query a sweep, not one a run
        return run

    def upgrade_to_full(self) -> None:
        """Load what lazy runs leave out: of those that were listed already now, of others as they are listed."""
        self._lazy = False
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(Run.load_full_data, self.objects))

    def to_pandas(self, *, config: bool = True, summary: bool = True) -> pd.DataFrame:
        """The runs as a data frame, one a row.

        Columns are id, name, state, created_at, heartbeat_at (times of UTC), user, group, job_type, tags, notes and
        sweep; then `config.lr`, `summary.loss` and so on by name, with more dots for dicts within.

        Args:
            config: whether its columns are wanted.
            summary: whether its columns are wanted.

        Raises:
            UsageError: pandas is not installed.
        """
        pandas = library("pandas", "to_pandas() needs pandas: pip install pandas")
        rows = self._flat(config=config, summary=summary)
        frame = pandas.DataFrame.from_records(rows, columns=columns_of(rows))
        for name in TIMES:
            frame[name] = pandas.to_datetime(frame[name], utc=True)
        return frame

    def to_polars(self, *, config: bool = True, summary: bool = True) -> pl.DataFrame:
        """The same as `to_pandas`, for polars. Columns that hold dicts and other values both are JSON texts."""
        polars = library("polars", "to_polars() needs polars: pip install polars")
        rows = self._flat(config=config, summary=summary)
        names = columns_of(rows)
        frame = framed([{name: row.get(name) for name in names} for row in rows], pandas=False, polars=True)
        wanted = polars.Datetime("us", "UTC")
        return frame.with_columns(polars.col(name).cast(wanted) for name in TIMES if name in frame.columns)

    def _flat(self, *, config: bool, summary: bool) -> list[dict[str, Any]]:
        rows = [flat_run(run, config=config, summary=summary) for run in self]
        for row in rows:
            row.update({name: moment_of(row[name]) for name in TIMES})
        return rows

    def histories(self, samples: int = 500, keys: list[str] | None = None, x_axis: str = "_step",
                  format: str = "default",  # noqa: A002 - its name in wandb
                  stream: str = "default") -> Any:
        """Sampled histories of all the runs, each row with its run's id under `run_id`.

        Args:
            samples: rows a run.
            keys: only these columns, of rows that have all of them.
            x_axis: the column that goes along with keys.
            format: "default" for a list of dicts, "pandas" or "polars" for a data frame, its columns by name.
            stream: "default" for metrics; "system", or any other word, for machine metrics.

        Raises:
            InvalidValueError: (a ValueError) for another format, or keys that cannot be.
        """
        if format not in {"default", "pandas", "polars"}:
            raise InvalidValueError(f"format {format!r} is none of default, pandas, polars")
        wrong = wrong_keys(keys, stream)
        if wrong:
            raise InvalidValueError(wrong)

        def rows_of(run: Run) -> list[dict[str, Any]]:
            return [{**row, "run_id": run.id}
                    for row in run.history(samples, keys, x_axis, pandas=False, stream=stream)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            rows = [row for found in pool.map(rows_of, self) for row in found]
        frame = framed(rows, pandas=format == "pandas", polars=format == "polars")
        return frame if isinstance(frame, list) else frame[sorted(frame.columns)]

    def __repr__(self) -> str:
        return f"<Runs {self.entity}/{self.project}{self._described()}>"

    def _repr_html_(self) -> str:
        return _html.table(({"name": run.name, "id": run.id, "state": run.state, "created": run.created_at,
                            "tags": ", ".join(run.tags)} for run in self), None, self._known())
