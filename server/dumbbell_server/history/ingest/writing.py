"""Writing a POST: one unit, in which a line that comes again changes nothing twice."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.orm import Session

from dumbbell_server.errors import Forbidden, NotFound
from dumbbell_server.history import statements
from dumbbell_server.history.ingest.posts import Post
from dumbbell_server.history.packing import Packed, pack, unpack
from dumbbell_server.history.queries import begin_generation, insert
from dumbbell_server.history.reading import forks
from dumbbell_server.history.tables import CONSOLE, EVENTS, HISTORY
from dumbbell_server.identity import Actor, Role
from dumbbell_server.json_text import dumps, loads
from dumbbell_server.projects.access import role_in
from dumbbell_server.runs.states import PREEMPTING, RUNNING, after_completion
from dumbbell_server.runs.tables import RunRow


def write_post(connection: Connection, actor: Actor, entity: str, project: str, run: str, writer: str,
               post: Post, now: str) -> tuple[int, bool]:
    """Everything of the POST is stored. Returns the run and whether it is asked to stop."""
    row = statements.FIND_RUN.on(connection, entity=entity, project=project, run=run).first()
    role = role_in(actor, row) if row is not None else Role.NONE
    if row is None or role == Role.NONE:
        raise NotFound(f"run {entity}/{project}/{run} not found; create it by upsertBucket first")
    if role < Role.MEMBER:
        raise Forbidden(f"you ({actor.username}) may only read in project {project!r}")
    if row.restart_pending and not writer:
        _restart(connection, row.id, post)
    grown = [0, 0, 0]
    for stream, packed in post.chunks:
        grown[stream] += _store(connection, row.id, stream, writer, packed)
    statements.RECORD_POST.on(
        connection, run=row.id, now=now, state=_state(row, post),
        history=grown[HISTORY], events=grown[EVENTS], console=grown[CONSOLE])
    _write_extras(connection, row.id, post, now)
    return row.id, bool(row.stop_requested)


def _state(row: Row[Any], post: Post) -> str:
    """Any POST shows that the run lives (docs/protocol/behaviours.md#run-states); `complete` that it has ended."""
    state = PREEMPTING if post.preempting or row.state == PREEMPTING else RUNNING
    if post.complete:
        return after_completion(state, post.exitcode, stopped=bool(row.stop_requested))
    return state


def _write_extras(connection: Connection, run: int, post: Post, now: str) -> None:
    if post.summary is not None:
        statements.SET_SUMMARY.on(connection, run=run, text=post.summary, now=now)
    elif post.derived:
        summary = loads(statements.GET_SUMMARY.on(connection, run=run).scalar_one())
        statements.SET_SUMMARY.on(connection, run=run, text=dumps({**summary, **post.derived}), now=now)
    if post.system:
        metrics = loads(statements.GET_SYSTEM_METRICS.on(connection, run=run).scalar_one())
        statements.SET_SYSTEM_METRICS.on(connection, run=run, text=dumps({**metrics, **post.system}))
    if post.complete:
        statements.SET_EXITCODE.on(connection, run=run, exitcode=post.exitcode, now=now)


def _store(connection: Connection, run: int, stream: int, writer: str, packed: Packed) -> int:
    """Store a chunk at its lines. Returns by how many lines the stream grew."""
    head = statements.STREAM_LINES.on(connection, run=run, stream=stream, writer=writer).scalar() or 0
    if stream == HISTORY and writer and packed.min_step is None:
        if packed.end <= head:
            return 0  # sent again: its rows have got their steps
        packed = _with_steps(connection, run, packed, head)
    if packed.first_line < head and not _cut_overlapping(connection, run, stream, writer, packed):
        return 0
    insert(connection, run, stream, writer, packed)
    if packed.end <= head:
        return 0
    statements.SET_STREAM_LINES.on(connection, run=run, stream=stream, writer=writer, lines=packed.end)
    return packed.end - head


def _with_steps(connection: Connection, run: int, packed: Packed, head: int) -> Packed:
    """Rows from `head` on, with steps in the order of arrival: 0.28's processes of a shared run send none."""
    step = int(statements.HISTORY_LINES.on(connection, run=run).scalar_one())
    first = max(head, packed.first_line)
    new = unpack(packed.body)[first - packed.first_line:]
    return pack(first, [_with_step(line, step + at) for at, line in enumerate(new)], steps=True)


def _with_step(line: str, step: int) -> str:
    if not line.lstrip().startswith("{"):
        return line
    rest = line.lstrip().removeprefix("{").lstrip()
    comma = "" if rest.startswith("}") else ","
    return f'{{"_step":{step}{comma}{rest}'


def _cut_overlapping(connection: Connection, run: int, stream: int, writer: str, packed: Packed) -> bool:
    """Cut what the new lines replace out of the chunks that are there. False where they are there already."""
    rows = statements.OVERLAPPING_CHUNKS.on(
        connection, run=run, stream=stream, writer=writer, first=packed.first_line, last=packed.end).all()
    if len(rows) == 1 and _is_same(rows[0], packed):
        return False  # a retry sends the same bytes
    for row in rows:
        lines = unpack(bytes(row.body))
        statements.DELETE_CHUNK.on(connection, id=row.id)
        before = lines[:max(0, packed.first_line - row.first_line)]
        after = lines[max(0, packed.end - row.first_line):]
        if before:
            insert(connection, run, stream, writer, pack(row.first_line, before, steps=stream == HISTORY))
        if after:
            insert(connection, run, stream, writer, pack(packed.end, after, steps=stream == HISTORY))
    if stream == HISTORY:
        begin_generation(connection, run)
    return True


def _is_same(row: Row[Any], packed: Packed) -> bool:
    lines = (row.first_line, row.line_count)
    return lines == (packed.first_line, packed.line_count) and bytes(row.body) == packed.body


def _restart(connection: Connection, run: int, post: Post) -> None:
    """Rows from line 0 on replace the former ones; a process that goes on at another line has resumed after all."""
    lines = [packed.first_line for stream, packed in post.chunks if stream == HISTORY]
    if 0 in lines:
        with Session(connection, autoflush=False) as session:
            _delete_history(session, run)
    if lines:
        statements.CLEAR_RESTART.on(connection, run=run)


def _delete_history(session: Session, run: int) -> None:
    """No row is left, but for the forks that show them."""
    forks.copy_to_forks(session, session.get_one(RunRow, run), -1)
    for statement in statements.DELETE_HISTORY:
        statement(session, run=run)
    begin_generation(session.connection(), run)
