"""What holds in every store: a folder, memory and a bucket."""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import time
from pathlib import Path

import pytest

from dumbbell_server.blobs.folder import FolderBlobs
from dumbbell_server.blobs.store import CHUNK, BlobStore, StagedBlob, commit_or_discard, gather, new_key
from dumbbell_server.errors import BadInput, TooLarge
from support.blob_stores import is_empty, read, receive, stream

KEY = "runs/ab/cdef"
LONG = os.urandom(9 << 20)  # more than a part of an upload to a bucket
HOSTILE = ["", "/etc/passwd", "../x", "runs/../../x", "runs//x", "runs/./x", "runs/", "..", "a\0b"]


@pytest.mark.parametrize("data", [b"", b"x", LONG[:CHUNK], LONG[:CHUNK + 1], LONG], ids=len)
def test_bytes_are_under_their_key_once_they_are_committed(blobs: BlobStore, data: bytes) -> None:
    chunks = [data[start:start + 50_000] for start in range(0, len(data), 50_000)]
    staged = receive(blobs, *chunks, limit=len(data))
    assert (staged.size, staged.md5) == (len(data), hashlib.md5(data).digest())
    assert [*blobs.keys()] == [staged.key]
    asyncio.run(blobs.commit(staged, KEY))
    assert [*blobs.keys()] == [KEY]
    assert blobs.load(KEY) == data


def test_a_second_commit_to_a_key_replaces_the_first(blobs: BlobStore) -> None:
    for data in (b"first", b"second"):
        asyncio.run(blobs.commit(receive(blobs, data), KEY))
    assert ([*blobs.keys()], blobs.load(KEY)) == ([KEY], b"second")


def test_discarded_bytes_are_nowhere(blobs: BlobStore) -> None:
    staged = receive(blobs, b"x")
    asyncio.run(blobs.discard(staged))
    assert is_empty(blobs)
    asyncio.run(blobs.discard(staged))


@pytest.mark.parametrize("size", [1, 10, len(LONG)])
def test_more_than_the_limit_leaves_nothing(blobs: BlobStore, size: int) -> None:
    with pytest.raises(TooLarge, match=f"longer than {size - 1} bytes"):
        receive(blobs, LONG[:size - 1], LONG[size - 1:size], limit=size - 1)
    assert is_empty(blobs)


@pytest.mark.parametrize("size", [0, 10, CHUNK + 1, len(LONG)])
def test_a_cut_stream_leaves_nothing(blobs: BlobStore, size: int) -> None:
    with pytest.raises(ConnectionResetError):
        receive(blobs, LONG[:size], ConnectionResetError())
    assert is_empty(blobs)


@pytest.mark.parametrize("key", HOSTILE)
def test_what_is_no_key_is_refused(blobs: BlobStore, key: str) -> None:
    staged = receive(blobs, b"x")
    for use in (lambda: asyncio.run(commit_or_discard(blobs, staged, key)), lambda: blobs.store(key, b"x"),
                lambda: blobs.load(key), lambda: read(blobs, key, 0, 1), lambda: blobs.delete(key)):
        with pytest.raises(BadInput, match="is not a key"):
            use()
    assert is_empty(blobs)


def test_a_commit_that_fails_discards(blobs: BlobStore) -> None:
    staged = receive(blobs, b"x")
    asyncio.run(blobs.discard(staged))
    with pytest.raises(Exception, match=r"."):
        asyncio.run(commit_or_discard(blobs, staged, KEY))
    assert is_empty(blobs)


@pytest.mark.parametrize(("start", "end"), [
    (0, 1), (3, 7), (CHUNK - 1, CHUNK + 1), (1, len(LONG)), (0, len(LONG)), (len(LONG) - 1, len(LONG)), (5, 5)])
def test_ranges(blobs: BlobStore, start: int, end: int) -> None:
    blobs.store(KEY, LONG)
    assert read(blobs, KEY, start, end) == LONG[start:end]


def test_what_is_not_there(blobs: BlobStore) -> None:
    with pytest.raises(FileNotFoundError):
        blobs.load(KEY)
    with pytest.raises(FileNotFoundError):
        read(blobs, KEY, 0, 1)
    blobs.delete(KEY)


def test_store_replaces_and_delete_removes_one(blobs: BlobStore) -> None:
    for key, data in (("a/b", b"1"), ("a/c", b"2"), ("a/b", b"3")):
        blobs.store(key, data)
    assert {key: blobs.load(key) for key in blobs.keys()} == {"a/b": b"3", "a/c": b"2"}  # noqa: SIM118 - no dict
    blobs.delete("a/b")
    assert [*blobs.keys()] == ["a/c"]


def test_keys_before_a_moment(blobs: BlobStore) -> None:
    blobs.store(KEY, b"x")
    staged = receive(blobs, b"y")
    now = time.time()
    assert [*blobs.keys(before=now - 60)] == []
    assert {*blobs.keys(before=now + 60)} == {KEY, staged.key}


def test_a_reader_who_stops_early_holds_nothing(blobs: BlobStore) -> None:
    blobs.store(KEY, LONG)

    async def first() -> bytes:
        chunks = blobs.read(KEY, 0, len(LONG))
        chunk = await anext(chunks)
        await chunks.aclose()  # type: ignore[attr-defined]
        return chunk

    assert asyncio.run(first()) == LONG[:CHUNK]


def test_a_folder_that_is_opened_again_forgets_what_was_arriving(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path, durable=False)
    blobs.store(KEY, b"x")
    receive(blobs, b"cut off by a crash")
    assert [*FolderBlobs(tmp_path, durable=False).keys()] == [KEY]


def test_a_folder_lists_what_goes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = FolderBlobs(tmp_path, durable=False)
    blobs.store(KEY, b"x")
    monkeypatch.setattr(Path, "stat", lambda _: (_ for _ in ()).throw(FileNotFoundError))
    assert [*blobs.keys(before=math.inf)] == []


@pytest.mark.parametrize("sizes", [[], [1], [10], [3, 3, 3, 3], [25], [9, 2, 19], [10, 10], [0, 4, 0]])
def test_gathered_chunks_are_as_long_as_asked_for(sizes: list[int]) -> None:
    data = bytes(range(sum(sizes)))
    positions = [sum(sizes[:index]) for index in range(len(sizes))]
    chunks = [data[position:position + size] for position, size in zip(positions, sizes, strict=True)]

    async def gathered() -> list[bytes]:
        return [chunk async for chunk in gather(stream(*chunks), len(data), 10)]

    assert asyncio.run(gathered()) == [data[start:start + 10] for start in range(0, len(data), 10)]


def test_keys_cannot_be_guessed_and_digests_are_as_in_headers() -> None:
    assert new_key("runs") != new_key("runs")
    folder, first, token = new_key("runs").split("/")
    assert (folder, first, len(token)) == ("runs", token[:2], 32)
    assert StagedBlob("k", 0, hashlib.md5(b"hello").digest()).md5_base64 == "XUFAKrxLKna5cZ2REBfFkg=="
