"""The files of a version: looked at, downloaded, checked."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from dumbbell import _json
from dumbbell._client import Client
from dumbbell._download import Told, md5_of, within
from dumbbell._progress import progress
from dumbbell.artifacts import cache, downloads, references
from dumbbell.artifacts.draft import ArtifactDraft
from dumbbell.artifacts.files import ArtifactFiles
from dumbbell.artifacts.linked import Links, download_linked, is_linked
from dumbbell.artifacts.manifest import ManifestEntry
from dumbbell.artifacts.table import TABLE_ENDING, Table
from dumbbell.errors import DigestError, InvalidValueError, NotFoundError


class ArtifactEntry(ManifestEntry):
    """An entry that knows its artifact."""

    _artifact: ArtifactContents

    def download(self, root: str | None = None, *, skip_cache: bool | None = None) -> str:
        """Download this file alone.

        Args:
            root: a folder; the artifact's own, `./artifacts/<its name>/`, if it is missing.
            skip_cache: do not keep the bytes in the cache.

        Returns:
            The path of the file.

        Raises:
            DigestError: (a ValueError) the bytes are not those that were logged.
            CommError: they could not be had.
        """
        return self._artifact._download_entry(self, root, use_cache=not skip_cache)  # noqa: SLF001 - its own part

    def __repr__(self) -> str:
        place = self.ref or f"{self.size} B"
        return f"<ArtifactEntry {self.path} ({place})>"

    def ref_target(self) -> str:
        """The URI of a reference. InvalidValueError (a ValueError) for a stored file."""
        if self.ref is None:
            raise InvalidValueError(f"{self.path} is a file of the artifact, not a reference")
        return self.ref

    def parent_artifact(self) -> ArtifactContents:
        """The artifact that it belongs to."""
        return self._artifact

    def ref_url(self) -> str:
        """The URI by which another artifact may refer to this entry."""
        return f"wandb-artifact://{base64.b64decode(str(self._artifact.id)).hex()}/{self.path}"


class ArtifactContents(ArtifactDraft):
    """The files of an artifact."""

    def add_reference(self, uri: str | ManifestEntry, name: str | None = None, checksum: bool = True,
                      max_objects: int | None = None) -> list[ManifestEntry]:
        """Name files that stay where they are.

        Args:
            uri: file://, http(s)://, s3://, gs:// or any other; folders only of this machine. An entry of an artifact
                that is logged, or its `ref_url()`, names that artifact's file.
            name: the path within the artifact; the end of the URI if it is missing.
            checksum: look at what is there, so that a change is noticed later; otherwise the URI is the digest.
            max_objects: files a folder may have.

        Raises:
            InvalidValueError: (a ValueError) it is no URI, or there is nothing there.
        """
        if isinstance(uri, ManifestEntry):
            uri = self._url_of(uri)
        return super().add_reference(uri, name, checksum, max_objects)

    @staticmethod
    def _url_of(entry: ManifestEntry) -> str:
        artifact = getattr(entry, "_artifact", None)
        if not isinstance(entry, ArtifactEntry) or artifact is None or artifact.client is None:
            raise InvalidValueError(f"{entry.path!r} is no entry of an artifact that is logged; get_entry() gives one")
        return entry.ref_url()

    def _look_links_up(self, client: Client) -> None:
        """Entries of other artifacts have the digests of their files, which only the server knows."""
        links = Links(client)
        for entry in self.manifest.entries.values():
            if is_linked(entry) and entry.digest == entry.ref:
                entry.digest = links.resolve(entry)[1].digest

    def get_path(self, name: str) -> ArtifactEntry:
        """The entry of this path. MissingEntryError (a KeyError) if there is none."""
        found = self.manifest.entry(name)
        entry = ArtifactEntry(**vars(found))
        entry._artifact = self  # noqa: SLF001 - an entry belongs to its artifact
        return entry

    get_entry = get_path

    def get(self, name: str) -> Any:
        """The object that was added under this name: a `Table`, or what the JSON file of another holds.

        Args:
            name: with or without its ending, such as `.table.json`.

        Returns:
            None if there is none.
        """
        entries = self.manifest.entries
        path = next((path for path in entries if path == name or (
            path.startswith(f"{name}.") and path.count(".") == name.count(".") + 2 and path.endswith(".json"))), None)
        if path is None or not path.endswith(".json"):
            return None
        found = _json.loads(self._kept(self.manifest.entry(path)).read_bytes())
        return Table.of(found) if path.endswith(TABLE_ENDING) and isinstance(found, dict) else found

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def _ipython_key_completions_(self) -> list[str]:
        return [path.removesuffix(".json").rpartition(".")[0] for path in self.manifest.entries
                if path.endswith(".json") and path.count(".") > 1]

    def files(self, names: list[str] | None = None, per_page: int = 50, *, start: str | None = None) -> ArtifactFiles:
        """The files, as the server lists them.

        Args:
            names: only these.
            per_page: number of results per page.
            start: the cursor after which to begin.
        """
        return ArtifactFiles(self._logged(), self, names, per_page, start)

    def download(self, root: str | None = None, *, allow_missing_references: bool = False,
                 skip_cache: bool | None = None, path_prefix: str | None = None,
                 multipart: bool | None = None) -> str:
        """Download the artifact to dir specified by the <root>.

        Files that are there and unchanged are kept; others than the artifact's are left alone. A file is in place
        only when it is whole and its digest is right.

        Args:
            root: directory to download artifact to. If None artifact will be downloaded to './artifacts/<self.name>/'.
            allow_missing_references: leave out what references point to where that cannot be had.
            skip_cache: do not keep the bytes in the cache.
            path_prefix: only files whose path begins so.
            multipart: accepted because wandb has it.

        Returns:
            The path to the downloaded contents.

        Raises:
            DigestError: (a ValueError) the bytes are not those that were logged.
            UnsafePathError: (a ValueError) a file would leave the folder.
            CommError: a file could not be had.
        """
        del multipart
        folder = Path(root) if root else downloads.default_root(self.name)
        entries = [entry for entry in self.manifest.entries.values() if entry.path.startswith(path_prefix or "")]
        unknown = [entry for entry in entries if not is_linked(entry)
                   and entry.ref is not None and references.scheme_of(entry.ref) not in references.KNOWN]
        links = Links(self._logged())
        left_out = {entry.path for entry in unknown}
        if allow_missing_references:
            left_out |= {entry.path for entry in entries if entry.ref is not None and entry.path not in left_out
                         and not self._fetched(entry, folder, links)}
        known = [entry for entry in entries if entry.path not in left_out]
        folder.mkdir(parents=True, exist_ok=True)
        with progress(f"download {self.name}", sum(entry.size or 0 for entry in known), len(known)) as told:
            self._download_all(known, folder, told, links, use_cache=not skip_cache)
        if unknown and not allow_missing_references:
            raise InvalidValueError("there is no way to download " + ", ".join(
                f"{entry.path} ({entry.ref})" for entry in unknown)
                + "; the rest of the artifact is there. Pass allow_missing_references=True to leave them out")
        return str(folder)

    def _download_all(self, entries: list[ManifestEntry], folder: Path, told: Told, links: Links, *,
                      use_cache: bool = True) -> None:
        linked = [entry for entry in entries if is_linked(entry)]
        own = [entry for entry in entries if not is_linked(entry)]
        downloads.download_entries(self._source_of_files(), own, folder, told, use_cache=use_cache)
        if linked:
            download_linked(links, linked, folder, told, use_cache=use_cache,
                            source_of=ArtifactContents._source_of_files)

    def _fetched(self, entry: ManifestEntry, folder: Path, links: Links) -> bool:
        try:
            self._download_all([entry], folder, lambda _: None, links)
        except (InvalidValueError, NotFoundError):
            return False
        return True

    def _source_of_files(self) -> downloads.Source:
        return downloads.Source(self._logged(), str(self.id), self._place, self.manifest)

    def _download_entry(self, entry: ManifestEntry, root: str | None, *, use_cache: bool) -> str:
        folder = Path(root) if root else downloads.default_root(self.name)
        target = within(folder, entry.path)
        self._download_all([entry], folder, lambda _: None, Links(self._logged()), use_cache=use_cache)
        return str(target)

    def _kept(self, entry: ManifestEntry) -> Path:
        """Where the bytes are for who only reads them: in the cache, or where a reference of this machine leads."""
        if is_linked(entry):
            artifact, found = Links(self._logged()).resolve(entry)
            return artifact._kept(found)  # noqa: SLF001 - another of this class
        place = downloads.cache_place(entry)
        if place is not None and cache.cached(place, entry.size, entry.md5):
            return place
        source = self._source_of_files()
        url = None if entry.ref is not None else next(source.urls([entry]))[1]
        return downloads.fetch_entry(source.client, entry, url, None, lambda _: None)

    def checkout(self, root: str | None = None) -> str:
        """Download, and delete whatever else is in the folder. Returns the folder."""
        folder = Path(root) if root else downloads.default_root(self.name)
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_file() or path.is_symlink():
                if path.relative_to(folder).as_posix() not in self.manifest.entries:
                    path.unlink()
            elif not any(path.iterdir()):
                path.rmdir()
        return self.download(root)

    def file(self, root: str | None = None) -> str:
        """Download a single file artifact to dir specified by the <root>.

        Args:
            root: directory to download artifact to. If None artifact will be downloaded to './artifacts/<self.name>/'.

        Returns:
            The full path of the downloaded file.

        Raises:
            InvalidValueError: (a ValueError) it holds no file, or more than one.
        """
        paths = list(self.manifest.entries)
        if len(paths) != 1:
            raise InvalidValueError(f"artifact {self.name} holds {len(paths)} files; file() is for those that hold "
                                    "one, download() for all")
        return str(Path(self.download(root)) / paths[0])

    def verify(self, root: str | None = None, *, strict: bool = False) -> None:
        """Verify an artifact by checksumming its downloaded contents.

        Raises a ValueError if the verification fails. Does not verify downloaded reference files.

        Args:
            root: directory to download artifact to. If None artifact will be downloaded to './artifacts/<self.name>/'.
            strict: also fail for files that are not the artifact's.

        Raises:
            DigestError: (a ValueError) a file is missing, changed, or, when strict, too many.
        """
        folder = Path(root) if root else downloads.default_root(self.name)
        for entry in self.manifest.entries.values():
            if entry.md5 is None:
                continue
            try:
                with within(folder, entry.path).open("rb") as file:
                    found = base64.b64encode(md5_of(file).digest()).decode()
            except OSError as error:
                raise DigestError(f"{entry.path} is missing in {folder}") from error
            if found != entry.md5:
                raise DigestError(f"{entry.path} in {folder} has changed: its MD5 is {found}, not {entry.md5}")
        if strict:
            more = [path for path in folder.rglob("*") if path.is_file()
                    and path.relative_to(folder).as_posix() not in self.manifest.entries]
            if more:
                raise DigestError(f"{more[0]} is no file of artifact {self.name}")
