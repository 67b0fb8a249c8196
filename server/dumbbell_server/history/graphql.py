"""What history adds to the schema."""

from typing import Any, cast

import strawberry
from sqlalchemy.orm import Session

from dumbbell_server.database.engine import snapshot
from dumbbell_server.errors import BadInput, Damaged
from dumbbell_server.graph.connections import PageInfo
from dumbbell_server.graph.context import Context, Info
from dumbbell_server.graph.refs import RunRef
from dumbbell_server.graph.scalars import JSON, Int64, JSONString, compact
from dumbbell_server.history import queries, service
from dumbbell_server.history.parquet import offers
from dumbbell_server.history.parquet.routes import url_of
from dumbbell_server.history.reading import console
from dumbbell_server.history.reading.forks import ENDLESS
from dumbbell_server.history.reading.keys import history_keys as read_keys
from dumbbell_server.history.reading.rows import DEFAULT_SAMPLES, Spec, rows_between, sampled_lines
from dumbbell_server.history.reading.samples import samples
from dumbbell_server.history.tables import EVENTS, HISTORY
from dumbbell_server.json_text import checked_object, dumps, strict
from dumbbell_server.listing import cursors
from dumbbell_server.listing.pages import LARGEST_PAGE, Page, page_of, page_size
from dumbbell_server.runs.tables import RunRow


@strawberry.type
class LogLine:
    number: int
    timestamp: str | None
    level: str | None
    label: str | None
    line: str


@strawberry.type
class LogLineEdge:
    node: LogLine
    cursor: str


@strawberry.type
class LogLineConnection:
    edges: list[LogLineEdge]
    page_info: PageInfo


@strawberry.type
class ParquetHistory:
    parquet_urls: list[str]
    live_data: list[JSON | None] | None


def _checked_samples(samples: int | None) -> int:
    if samples is None:
        return DEFAULT_SAMPLES
    if samples < 0:
        raise BadInput(f"samples is {samples}; it must not be negative")
    return samples


def _spec(text: str) -> Spec:
    """A checked spec of sampledHistory; `maxStep` is inclusive there (docs/protocol/behaviours.md#history)."""
    spec = checked_object(text, "a spec of sampledHistory")
    keys = spec.get("keys") or []
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise BadInput("keys of a sampledHistory spec must be a list of strings")
    low, high = _bound(spec, "minStep"), _bound(spec, "maxStep")
    samples = spec.get("samples")
    if samples is not None and (not isinstance(samples, int) or isinstance(samples, bool)):
        raise BadInput("samples of a sampledHistory spec must be a whole number")
    return Spec(
        tuple(dict.fromkeys(keys)), _checked_samples(samples), -ENDLESS if low is None else low,
        ENDLESS if high is None else high + 1, exact=spec.get("exact") is True)


def _bound(spec: dict[str, Any], name: str) -> int | None:
    value = spec.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1 or abs(value) >= 2**62:
        raise BadInput(f"{name} of a sampledHistory spec must be a whole number")
    return int(value)


def _sent(rows: list[dict[str, Any]] | Damaged, spec: Spec) -> JSON | Damaged:
    if isinstance(rows, Damaged):
        return rows  # which is null, and an error of this item
    sent = strict(rows)
    return JSON(dumps(rows) if spec.exact and sent != rows else sent)


def _tail(context: Context, run: RunRow, stream: int) -> JSONString:
    line = queries.last_line(context.session, run.id, stream)
    return compact([] if line is None else [line])


def _history(session: Session, run: RunRow, samples: int | None, min_step: Int64 | None, max_step: Int64 | None,
             ) -> list[JSONString]:
    if min_step is None and max_step is None:
        lines = sampled_lines(session, run, HISTORY, _checked_samples(samples))
    else:
        lines = rows_between(session, run, min_step if min_step is not None else -ENDLESS,
                             max_step if max_step is not None else ENDLESS)
    return [JSONString(line) for line in lines]


@strawberry.type
class RunHistory:
    @strawberry.field
    def history(
        run: strawberry.Parent[RunRow], info: Info, samples: int | None = None,
        min_step: Int64 | None = None, max_step: Int64 | None = None,
    ) -> list[JSONString] | None:
        """Rows with minStep <= step < maxStep, all of them; without bounds evenly spread ones."""
        asked = (RunHistory, run.id, samples, min_step, max_step)
        answers = info.context.answers
        if asked not in answers:  # under another alias: long ones are in memory once, however often they are sent
            with snapshot(info.context.backend.database) as session:
                answers[asked] = _history(session, run, samples, min_step, max_step)
        lines: list[JSONString] = answers[asked]
        return lines

    @strawberry.field
    def events(
        run: strawberry.Parent[RunRow], info: Info, samples: int | None = None,
    ) -> list[JSONString] | None:
        with snapshot(info.context.backend.database) as session:
            return [JSONString(line) for line in sampled_lines(session, run, EVENTS, _checked_samples(samples))]

    @strawberry.field
    def sampled_history(run: strawberry.Parent[RunRow], info: Info, specs: list[JSONString]) -> list[JSON | None]:
        checked = [_spec(spec) for spec in specs]
        found = samples(info.context.backend.database, run, checked)
        return [cast("JSON | None", _sent(rows, spec)) for rows, spec in zip(found, checked, strict=True)]

    @strawberry.field
    def history_keys(run: strawberry.Parent[RunRow], info: Info) -> JSON | None:
        """Null while nothing was logged, which clients read as lastStep -1."""
        document = read_keys(info.context.backend, run)
        return None if document is None else JSON(document)

    @strawberry.field
    def parquet_history(run: strawberry.Parent[RunRow], info: Info, live_keys: list[str]) -> ParquetHistory:
        """All rows in files, or no files and no rows, which sends clients to the live pages."""
        del live_keys  # of live rows; we offer none (see parquet/export.py)
        context = info.context
        with snapshot(context.backend.database) as session:
            offer = offers.find(session, run.id)
        if offer is not None and offer.recorded is None:
            offer = context.backend.write(context.viewer, offers.record, offer)
        partitions = offer.partitions if offer is not None and offer.holds else []
        return ParquetHistory(parquet_urls=[url_of(context, each) for each in partitions], live_data=[])

    @strawberry.field
    def history_tail(run: strawberry.Parent[RunRow], info: Info) -> JSONString | None:
        return _tail(info.context, run, HISTORY)

    @strawberry.field
    def events_tail(run: strawberry.Parent[RunRow], info: Info) -> JSONString | None:
        return _tail(info.context, run, EVENTS)

    @strawberry.field
    def log_lines(
        run: strawberry.Parent[RunRow], info: Info, first: int | None = None, after: str | None = None,
        last: int | None = None, use_improved_pagination: bool | None = None,
    ) -> LogLineConnection | None:
        del use_improved_pagination  # ours is
        with snapshot(info.context.backend.database) as session:
            if last is not None:
                lines = console.tail(session, run.id, page_size(last))
                return _connection(page_of(lines, len(lines), lambda line: line.number))
            size = page_size(first, LARGEST_PAGE)
            before = cursors.number(after)
            lines = console.forward(session, run.id, 0 if before is None else before + 1, size + 1)
        return _connection(page_of(lines, size, lambda line: line.number))


def _connection(page: Page[console.Line]) -> LogLineConnection:
    edges = [LogLineEdge(node=LogLine(**vars(edge.node)), cursor=edge.cursor) for edge in page.edges]
    return LogLineConnection(edges=edges, page_info=page.page_info)


@strawberry.input
class RewindRunInput:
    run_name: str
    entity_name: str | None = None
    project_name: str | None = None
    metric_name: str
    metric_value: float
    client_mutation_id: str | None = None


@strawberry.type
class RewindRunPayload:
    rewound_run: RunRef | None
    client_mutation_id: str | None = None


@strawberry.type
class HistoryMutation:
    @strawberry.field
    def rewind_run(self, info: Info, input: RewindRunInput) -> RewindRunPayload | None:
        run = info.context.unit(
            service.rewind, input.entity_name, input.project_name, input.run_name, input.metric_name,
            input.metric_value)
        return RewindRunPayload(rewound_run=run, client_mutation_id=input.client_mutation_id)
