"""A bucket: clients fetch and send bytes there themselves, by URLs that we sign; what comes to us is passed on."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import structlog
from botocore.config import Config
from botocore.exceptions import ClientError

from dumbbell_server.blobs.store import CHUNK, StagedBlob, check_key, gather, is_key, new_staging_key
from dumbbell_server.errors import BadInput

_log = structlog.get_logger()
_DOWNLOAD_LIFETIME = 3600  # seconds; whoever is cut off later asks us for a new URL
_MD5_LENGTH = 32
_CONNECTIONS = 32
_PART = 8 << 20  # bytes; all parts but the last are as long, since some stores want them so
_MOST_PARTS = 10_000  # of one upload, in every store that we know
_PARTS_AT_ONCE = 3  # so many parts are held in memory, and one that is coming
_LONGEST_COPY = 1 << 30  # bytes that are copied by one request; S3 would take five times as many


def open_bucket(url: str, public_url: str | None, lifetime: float) -> BucketBlobs:
    """`url` is s3://bucket/prefix; keys, region and endpoint come from the usual `AWS_` variables.

    `public_url` is the endpoint as clients see it, where that is another; `lifetime` of upload URLs is in seconds.
    """
    return BucketBlobs(Bucket(url, public_url, lifetime))


class Bucket:
    """What clients do there without us."""

    def __init__(self, url: str, public_url: str | None, lifetime: float) -> None:
        self._lifetime = int(lifetime)
        address = urlsplit(url)
        self.name, prefix = address.netloc, address.path.strip("/")
        self.root = f"{prefix}/" if prefix else ""
        session = botocore.session.get_session()
        endpoint = session.get_config_variable("endpoint_url")
        region = session.get_config_variable("region") or os.environ.get("AWS_REGION")
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if endpoint or public_url else "auto"},
            max_pool_connections=_CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": 5},
            # checksums that not every store knows; the signature covers the bytes anyway
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        self.client = session.create_client("s3", region, endpoint_url=endpoint, config=config)
        self._signer = session.create_client("s3", region, endpoint_url=public_url or endpoint, config=config)

    def location(self, key: str) -> dict[str, str]:
        return {"Bucket": self.name, "Key": self.root + check_key(key)}

    def download_url(self, key: str, mimetype: str, disposition: str) -> str:
        return self._signed("get_object", key, _DOWNLOAD_LIFETIME, ResponseContentType=mimetype,
                            ResponseContentDisposition=disposition)

    def upload_url(self, key: str) -> str:
        return self._signed("put_object", key, self._lifetime)

    def look(self, key: str) -> StagedBlob | None:
        try:
            with _missing_files():
                found = self.client.head_object(**self.location(key))
        except FileNotFoundError:
            return None
        tag = found.get("ETag", "").strip('"')
        return StagedBlob(key, found["ContentLength"], bytes.fromhex(tag) if len(tag) == _MD5_LENGTH else b"")

    def begin_parts(self, key: str) -> str:
        upload: str = self.client.create_multipart_upload(**self.location(key))["UploadId"]
        return upload

    def part_url(self, key: str, upload: str, number: int) -> str:
        return self._signed("upload_part", key, self._lifetime, UploadId=upload, PartNumber=number)

    def begun_parts(self, before: float) -> Iterator[tuple[str, str]]:
        pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.name, Prefix=self.root)
        try:
            for page in pages:
                yield from ((found["Key"].removeprefix(self.root), found["UploadId"])
                            for found in page.get("Uploads", []) if found["Initiated"].timestamp() < before)
        except ClientError as error:  # not every store can tell, and not every key may ask
            _log.warning("the bucket does not tell which uploads in parts were begun", reason=str(error))

    def drop_parts(self, key: str, upload: str) -> None:
        with contextlib.suppress(self.client.exceptions.NoSuchUpload):
            self.client.abort_multipart_upload(**self.location(key), UploadId=upload)

    def join_parts(self, key: str, upload: str, parts: dict[int, str]) -> None:
        try:
            self.complete(key, upload, {number: tag.strip('"') for number, tag in parts.items()})
        except ClientError as error:
            reason = error.response.get("Error", {}).get("Message", "no reason given")
            raise BadInput(f"the bucket does not join these parts: {reason}; send the file again") from error

    def complete(self, key: str, upload: str, tags: dict[int, str]) -> None:
        """Make one of the parts, by number, each with its ETag. ClientError where one did not come so."""
        named = [{"PartNumber": number, "ETag": tags[number]} for number in sorted(tags)]
        self.client.complete_multipart_upload(**self.location(key), UploadId=upload, MultipartUpload={"Parts": named})

    def _signed(self, method: str, key: str, lifetime: int, **more: Any) -> str:
        url: str = self._signer.generate_presigned_url(method, ExpiresIn=lifetime, Params=self.location(key) | more)
        return url


class BucketBlobs:
    """What goes through us: requests block, so they run in threads."""

    def __init__(self, bucket: Bucket) -> None:
        self.direct = bucket
        self._client = bucket.client

    async def receive(self, chunks: AsyncIterator[bytes], limit: int) -> StagedBlob:
        key = new_staging_key()
        digest = hashlib.md5(usedforsecurity=False)
        part_size = max(_PART, -(-limit // _MOST_PARTS))
        parts = gather(chunks, limit, part_size)
        first = await anext(parts, b"")
        await asyncio.to_thread(digest.update, first)
        if len(first) < part_size:
            await self._put(key, first)
            return StagedBlob(key, len(first), digest.digest())
        size = len(first)
        async with self._parts(key) as upload:
            await upload.send(first)
            async for part in parts:
                await asyncio.to_thread(digest.update, part)
                await upload.send(part)
                size += len(part)
        return StagedBlob(key, size, digest.digest())

    async def commit(self, staged: StagedBlob, key: str) -> None:
        source = self.direct.location(staged.key)
        if staged.size <= _LONGEST_COPY:
            await asyncio.to_thread(self._client.copy_object, **self.direct.location(key), CopySource=source)
        else:
            async with self._parts(key) as upload:
                for start in range(0, staged.size, _LONGEST_COPY):
                    await upload.copy(source, start, min(start + _LONGEST_COPY, staged.size))
        await self.discard(staged)

    async def discard(self, staged: StagedBlob) -> None:
        await asyncio.to_thread(self.delete, staged.key)

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        if start == end:
            return
        body = await asyncio.to_thread(self._open, key, Range=f"bytes={start}-{end - 1}")
        try:
            while chunk := await asyncio.to_thread(body.read, CHUNK):
                yield chunk
        finally:
            body.close()

    def load(self, key: str) -> bytes:
        data: bytes = self._open(key).read()
        return data

    def store(self, key: str, data: bytes) -> None:
        self._client.put_object(**self.direct.location(key), Body=data)

    def delete(self, key: str) -> None:
        self._client.delete_object(**self.direct.location(key))

    def keys(self, before: float | None = None) -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.direct.name, Prefix=self.direct.root)
        for page in pages:
            for found in page.get("Contents", []):
                key = found["Key"].removeprefix(self.direct.root)
                if is_key(key) and (before is None or found["LastModified"].timestamp() < before):
                    yield key

    def _open(self, key: str, **options: str) -> Any:
        with _missing_files():
            return self._client.get_object(**self.direct.location(key), **options)["Body"]

    async def _put(self, key: str, data: bytes) -> None:
        try:
            await asyncio.to_thread(self.store, key, data)
        except BaseException:
            await asyncio.to_thread(self.delete, key)  # it may have come though nobody said so
            raise

    @contextlib.asynccontextmanager
    async def _parts(self, key: str) -> AsyncIterator[_PartUpload]:
        """An upload in parts: at the end the parts are one under the key, or after an error none of them stays."""
        name = await asyncio.to_thread(self.direct.begin_parts, key)
        upload = _PartUpload(self._client, self.direct.location(key) | {"UploadId": name})
        try:
            yield upload
            tags = await upload.tags()
            await asyncio.to_thread(self.direct.complete, key, name, tags)
        except BaseException:
            await upload.end()
            await asyncio.to_thread(self.direct.drop_parts, key, name)
            raise


class _PartUpload:
    """The parts of one upload, numbered as they come; a few of them are under way at a time."""

    def __init__(self, client: Any, names: dict[str, str]) -> None:
        self._client = client
        self._names = names
        self._tags: dict[int, str] = {}
        self._under_way: deque[asyncio.Task[str]] = deque()

    async def send(self, data: bytes) -> None:
        await self._start(lambda number: self._client.upload_part(
            **self._names, PartNumber=number, Body=data)["ETag"])

    async def copy(self, source: dict[str, str], start: int, end: int) -> None:
        """Bytes `start` to `end` (exclusive) of another blob of the bucket."""
        await self._start(lambda number: self._client.upload_part_copy(
            **self._names, PartNumber=number, CopySource=source,
            CopySourceRange=f"bytes={start}-{end - 1}")["CopyPartResult"]["ETag"])

    async def tags(self) -> dict[int, str]:
        """The ETags by number, once all parts are there. What one of them failed with is raised."""
        while self._under_way:
            await self._take_first()
        return self._tags

    async def end(self) -> None:
        """Wait for what is under way: a part that came after the upload was dropped would stay."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _start(self, send: Callable[[int], str]) -> None:
        if len(self._under_way) == _PARTS_AT_ONCE:
            await self._take_first()
        number = len(self._tags) + len(self._under_way) + 1
        self._under_way.append(asyncio.create_task(asyncio.to_thread(send, number)))

    async def _take_first(self) -> None:
        tag = await self._under_way[0]  # until it has ended it is under way
        self._under_way.popleft()
        self._tags[len(self._tags) + 1] = tag


@contextlib.contextmanager
def _missing_files() -> Iterator[None]:
    """FileNotFoundError where the bucket has no such key."""
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in {"NoSuchKey", "404"}:
            raise FileNotFoundError(str(error)) from error
        raise
