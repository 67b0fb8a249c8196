"""The files of an artifact, as the server lists them."""

from __future__ import annotations

from typing import Any

from dumbbell import _html
from dumbbell._client import Client
from dumbbell._documents import artifacts as documents
from dumbbell._paginator import Page, Paginator, page_of
from dumbbell.artifacts.record import ArtifactRecord
from dumbbell.errors import NotFoundError
from dumbbell.files import File


class ArtifactFiles(Paginator[File]):
    """An iterable collection of `File` objects, in the order of their names."""

    def __init__(self, client: Client, artifact: ArtifactRecord, names: list[str] | None = None,
                 per_page: int | None = 50, start: str | None = None) -> None:
        super().__init__(client, {"id": artifact.id, "fileNames": names}, per_page, start)
        self.artifact = artifact

    @property
    def length(self) -> int | None:
        """How many there are, when all are loaded; the server tells no total."""
        self._reach(None)
        return len(self.objects)

    @property
    def path(self) -> list[str]:
        """[entity, project, name]."""
        return self.artifact.qualified_name.split("/")

    def _fetch(self, cursor: str | None) -> tuple[dict[str, Any], Page]:
        data = self.client.execute(documents.FILES, {
            **self.variables, "fileCursor": cursor, "fileLimit": self.per_page})
        found = data.get("artifact")
        if found is None:
            raise NotFoundError(f"artifact {self.artifact.name} is gone")
        return data, page_of(found["files"])

    def _converted(self, row: Any) -> File:
        return File(self.client, row["node"])

    def __repr__(self) -> str:
        return f"<ArtifactFiles {'/'.join(self.path)}{self._described()}>"

    def _repr_html_(self) -> str:
        return _html.table({"name": file.name, "size": file.size, "updated": file.updated_at} for file in self)
