"""Lines to compressed text and back, and the steps in them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from operator import le
from typing import Any

import zstandard

from dumbbell_server.errors import Damaged
from dumbbell_server.json_text import loads

CHUNK_LINES, _CHUNK_BYTES = 1000, 1 << 20  # of a chunk that is packed again

_PIECE_LINES, _PIECE_SIZE = 2000, 4 << 20  # lines and characters of what comes at once, in a chunk

_DIGITS = 18  # of a step
# A nested "_step" is found too, which only makes a chunk's range wider than need be.
_STEP = re.compile(rf'"_step"\s*:\s*(-?\d{{1,{_DIGITS}}})(?![\deE])(?!\.0*[1-9eE])')
_local = threading.local()


@dataclass(frozen=True)
class Packed:
    first_line: int
    line_count: int
    min_step: int | None
    max_step: int | None
    ordered: bool
    body: bytes

    @property
    def end(self) -> int:
        return self.first_line + self.line_count

    def moved(self, lines: int) -> Packed:
        """The same with other numbers of lines."""
        return replace(self, first_line=self.first_line + lines)


def pack(first_line: int, lines: list[str], *, steps: bool) -> Packed:
    """Lines that hold no line break, compressed; with their range of steps where the stream has them."""
    text = "\n".join(lines)
    found, ordered = _steps(lines) if steps else ([], False)
    return Packed(first_line, len(lines), min(found, default=None), max(found, default=None), ordered,
                  _compressor().compress(text.encode("utf-8", "surrogatepass")))


def pieces(first_line: int, lines: list[str], most: int = _PIECE_LINES, longest: int = _PIECE_SIZE,
           ) -> Iterator[tuple[int, list[str]]]:
    """Lines that came at once in pieces of a bounded size: what later replaces one of them packs its piece again."""
    if len(lines) <= most and sum(map(len, lines)) <= longest:
        if lines:
            yield first_line, lines
        return
    some: list[str] = []
    size = 0
    for line in lines:
        if some and (len(some) == most or size + len(line) > longest):
            yield first_line, some
            first_line += len(some)
            some, size = [], 0
        some.append(line)
        size += len(line)
    yield first_line, some


def repacked(first_line: int, lines: list[str]) -> list[Packed]:
    """Rows from a line on, as chunks of a size that pages are read from well."""
    return [pack(first, some, steps=True) for first, some in pieces(first_line, lines, CHUNK_LINES, _CHUNK_BYTES)]


def _steps(lines: list[str]) -> tuple[list[int], bool]:
    """The steps in lines, and whether each line has one that is not lower than the one before."""
    found: list[int] = []
    for line in lines:
        at = line.find('"_step"')
        match = _STEP.match(line, at) if at >= 0 and line.find('"_step"', at + 7) < 0 else None
        if match is None:
            return [step for line in lines if (step := step_in(line)) is not None], False
        found.append(int(match[1]))
    return found, all(map(le, found, islice(found, 1, None)))


def unpack(body: bytes, count: int | None = None) -> list[str]:
    """The lines of a chunk. Damaged where the bytes are not what `pack` made, or not of `count` lines."""
    try:
        lines = decompressed(body).decode("utf-8", "surrogatepass").split("\n")
    except UnicodeDecodeError as error:
        raise damaged(error) from error
    if count is not None and len(lines) != count:
        raise damaged(f"a chunk has {len(lines)} lines, not {count}")
    return lines


def decompressed(body: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompress(body)
    except zstandard.ZstdError as error:
        raise damaged(error) from error


def damaged(reason: object) -> Damaged:
    return Damaged(f"rows of this history are damaged on the disk of the server, and cannot be read: {reason}")


def size_of(body: bytes) -> int:
    """How many bytes a body was, without decompressing it; 0 where it does not say."""
    return max(0, zstandard.frame_content_size(body))


def _compressor() -> zstandard.ZstdCompressor:
    made: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if made is None:
        made = _local.compressor = zstandard.ZstdCompressor(level=1)
    return made


def row_of(line: str) -> dict[str, Any]:
    """A history row; a line that is none is an empty one."""
    try:
        row = loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def step_in(line: str) -> int | None:
    """The step of a row, read without parsing it where only one place can hold it: a third of the cost."""
    if line.count('"_step"') == 1:
        match = _STEP.search(line)
        if match is not None:
            return int(match.group(1))
    return step_of(row_of(line))


def are_ordered(steps: Sequence[Any]) -> bool:
    """Whether these values of `_step` are steps as they are, and none is lower than the one before."""
    return (set(map(type, steps)) <= {int} and all(map(le, steps, islice(steps, 1, None)))
            and (not steps or -10**_DIGITS < steps[0] <= steps[-1] < 10**_DIGITS))


def step_of(row: dict[str, Any]) -> int | None:
    """The step of a row; None without one, and for what is none: more digits would not fit into the database."""
    step = row.get("_step")
    if isinstance(step, float) and step.is_integer() and abs(step) < 2**53:
        return int(step)
    return step if isinstance(step, int) and not isinstance(step, bool) and abs(step) < 10**_DIGITS else None
