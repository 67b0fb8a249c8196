"""The log of a run, `run-ID.wandb`: records in chunks in blocks (docs/protocol/offline.md#the-log)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dumbbell_server.errors import BadInput

HEAD = b":W&B\xe1\xbe\x00"  # what it is, a magic number, the form's version
BLOCK = 32768
_CHUNK = struct.Struct("<IHB")  # checksum, length, kind
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_FOLLOWS = {_FULL: False, _FIRST: False, _MIDDLE: True, _LAST: True}  # whether a chunk goes on with a record
_MOST_BYTES = 256 << 20  # of a record: twice the longest config that is stored


@dataclass(frozen=True)
class Entry:
    """A record, and where in the file it begins."""

    offset: int
    data: bytes


def wrong(path: Path, offset: int, problem: object) -> BadInput:
    return BadInput(f"{path}, byte {offset}: {problem}")


def entries(path: Path) -> Iterator[Entry]:
    """The records, up to the last whole one: a process that was killed leaves half a one behind.

    BadInput, with the file and the place, for anything else that is no log.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(HEAD))
            if head != HEAD[:len(head)]:
                raise wrong(path, 0, "this is no log of wandb: it does not begin with ':W&B'")
            if len(head) == len(HEAD):
                yield from _joined(path, file)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None


def _joined(path: Path, file: BinaryIO) -> Iterator[Entry]:
    begun, parts, size = 0, list[bytes](), 0
    for at, kind, data in _chunks(path, file):
        if _FOLLOWS[kind] != bool(parts):
            raise wrong(path, at, "a record breaks off before it ends" if parts else
                        "the middle of a record stands where one should begin")
        begun = begun if parts else at
        parts.append(data)
        size += len(data)
        if size > _MOST_BYTES:
            raise wrong(path, begun, f"the record is longer than {_MOST_BYTES} bytes")
        if kind in {_FULL, _LAST}:
            yield Entry(begun, b"".join(parts))
            parts, size = [], 0


def _chunks(path: Path, file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Whole chunks: where they begin, their kind, their bytes."""
    at = len(HEAD)
    while True:
        left = BLOCK - at % BLOCK
        if left < _CHUNK.size:  # no chunk begins so near to the end of a block
            if any(file.read(left)):
                raise wrong(path, at, "the end of a block is not filled with zeros")
            at, left = at + left, BLOCK
        head = file.read(_CHUNK.size)
        if len(head) < _CHUNK.size or (not any(head) and _is_zero(file)):
            return
        checksum, length, kind = _CHUNK.unpack(head)
        if kind not in _FOLLOWS:
            raise wrong(path, at, f"a chunk of kind {kind} is not known; it is from {_FULL} to {_LAST}")
        if length > left - _CHUNK.size:
            raise wrong(path, at, f"a chunk says that it has {length} bytes, and its block has only "
                                  f"{left - _CHUNK.size} left")
        data = file.read(length)
        if len(data) < length:
            return
        if zlib.crc32(data, zlib.crc32(head[-1:])) != checksum:
            raise wrong(path, at, "the checksum of a chunk is wrong: the file is damaged")
        yield at, kind, data
        at += _CHUNK.size + length


def _is_zero(file: BinaryIO) -> bool:
    """Whether nothing but zeros follows, as a machine leaves it that lost its power."""
    return not any(any(piece) for piece in iter(lambda: file.read(BLOCK), b""))
