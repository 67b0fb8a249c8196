"""Files that runs saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import unquote, urlsplit

import httpx2

from dumbbell import _html
from dumbbell._attrs import Attrs
from dumbbell._client import Client
from dumbbell._documents import files as documents
from dumbbell._download import Told, download, replacing, within
from dumbbell._paginator import Page, Paginator, page_of
from dumbbell._pieces import PIECE
from dumbbell.errors import InvalidValueError, NotFoundError, normalized

if TYPE_CHECKING:
    from dumbbell.api import Api
    from dumbbell.run_core import RunCore


class Files(Paginator["File"]):
    """Files is an iterable collection of `File` objects.

    `len()` is the number of the run's files, or of those asked for by `names` or `pattern`.
    """

    def __init__(self, client: Client, run: RunCore, names: Sequence[str] | str = (), per_page: int | None = 50, *,
                 pattern: str | None = None) -> None:
        if names and pattern:
            raise InvalidValueError("files are asked for by names or by a pattern, not by both")
        asked = [names] if isinstance(names, str) and names else names
        super().__init__(client, {"project": run.project, "entity": run.entity, "name": run.id,
                                  "fileNames": [name.removeprefix("./") for name in asked]}, per_page)
        self.run = run
        self._some = bool(names) or pattern is not None
        self._document = documents.MATCHING_FILES if pattern else documents.FILES
        if pattern:
            self.variables["pattern"] = pattern

    @property
    def length(self) -> int | None:
        """How many files there are of those asked for."""
        if self._some:
            self._reach(None)
            return len(self.objects)
        return super().length

    def _fetch(self, cursor: str | None) -> tuple[dict[str, Any], Page]:
        data = self.client.execute(self._document, {
            **self.variables, "fileCursor": cursor, "fileLimit": self.per_page})
        run = (data.get("project") or {}).get("run")
        if run is None:
            raise NotFoundError(f"there is no run {'/'.join(self.run.path)}, or this key may not see it")
        return data, page_of(run["files"], run.get("fileCount"))

    def _converted(self, row: Any) -> File:
        return File(self.client, row["node"], self.run)

    def __repr__(self) -> str:
        return f"<Files {'/'.join(self.run.path)}{self._described()}>"

    def _repr_html_(self) -> str:
        return _html.table(({"name": file.name, "size": file.size, "updated": file.updated_at} for file in self),
                           None, self._known())


class File(Attrs):
    """File is a class associated with a file saved by wandb.

    Attributes:
        name: the path within the run, with `/` between folders.
        url: where the bytes are.
        md5: base64 of the MD5 of the bytes.
        mimetype: what kind of file it is.
        updated_at: ISO time of the last change.
        size: in bytes.
    """

    id: str
    name: str
    url: str
    direct_url: str
    md5: str | None
    mimetype: str | None
    updated_at: str | None

    def __init__(self, client: Client, attrs: Mapping[str, Any], run: RunCore | None = None) -> None:
        super().__init__(client, attrs)
        self.run = run

    @property
    def size(self) -> int:
        """Size in bytes; 0 where the server tells none."""
        return int(self._attrs.get("sizeBytes") or 0)

    @property
    def uploaded(self) -> bool:
        """Whether there is one: asked for by name it may be a name that nobody uploaded."""
        return self._attrs.get("md5") not in {None, "0"}

    @property
    def path_uri(self) -> str:
        """The URI in the bucket, where the server gives one out; otherwise empty."""
        url = str(self._attrs.get("directUrl") or "")
        parts = urlsplit(url)
        bucket, _, host = parts.netloc.partition(".")
        if host.startswith("s3") and host.endswith("amazonaws.com"):
            return f"s3://{bucket}{unquote(parts.path)}"
        return url if parts.scheme in {"s3", "gs"} else ""

    @normalized
    def download(self, root: str = ".", replace: bool = False, *, exist_ok: bool = False,
                 api: Api | None = None) -> TextIO:
        """Downloads a file previously saved by a run from the wandb server.

        The file appears under its name only when it is whole. Folders are made as needed.

        Args:
            root: Local directory to save the file. Defaults to ".".
            replace: If `True`, download will overwrite a local file if it exists. Defaults to `False`.
            exist_ok: If `True`, a file that exists is opened as it is.
            api: the Api whose key is used instead of the one that found the file.

        Returns:
            The file, open for reading as UTF-8 text; bytes are on its `buffer`, its path is its `name`.

        Raises:
            InvalidValueError: (a ValueError) if the file exists and neither `replace` nor `exist_ok` is set.
            UnsafePathError: the name would leave `root`.
            CommError: the bytes could not be had, or are not those the server has.
        """
        target = within(Path(root), self.name)
        if target.exists() and not replace:
            if exist_ok:
                return _opened(target)
            raise InvalidValueError(f"{target} exists already; pass replace=True to overwrite it, or exist_ok=True "
                                    "to keep it")
        client = self.client if api is None else api.client
        with replacing(target) as file:
            download(client.transport, self._attrs.get("directUrl") or self.url, file, md5=self._attrs.get("md5"))
        return _opened(target)

    @normalized
    def delete(self) -> None:
        """Delete it on the server."""
        project = self.run._attrs.get("projectId") if self.run is not None else None  # noqa: SLF001
        self.client.execute(documents.DELETE, {
            "files": [self.id], "projectId": None if project is None else int(project)})

    def _repr_html_(self) -> str:
        return _html.facts(self.name, self._attrs.get("directUrl") or self._attrs.get("url"), {
            "bytes": self.size, "type": self._attrs.get("mimetype"), "updated": self._attrs.get("updatedAt")})

    def __repr__(self) -> str:
        return f"<File {self._attrs.get('name')} ({self._attrs.get('mimetype')}) {self.size} B>"


def _opened(target: Path) -> TextIO:
    return target.open(encoding="utf-8", errors="replace")


def upload(client: Client, run: RunCore, path: str, root: str) -> str:
    """Put a local file among the run's files; the name it has there."""
    place, folder = Path(path), Path(root)
    if not place.is_file():
        raise InvalidValueError(f"{path!r} is not a file")
    try:
        name = place.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        raise InvalidValueError(f"{path!r} is not below root {root!r}, so it has no name in the run") from None
    answer = client.execute(documents.CREATE, {"entity": run.entity, "project": run.project, "run": run.id,
                                               "files": [name]})["createRunFiles"]
    headers = dict(line.split(":", 1) for line in answer.get("uploadHeaders") or ())
    put_file(client, answer["files"][0]["uploadUrl"], Piece.whole(place), headers)
    return name


@dataclass(frozen=True)
class Piece:
    """Some bytes of a local file."""

    place: Path
    start: int
    size: int

    @classmethod
    def whole(cls, place: Path) -> Piece:
        """All of a file."""
        return cls(place, 0, place.stat().st_size)

    def read(self) -> Iterator[bytes]:
        """A mebibyte at a time."""
        with self.place.open("rb", buffering=0) as file:
            file.seek(self.start)
            left = self.size
            while left and (content := file.read(min(left, PIECE))):
                left -= len(content)
                yield content


def put_file(client: Client, url: str, piece: Piece, headers: Mapping[str, str],
             told: Told = lambda _: None) -> httpx2.Response:
    """PUT bytes of a file, streamed, tried again from the start on faults of the network."""
    def once() -> httpx2.Response:
        sent = 0

        def content() -> Iterator[bytes]:
            nonlocal sent
            for some in piece.read():
                yield some
                sent += len(some)
                told(len(some))
        try:
            return client.transport.put(url, content(), {**headers, "Content-Length": str(piece.size)})
        except Exception:
            told(-sent)
            raise
    return client.transport.attempt(once)
