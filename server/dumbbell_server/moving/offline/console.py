"""What a process wrote, as the lines that its terminal showed (docs/protocol/offline.md#console)."""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dumbbell_server.json_text import dumps

STDERR = 0
_HEIGHT = 32  # lines of a terminal, which a cursor does not leave
_MOST_LINES = 512  # in memory
_WIDTH = 4096  # characters that are kept of a line
_PIECES = re.compile(r"\n|\r|\x1b\[[AB]|[^\n\r\x1b]+|\x1b")
_NUMBER = "{:012d} "


@dataclass
class _Line:
    number: int
    moment: str
    characters: list[str] = field(default_factory=list)


@dataclass
class _Terminal:
    """A stream, and the lines of it that may still change."""

    path: Path
    lines: list[_Line | None] = field(default_factory=lambda: [None])
    row: int = 0
    column: int = 0


class Console:
    """Both streams, whose lines are numbered as they are begun. What cannot change any more goes to the disk."""

    def __init__(self, folder: Path) -> None:
        self._terminals = {stream: _Terminal(folder / f"console-{stream}") for stream in (False, True)}
        self._next = 0

    def write(self, text: str, moment: str, *, stderr: bool) -> None:
        """The stream goes on with this text."""
        terminal = self._terminals[stderr]
        for piece in _PIECES.findall(text):
            if piece == "\n":
                self._line(terminal, moment)
                _down(terminal)
                terminal.column = 0
            elif piece == "\r":
                terminal.column = 0
            elif piece == "\x1b[A":
                terminal.row = max(0, len(terminal.lines) - _HEIGHT, terminal.row - 1)
            elif piece == "\x1b[B":
                _down(terminal)
            else:
                _put(self._line(terminal, moment).characters, terminal.column, piece)
                terminal.column += len(piece)
        _keep_few(terminal)

    def _line(self, terminal: _Terminal, moment: str) -> _Line:
        line = terminal.lines[terminal.row]
        if line is None:
            line = terminal.lines[terminal.row] = _Line(self._next, moment)
            self._next += 1
        return line

    def finish(self) -> Iterator[tuple[str, str]]:
        """All lines in their order: as they are stored, and their text alone."""
        for terminal in self._terminals.values():
            _store(terminal, terminal.lines)
            terminal.lines = [None]
        streams = [_stored(terminal.path, stderr=stderr) for stderr, terminal in self._terminals.items()]
        for _, line, text in heapq.merge(*streams):
            yield line, text
        for terminal in self._terminals.values():
            terminal.path.unlink(missing_ok=True)


def _down(terminal: _Terminal) -> None:
    terminal.row += 1
    if terminal.row == len(terminal.lines):
        terminal.lines.append(None)


def _put(characters: list[str], column: int, text: str) -> None:
    if column < _WIDTH:
        characters.extend(" " * (column - len(characters)))
        characters[column:column + len(text)] = text
        del characters[_WIDTH:]


def _keep_few(terminal: _Terminal) -> None:
    if len(terminal.lines) > _MOST_LINES:
        surplus = len(terminal.lines) - _HEIGHT
        _store(terminal, terminal.lines[:surplus])
        del terminal.lines[:surplus]
        terminal.row = max(0, terminal.row - surplus)


def _store(terminal: _Terminal, lines: list[_Line | None]) -> None:
    with terminal.path.open("a", encoding="ascii") as file:
        for line in lines:
            if line is not None:
                file.write(f"{_NUMBER.format(line.number)}{dumps([line.moment, ''.join(line.characters)])}\n")


def _stored(path: Path, *, stderr: bool) -> Iterator[tuple[str, str, str]]:
    with path.open(encoding="ascii") as file:
        for stored in file:
            moment, text = json.loads(stored[len(_NUMBER.format(0)):])
            level = {"level": "error"} if stderr else {}
            yield stored[:len(_NUMBER.format(0))], dumps({**level, "ts": moment, "content": text}), text
