"""Getting the files of an artifact: in parallel, through the cache, each in place only when it is whole."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dumbbell._client import Client
from dumbbell._documents import artifacts as documents
from dumbbell._download import Told, Within, download, replacing
from dumbbell._paginator import Page, Paginator, page_of
from dumbbell.artifacts import cache, references
from dumbbell.artifacts.manifest import ArtifactManifest, ManifestEntry
from dumbbell.errors import NotFoundError

THREADS = 8
_URLS = 1000  # asked for at once
_QUEUED = 4 * THREADS


class FileUrls(Paginator[Mapping[str, Any]]):
    """Names and URLs of an artifact's files."""

    def __init__(self, client: Client, artifact_id: str, names: list[str] | None) -> None:
        super().__init__(client, {"id": artifact_id, "fileNames": names}, _URLS)

    def _fetch(self, cursor: str | None) -> tuple[dict[str, Any], Page]:
        data = self.client.execute(documents.FILES, {
            **self.variables, "fileCursor": cursor, "fileLimit": self.per_page})
        found = data.get("artifact")
        if found is None:
            raise NotFoundError("the artifact is gone")
        return data, page_of(found["files"])

    def _converted(self, row: Any) -> Mapping[str, Any]:
        node: Mapping[str, Any] = row["node"]
        return node


@dataclass(frozen=True)
class Source:
    """Where the files of an artifact come from."""

    client: Client
    artifact_id: str
    place: tuple[str, str, str]
    manifest: ArtifactManifest

    def urls(self, entries: list[ManifestEntry]) -> Iterator[tuple[ManifestEntry, str]]:
        """Each entry with where its bytes are; those that the server does not list by the URL made of the digest."""
        left = {entry.path: entry for entry in entries}
        names = list(left) if len(left) < min(_URLS, len(self.manifest.entries)) else None
        for node in FileUrls(self.client, self.artifact_id, names) if left else ():
            entry = left.pop(node["name"], None)
            if entry is not None:
                yield entry, node.get("directUrl") or node.get("url") or self.made(entry)
            if not left:
                return
        for entry in left.values():
            yield entry, self.made(entry)

    def made(self, entry: ManifestEntry) -> str:
        """The URL of a file by its digest; it takes the key."""
        base = self.client.transport.base_url
        entity, project, collection = (quote(part, safe="") for part in self.place)
        if self.manifest.storage_policy_config.get("storageLayout") != "V2":
            return f"{base}/artifacts/{entity}/{entry.hex}"
        region = quote(self.manifest.storage_policy_config.get("storageRegion") or "default", safe="")
        birth = quote(entry.birth_artifact_id or "", safe="")
        return (f"{base}/artifactsV2/{region}/{entity}/{project}/{collection}/{birth}/{entry.hex}/"
                f"{quote(entry.path.rpartition('/')[2], safe='')}")


def download_entries(source: Source, entries: list[ManifestEntry], root: Path, told: Told, *,
                     use_cache: bool = True, names: Mapping[str, str] | None = None) -> None:
    """All entries under a folder. The first fault ends it; what is whole stays.

    Args:
        source: the artifact.
        entries: of it.
        root: the folder.
        told: is told of bytes as they come.
        use_cache: keep the bytes in the cache too, and take them from there.
        names: what an entry is called under the folder, by its path, where that is something else.

    Raises:
        UnsafePathError: an entry would leave the folder; nothing is written then.
        CommError: a file could not be had.
    """
    places = Within(root)
    targets = {entry.path: places.place((names or {}).get(entry.path, entry.path)) for entry in entries}
    lock = threading.Lock()

    def tell(count: int) -> None:
        with lock:
            told(count)

    def fetch(entry: ManifestEntry, url: str | None) -> None:
        fetch_entry(source.client, entry, url, targets[entry.path], tell, use_cache=use_cache)
    missing: list[ManifestEntry] = []
    for entry in entries:
        if use_cache and copied_from_cache(entry, targets[entry.path]):
            tell(entry.size or 0)
        else:
            missing.append(entry)
    stored = [entry for entry in missing if entry.ref is None]
    work: Iterable[tuple[ManifestEntry, str | None]] = (
        (entry, None) for entry in missing if entry.ref is not None)
    _each(fetch, work)
    _each(fetch, source.urls(stored))


def _each(call: Callable[[ManifestEntry, str | None], None],
          work: Iterable[tuple[ManifestEntry, str | None]]) -> None:
    """Call with each of them, several at a time and never many waiting; the first error ends it."""
    waiting: set[Future[None]] = set()
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="dumbbell-files")
    try:
        for entry, url in work:
            waiting.add(pool.submit(call, entry, url))
            if len(waiting) >= _QUEUED:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
        for future in waiting:
            future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def cache_place(entry: ManifestEntry) -> Path | None:
    """Where the cache keeps an entry; files of this machine are not kept twice."""
    if entry.ref is not None:
        return None if references.scheme_of(entry.ref) == "file" else cache.place_of(
            references.cache_key(entry), "etag")
    digest = entry.hex
    return None if digest is None else cache.place_of(digest, entry.extra.get("alg") or "md5")


def copied_from_cache(entry: ManifestEntry, target: Path) -> bool:
    """Copy an entry out of the cache, if it is there; whether it was."""
    place = cache_place(entry)
    if place is None or not cache.cached(place, entry.size, entry.md5):
        return False
    cache.copied(place, target)
    return True


def fetch_entry(client: Client, entry: ManifestEntry, url: str | None, target: Path | None, told: Told, *,
                use_cache: bool = True) -> Path:
    """One entry, by way of the cache unless told otherwise; where it is then."""
    place = cache_place(entry) if use_cache or target is None else None
    first = place or target
    if first is None:
        return references.local_path(str(entry.ref))
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(replacing(first))
        second = stack.enter_context(replacing(target)) if target is not None and first is not target else None
        if entry.ref is not None:
            references.fetch(client.transport, entry, file)
            if second is not None:
                cache.copy(file, second)
            told(entry.size or 0)
        else:
            download(client.transport, str(url), file, md5=entry.md5, size=entry.size, told=told,
                     second=second)
        if place is not None:
            times = cache.seal(file.name, place)
            if second is not None:
                os.utime(second.name, ns=times)  # by which it is known as unchanged
    return target or first


def default_root(name: str) -> Path:
    """./artifacts/<name>, or below WANDB_ARTIFACT_DIR."""
    folder = Path(os.environ.get("WANDB_ARTIFACT_DIR") or "artifacts")
    return folder / (name.replace(":", "-") if os.name == "nt" else name)
