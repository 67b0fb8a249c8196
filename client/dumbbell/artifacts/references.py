"""References: files that an artifact names but does not hold."""

from __future__ import annotations

import base64
import hashlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

import httpx2

from dumbbell._download import download, md5_of
from dumbbell._transport import Transport
from dumbbell.artifacts.manifest import ManifestEntry
from dumbbell.errors import CommError, DigestError, InvalidValueError

KNOWN = frozenset({"file", "http", "https", "s3", "gs"})
LINKED = frozenset({"wandb-artifact", "wandb-client-artifact"})  # files of other artifacts
_TIMEOUT = 30.0


def scheme_of(uri: str) -> str:
    """The part before `://`."""
    return urlsplit(uri).scheme


def local_path(uri: str) -> Path:
    """The path of a file:// URI; wandb writes names as they are, others percent-encoded."""
    text = uri.removeprefix("file://")
    plain = Path(text)
    return plain if plain.exists() else Path(unquote(text))


def fetch(transport: Transport, entry: ManifestEntry, file: BinaryIO) -> None:
    """Fill an open file with what a reference points to.

    Raises:
        DigestError: (a ValueError) it is not what it was, or is gone.
        InvalidValueError: (a ValueError) there is no way to that store.
    """
    uri = str(entry.ref)
    scheme = scheme_of(uri)
    if scheme == "file":
        _from_disk(entry, file)
    elif scheme in {"http", "https"}:
        download(transport, uri, file, size=entry.size)
    elif scheme == "s3":
        _from_s3(uri, entry, file)
    elif scheme == "gs":
        _from_gs(uri, entry, file)
    else:
        raise InvalidValueError(f"{entry.path} refers to {uri}, for which there is no way to download")


def _from_disk(entry: ManifestEntry, file: BinaryIO) -> None:
    path = local_path(str(entry.ref))
    try:
        with path.open("rb") as source:
            while piece := source.read(1 << 20):
                file.write(piece)
    except OSError as error:
        raise DigestError(f"{entry.path} refers to {entry.ref}, which cannot be read: {error}", error) from error
    file.seek(0)
    found = base64.b64encode(md5_of(file).digest()).decode()
    if entry.digest not in {found, entry.ref}:
        raise DigestError(f"{entry.path} refers to {entry.ref}, which has changed: its MD5 is {found}, not "
                          f"{entry.digest}")


def _from_s3(uri: str, entry: ManifestEntry, file: BinaryIO) -> None:
    client = _library("boto3", uri).client("s3")
    parts = urlsplit(uri)
    version = entry.extra.get("versionID")
    found = client.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"),
                              **({"VersionId": version} if version else {}))
    etag = str(found["ETag"]).strip('"')
    if not version and entry.digest not in {etag, uri}:
        raise DigestError(f"{entry.path} refers to {uri}, which has changed: its etag is {etag}, not {entry.digest}")
    file.writelines(found["Body"].iter_chunks(1 << 20))


def _from_gs(uri: str, entry: ManifestEntry, file: BinaryIO) -> None:
    client = _library("google.cloud.storage", uri).Client()
    parts = urlsplit(uri)
    blob = client.bucket(parts.netloc).get_blob(parts.path.lstrip("/"), generation=entry.extra.get("versionID"))
    if blob is None or entry.digest not in {blob.md5_hash, uri}:
        raise DigestError(f"{entry.path} refers to {uri}, which has changed or is gone")
    blob.download_to_file(file)


def _library(name: str, uri: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InvalidValueError(f"{uri} needs the package {name.partition('.')[0]}: install it, or pass "
                                "allow_missing_references=True") from error


def look_up(uri: str, name: str | None, *, checksum: bool, max_objects: int) -> Iterator[ManifestEntry]:
    """Entries for a URI: one, or one a file where it is a local folder.

    Raises:
        InvalidValueError: (a ValueError) it is no URI, or there is nothing there.
    """
    parts = urlsplit(uri)
    if not parts.scheme:
        raise InvalidValueError(f"{uri!r} is not a URI; a file of this machine is added by add_file, or as file://...")
    path = name or parts.path.rstrip("/").rpartition("/")[2] or parts.netloc
    if parts.scheme in LINKED:
        yield ManifestEntry(path, uri, 0, uri)  # of size 0, as wandb has it; the digest comes when it is logged
    elif not checksum:
        yield ManifestEntry(path, uri, None, uri)
    elif parts.scheme == "file":
        yield from _on_disk(uri, name, max_objects)
    elif parts.scheme in {"http", "https"}:
        yield _on_the_web(uri, path)
    elif parts.scheme == "s3":
        yield _on_s3(uri, path)
    else:
        yield ManifestEntry(path, uri, None, uri)


def _on_disk(uri: str, name: str | None, max_objects: int) -> Iterator[ManifestEntry]:
    place = local_path(uri)
    if not place.exists():
        raise InvalidValueError(f"{uri} does not exist")
    found = sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else [place]
    if len(found) > max_objects:
        raise InvalidValueError(f"{uri} holds {len(found)} files, more than max_objects={max_objects}")
    for path in found:
        inner = path.relative_to(place).as_posix() if place.is_dir() else ""
        with path.open("rb") as file:
            digest = base64.b64encode(md5_of(file).digest()).decode()
        logical = "/".join(part for part in (name or ("" if inner else path.name), inner) if part)
        yield ManifestEntry(logical, digest, path.stat().st_size, f"{uri.rstrip('/')}/{inner}" if inner else uri)


def _on_the_web(uri: str, path: str) -> ManifestEntry:
    """Asked without a key: it is not our server's."""
    try:
        with httpx2.stream("GET", uri, follow_redirects=True, timeout=_TIMEOUT) as answer:
            answer.raise_for_status()
            etag = answer.headers.get("etag", "").strip('"')
            size = answer.headers.get("content-length")
    except httpx2.HTTPError as error:
        raise CommError(f"{uri} cannot be read: {error}", error) from error
    return ManifestEntry(path, etag or uri, int(size) if size else None, uri, {"etag": etag} if etag else {})


def _on_s3(uri: str, path: str) -> ManifestEntry:
    parts = urlsplit(uri)
    found = _library("boto3", uri).client("s3").head_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))
    etag = str(found["ETag"]).strip('"')
    extra = {"etag": etag}
    if found.get("VersionId") not in {None, "null"}:
        extra["versionID"] = found["VersionId"]
    return ManifestEntry(path, etag, int(found["ContentLength"]), uri, extra)


def cache_key(entry: ManifestEntry) -> str:
    """A digest for the cache, of a reference whose store gives something else."""
    text = f"{entry.ref}|{entry.digest}|{sorted(entry.extra.items())}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
