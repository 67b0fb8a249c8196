"""Logs of offline runs, written as wandb writes them (docs/protocol/offline.md)."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dumbbell_server.moving.offline import wire
from dumbbell_server.moving.offline.messages import RECORD
from dumbbell_server.moving.offline.wire import Kind, Message

HEAD = b":W&B\xe1\xbe\x00"
BLOCK = 32768
START = 1_790_000_000

Record = Mapping[str, Any]


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def encode(values: Record, message: Message) -> bytes:
    """The message with these fields, by the names of the table."""
    forms: dict[str, tuple[int, Any]] = {}
    for number, (name, form) in message.fields.items():
        forms.setdefault(name, (number, form))
    out = b""
    for name, value in values.items():
        number, form = forms[name]
        for one in value if isinstance(form, list) else [value]:
            out += _field(number, form[0] if isinstance(form, list) else form, one)
    return out


def _field(number: int, form: Kind | Message, value: Any) -> bytes:
    if isinstance(form, Message):
        return _bytes(number, encode(value, form))
    if form in {wire.TEXT, wire.BYTES}:
        return _bytes(number, value if isinstance(value, bytes) else value.encode())
    if form is wire.DOUBLE:
        return varint(number << 3 | 1) + struct.pack("<d", value)
    number_of = (value << 1) ^ (value >> 63) if form is wire.ZIGZAG else int(value)
    return varint(number << 3) + varint(number_of)


def _bytes(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def chunk(kind: int, data: bytes) -> bytes:
    return struct.pack("<IHB", zlib.crc32(data, zlib.crc32(bytes([kind]))), len(data), kind) + data


def log_of(bodies: Iterable[bytes]) -> bytes:
    """A whole log: records in chunks, blocks filled."""
    out = bytearray(HEAD)
    for body in bodies:
        left, first = body, True
        while True:
            room = BLOCK - len(out) % BLOCK
            if room < 7:
                out += bytes(room)
                room = BLOCK
            piece, left = left[:room - 7], left[room - 7:]
            kind = (1 if first else 4) if not left else (2 if first else 3)
            out += chunk(kind, piece)
            first = False
            if not left:
                break
    return bytes(out)


def item(key: str | Sequence[str], value: Any) -> Record:
    name = {"key": key} if isinstance(key, str) else {"nested_key": list(key)}
    return {**name, "value_json": json.dumps(value)}


def run_record(run_id: str = "made", **more: Any) -> Record:
    return {"run": {"run_id": run_id, "project": "offline", "start_time": {"seconds": START}, **more}}


def row(step: int, **values: Any) -> Record:
    items = [item(key, value) for key, value in {**values, "_step": step, "_timestamp": START + step}.items()]
    return {"history": {"item": items, "step": {"num": step}}}


def output(text: str, *, stderr: bool = False, second: int = 0) -> Record:
    return {"output": {"output_type": 0 if stderr else 1, "timestamp": {"seconds": START + second}, "line": text}}


HEADER: Record = {"header": {"version_info": {"producer": "0.31.0"}}}
EXIT: Record = {"exit": {"exit_code": 0}}


def write_run(above: Path, records: Iterable[Record], run_id: str = "made", stamp: str = "20260920_101010",
              files: Mapping[str, bytes] | None = None) -> Path:
    """The folder of an offline run, with a log of these records."""
    folder = above / f"offline-run-{stamp}-{run_id}"
    (folder / "files").mkdir(parents=True)
    (folder / f"run-{run_id}.wandb").write_bytes(log_of(encode(record, RECORD) for record in records))
    for name, data in (files or {}).items():
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
