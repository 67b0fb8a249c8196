"""Files on a page: all of them answered at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dumbbell_server.artifacts import access, expected
from dumbbell_server.artifacts.files import PlannedFile, VersionFile, part_path
from dumbbell_server.artifacts.tables import ArtifactRow
from dumbbell_server.files.graphql import StoredFile
from dumbbell_server.files.pages import FILE_VALUES
from dumbbell_server.graph.context import Context
from dumbbell_server.graph.planned import Plan, PlannedEdges
from dumbbell_server.listing.pages import Page, page_of


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


def artifact_of(context: Context, file: StoredFile) -> ArtifactRow | None:
    """The version for which the bytes first came, where the asker may see it."""
    number = file.artifact_id if isinstance(file, PlannedFile | VersionFile) else None
    key = f"file of {number}"
    if key not in context.answers:
        artifact = context.get(ArtifactRow, number)
        seen = artifact is not None and access.sees(context.session, context.viewer, artifact)
        context.answers[key] = artifact if seen else None
    found: ArtifactRow | None = context.answers[key]
    return found


def page_of_planned(context: Context, files: Sequence[Any], size: int, total: int) -> Page[Any]:
    """A page of files of versions by name."""
    def given(answer: Callable[[Context, StoredFile], Any]) -> Callable[[StoredFile], Any]:
        return lambda file: answer(context, file)

    plan = Plan({name: given(answer) for name, answer in FILE_VALUES.items()},
                {"artifact": given(artifact_of), "uploadMultipartUrls": given(part_urls)})
    page = page_of(files, size, lambda file: file.name, total)
    edges: Any = PlannedEdges(page.edges, plan)
    return Page(edges, page.page_info, page.total_count)
