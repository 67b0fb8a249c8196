"""Protocol buffers, as far as logs need them: fields by their numbers, out of tables."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

_DOUBLE, _FLOAT = struct.Struct("<d"), struct.Struct("<f")
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}  # bytes
_MOST_VARINT = 10  # bytes
_ONE_BYTE = 0x7F  # the highest number of one byte
_MORE = 0x80  # the bit that says whether more follow
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
    # by the number with the way of writing, as it stands before a field: name, whether there may be several, reader
    plan: dict[int, tuple[str, bool, Callable[[Any], Any]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        plan: dict[int, tuple[str, bool, Callable[[Any], Any]]] = {}
        for number, (name, form) in self.fields.items():
            several = isinstance(form, list)
            one = form[0] if several else form
            wire, read = (_BYTES, partial(decode, message=one)) if isinstance(one, Message) else (one.wire, one.read)
            plan[number << 3 | wire] = name, several, read
        object.__setattr__(self, "plan", plan)


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
    plan = message.plan
    for key, value in _written(data):
        known = plan.get(key)
        if known is None:
            if key >> 3 in message.fields:
                raise ValueError(f"field {message.fields[key >> 3][0]} ({key >> 3}) is written as no such field is")
            continue
        name, several, read = known
        if not several:
            found[name] = read(value)
        elif name in found:
            found[name].append(read(value))
        else:
            found[name] = [read(value)]
    return found


def fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """Number, way of writing and raw value of each field."""
    return ((key >> 3, key & 7, value) for key, value in _written(data))


def _written(data: bytes) -> Iterator[tuple[int, Any]]:
    """What stands before each field, and its raw value. Most of the time goes here: a log has a million fields."""
    at, end = 0, len(data)
    while at < end:
        key = data[at]
        at += 1
        if key > _ONE_BYTE:
            key, at = _varint(data, at - 1)
        wire = key & 7
        if wire == _BYTES:
            size = data[at] if at < end else _MORE
            at += 1
            if size > _ONE_BYTE:
                size, at = _varint(data, at - 1)
        elif wire == _VARINT:
            value, at = _varint(data, at)
            yield key, value
            continue
        elif wire in _FIXED:
            size = _FIXED[wire]
        else:
            raise ValueError(f"field {key >> 3} is written in a way ({wire}) that is not known")
        if size > end - at:
            raise ValueError(f"field {key >> 3} says that it has {size} bytes, and {end - at} are left")
        yield key, data[at:at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for position in range(at, min(at + _MOST_VARINT, len(data))):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte <= _ONE_BYTE:
            return value & (1 << _BITS) - 1, position + 1
        shift += 7
    raise ValueError("a number breaks off")
