"""Console lines as pages, from the two forms in which clients send them (docs/protocol/http.md#console-lines)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
from sqlalchemy.orm import Session

from dumbbell_server.budget import current
from dumbbell_server.history import queries
from dumbbell_server.history.tables import CONSOLE

_PLAIN = re.compile(r"(ERROR )?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?) ?(.*)", re.DOTALL)


@dataclass(frozen=True)
class Line:
    number: int
    timestamp: str | None
    level: str | None
    label: str | None
    line: str


def parsed(number: int, text: str) -> Line:
    if text.startswith("{"):
        try:
            fields = orjson.loads(text)
        except orjson.JSONDecodeError:
            fields = None
        if isinstance(fields, dict) and isinstance(fields.get("content"), str):
            return Line(number, fields.get("ts"), fields.get("level"), fields.get("label"), fields["content"])
    match = _PLAIN.fullmatch(text)
    if match is None:
        return Line(number, None, None, None, text)
    return Line(number, match.group(2), "error" if match.group(1) else None, None, match.group(3))


def _numbered_chunks(session: Session, run_id: int) -> Iterator[tuple[int, int, int]]:
    """Chunks with the number of their first line and their length. Several writers follow each other as they came."""
    chunks = queries.chunks(session, run_id, CONSOLE)
    if len({chunk.writer for chunk in chunks}) <= 1:
        for chunk in chunks:
            yield chunk.id, chunk.first_line, chunk.line_count
        return
    number = 0
    for chunk in sorted(chunks, key=lambda chunk: chunk.id):
        yield chunk.id, number, chunk.line_count
        number += chunk.line_count


def forward(session: Session, run_id: int, start: int, limit: int) -> list[Line]:
    """Up to `limit` lines from number `start` on."""
    lines: list[Line] = []
    size = 0
    for chunk, first, count in _numbered_chunks(session, run_id):
        if first + count <= start or len(lines) >= limit:
            continue
        for offset, text in enumerate(queries.lines_of(session, chunk)):
            if first + offset >= start and len(lines) < limit:
                lines.append(parsed(first + offset, text))
                size += len(text)
        current().expect_text(size)
    return lines


def tail(session: Session, run_id: int, count: int) -> list[Line]:
    """The last `count` lines, in ascending order."""
    lines: list[Line] = []
    size = 0
    for chunk, first, _ in reversed(list(_numbered_chunks(session, run_id))):
        if len(lines) >= count:
            break
        texts = queries.lines_of(session, chunk)
        lines = [parsed(first + offset, text) for offset, text in enumerate(texts)] + lines
        size += sum(map(len, texts))
        current().expect_text(size)
    return lines[-count:] if count else []
