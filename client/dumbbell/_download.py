"""Bytes from a URL to a file: streamed, resumed where they were cut, checked, and in place only when whole."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import httpx2

from dumbbell._retry import DOWNLOAD_WINDOW, CutError, StatusError, retried
from dumbbell._transport import Transport
from dumbbell.errors import DigestError, UnsafePathError

PIECE = 1 << 20  # bytes read at a time
_PARTIAL = 206
_RANGE_REFUSED = 416
_FORBIDDEN = "\0"

Told = Callable[[int], object]  # is told of bytes as they come


def within(root: Path, name: str) -> Path:
    """The place of `name` under `root`. UnsafePathError if it would be anywhere else, by way of links too."""
    parts = name.replace("\\", "/").split("/") if os.name == "nt" else name.split("/")
    if _FORBIDDEN in name or Path(name).is_absolute() or Path(name).drive or ".." in parts or not any(
            part not in {"", "."} for part in parts):
        raise UnsafePathError(f"{name!r} is refused: it would be written outside of {root}")
    target = root.joinpath(*parts)
    if not target.parent.resolve().is_relative_to(root.resolve()):
        raise UnsafePathError(f"{name!r} is refused: a link leads it outside of {root}")
    return target


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """An open file that becomes `target` when the block ends well, and is gone when it does not."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.parent / f".dumbbell-{secrets.token_hex(8)}.part"
    try:
        with part.open("w+b") as file:
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


class _Body:
    """What has come so far of one file."""

    def __init__(self, transport: Transport, url: str, file: BinaryIO, told: Told) -> None:
        self._transport = transport
        self._url = url
        self._file = file
        self._told = told
        self._tag: str | None = None
        self.size = 0
        self.md5 = hashlib.md5(usedforsecurity=False)

    def restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._told(-self.size)
        self.size = 0
        self.md5 = hashlib.md5(usedforsecurity=False)

    def read(self) -> None:
        """One try: go on where the last one ended."""
        headers = {"Range": f"bytes={self.size}-"} if self.size else {}
        if self.size and self._tag:
            headers["If-Range"] = self._tag
        try:
            with self._transport.stream(self._url, headers) as answer:
                self._take(answer)
        except StatusError as error:
            if error.status != _RANGE_REFUSED or not self.size:
                raise
            self.restart()
            raise CutError("the server has fewer bytes than it sent before") from error

    def _take(self, answer: httpx2.Response) -> None:
        if self.size and not (answer.status_code == _PARTIAL
                              and answer.headers.get("content-range", "").startswith(f"bytes {self.size}-")):
            self.restart()
        tag = answer.headers.get("etag")
        self._tag = tag if tag and not tag.startswith("W/") else None
        for piece in answer.iter_bytes():
            self._file.write(piece)
            self.md5.update(piece)
            self.size += len(piece)
            self._told(len(piece))


def download(transport: Transport, url: str, file: BinaryIO, *, md5: str | None = None, size: int | None = None,
             told: Told = lambda _: None) -> None:
    """Fill an open file from a URL.

    Faults of the network are tried again for ten seconds without a byte of progress; what has come is kept.

    Args:
        transport: the way to the server.
        url: where the bytes are.
        file: open for reading and writing, empty.
        md5: base64 of the MD5 that the bytes must have.
        size: how many bytes there must be.
        told: is called with the number of bytes that came.

    Raises:
        DigestError: twice the bytes were not those that were asked for.
        CommError: they could not be had.
    """
    body = _Body(transport, url, file, told)
    for last in (False, True):
        _read_whole(transport, body)
        wrong = _wrong(body, md5, size)
        if wrong is None:
            return
        if last:
            raise DigestError(f"{url.partition('?')[0]}: {wrong}")
        body.restart()


def _wrong(body: _Body, md5: str | None, size: int | None) -> str | None:
    if size is not None and body.size != size:
        return f"{body.size} bytes came instead of {size}"
    found = base64.b64encode(body.md5.digest()).decode()
    return f"the bytes have MD5 {found} instead of {md5}" if md5 is not None and found != md5 else None


def _read_whole(transport: Transport, body: _Body) -> None:
    while True:
        before = body.size
        try:
            return retried(body.read, DOWNLOAD_WINDOW)
        except (StatusError, CutError, httpx2.HTTPError) as error:
            if body.size <= before or isinstance(error, StatusError):
                raise transport.told(error) from error


def md5_of(file: BinaryIO) -> Any:
    """The MD5 object of what is left to read of a file."""
    md5 = hashlib.md5(usedforsecurity=False)
    while piece := file.read(PIECE):
        md5.update(piece)
    return md5
