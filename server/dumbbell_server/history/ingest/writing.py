"""Writing a POST: one unit, in which a line that comes again changes nothing twice.

As a process starts on a run that has rows, the first step that it sends decides
(docs/protocol/behaviours.md#a-run-that-comes-in-parts). Beyond the last one there, its rows follow; else they take the
place of those from that step on. Clients number their lines on from the count that they were told, or from 0: what is
missing to the line where they are stored is the stream's `shift`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.orm import Session

from dumbbell_server.errors import Damaged, Forbidden, NotFound
from dumbbell_server.history import statements
from dumbbell_server.history.cutting import cut_after, delete_all
from dumbbell_server.history.ingest.posts import Post
from dumbbell_server.history.packing import Packed, pack, pieces, row_of, unpack
from dumbbell_server.history.queries import begin_generation, insert
from dumbbell_server.history.tables import CONSOLE, EVENTS, HISTORY
from dumbbell_server.identity import Actor, Role
from dumbbell_server.json_text import dumps, stored_object
from dumbbell_server.projects.access import role_in
from dumbbell_server.runs.states import ENDED_STATES, PREEMPTING, RUNNING, after_completion
from dumbbell_server.runs.tables import RunRow

_BESIDE = " "  # how the names of writers begin that are no process's own


@dataclass
class _Chunk:
    """A chunk that is there."""

    id: int
    first_line: int
    line_count: int
    body: bytes

    @cached_property
    def lines(self) -> list[str]:
        """Empty ones for what is damaged, so that it can be sent again."""
        try:
            return unpack(self.body, self.line_count)
        except Damaged:
            return [""] * self.line_count


def write_post(connection: Connection, actor: Actor, entity: str, project: str, run: str, writer: str,
               post: Post, now: str) -> tuple[int, bool]:
    """Everything of the POST is stored. Returns the run and whether it is asked to stop."""
    row = statements.FIND_RUN.on(connection, entity=entity, project=project, run=run).first()
    role = role_in(actor, row) if row is not None else Role.NONE
    if role == Role.NONE:
        row, role = _renamed(connection, actor, entity, project, run)
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


def _renamed(connection: Connection, actor: Actor, entity: str, project: str, run: str,
             ) -> tuple[Row[Any] | None, Role]:
    """The run of a process that started before its project or entity got another name, which somebody may have now."""
    rows = statements.FIND_RENAMED_RUN.on(connection, entity=entity, project=project, run=run).all()
    return next(((row, role_in(actor, row)) for row in rows if role_in(actor, row) > Role.NONE), (None, Role.NONE))


def _state(row: Row[Any], post: Post) -> str:
    """Any POST shows that the run lives (docs/protocol/behaviours.md#run-states); `complete` that it has ended.

    One that comes late, after `complete`, revives nothing: to start a process upserts the run.
    """
    state = PREEMPTING if post.preempting or row.state == PREEMPTING else RUNNING
    if post.complete:
        return after_completion(state, post.exitcode, stopped=bool(row.stop_requested))
    return row.state if row.state in ENDED_STATES else state


def _write_extras(connection: Connection, run: int, post: Post, now: str) -> None:
    if post.summary is not None:
        statements.SET_SUMMARY.on(connection, run=run, text=post.summary, now=now)
    elif post.derived:
        summary = stored_object(statements.GET_SUMMARY.on(connection, run=run).scalar_one())
        statements.SET_SUMMARY.on(connection, run=run, text=dumps({**summary, **post.derived}), now=now)
    if post.system:
        metrics = stored_object(statements.GET_SYSTEM_METRICS.on(connection, run=run).scalar_one())
        statements.SET_SYSTEM_METRICS.on(connection, run=run, text=dumps({**metrics, **post.system}))
    if post.complete:
        statements.SET_EXITCODE.on(connection, run=run, exitcode=post.exitcode, now=now)


def _store(connection: Connection, run: int, stream: int, writer: str, packed: Packed) -> int:
    """Store a chunk at its lines. Returns by how many lines the stream grew."""
    found = statements.STREAM_HEAD.on(connection, run=run, stream=stream, writer=writer).first()
    head = found.lines if found is not None else 0
    sent = packed
    if found is not None and found.shift:
        packed = packed.moved(found.shift)
    if packed.first_line < 0:  # of the process before the one that now writes
        return _store_beside(connection, run, writer, sent)
    if stream == HISTORY and writer and packed.min_step is None:
        if packed.end <= head:
            return 0  # sent again: its rows have got their steps
        packed = _with_steps(connection, run, packed, head)
    if packed.first_line < head:
        chunks = _overlapping(connection, run, stream, writer, packed)
        if _is_there(chunks, packed):
            return 0
        ours = not writer or writer.startswith(_BESIDE)  # processes of a shared run number their lines each by itself
        if stream == HISTORY and ours and chunks and _is_of_another_process(chunks[0], packed):
            return _store_beside(connection, run, writer, sent)
        _cut(connection, run, stream, writer, packed, chunks)
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


def _overlapping(connection: Connection, run: int, stream: int, writer: str, packed: Packed) -> list[_Chunk]:
    rows = statements.OVERLAPPING_CHUNKS.on(
        connection, run=run, stream=stream, writer=writer, first=packed.first_line, last=packed.end)
    return [_Chunk(row.id, row.first_line, row.line_count, bytes(row.body)) for row in rows.all()]


def _cut(connection: Connection, run: int, stream: int, writer: str, packed: Packed, chunks: list[_Chunk]) -> None:
    """Cut what the new lines replace out of the chunks that are there; what is left of a long one is in pieces."""
    for chunk in chunks:
        statements.DELETE_CHUNK.on(connection, id=chunk.id)
        before = chunk.lines[:max(0, packed.first_line - chunk.first_line)]
        after = chunk.lines[max(0, packed.end - chunk.first_line):]
        for first, some in chain(pieces(chunk.first_line, before), pieces(packed.end, after)):
            insert(connection, run, stream, writer, pack(first, some, steps=stream == HISTORY))
    if stream == HISTORY:
        begin_generation(connection, run)


def _is_there(chunks: list[_Chunk], packed: Packed) -> bool:
    """Whether the lines came before: a retry sends the same bytes, and chunks may have been packed again since."""
    if len(chunks) == 1 and chunks[0].body == packed.body and chunks[0].first_line == packed.first_line:
        return True
    stored = [line for chunk in chunks
              for line in chunk.lines[max(0, packed.first_line - chunk.first_line):packed.end - chunk.first_line]]
    return stored == unpack(packed.body)


def _is_of_another_process(chunk: _Chunk, packed: Packed) -> bool:
    """Whether two rows under one number were logged at different moments: two processes have resumed the run."""
    at = max(chunk.first_line, packed.first_line)
    stored = row_of(chunk.lines[at - chunk.first_line]).get("_timestamp")
    sent = row_of(unpack(packed.body)[at - packed.first_line]).get("_timestamp")
    return stored is not None and sent is not None and stored != sent


def _store_beside(connection: Connection, run: int, writer: str, sent: Packed) -> int:
    """Rows whose lines another process has taken. No header can hold the name: it begins with a blank."""
    beside = f"{_BESIDE}{int(writer or 0) + 1}"
    if statements.STREAM_HEAD.on(connection, run=run, stream=HISTORY, writer=beside).first() is None:
        statements.SET_SHIFT.on(connection, run=run, writer=beside, shift=-sent.first_line)
    return _store(connection, run, HISTORY, beside, sent)


def _restart(connection: Connection, run: int, post: Post) -> None:
    """A process has started: what its first rows replace goes, and where they are stored is known from now on."""
    rows = [packed for stream, packed in post.chunks if stream == HISTORY]
    if not rows:
        return
    _make_room(connection, run, rows[0])
    head = statements.STREAM_HEAD.on(connection, run=run, stream=HISTORY, writer="").first()
    shift = (head.lines if head is not None else 0) - rows[0].first_line
    if shift or head is not None:
        statements.SET_SHIFT.on(connection, run=run, writer="", shift=shift)
    statements.CLEAR_RESTART.on(connection, run=run)


def _make_room(connection: Connection, run: int, packed: Packed) -> None:
    """The rows go that stand from this chunk's first step on. Without steps its line alone says that it starts over."""
    there = statements.RANGE_OF_STEPS.on(connection, run=run).one()
    first = packed.min_step
    with Session(connection, autoflush=False) as session:
        if first is None or there.low is None:
            if packed.first_line == 0:
                delete_all(session, session.get_one(RunRow, run))
        elif first <= there.low:
            delete_all(session, session.get_one(RunRow, run))
        elif first <= there.high:
            cut_after(session, session.get_one(RunRow, run), first - 1)
            statements.COUNT_HISTORY(session, run=run)
