"""What the files of runs add to the schema."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import FieldNode, FragmentSpreadNode

from dumbbell_server import ids
from dumbbell_server.errors import BadInput
from dumbbell_server.files import service
from dumbbell_server.files.expected import expect, register_direct_uploads
from dumbbell_server.files.names import clean, mimetype_of, path_of
from dumbbell_server.files.pages import StoredFile, planned_page
from dumbbell_server.files.tables import RunFileRow
from dumbbell_server.graph.connections import PageInfo
from dumbbell_server.graph.context import Context, Info
from dumbbell_server.graph.refs import FileConnectionRef, FileRef
from dumbbell_server.graph.scalars import DateTime, Int64
from dumbbell_server.listing import cursors
from dumbbell_server.listing.pages import LARGEST_PAGE, Edge, Page, page_of, page_size
from dumbbell_server.runs import service as runs
from dumbbell_server.runs.graphql import node_id
from dumbbell_server.runs.tables import RunRow

_NO_BYTES = "0"  # the MD5 of what was never uploaded, by which clients know it (wandb 0.31.0 sdk/wandb_run.py:restore)


@dataclass(frozen=True)
class RunFile:
    """A file of a run under the name that was requested; `row` once it was uploaded."""

    run_id: int
    name: str
    row: RunFileRow | None

    @property
    def node_id(self) -> str:
        if self.row is not None:
            return ids.encode("File", self.row.id)
        return base64.b64encode(f"File:{self.run_id}:{self.name}".encode()).decode()

    @property
    def size(self) -> int:
        return self.row.size if self.row else 0

    @property
    def mimetype(self) -> str:
        return self.row.mimetype if self.row else mimetype_of(self.name)

    @property
    def updated_at(self) -> str | None:
        return self.row.updated_at if self.row else None

    @property
    def digest(self) -> str | None:
        return self.row.md5 if self.row else _NO_BYTES

    @property
    def storage_path(self) -> str | None:
        return self.row.blob_key if self.row else None

    @property
    def stored(self) -> bool:
        return self.row is not None

    def read_url(self, context: Context) -> str:
        return context.signed("GET", path_of(self.run_id, clean(self.name)))

    def upload_url(self, context: Context) -> str | None:
        """For those who may log to the run; the URL itself asks nobody for a key."""
        run = context.get(RunRow, self.run_id)
        if run is None or not service.may_write(context.session, context.viewer, run):
            return None
        direct = context.backend.blobs.direct
        if direct is None:
            return context.signed("PUT", path_of(self.run_id, clean(self.name)))
        return direct.upload_url(context.unit(expect, self.run_id, clean(self.name)))


@strawberry.type
class FileCore:
    name: str
    mimetype: str | None
    storage_path: str | None

    @strawberry.field
    def id(file: strawberry.Parent[StoredFile]) -> strawberry.ID:
        return strawberry.ID(file.node_id)

    @strawberry.field
    def display_name(file: strawberry.Parent[StoredFile]) -> str:
        return file.name

    @strawberry.field
    def url(file: strawberry.Parent[StoredFile], info: Info, upload: bool | None = None) -> str | None:
        """Where to get it, null before it is there; with `upload` where to put it."""
        if upload:
            return file.upload_url(info.context)
        return file.read_url(info.context) if file.stored else None

    @strawberry.field
    def direct_url(file: strawberry.Parent[StoredFile], info: Info) -> str:
        return file.read_url(info.context)

    @strawberry.field
    def upload_url(file: strawberry.Parent[StoredFile], info: Info) -> str | None:
        return file.upload_url(info.context)

    @strawberry.field
    def upload_headers(_file: strawberry.Parent[StoredFile]) -> list[str] | None:
        return []

    @strawberry.field
    def size_bytes(file: strawberry.Parent[StoredFile]) -> Int64:
        return Int64(file.size)

    @strawberry.field
    def updated_at(file: strawberry.Parent[StoredFile]) -> DateTime | None:
        return DateTime(file.updated_at) if file.updated_at else None

    @strawberry.field
    def digest(file: strawberry.Parent[StoredFile]) -> str | None:
        return file.digest

    @strawberry.field
    def md5(file: strawberry.Parent[StoredFile]) -> str | None:
        return file.digest


@strawberry.type
class FileEdge:
    node: FileRef | None
    cursor: str | None


@strawberry.type
class FileConnection:
    total_count: int | None
    edges: list[FileEdge]
    page_info: PageInfo

    @strawberry.field
    def upload_headers(_page: strawberry.Parent[Page[StoredFile]]) -> list[str]:
        """For clients of 0.10 and before, which read them here."""
        return []


@strawberry.type
class RunFiles:
    @strawberry.field
    def file_count(run: strawberry.Parent[RunRow], info: Info) -> int | None:
        register_direct_uploads(info.context.backend, run.id)
        return service.count(info.context.session, run.id)

    @strawberry.field
    def files(run: strawberry.Parent[RunRow], info: Info, names: list[str | None] | None = None,
              pattern: str | None = None, first: int | None = None,
              after: str | None = None) -> FileConnectionRef | None:
        """What was uploaded; or every name that was requested, uploaded or not (docs/protocol/behaviours.md#files)."""
        requested = [name for name in names or () if name is not None]
        register_direct_uploads(info.context.backend, run.id)
        session = info.context.session
        if requested and pattern:
            raise BadInput("files takes `names` or `pattern`, not both")
        if requested:
            return _page_of_names(info.context, run.id, requested, first, after)
        size = page_size(first, LARGEST_PAGE)
        rows = service.list_files(session, run.id, pattern, cursors.number(after), size + 1)
        counted = any(field.name.value == "totalCount" for field in _fields_beneath(info))
        total = service.count(session, run.id, pattern) if counted else None
        page = page_of(rows, size, lambda row: row.id)
        edges = [Edge(RunFile(row.run_id, row.name, row), edge.cursor)
                 for edge in page.edges for row in [edge.node]]
        return planned_page(info.context, edges, page.page_info, total)


def _page_of_names(context: Context, run_id: int, names: Sequence[str], first: int | None, after: str | None,
                   ) -> Page[RunFile]:
    """The names as they were requested, uploaded or not; a cursor is a position among them."""
    begin = (cursors.number(after) or 0) if after else 0
    size = page_size(first, len(names))
    unique = list(dict.fromkeys(names))
    files = _files(context, run_id, unique[max(begin, 0):][:size])
    edges = [Edge(file, cursors.at(at)) for at, file in enumerate(files, max(begin, 0) + 1)]
    info = PageInfo(has_next_page=max(begin, 0) + len(edges) < len(unique),
                    end_cursor=edges[-1].cursor if edges else None)
    return planned_page(context, edges, info, len(unique))


def _files(context: Context, run_id: int, names: Sequence[str]) -> list[RunFile]:
    """One for each name, in their order. BadInput for a name that no file can have."""
    cleaned = [clean(name) for name in names]
    rows = service.existing(context.session, run_id, cleaned)
    return [RunFile(run_id, name, rows.get(stored)) for name, stored in zip(names, cleaned, strict=True)]


def _fields_beneath(info: Info) -> Iterable[FieldNode]:
    """Every field selected at any depth beneath this one; each fragment is looked at once, however often spread."""
    raw = info._raw_info  # noqa: SLF001 - Strawberry's own view unfolds each spread, without bounds
    seen: set[str] = set()
    waiting: list[Any] = list(raw.field_nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, FragmentSpreadNode):
            if node.name.value in seen:
                continue
            seen.add(node.name.value)
            node = raw.fragments[node.name.value]
        elif isinstance(node, FieldNode):
            yield node
        waiting.extend(node.selection_set.selections if node.selection_set else ())


@strawberry.input
class CreateRunFilesInput:
    entity_name: str
    project_name: str
    run_name: str
    files: list[str]
    client_mutation_id: str | None = None


@strawberry.type
class CreateRunFilesPayload:
    run_id: strawberry.ID = strawberry.field(name="runID")
    upload_headers: list[str]
    files: list[FileRef]
    client_mutation_id: str | None = None


@strawberry.input
class MarkRunFilesUploadedInput:
    entity_name: str
    project_name: str
    run_name: str
    files: list[str]
    client_mutation_id: str | None = None


@strawberry.type
class MarkRunFilesUploadedPayload:
    success: bool
    client_mutation_id: str | None = None


@strawberry.input
class DeleteFilesInput:
    files: list[strawberry.ID]
    project_id: int | None = None  # says nothing that the ids do not
    client_mutation_id: str | None = None


@strawberry.type
class DeleteFilesPayload:
    success: bool | None
    client_mutation_id: str | None = None


@strawberry.type
class FilesMutation:
    @strawberry.field
    def create_run_files(self, info: Info, input: CreateRunFilesInput) -> CreateRunFilesPayload | None:
        """Upload URLs; nothing is listed before its bytes are there."""
        context = info.context
        run = runs.for_writing(context.session, context.require_viewer(), input.entity_name, input.project_name,
                         input.run_name)
        files = _files(context, run.id, input.files)
        return CreateRunFilesPayload(run_id=strawberry.ID(node_id(context, run)), upload_headers=[], files=files,
                                     client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def mark_run_files_uploaded(self, info: Info, input: MarkRunFilesUploadedInput,
                                ) -> MarkRunFilesUploadedPayload | None:
        """Changes nothing: the PUT itself said so. No sign of life of the run either."""
        context = info.context
        runs.for_writing(context.session, context.require_viewer(), input.entity_name, input.project_name,
                         input.run_name)
        return MarkRunFilesUploadedPayload(success=True, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_files(self, info: Info, input: DeleteFilesInput) -> DeleteFilesPayload | None:
        info.context.unit(service.delete_files, input.files)
        return DeleteFilesPayload(success=True, client_mutation_id=input.client_mutation_id)
