"""A bucket: clients fetch and send bytes there themselves, by URLs that we sign.

obstore moves the bytes that go through us; botocore signs, since obstore's `sign` knows neither query nor headers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import obstore
import structlog
from botocore.config import Config
from botocore.exceptions import ClientError
from obstore.store import S3Store

from dumbbell_server.blobs.store import StagedBlob, StoreBlobs
from dumbbell_server.errors import BadInput

_log = structlog.get_logger()
_DOWNLOAD_LIFETIME = 3600  # seconds; whoever is cut off later asks us for a new URL
_MD5_LENGTH = 32


def open_bucket(url: str, public_url: str | None, lifetime: float) -> StoreBlobs:
    """`url` is s3://bucket/prefix; keys, region and endpoint come from the usual `AWS_` variables.

    `public_url` is the endpoint as clients see it, where that is another; `lifetime` of upload URLs is in seconds.
    """
    store = S3Store.from_url(url)
    return StoreBlobs(store, Bucket(store, url, public_url, lifetime))


class Bucket:
    """What clients do there without us."""

    def __init__(self, store: S3Store, url: str, public_url: str | None, lifetime: float) -> None:
        self._store = store
        self._lifetime = int(lifetime)
        place = urlsplit(url)
        self._name, self._prefix = place.netloc, place.path.strip("/")
        session = botocore.session.get_session()
        endpoint = session.get_config_variable("endpoint_url")
        style = "path" if endpoint or public_url else "auto"
        config = Config(signature_version="s3v4", s3={"addressing_style": style})
        self._client = session.create_client("s3", endpoint_url=endpoint, config=config)
        self._signer = session.create_client("s3", endpoint_url=public_url or endpoint, config=config)

    def download_url(self, key: str, mimetype: str, disposition: str) -> str:
        return self._signed("get_object", key, _DOWNLOAD_LIFETIME, ResponseContentType=mimetype,
                            ResponseContentDisposition=disposition)

    def upload_url(self, key: str) -> str:
        return self._signed("put_object", key, self._lifetime)

    def look(self, key: str) -> StagedBlob | None:
        try:
            found = obstore.head(self._store, key)
        except FileNotFoundError:
            return None
        tag = (found["e_tag"] or "").strip('"')
        return StagedBlob(key, found["size"], bytes.fromhex(tag) if len(tag) == _MD5_LENGTH else b"")

    def begin_parts(self, key: str) -> str:
        upload: str = self._client.create_multipart_upload(**self._place(key))["UploadId"]
        return upload

    def part_url(self, key: str, upload: str, number: int) -> str:
        return self._signed("upload_part", key, self._lifetime, UploadId=upload, PartNumber=number)

    def begun_parts(self, before: float) -> Iterator[tuple[str, str]]:
        root = self._place("")
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=root["Bucket"], Prefix=root["Key"])
        try:
            for page in pages:
                yield from ((found["Key"].removeprefix(root["Key"]), found["UploadId"])
                            for found in page.get("Uploads", []) if found["Initiated"].timestamp() < before)
        except ClientError as error:  # not every store can tell, and not every key may ask
            _log.warning("the bucket does not tell which uploads in parts were begun", reason=str(error))

    def drop_parts(self, key: str, upload: str) -> None:
        with contextlib.suppress(self._client.exceptions.NoSuchUpload):
            self._client.abort_multipart_upload(**self._place(key), UploadId=upload)

    def join_parts(self, key: str, upload: str, parts: dict[int, str]) -> None:
        named = [{"PartNumber": number, "ETag": parts[number].strip('"')} for number in sorted(parts)]
        try:
            self._client.complete_multipart_upload(**self._place(key), UploadId=upload,
                                                   MultipartUpload={"Parts": named})
        except ClientError as error:
            reason = error.response.get("Error", {}).get("Message", "no reason given")
            raise BadInput(f"the bucket does not join these parts: {reason}; send the file again") from error

    def _place(self, key: str) -> dict[str, str]:
        return {"Bucket": self._name, "Key": f"{self._prefix}/{key}".lstrip("/")}

    def _signed(self, method: str, key: str, lifetime: int, **more: Any) -> str:
        url: str = self._signer.generate_presigned_url(method, ExpiresIn=lifetime, Params=self._place(key) | more)
        return url
