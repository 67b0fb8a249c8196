"""Files on a page: all of them answered at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from dumbbell_server.artifact_files import expected, queries
from dumbbell_server.artifact_files.files import PlannedFile, VersionFile, files_of_version, part_path
from dumbbell_server.artifacts import access
from dumbbell_server.artifacts.tables import COMMITTED, ArtifactRow
from dumbbell_server.files.pages import StoredFile, file_values
from dumbbell_server.graph.context import Context
from dumbbell_server.graph.planned import Plan, PlannedEdges
from dumbbell_server.listing import cursors
from dumbbell_server.listing.pages import Page, PageInfo, page_of, page_size


@dataclass(frozen=True)
class PartUrl:
    part_number: int
    upload_url: str


@dataclass(frozen=True)
class PartUrls:
    """Where the parts of a file go."""

    upload_id: str
    upload_url_parts: Sequence[PartUrl]


def part_urls(context: Context, file: StoredFile) -> PartUrls | None:
    if not isinstance(file, PlannedFile) or file.plan.upload_id is None:
        return None
    upload, parts, direct = file.plan.upload_id, file.plan.parts, context.backend.blobs.direct
    urls = [context.signed("PUT", part_path(upload, part)) for part in parts] if direct is None else \
        expected.part_urls(context.session, direct, upload, parts)
    return PartUrls(upload, [PartUrl(part, url) for part, url in zip(parts, urls, strict=True)])


def birth_of(context: Context, file: StoredFile) -> ArtifactRow | None:
    """The version for which the bytes first came, where the viewer may see it."""
    return _visible(context, file.artifact_id) if isinstance(file, PlannedFile | VersionFile) else None


def _visible(context: Context, artifact_id: int) -> ArtifactRow | None:
    artifact = context.get(ArtifactRow, artifact_id)
    seen = artifact is not None and access.sees(context.session, context.viewer, artifact)
    return artifact if seen else None


def page_of_version(context: Context, artifact: ArtifactRow, names: Sequence[str] | None, after: str | None,
                    first: int | None) -> Page[Any]:
    """Files of a committed version by name."""
    size, begin = page_size(first), cursors.text(after)
    if artifact.state != COMMITTED:
        return Page([], PageInfo(has_next_page=False, end_cursor=None), 0)
    if names:
        named = queries.files_named(context.session, artifact.id, names)
        found, total = [file for file in named if begin is None or file[0].path > begin], len(named)
    else:
        found, total = queries.files(context.session, artifact.id, begin, size + 1), artifact.file_count
    return page_of_files(context, files_of_version(artifact, found), size, total)


def page_of_files(context: Context, files: Sequence[PlannedFile | VersionFile], size: int, total: int) -> Page[Any]:
    """The first `size` files, of versions or planned, as a page that is answered at once."""
    @cache
    def birth(artifact_id: int) -> ArtifactRow | None:
        return _visible(context, artifact_id)  # the same for most files of a page

    plan: Plan[PlannedFile | VersionFile] = Plan(file_values(context), {
        "artifact": lambda file: birth(file.artifact_id),
        "uploadMultipartUrls": lambda file: part_urls(context, file),
    })
    page = page_of(files, size, lambda file: file.name, total)
    edges: Any = PlannedEdges(page.edges, plan)
    return Page(edges, page.page_info, page.total_count)
