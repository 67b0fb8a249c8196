"""Bytes from a URL to a file: streamed, resumed where they were cut, checked, and in place only when whole."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import httpx2

from dumbbell._pieces import PIECE, pieces
from dumbbell._retry import DOWNLOAD_WINDOW, CutError, StatusError
from dumbbell._transport import Transport
from dumbbell.errors import CommError, DigestError, UnsafePathError

_LONG = 8 << 20  # bytes after which the digest is computed in a thread
_WAITING = 16  # pieces that may wait for it
_PARTIAL = 206
_RANGE_REFUSED = 416
_FORBIDDEN = "\0"

Told = Callable[[int], object]  # is told of bytes as they come


def within(root: Path, name: str) -> Path:
    """The place of `name` under `root`. UnsafePathError if it would be anywhere else, by way of links too."""
    return Within(root).place(name)


class Within:
    """Places under a folder; each folder on the way is looked at once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._real = root.resolve()
        self._safe: dict[str, bool] = {}

    def place(self, name: str) -> Path:
        """The place of `name`. UnsafePathError if it is not under the folder."""
        parts = name.replace("\\", "/").split("/") if os.name == "nt" else name.split("/")
        if (_FORBIDDEN in name or ".." in parts or name.startswith("/") or Path(name).drive
                or not any(part not in {"", "."} for part in parts)):
            raise UnsafePathError(f"{name!r} is refused: it would be written outside of {self._root}")
        target = self._root.joinpath(*parts)
        folder = "/".join(parts[:-1])
        if folder not in self._safe:
            self._safe[folder] = target.parent.resolve().is_relative_to(self._real)
        if not self._safe[folder]:
            raise UnsafePathError(f"{name!r} is refused: a link leads it outside of {self._root}")
        return target


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """An open file that becomes `target` when the block ends well, and is gone when it does not."""
    folder = os.path.dirname(target)  # noqa: PTH120 - an artifact has thousands of files, and a Path is slow
    part = f"{folder or '.'}/.dumbbell-{secrets.token_hex(8)}.part"
    with _made(part, folder) as file:
        try:
            yield file
            file.close()
            os.replace(part, target)  # noqa: PTH105
        except BaseException:
            file.close()
            os.unlink(part)  # noqa: PTH108
            raise


def _made(part: str, folder: str) -> BinaryIO:
    try:
        return open(part, "w+b", buffering=0)  # noqa: PTH123 - pieces are large; `replacing` closes it
    except FileNotFoundError:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        return open(part, "w+b", buffering=0)  # noqa: PTH123


class _Digest:
    """The MD5 of a body; of a long one it is made beside reading, as hashlib leaves the interpreter to others."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._beside: ThreadPoolExecutor | None = None
        self._waiting: deque[Future[None]] = deque()
        self._size = 0

    def update(self, piece: bytes | bytearray) -> None:
        self._size += len(piece)
        if self._size <= _LONG:
            self._md5.update(piece)
            return
        if self._beside is None:
            self._beside = ThreadPoolExecutor(1, thread_name_prefix="dumbbell-md5")
        self._waiting.append(self._beside.submit(self._md5.update, piece))
        if len(self._waiting) > _WAITING:
            self._waiting.popleft().result()

    def text(self) -> str:
        """Base64 of the digest of all so far."""
        while self._waiting:
            self._waiting.popleft().result()
        if self._beside is not None:
            self._beside.shutdown()
            self._beside = None
        return base64.b64encode(self._md5.digest()).decode()


class _Body:
    """What has come so far of one file."""

    def __init__(self, transport: Transport, url: str, file: BinaryIO, told: Told,
                 second: BinaryIO | None) -> None:
        self._transport = transport
        self._url = url
        self._files = [file] if second is None else [file, second]
        self._told = told
        self._tag: str | None = None
        self.size = 0
        self.digest = _Digest()

    def restart(self) -> None:
        self.digest.text()
        for file in self._files:
            file.seek(0)
            file.truncate()
        self._told(-self.size)
        self.size = 0
        self.digest = _Digest()

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
        for piece in pieces(answer):
            for file in self._files:
                rest = memoryview(piece)
                while rest:
                    rest = rest[file.write(rest):]
            self.digest.update(piece)
            self.size += len(piece)
            self._told(len(piece))


def download(transport: Transport, url: str, file: BinaryIO, *, md5: str | None = None, size: int | None = None,
             told: Told = lambda _: None, second: BinaryIO | None = None) -> None:
    """Fill an open file from a URL.

    Faults of the network are tried again for ten seconds without a byte of progress; what has come is kept.

    Args:
        transport: the way to the server.
        url: where the bytes are.
        file: open for reading and writing, empty.
        md5: base64 of the MD5 that the bytes must have.
        size: how many bytes there must be.
        told: is called with the number of bytes that came.
        second: another open file, which is filled with the same.

    Raises:
        DigestError: twice the bytes were not those that were asked for.
        CommError: they could not be had.
    """
    body = _Body(transport, url, file, told, second)
    try:
        for last in (False, True):
            _read_whole(transport, body)
            wrong = _wrong(body, md5, size)
            if wrong is None:
                return
            if last:
                raise DigestError(f"{url.partition('?')[0]}: {wrong}")
            body.restart()
    finally:
        body.digest.text()  # its thread ends


def _wrong(body: _Body, md5: str | None, size: int | None) -> str | None:
    if size is not None and body.size != size:
        return f"{body.size} bytes came instead of {size}"
    found = body.digest.text() if md5 is not None else None
    return f"the bytes have MD5 {found} instead of {md5}" if md5 is not None and found != md5 else None


def _read_whole(transport: Transport, body: _Body) -> None:
    while True:
        before = body.size
        try:
            return transport.attempt(body.read, DOWNLOAD_WINDOW)
        except CommError as error:
            if body.size <= before or isinstance(error.exc, StatusError):
                raise


def md5_of(file: BinaryIO) -> Any:
    """The MD5 object of what is left to read of a file."""
    md5 = hashlib.md5(usedforsecurity=False)
    while piece := file.read(PIECE):
        md5.update(piece)
    return md5
