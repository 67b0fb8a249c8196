"""The history of a run: sampled, or every row."""

from __future__ import annotations

import functools
import importlib
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dumbbell import _html, _json
from dumbbell._client import Client
from dumbbell._documents import runs as documents
from dumbbell._paginator import Ahead
from dumbbell._parquet import readable
from dumbbell._parquet import rows as rows_of_parquet
from dumbbell.errors import CommError, InvalidValueError, NotFoundError

if TYPE_CHECKING:
    from dumbbell.run_core import RunCore

Row = dict[str, Any]
_METRICS = "default"  # the stream; by any other name wandb has always given system metrics, as its guide's "events"
_AHEAD = 2  # pages on their way while one is worked on
_MANY = 10  # pages from which on files are quicker
_WIDEST = 64  # times page_size, after empty pages
_ALL = 2**31 - 1  # samples of which none is left out


def ask(client: Client, run: RunCore, document: str, **variables: Any) -> dict[str, Any]:
    """The answer about this run. NotFoundError if it is gone."""
    data = client.execute(document, {"project": run.project, "entity": run.entity, "name": run.id, **variables})
    found = (data.get("project") or {}).get("run")
    if found is None:
        raise missing(run)
    answer: dict[str, Any] = found
    return answer


def missing(run: RunCore) -> NotFoundError:
    """The error that says which run there is not."""
    return NotFoundError(f"could not find run {run.entity}/{run.project}/{run.id}: there is none, or this key may "
                         "not see it")


def sampled_rows(client: Client, run: RunCore, samples: int, stream: str) -> list[Row]:
    """About `samples` rows, spread evenly, with all their columns."""
    if stream != _METRICS:
        return _json.loads_each(ask(client, run, documents.EVENTS, samples=samples)["events"] or [])
    return _json.loads_each(ask(client, run, documents.HISTORY, samples=samples)["history"] or [])


def sampled_keys(client: Client, run: RunCore, samples: int, keys: Sequence[str], x_axis: str) -> list[Row]:
    """About `samples` rows of those that have all of the keys."""
    spec = {"keys": list(dict.fromkeys([x_axis, *keys])), "samples": samples, "exact": True}
    return _exact(ask(client, run, documents.SAMPLED_HISTORY, specs=[_json.dumps(spec)])["sampledHistory"])


def _exact(samples: list[Any] | None) -> list[Row]:
    """The rows of the one sample: a list, or a text where there are NaN and infinities among their numbers."""
    rows = samples[0] if samples else None
    return list((_json.loads(rows) if isinstance(rows, str) else rows) or [])


def wrong_keys(keys: Any, stream: str) -> str | None:
    """What to tell the user of keys that cannot be, or None."""
    if keys is None:
        return None
    if not isinstance(keys, list | tuple):
        return "keys must be specified in a list"
    if not all(isinstance(key, str) for key in keys):
        return "keys must be a list of strings"
    return "stream must be default when specifying keys" if keys and stream != _METRICS else None


def complain(message: str) -> None:
    """Say it on stderr, where wandb prints it too."""
    print(f"dumbbell: ERROR {message}", file=sys.stderr)  # noqa: T201 - documented: an error line and an empty list


def framed(rows: list[Row], *, pandas: bool, polars: bool) -> Any:
    """Rows as a data frame, where the library is there."""
    for wanted, library in ((polars, "polars"), (pandas, "pandas")):
        if not wanted:
            continue
        try:
            module = importlib.import_module(library)
        except ImportError:
            warnings.warn(f"{library} is not installed, so history is a list of dicts", stacklevel=4)
            continue
        return _of_polars(module, rows) if library == "polars" else module.DataFrame.from_records(rows)
    return rows


def _of_polars(polars: Any, rows: list[Row]) -> Any:
    """A column has one type there: where some cells are nested and others are not, the nested become JSON texts."""
    nested: dict[str, set[Any]] = {}
    for row in rows:
        for key, value in row.items():
            if value is not None:
                nested.setdefault(key, set()).add(type(value) if isinstance(value, dict | list) else None)
    mixed = {key for key, kinds in nested.items() if len(kinds) > 1}
    if mixed:
        rows = [{key: _json.dumps(value) if key in mixed and isinstance(value, dict | list) else value
                 for key, value in row.items()} for row in rows]
    return polars.from_dicts(rows, infer_schema_length=None, strict=False) if rows else polars.DataFrame()


def _by_name(rows: list[Row]) -> list[Row]:
    """The rows with their keys in the order of names, as those of Parquet files are: clients log them in any."""
    ordered: list[Row] = []
    names: list[str] = []
    for row in rows:
        try:  # mostly a row has the keys of the one before
            one = {name: row[name] for name in names} if len(row) == len(names) else None
        except (KeyError, TypeError):
            one = None
        if not isinstance(row, dict):
            one = row  # a damaged line; what it holds is shown
        elif one is None:
            names = sorted(row)
            one = {name: row[name] for name in names}
        ordered.append(one)
    return ordered


class HistoryScan:
    """Every row of a run's history with min_step <= step < max_step, in the order of steps.

    A row has its columns in the order of their names, or in that of the keys that were asked for. Each loop starts
    again. Long histories of runs that have ended come as Parquet files where the server offers them and pyarrow is
    installed, as pages otherwise. While rows of a page are looked at, the next pages are on their way.

    Attributes:
        min_step: the first step.
        max_step: the step after the last.
        page_size: steps a request.
        keys: only these columns, of rows that have all of them; None for all.
    """

    def __init__(self, client: Client, run: RunCore, min_step: int, max_step: int, page_size: int = 1000,
                 keys: Sequence[str] | None = None) -> None:
        if isinstance(page_size, bool) or not isinstance(page_size, int) or page_size < 1:
            raise InvalidValueError(f"page_size is {page_size!r}; it must be at least 1")
        self.client = client
        self.run = run
        self.min_step = min_step
        self.max_step = max_step
        self.page_size = page_size
        self.keys = list(keys) if keys else None
        self._loop: Iterator[Row] | None = None

    def __iter__(self) -> Iterator[Row]:
        urls = self._offered()
        if urls:
            return rows_of_parquet(self.client.transport, urls, self.min_step, self.max_step, self.keys)
        return self._paged()

    def _offered(self) -> list[str]:
        """Files that hold the whole history, where the server has them and there is enough to read to be worth it."""
        if self.max_step - self.min_step < _MANY * self.page_size or not readable():
            return []
        try:
            found = ask(self.client, self.run, documents.PARQUET_HISTORY, liveKeys=[])["parquetHistory"]
        except CommError:  # a server that is too old for it, or one that does not read ours
            return []
        return [] if not found or found["liveData"] else list(found["parquetUrls"])

    def _paged(self) -> Iterator[Row]:
        fetch: Callable[[int, int], list[Row]] = self._keyed if self.keys else self._whole
        waiting: deque[tuple[int, Ahead]] = deque()
        offset, width = self.min_step, self.page_size
        while waiting or offset < self.max_step:
            while offset < self.max_step and len(waiting) < _AHEAD:
                end = min(offset + width, self.max_step)
                waiting.append((end, Ahead(functools.partial(fetch, offset, end))))
                offset = end
            rows = waiting.popleft()[1].take()
            # Only an empty page widens the window: rows of a page stay below what the server gives at once.
            width = self.page_size if rows else min(width * 2, self.page_size * _WIDEST)
            yield from rows

    def __next__(self) -> Row:
        if self._loop is None:
            self._loop = iter(self)
        return next(self._loop)

    def next(self) -> Row:
        """The next row; this position is the scan's own, loops do not move it."""
        return next(self)

    def _whole(self, start: int, stop: int) -> list[Row]:
        found = self._answer(documents.HISTORY_PAGE, minStep=start, maxStep=stop, pageSize=stop - start)["history"]
        return _by_name(_json.loads_each(found or []))

    def _keyed(self, start: int, stop: int) -> list[Row]:
        rows = self._sampled(start, stop, stop - start + 1)
        # one more than there are steps: some step has several, and there may be more
        return rows if len(rows) <= stop - start else self._sampled(start, stop, _ALL)

    def _sampled(self, start: int, stop: int, samples: int) -> list[Row]:
        # maxStep is inclusive here, and only here: wandb 0.31 sends 9 for [0, 10).
        spec = {"keys": self.keys, "minStep": start, "maxStep": stop - 1, "samples": samples, "exact": True}
        return _exact(self._answer(documents.SAMPLED_HISTORY_PAGE, spec=_json.dumps(spec))["sampledHistory"])

    def _answer(self, document: str, **variables: Any) -> dict[str, Any]:
        data = self.client.execute(document, {"entity": self.run.entity, "project": self.run.project,
                                              "run": self.run.id, **variables})
        found = (data.get("project") or {}).get("run")
        if found is None:
            raise missing(self.run)
        answer: dict[str, Any] = found
        return answer

    def __repr__(self) -> str:
        return f"<HistoryScan {'/'.join(self.run.path)} steps {self.min_step} to {self.max_step}>"

    def _repr_html_(self) -> str:
        return _html.table(self)


SampledHistoryScan = HistoryScan  # two classes in 2020, one today
