"""What a bucket has besides: URLs for clients, and uploads in parts."""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from dumbbell_server.errors import BadInput
from support.blob_stores import is_empty, receive

if TYPE_CHECKING:
    from dumbbell_server.blobs.bucket import BucketBlobs

bucket_module = pytest.importorskip("dumbbell_server.blobs.bucket")  # botocore is an extra
open_bucket = bucket_module.open_bucket
KEY = "artifacts/ab/cdef"
PART = 5 << 20  # the shortest that S3 takes, but for the last
DATA = os.urandom(2 * PART + 1000)


@pytest.fixture
def blobs(bucket: str, monkeypatch: pytest.MonkeyPatch) -> BucketBlobs:
    monkeypatch.setattr(bucket_module, "_PART", PART)
    opened: BucketBlobs = open_bucket(bucket, None, 3600)
    return opened


Arguments = dict[str, Any]


def noted(blobs: BucketBlobs, monkeypatch: pytest.MonkeyPatch, operation: str,
          check: Callable[[int], None] = lambda _: None) -> list[Arguments]:
    """The arguments of the parts that are sent or copied; `check` may make one of them slow, or fail."""
    requests: list[Arguments] = []
    request = getattr(blobs.direct.client, operation)

    def noting(**arguments: Any) -> Any:
        requests.append(arguments)
        check(arguments["PartNumber"])
        return request(**arguments)

    monkeypatch.setattr(blobs.direct.client, operation, noting)
    return requests


def numbers(requests: list[Arguments]) -> list[int]:
    return sorted(arguments["PartNumber"] for arguments in requests)


def test_a_long_stream_goes_in_parts(blobs: BucketBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = noted(blobs, monkeypatch, "upload_part")
    staged = receive(blobs, DATA[:100], DATA[100:])
    assert (numbers(sent), staged.size, staged.md5) == ([1, 2, 3], len(DATA), hashlib.md5(DATA).digest())
    assert blobs.load(staged.key) == DATA


def test_parts_are_longer_where_more_would_be_too_many(blobs: BucketBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_module, "_MOST_PARTS", 2)
    sent = noted(blobs, monkeypatch, "upload_part")
    receive(blobs, DATA, limit=len(DATA))
    assert numbers(sent) == [1, 2]


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_part_that_fails_leaves_nothing(blobs: BucketBlobs, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    """Nor is one on its way when the upload is dropped: it would stay."""
    under_way: set[int] = set()

    def check(number: int) -> None:
        if number == failing:
            raise ConnectionError
        under_way.add(number)
        time.sleep(0.2)
        under_way.remove(number)

    def drop_parts(key: str, upload: str) -> None:
        assert not under_way
        drop(key, upload)

    drop = blobs.direct.drop_parts
    monkeypatch.setattr(blobs.direct, "drop_parts", drop_parts)
    noted(blobs, monkeypatch, "upload_part", check)
    with pytest.raises(ConnectionError):
        receive(blobs, DATA)
    assert is_empty(blobs)


def test_no_more_than_a_few_parts_are_held(blobs: BucketBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket that is slower than the sender makes the sender wait."""
    monkeypatch.setattr(bucket_module, "_PARTS_AT_ONCE", 2)
    under_way: set[int] = set()
    most = 0
    lock, two = threading.Lock(), threading.Event()

    def upload_part(**arguments: Any) -> dict[str, str]:
        nonlocal most
        with lock:
            under_way.add(arguments["PartNumber"])
            most = max(most, len(under_way))
            if len(under_way) == 2:
                two.set()
        assert two.wait(10)
        time.sleep(0.02)
        with lock:
            under_way.remove(arguments["PartNumber"])
        return {"ETag": "x"}

    monkeypatch.setattr(blobs.direct.client, "upload_part", upload_part)
    monkeypatch.setattr(blobs.direct, "complete", lambda *_: None)
    receive(blobs, *[bytes(PART)] * 6)
    assert most == 2


def test_what_is_too_long_for_one_copy_is_copied_in_parts(blobs: BucketBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = receive(blobs, DATA)
    monkeypatch.setattr(bucket_module, "_LONGEST_COPY", PART)
    copied = noted(blobs, monkeypatch, "upload_part_copy")
    asyncio.run(blobs.commit(staged, KEY))
    assert sorted((part["PartNumber"], part["CopySourceRange"]) for part in copied) == [
        (1, f"bytes=0-{PART - 1}"), (2, f"bytes={PART}-{2 * PART - 1}"), (3, f"bytes={2 * PART}-{len(DATA) - 1}")]
    assert (blobs.load(KEY), [*blobs.keys()]) == (DATA, [KEY])


def test_a_copy_that_fails_is_not_under_the_key(blobs: BucketBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = receive(blobs, DATA)
    monkeypatch.setattr(bucket_module, "_LONGEST_COPY", PART)

    def check(number: int) -> None:
        if number == 2:
            raise ConnectionError

    noted(blobs, monkeypatch, "upload_part_copy", check)
    with pytest.raises(ConnectionError):
        asyncio.run(blobs.commit(staged, KEY))
    assert [*blobs.keys()] == [staged.key]
    asyncio.run(blobs.discard(staged))
    assert is_empty(blobs)


def test_what_comes_by_a_url_is_seen(blobs: BucketBlobs) -> None:
    assert blobs.direct.look(KEY) is None
    httpx2.put(blobs.direct.upload_url(KEY), content=b"hello").raise_for_status()
    found = blobs.direct.look(KEY)
    assert found is not None
    assert (found.key, found.size, found.md5_base64) == (KEY, 5, "XUFAKrxLKna5cZ2REBfFkg==")
    got = httpx2.get(blobs.direct.download_url(KEY, "text/plain", "attachment"))
    assert (got.content, got.headers["content-type"], got.headers["content-disposition"]) == (
        b"hello", "text/plain", "attachment")


def test_parts_that_come_by_urls_are_joined_in_their_order(blobs: BucketBlobs) -> None:
    upload = blobs.direct.begin_parts(KEY)
    tags = {}
    for number, data in ((2, DATA[PART:]), (1, DATA[:PART])):
        answer = httpx2.put(blobs.direct.part_url(KEY, upload, number), content=data).raise_for_status()
        tags[number] = answer.headers["etag"]
    assert [*blobs.direct.begun_parts(math.inf)] == [(KEY, upload)]
    assert [*blobs.direct.begun_parts(0)] == []  # moto says of all of them that they were begun in 2010
    assert blobs.direct.look(KEY) is None
    blobs.direct.join_parts(KEY, upload, tags)
    found = blobs.direct.look(KEY)
    assert found is not None
    assert (found.size, found.md5) == (len(DATA), b"")  # the bucket knows no digest of it
    assert blobs.load(KEY) == DATA


def test_parts_that_did_not_come_are_the_callers_fault(blobs: BucketBlobs) -> None:
    upload = blobs.direct.begin_parts(KEY)
    with pytest.raises(BadInput, match="send the file again"):
        blobs.direct.join_parts(KEY, upload, {1: "0" * 32})
    blobs.direct.drop_parts(KEY, upload)
    blobs.direct.drop_parts(KEY, upload)
    assert is_empty(blobs)


def test_what_others_have_in_the_bucket_is_theirs(blobs: BucketBlobs, bucket: str) -> None:
    open_bucket(f"{bucket}2", None, 3600).store(KEY, b"x")  # its prefix begins as ours does
    blobs.direct.client.put_object(Bucket=blobs.direct.name, Key=f"{blobs.direct.root}a//b", Body=b"x")
    assert is_empty(blobs)


def test_many_keys_take_several_pages(blobs: BucketBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        blobs.store(f"a/{number}", b"x")
    paginate = blobs.direct.client.get_paginator

    class Short:
        def __init__(self, name: str) -> None:
            self._pages = paginate(name)

        def paginate(self, **arguments: Any) -> Any:
            return self._pages.paginate(**arguments, PaginationConfig={"PageSize": 2})

    monkeypatch.setattr(blobs.direct.client, "get_paginator", Short)
    assert [*blobs.keys()] == [f"a/{number}" for number in range(5)]
