"""Each store, empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from dumbbell_server.blobs.folder import FolderBlobs
from dumbbell_server.blobs.memory import MemoryBlobs
from dumbbell_server.blobs.store import BlobStore


@pytest.fixture(params=["folder", "memory", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "folder":
        return FolderBlobs(tmp_path / "blobs", durable=True)
    if request.param == "memory":
        return MemoryBlobs()
    url = request.getfixturevalue("bucket")
    from dumbbell_server.blobs.bucket import open_bucket  # noqa: PLC0415 - an extra
    return open_bucket(url, None, 3600)
