"""A file stream POST, read and checked (docs/protocol/http.md#file-stream)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dumbbell_server.errors import BadInput
from dumbbell_server.history.packing import Packed, pack, pieces, row_of
from dumbbell_server.history.tables import CONSOLE, EVENTS, HISTORY
from dumbbell_server.json_text import MOST_LEVELS, check_values, checked_object, loads, nested_too_deeply

_STREAMS = {"wandb-history.jsonl": HISTORY, "wandb-events.jsonl": EVENTS, "output.log": CONSOLE}
_SUMMARY = "wandb-summary.json"
_MOST_LINES = 2**31 - 1  # counts of lines are GraphQL Ints


@dataclass
class Post:
    """What one POST asks for."""

    chunks: list[tuple[int, Packed]] = field(default_factory=list)  # by stream
    summary: str | None = None
    derived: dict[str, Any] = field(default_factory=dict)  # summary keys folded from the history rows
    system: dict[str, Any] = field(default_factory=dict)  # last system metrics
    complete: bool = False
    exitcode: int = 0
    preempting: bool = False


def read_post(body: dict[str, Any], *, derive_summary: bool) -> Post:
    """The checked POST. BadInput names the file and what is wrong."""
    post = Post(complete=body.get("complete") is True, preempting=body.get("preempting") is True)
    code = body.get("exitcode")
    if code is not None and (not isinstance(code, int) or isinstance(code, bool) or abs(code) >= 2**31):
        raise BadInput(f"exitcode must be a whole number of 32 bits, not {str(code)[:40]!r}")
    post.exitcode = code or 0
    files = body.get("files") or {}
    if not isinstance(files, dict):
        raise BadInput("files must be an object of file names")
    for name, file in files.items():
        if not isinstance(file, dict):
            raise BadInput(f"files: {name[:80]!r} must be an object with offset and content")
        offset, lines = file.get("offset", 0), file.get("content")
        _check_file(name, offset, lines)
        if name == _SUMMARY and lines:
            post.summary = lines[-1]
            checked_object(lines[-1], _SUMMARY)
        elif name in _STREAMS and lines:
            _add_chunk(post, _STREAMS[name], offset, lines, derive_summary=derive_summary)
    return post


def _check_file(name: str, offset: Any, lines: Any) -> None:
    if not isinstance(offset, int) or isinstance(offset, bool) or not 0 <= offset < _MOST_LINES:
        raise BadInput(f"files: {name[:80]!r} has offset {str(offset)[:40]!r}; it is a line number from 0")
    if isinstance(lines, list) and offset + len(lines) > _MOST_LINES:
        raise BadInput(f"files: {name[:80]!r} would reach beyond line {_MOST_LINES}")
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise BadInput(f"files: content of {name[:80]!r} must be a list of strings")


def _add_chunk(post: Post, stream: int, offset: int, lines: list[str], *, derive_summary: bool) -> None:
    # a line break inside would shift the numbers of all lines after it
    lines = [line.replace("\n", " ") if "\n" in line else line for line in lines]
    if stream != CONSOLE:
        _check_levels(lines)
        for line in {lines[0], lines[-1]}:  # the rest is parsed by reads: all here would double the cost
            if not isinstance(_loaded(line), dict):
                raise BadInput("a line of the history or of the system metrics is not a JSON object: "
                               f"{line[:80]!r}")
    for first, some in pieces(offset, lines):
        post.chunks.append((stream, pack(first, some, steps=stream == HISTORY)))
    if stream == EVENTS:
        for line in lines:
            post.system.update({key: value for key, value in row_of(line).items() if key != "_wandb"})
    if stream == HISTORY and derive_summary:
        for line in lines:
            post.derived.update(row_of(line))


def _check_levels(lines: list[str]) -> None:
    """A look at all brackets at once: flat rows have one each."""
    text = "".join(lines)
    if text.count("[") + text.count("{") - len(lines) >= MOST_LEVELS:
        deep = next(filter(nested_too_deeply, lines), None)
        if deep is not None:
            raise BadInput(f"a row is nested more than {MOST_LEVELS} levels deep: {deep[:80]!r}")


def _loaded(line: str) -> Any:
    check_values(line, "a line of the history or of the system metrics")
    try:
        return loads(line)
    except ValueError:
        return None
