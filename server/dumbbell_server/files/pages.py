"""Files on a page: how their fields are answered without executing each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from dumbbell_server.graph.context import Context
from dumbbell_server.graph.planned import Plan, PlannedEdges
from dumbbell_server.listing.pages import Edge, Page, PageInfo


class StoredFile(Protocol):
    """What the type File shows, whatever it is a file of."""

    @property
    def name(self) -> str: ...
    @property
    def node_id(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def mimetype(self) -> str: ...
    @property
    def updated_at(self) -> str | None: ...
    @property
    def digest(self) -> str | None: ...
    @property
    def storage_path(self) -> str | None: ...
    @property
    def stored(self) -> bool: ...
    def read_url(self, context: Context) -> str: ...
    def upload_url(self, context: Context) -> str | None: ...


def file_values(context: Context) -> dict[str, Callable[[StoredFile], Any]]:
    """The fields of files that a page of them answers at once."""
    def answered(answer: Callable[[Context, StoredFile], Any]) -> Callable[[StoredFile], Any]:
        return lambda file: answer(context, file)

    return {name: answered(answer) for name, answer in _VALUES.items()}


def planned_page(context: Context, edges: Sequence[Edge[Any]], page_info: PageInfo, total: int | None) -> Page[Any]:
    """A page of a run's files."""
    plan: Plan[Any] = Plan(file_values(context), {})
    planned: Any = PlannedEdges(edges, plan)
    return Page(planned, page_info, total)


_VALUES: dict[str, Callable[[Context, StoredFile], Any]] = {
    "id": lambda _context, file: file.node_id,
    "name": lambda _context, file: file.name,
    "displayName": lambda _context, file: file.name,
    "mimetype": lambda _context, file: file.mimetype,
    "storagePath": lambda _context, file: file.storage_path,
    "sizeBytes": lambda _context, file: file.size,
    "updatedAt": lambda _context, file: file.updated_at,
    "digest": lambda _context, file: file.digest,
    "md5": lambda _context, file: file.digest,
    "url": lambda context, file: file.read_url(context) if file.stored else None,
    "directUrl": lambda context, file: file.read_url(context),
    "uploadUrl": lambda context, file: file.upload_url(context),
    "uploadHeaders": lambda _context, _file: [],
}
