"""Protocol buffers, as far as logs need them: fields by their numbers, out of tables."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_DOUBLE, _FLOAT = struct.Struct("<d"), struct.Struct("<f")
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_VARINT = 10  # bytes
_BITS = 64


@dataclass(frozen=True)
class Kind:
    """How the value of a field is written, and what it is read as."""

    wire: int
    read: Callable[[Any], Any]


@dataclass(frozen=True)
class Message:
    """Fields by number: name, and a kind or a message; in a list where there may be several."""

    fields: Mapping[int, tuple[str, Any]]


def _signed(value: int) -> int:
    return value - (1 << _BITS) if value >> (_BITS - 1) else value


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError(f"a text is not UTF-8: {value[:40]!r}") from None


INT = Kind(_VARINT, _signed)
ZIGZAG = Kind(_VARINT, lambda value: (value >> 1) ^ -(value & 1))
BIG = Kind(_VARINT, str)  # 64 bits, which JSON of protocol buffers has as texts
BOOL = Kind(_VARINT, bool)
DOUBLE = Kind(_FIXED64, lambda value: _DOUBLE.unpack(value)[0])
FLOAT = Kind(_FIXED32, lambda value: _FLOAT.unpack(value)[0])
TEXT = Kind(_BYTES, _text)
BYTES = Kind(_BYTES, bytes)


def decode(data: bytes, message: Message) -> dict[str, Any]:
    """The fields of a message that the table knows. ValueError says what is wrong."""
    found: dict[str, Any] = {}
    for number, wire, value in fields(data):
        known = message.fields.get(number)
        if known is None:
            continue
        name, form = known
        several = isinstance(form, list)
        form = form[0] if several else form
        if wire != (_BYTES if isinstance(form, Message) else form.wire):
            raise ValueError(f"field {name} ({number}) is written as no such field is")
        read = decode(value, form) if isinstance(form, Message) else form.read(value)
        if several:
            found.setdefault(name, []).append(read)
        else:
            found[name] = read
    return found


def fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """Number, way of writing and raw value of each field."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in {_FIXED64, _FIXED32}:
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"field {number} is written in a way ({wire}) that is not known")
        if size > len(data) - at:
            raise ValueError(f"field {number} says that it has {size} bytes, and {len(data) - at} are left")
        yield number, wire, data[at:at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for position in range(at, min(at + _MOST_VARINT, len(data))):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the bit that says whether more follow
            return value & (1 << _BITS) - 1, position + 1
        shift += 7
    raise ValueError("a number breaks off")
