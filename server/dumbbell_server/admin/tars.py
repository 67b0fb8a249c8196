"""Folders as tar streams: made without one in memory, and taken apart without trust.

Only plain files and folders are in them. What comes is looked through before the first file is written, so that what is
refused leaves nothing.
"""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import Any, Self

from dumbbell_server.errors import BadInput, TooLarge
from dumbbell_server.json_text import storable

MEDIA_TYPE = "application/x-tar"
LEFT_OUT = "Dumbbell-Left-Out"  # header of an answer: what an export could not say
_CHUNK = 1 << 20  # bytes
_MOST_MEMBERS = 1_000_000
_LONGEST_PATH = 1024  # bytes
_LONGEST_PART = 255  # bytes between two slashes: what file systems take
_LONGEST_EXTENSION = 16 << 10  # bytes of a record about the next member, which is read into memory
_EXTENSIONS = frozenset({tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME,
                         tarfile.GNUTYPE_LONGLINK})
_FILES = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE})
_SHOWN = 80  # characters of a name in an error


def packed(path: Path) -> Iterator[bytes]:
    """The folder's files by their paths, or the one file: the same bytes each time, in chunks that are not empty."""
    if path.is_file():
        yield from _member(path, path.name)
    else:
        for found in sorted(each for each in path.rglob("*") if each.is_file()):
            yield from _member(found, found.relative_to(path).as_posix())
    yield bytes(2 * tarfile.BLOCKSIZE)


async def sent(chunks: Iterator[bytes], folder: AbstractContextManager[Any]) -> AsyncIterator[bytes]:
    """The chunks for a response; the folder that they are of is let go afterwards."""
    with folder:
        while chunk := await asyncio.to_thread(next, chunks, b""):
            yield chunk


def _member(path: Path, name: str) -> Iterator[bytes]:
    member = tarfile.TarInfo(name)
    member.size = left = path.stat().st_size
    member.mode = 0o600
    yield member.tobuf(tarfile.PAX_FORMAT)
    with path.open("rb") as file:
        while left:
            chunk = file.read(min(_CHUNK, left))
            if not chunk:
                raise OSError(f"{path} has become shorter while it was read")
            left -= len(chunk)
            yield chunk
    if member.size % tarfile.BLOCKSIZE:
        yield bytes(-member.size % tarfile.BLOCKSIZE)


def unpack(file: Path, folder: Path, limit: int) -> None:
    """What the tar file holds is in the folder. BadInput or TooLarge, and nothing written, where it is not to be."""
    _check(file, limit)
    with _opened(file) as tar:
        for member in _members(tar):
            target = folder / _path(member)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                _write(tar, member, target)


def _check(file: Path, limit: int) -> None:
    seen: dict[PurePosixPath, bool] = {}  # whether it is a folder
    size = 0
    with _opened(file) as tar:
        for member in _members(tar):
            path = _path(member)
            _check_place(seen, path, is_folder=member.isdir())
            size += member.size
            if size > limit:
                raise TooLarge(f"the tar stream holds more than {limit} bytes; see DUMBBELL_MAX_UPLOAD")
            if len(seen) > _MOST_MEMBERS:
                raise TooLarge(f"the tar stream holds more than {_MOST_MEMBERS} files and folders")
    if not seen:
        raise BadInput("the tar stream holds no file; send a folder with *.dumbbell.yaml or *.dumbbell.json in it")


def _check_place(seen: dict[PurePosixPath, bool], path: PurePosixPath, *, is_folder: bool) -> None:
    """No file twice, and none where a folder is."""
    if path in seen and not (is_folder and seen[path]):
        raise _wrong(str(path), "is there twice")
    for above in path.parents:
        if not seen.setdefault(above, True):
            raise _wrong(str(path), f"lies below {str(above)[:_SHOWN]!r}, which is a file")
    seen[path] = is_folder


def _path(member: tarfile.TarInfo) -> PurePosixPath:
    """Where a member goes below the folder. BadInput where that is elsewhere, or it is neither file nor folder."""
    name = member.name
    if member.type not in _FILES and not member.isdir():
        raise _wrong(name, "is a link, a device or the like; only files and folders are taken")
    if member.issparse():
        raise _wrong(name, "is a sparse file; pack it whole")
    if not storable(name) or any(ord(letter) < ord(" ") for letter in name) or "\\" in name:
        raise _wrong(name, "has a character in its name that is not taken")
    path = PurePosixPath(name)
    if name.startswith("/") or ".." in path.parts:
        raise _wrong(name, "does not lie in the folder; names are relative and without '..'")
    if len(name.encode()) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_PART for part in path.parts):
        raise _wrong(name, f"has a name of more than {_LONGEST_PATH} bytes, or {_LONGEST_PART} between two '/'")
    if not path.parts and not member.isdir():
        raise _wrong(name, "has no name")
    return path


def _wrong(name: str, what: str) -> BadInput:
    return BadInput(f"in the tar stream {name[:_SHOWN]!r} {what}")


class _Member(tarfile.TarInfo):
    """One whose record of a long name, or of more, is no longer than that takes: it is read into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        found = super().frombuf(buf, encoding, errors)
        if found.type in _EXTENSIONS and found.size > _LONGEST_EXTENSION:
            raise BadInput(f"the tar stream has a record of {found.size} bytes about a member; "
                           f"{_LONGEST_EXTENSION} are the most")
        return found


def _opened(file: Path) -> Any:
    try:
        return tarfile.open(file, "r:", tarinfo=_Member)
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise _no_tar(error) from None


def _members(tar: Any) -> Iterator[tarfile.TarInfo]:
    try:
        while (member := tar.next()) is not None:
            yield member
            tar.members.clear()  # else all of them stay in memory
        tar.fileobj.seek(tar.offset)
        if tar.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):  # it goes over a damaged head in silence
            raise BadInput("the tar stream ends too early, or is damaged")
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise _no_tar(error) from None


def _no_tar(error: Exception) -> BadInput:
    return BadInput(f"the body is no tar stream that can be read: {str(error)[:_SHOWN]}; it is uncompressed, "
                    "as `tar -c` writes it")


def _write(tar: Any, member: tarfile.TarInfo, target: Path) -> None:
    source = tar.extractfile(member)
    left = member.size
    with target.open("xb") as out:
        while left:
            chunk = source.read(min(_CHUNK, left))
            if not chunk:
                raise BadInput("the tar stream ends too early")
            out.write(chunk)
            left -= len(chunk)
