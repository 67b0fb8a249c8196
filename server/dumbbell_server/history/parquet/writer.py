"""A process that writes Parquet files from columns: its half, which imports nothing of ours, and the server's half.

What goes to it: a line of JSON that names a file and its columns; then for each group of rows a line of JSON with the
kind, count and length of each column's body, and the bodies; an empty line at the end. What comes back: a line of JSON
with an error or without, and whether the rows would come back from the file as they were logged.

A column of doubles may hold numbers that were logged as ints. The file names it in its metadata, under `dumbbell.ints`;
then each number without a fraction in it is one, so that a reader can give it back as it was.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

_EXACT = 2**53  # beyond, a double is not every int
_IDLE = 10.0  # seconds after which the process is ended: it holds memory


class File:
    """A file that is being written."""

    def __init__(self, out: IO[bytes], types: dict[str, str]) -> None:
        self._out, self._types = out, types
        self.same = False  # whether rows come back as they were logged; known once it is whole

    def add(self, rows: int, columns: dict[str, tuple[str, int, bytes]]) -> None:
        """Rows as kind, count and body of each column."""
        heads = [[name, columns[name][0], columns[name][1], len(columns[name][2])] for name in self._types]
        self._out.write(json.dumps({"rows": rows, "columns": heads}).encode() + b"\n")
        for name in self._types:
            self._out.write(columns[name][2])


class Writer:
    def __init__(self) -> None:
        self.able = importlib.util.find_spec("pyarrow") is not None
        self._process: subprocess.Popen[bytes] | None = None
        self._used = 0.0
        self._stopped = False
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def file(self, path: Path, types: dict[str, str]) -> Iterator[File]:
        """Whole on leaving, else RuntimeError."""
        process = self._running()
        assert process.stdin is not None  # noqa: S101 - a pipe
        assert process.stdout is not None  # noqa: S101 - a pipe
        try:
            process.stdin.write(json.dumps({"path": str(path), "types": types}).encode() + b"\n")
            file = File(process.stdin, types)
            yield file
            process.stdin.write(b"\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BaseException:
            self._end()
            raise
        self._used = time.monotonic()
        found: dict[str, Any] = json.loads(answer) if answer else {"error": "it has ended"}
        if found["error"] is not None:
            self._end()
            raise RuntimeError(f"no Parquet file was written: {found['error']}")
        file.same = found["same"]

    def rest(self) -> None:
        """End the process if there was nothing for it for a while."""
        if self._process is not None and time.monotonic() - self._used > _IDLE:
            self._end()

    def stop(self) -> None:
        """For good, and at once: a file that is being written is an error."""
        self._stopped = True
        self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise RuntimeError("no Parquet file was written: the server stops")
            if self._process is None:
                self._process = subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.PIPE,  # noqa: S603
                                                 stdout=subprocess.PIPE)
            return self._process

    def _end(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):  # what was not sent is not missed
                    pipe.close()  # type: ignore[union-attr]
            process.wait()


def _values(pa: Any, kind: str, count: int, body: bytes, arrow_type: Any) -> Any:
    """A column of a group as an Arrow array of this type."""
    if kind == "j":
        return pa.array(json.loads(_decompressed(body)), arrow_type)
    if kind == "r":
        start, stride = json.loads(body)
        body = array("q", range(start, start + stride * count, stride)).tobytes()
    stored = pa.int64() if kind in {"q", "r"} else pa.float64()
    values = pa.Array.from_buffers(stored, count, [None, pa.py_buffer(body[:8 * count])])
    return values if stored == arrow_type else values.cast(arrow_type, safe=False)


class _Whole:
    """Which doubles without a fraction were logged as ints, column by column."""

    def __init__(self) -> None:
        self.ints: set[str] = set()
        self.floats: set[str] = set()

    def see(self, pc: Any, name: str, kind: str, values: Any, body: bytes) -> None:
        """The values of a group's column, of doubles, and the body that they were made of."""
        if kind == "r":
            ints = len(values) if pc.max(pc.abs(values)).as_py() <= _EXACT else 0
        else:
            ints = body.count(1, 8 * len(values)) if kind == "m" else 0
        if ints:
            self.ints.add(name)
        whole = pc.and_(pc.is_finite(values), pc.equal(values, pc.floor(values)))
        if pc.sum(whole).as_py() > ints:
            self.floats.add(name)


def _decompressed(body: bytes) -> bytes:
    import zstandard  # noqa: PLC0415 - few runs log texts

    return zstandard.decompress(body)


def _write(head: dict[str, Any], source: IO[bytes]) -> bool:
    """Write a file. Whether its rows come back from it as they were logged."""
    import pyarrow as pa  # noqa: PLC0415 - only this process pays for it
    import pyarrow.compute as pc  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    types = {"int64": pa.int64(), "double": pa.float64(), "string": pa.string(), "bool": pa.bool_()}
    schema = pa.schema([(name, types[kind]) for name, kind in head["types"].items()])
    texts = [name for name, kind in head["types"].items() if kind == "string"]
    whole = _Whole()
    with pq.ParquetWriter(head["path"], schema, compression="zstd", use_dictionary=texts) as writer:
        while (line := source.readline().strip()):
            columns = []
            for name, kind, count, length in json.loads(line)["columns"]:
                body = source.read(length)
                columns.append(_values(pa, kind, count, body, schema.field(name).type))
                if head["types"][name] == "double":
                    whole.see(pc, name, kind, columns[-1], body)
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
        writer.add_key_value_metadata({"dumbbell.ints": json.dumps(sorted(whole.ints))})
    return not whole.ints & whole.floats


def main() -> None:
    source, out = sys.stdin.buffer, sys.stdout.buffer
    while (line := source.readline()):
        try:
            answer: dict[str, Any] = {"error": None, "same": _write(json.loads(line), source)}
        except Exception as reason:  # noqa: BLE001 - the server's half raises it again, and uses the pipe no more
            answer = {"error": f"{type(reason).__name__}: {reason}"}
        out.write(json.dumps(answer).encode() + b"\n")
        out.flush()
        if answer["error"] is not None:
            return


if __name__ == "__main__":
    main()
