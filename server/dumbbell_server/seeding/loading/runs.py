"""Runs of a fixture, as rows and lines."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from dumbbell_server.clock import StillClock, to_text
from dumbbell_server.database.sessions import insert_row, update_row
from dumbbell_server.errors import BadInput
from dumbbell_server.files.names import mimetype_of
from dumbbell_server.files.tables import RunFileRow
from dumbbell_server.history import statements
from dumbbell_server.history.packing import Packed, are_ordered, pack, pieces, row_of
from dumbbell_server.history.queries import insert
from dumbbell_server.history.tables import BORROWED, CONSOLE, EVENTS, HISTORY
from dumbbell_server.json_text import check_levels, dumps
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs import queries
from dumbbell_server.runs.names import make_display_name
from dumbbell_server.runs.states import FAILED, FINISHED, LIVE_STATES
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.seeding.form.documents import Content, Lines, Place, Project, Run
from dumbbell_server.seeding.form.reading import Read
from dumbbell_server.seeding.loading.state import Loading
from dumbbell_server.seeding.loading.taking import Path_, spot
from dumbbell_server.seeding.made import histories
from dumbbell_server.seeding.made.contents import Stored
from dumbbell_server.seeding.made.histories import Piece
from dumbbell_server.seeding.made.media import NO_MEDIA, MadeMedia, charts_of

APART = timedelta(hours=1)  # from run to run, in the order of a document
_EXITCODES = {FINISHED: 0, FAILED: 1}
_NONE: dict[str, Any] = {}
_UNNAMED = Content.model_validate({"text": ""})


@dataclass(frozen=True)
class Loaded:
    """A run whose row is there, and where it stands in a document."""

    loading: Loading
    read: Read
    path: Path_
    form: Run
    row: RunRow
    created: datetime

    @property
    def media(self) -> MadeMedia:
        return self.loading.taken.media.get(spot(self.read, *self.path), NO_MEDIA)


def load_run(loading: Loading, read: Read, path: Path_, project: Project, row: ProjectRow, number: int) -> RunRow:
    """The run at this path, made where it is not there; `number` is its place in the document."""
    form = project.runs[int(path[-1])]
    there = queries.plain(loading.session, row.id, form.id)
    if there is not None:
        return there
    created = loading.base(read) + APART * number
    if form.created is not None:
        created = datetime.fromisoformat(loading.at(read, form.created) or "")
    made = _insert(loading, form, project, row, created)
    run = Loaded(loading, read, path, form, made, created)
    _write_lines(run)
    _write_files(run)
    loading.counts.runs += 1
    return made


def _insert(loading: Loading, form: Run, project: Project, row: ProjectRow, created: datetime) -> RunRow:
    row.runs_made += 1
    exitcode = form.exitcode if "exitcode" in form.model_fields_set else _EXITCODES.get(form.state)
    maker = form.user or project.user
    values: dict[str, Any] = {
        "project_id": row.id, "name": form.id, "state": form.state, "exitcode": exitcode,
        "user_id": loading.user(maker) if maker else row.user_id,
        "display_name": form.name or make_display_name(StillClock(0, zlib.crc32(form.id.encode())), row.runs_made),
        "description": form.description, "notes": form.notes, "group": form.group, "job_type": form.job_type,
        "tags": orjson.dumps(list(dict.fromkeys(form.tags))).decode(),
        "sweep_name": form.sweep.sweep if isinstance(form.sweep, Place) else form.sweep,
        "host": form.host, "program": form.program, "repo": form.repo, "commit": form.commit,
        "stop_requested": form.stop_requested, "restart_pending": form.restart_pending, "config": _config(form),
        "created_at": to_text(created), "heartbeat_at": to_text(created), "updated_at": to_text(created)}
    if form.fork is not None:
        values |= {"parent_name": form.fork.run, "parent_step": form.fork.step, "parent_kept": form.fork.kept}
    return insert_row(loading.session, RunRow, values | loading.numbers.kept(RunRow, form.row))


def _config(form: Run) -> str:
    if form.config_json is not None:
        return form.config_json
    config = dict(form.config or _NONE)
    charts = charts_of(form.media)
    if charts:
        inner = config.get("_wandb")
        config["_wandb"] = {**(inner if isinstance(inner, dict) else {}), "visualize": charts}
    return as_text({key: {"value": value} for key, value in config.items()}, "config")


def as_text(value: Any, what: str) -> str:
    """Checked JSON. BadInput where it is nested too deeply."""
    try:
        text = dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"{what} holds what JSON has not: {error}") from None
    check_levels(text, what)
    return text


def _write_lines(run: Loaded) -> None:
    form, start = run.form, run.created.timestamp()
    folded: dict[str, Any] = {}
    system: dict[str, Any] = {}
    pace = histories.pace_of(form.history)
    counts = {
        HISTORY: _write(run, HISTORY, "history", _history(run, start, pace, folded)),
        EVENTS: _write(run, EVENTS, "system", _system(run, start, system)),
        CONSOLE: _write(run, CONSOLE, "console", _console(run, run.created)),
    }
    if form.fork is not None and form.fork.borrowed is not None:
        with run.read.at(*run.path, "fork", "borrowed"):
            _store(run, BORROWED, histories.stored_lines(run.read, Lines(lines=form.fork.borrowed)))
    ended = run.created + timedelta(seconds=pace * max(1, counts[HISTORY]))
    _finish(run, counts, folded, system, to_text(ended))


def _finish(run: Loaded, counts: dict[int, int], folded: dict[str, Any], system: dict[str, Any], ended: str) -> None:
    """What is known of a run once its lines are."""
    loading, form = run.loading, run.form
    heard = loading.at(run.read, form.heartbeat)
    if heard is None:  # nobody speaks for a running run: it has the heartbeat timeout from now until it has crashed
        heard = to_text(loading.now) if form.state in LIVE_STATES else ended
    folded.pop("_wandb", None)
    with run.read.at(*run.path, "summary"):
        summary = form.summary_json or as_text({**folded, **(form.summary or _NONE)}, "summary")
    system.pop("_wandb", None)
    update_row(loading.session, run.row, {
        "history_line_count": counts[HISTORY], "events_line_count": counts[EVENTS], "log_line_count": counts[CONSOLE],
        "summary_metrics": summary, "system_metrics": form.system_metrics_json or dumps(system),
        "heartbeat_at": heard, "updated_at": loading.at(run.read, form.updated) or heard})


def _history(run: Loaded, start: float, pace: float, folded: dict[str, Any]) -> Iterable[Piece]:
    source, media = run.form.history, run.media.rows
    if isinstance(source, Lines):
        return histories.stored_lines(run.read, source)
    rows: Iterable[dict[str, Any]] = ()
    if source is not None:
        rows = histories.made_rows(run.read, (*run.path, "history"), source, run.form.id)
    elif media:
        rows = ({} for _ in range(max(media) + 1))
    return histories.as_lines(histories.stepped(rows, start, pace, media), folded)


def _system(run: Loaded, start: float, folded: dict[str, Any]) -> Iterable[Piece]:
    source = run.form.system
    if source is None:
        return ()
    if isinstance(source, Lines):
        return _folding(histories.stored_lines(run.read, source), folded)
    rows = histories.made_rows(run.read, (*run.path, "system"), source, f"{run.form.id}:system")
    return histories.as_lines(histories.timed(rows, start, histories.pace_of(source)), folded)


def _folding(found: Iterable[Piece], folded: dict[str, Any]) -> Iterable[Piece]:
    for piece in found:
        for line in piece.lines:
            folded.update(row_of(line))
        yield piece


def _console(run: Loaded, created: datetime) -> Iterable[Piece]:
    source = run.form.console
    if source is None:
        return ()
    if isinstance(source, Lines):
        return histories.stored_lines(run.read, source)
    stamp = to_text(created).removesuffix("Z")
    return [Piece("", 0, [f"{stamp} {line}".replace("\n", " ") for line in source])] if source else ()


def _write(run: Loaded, stream: int, field: str, found: Iterable[Piece]) -> int:
    with run.read.at(*run.path, field):
        return _store(run, stream, found)


def _store(run: Loaded, stream: int, found: Iterable[Piece]) -> int:
    """The lines are there. Returns how many the stream has."""
    connection, number = run.loading.session.connection(), run.row.id
    heads: dict[str, int] = {}
    for piece in found:
        if stream != CONSOLE and piece.lines and piece.rows is None:
            _check_rows(piece)
        for packed in _packed(piece, stream):
            insert(connection, number, stream, piece.writer, packed)
        heads[piece.writer] = piece.first + len(piece.lines)
    if stream != BORROWED:
        for writer, head in heads.items():
            statements.SET_STREAM_LINES.on(connection, run=number, stream=stream, writer=writer, lines=head)
    return sum(heads.values())


def _packed(piece: Piece, stream: int) -> Iterator[Packed]:
    steps = [row["_step"] for row in piece.rows] if stream == HISTORY and piece.rows is not None else []
    if steps and are_ordered(steps) and len(piece.lines) <= histories.AT_ONCE:  # no need to look for them again
        packed = pack(piece.first, piece.lines, steps=False)
        yield replace(packed, min_step=steps[0], max_step=steps[-1], ordered=True)
        return
    for first, lines in pieces(piece.first, piece.lines):
        yield pack(first, lines, steps=stream in {HISTORY, BORROWED})


def _check_rows(piece: Piece) -> None:
    """As a POST is looked at: the first and the last line are objects, and none is nested too deeply."""
    _check_levels(piece.lines)
    for line in {piece.lines[0], piece.lines[-1]}:
        if line and not row_of(line) and line.strip() != "{}":
            raise BadInput(f"a line is not a JSON object: {line[:80]!r}")


def _check_levels(lines: list[str]) -> None:
    for line in lines:
        if line.count("{") + line.count("[") > 1:
            check_levels(line, "a row")


def _write_files(run: Loaded) -> None:
    for name, content in run.form.files.items():
        _file(run, name, run.loading.taken.stored.get(spot(run.read, *run.path, "files", name)), content)
    for name, stored in run.media.files.items():
        _file(run, name, stored, "")
    if run.form.files or run.media.files:
        run.loading.session.flush()


def _file(run: Loaded, name: str, stored: Stored | None, content: Content | str) -> None:
    loading = run.loading
    if stored is None:
        raise BadInput(f"run {run.form.id!r} was deleted just now; load it again")
    given = content if isinstance(content, Content) else _UNNAMED
    made = loading.at(run.read, given.created) or run.row.heartbeat_at
    loading.session.add(RunFileRow(
        run_id=run.row.id, name=name, size=stored.size, md5=stored.digest, blob_key=stored.key,
        mimetype=given.mimetype or mimetype_of(name), created_at=made,
        updated_at=loading.at(run.read, given.updated) or made))
    loading.used.add(stored.key)
    loading.counts.files += 1
