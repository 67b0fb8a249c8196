"""What a power cut and a full disk leave of stored files."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from dumbbell_server.blobs.folder import FolderBlobs
from dumbbell_server.errors import DumbbellError, StorageFull, StorageUnavailable
from support.blob_stores import read, receive

KEY = "files/ab/abcd"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Renames and syncs, in their order, each with the file that it was about."""
    found: list[tuple[str, str]] = []
    rename, fsync = os.rename, os.fsync

    def renaming(source: str, target: str) -> None:
        rename(source, target)
        found.append(("rename", target))

    def syncing(descriptor: int) -> None:
        fsync(descriptor)
        found.append(("sync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))

    monkeypatch.setattr(os, "rename", renaming)
    monkeypatch.setattr(os, "fsync", syncing)
    return found


def stored(blobs: FolderBlobs, key: str) -> None:
    asyncio.run(blobs.commit(receive(blobs, b"some"), key))


@pytest.mark.parametrize("put", [stored, lambda blobs, key: blobs.store(key, b"some")])
def test_file_and_folder_are_on_the_disk_when_it_returns(tmp_path: Path, calls: list[tuple[str, str]],
                                                         put: Callable[[FolderBlobs, str], None]) -> None:
    blobs = FolderBlobs(tmp_path, durable=True)
    assert calls == [("sync", str(tmp_path.parent)), ("sync", str(tmp_path.parent.parent))]
    calls.clear()
    put(blobs, KEY)
    file = f"{tmp_path}/{KEY}"
    folder, above, top = (str(path) for path in list(Path(file).parents)[:3])
    assert calls == [("sync", above), ("sync", top), ("rename", file), ("sync", file), ("sync", folder)]
    calls.clear()
    put(blobs, f"{KEY}2")
    assert calls == [("rename", f"{file}2"), ("sync", f"{file}2"), ("sync", folder)]
    again = FolderBlobs(tmp_path, durable=True)
    calls.clear()
    put(again, f"{KEY}3")  # after a crash nobody knows which folders were synced
    assert calls[:2] == [("sync", above), ("sync", top)]


def test_nothing_is_synced_where_a_power_cut_may_lose_it(tmp_path: Path, calls: list[tuple[str, str]]) -> None:
    blobs = FolderBlobs(tmp_path, durable=False)
    stored(blobs, KEY)
    assert calls == [("rename", f"{tmp_path}/{KEY}")]


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))
    return fail


class Full(FileIO):
    """A file that takes nothing."""

    number = errno.ENOSPC

    def write(self, _data: Any, /) -> int:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize(("number", "refusal", "status"), [
    (errno.ENOSPC, StorageFull, 507), (errno.EDQUOT, StorageFull, 507),
    (errno.EIO, StorageUnavailable, 503), (errno.EROFS, StorageUnavailable, 503),
    (errno.EMFILE, StorageUnavailable, 503)])
@pytest.mark.parametrize("call", ["os.rename", "os.fsync", "os.makedirs"])
def test_a_device_that_fails_is_a_refusal_that_leaves_nothing(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, refusal: type[DumbbellError],
        status: int) -> None:
    blobs = FolderBlobs(tmp_path, durable=True)
    monkeypatch.setattr(f"dumbbell_server.blobs.folder.{call}", failing(number))
    with pytest.raises(refusal, match="send this again") as caught:
        blobs.store(KEY, b"some")
    assert caught.value.status == status
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_an_upload_that_finds_no_room_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                     number: int) -> None:
    blobs = FolderBlobs(tmp_path, durable=True)
    monkeypatch.setattr("dumbbell_server.blobs.folder.FileIO", Full)
    monkeypatch.setattr(Full, "number", number)
    with pytest.raises(DumbbellError, match="send this again"):
        receive(blobs, b"some")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_is_not_there_is_no_failure_of_the_device(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path, durable=True)
    with pytest.raises(FileNotFoundError):
        blobs.load(KEY)
    with pytest.raises(FileNotFoundError):
        read(blobs, KEY, 0, 1)


def test_a_file_whose_sync_fails_is_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = FolderBlobs(tmp_path, durable=True)
    blobs.store(KEY, b"before")
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(StorageUnavailable):
        blobs.store(f"{KEY}2", b"some")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["abcd"]


def test_bytes_that_cannot_be_removed_are_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = FolderBlobs(tmp_path, durable=True)
    blobs.store(KEY, b"some")
    monkeypatch.setattr(os, "unlink", failing(errno.EIO))
    with pytest.raises(StorageUnavailable):
        blobs.delete(KEY)


def test_folders_above_that_are_not_ours_to_open_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", failing(errno.EACCES))
    assert [*FolderBlobs(tmp_path, durable=True).keys()] == []
