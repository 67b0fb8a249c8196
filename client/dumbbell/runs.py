"""Runs, and lists of them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from dumbbell import _html, _json
from dumbbell._attrs import NOTHING
from dumbbell._client import Client
from dumbbell._documents import runs as documents
from dumbbell._paginator import Page, Paginator, page_of
from dumbbell.errors import InvalidValueError, NotFoundError, WrongTypeError
from dumbbell.history import framed, wrong_keys
from dumbbell.run import Run

if TYPE_CHECKING:
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
