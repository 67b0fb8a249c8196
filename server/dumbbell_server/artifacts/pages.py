"""Versions on a page: what each of them needs is asked for once, and answered at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from dumbbell_server import ids
from dumbbell_server.artifacts import access, queries, service
from dumbbell_server.artifacts.tables import AliasRow, ArtifactRow, ArtifactTagRow, ArtifactTypeRow, CollectionRow
from dumbbell_server.graph.context import Context
from dumbbell_server.graph.planned import Plan

_PLAIN = {"digest": "digest", "description": "description", "labels": "labels", "size": "size",
          "fileCount": "file_count", "commitHash": "commit_hash", "versionIndex": "version_index",
          "historyStep": "history_step", "createdAt": "created_at", "updatedAt": "updated_at"}


def version_plan(context: Context) -> Plan[ArtifactRow]:
    """The fields of versions that a page of them answers at once."""
    values: dict[str, Callable[[ArtifactRow], Any]] = {camel: attrgetter(name) for camel, name in _PLAIN.items()}
    values |= {
        "id": lambda row: ids.encode(access.ARTIFACT, row.id), "state": attrgetter("state"),
        "digestAlgorithm": attrgetter("digest_algorithm"), "metadata": attrgetter("metadata_json"),
        "ttlDurationSeconds": attrgetter("ttl_seconds"),
        "ttlIsInherited": lambda row: row.ttl_seconds == service.INHERITED,
    }

    def sequence(row: ArtifactRow) -> CollectionRow:
        return context.require(CollectionRow, row.sequence_id)

    return Plan(values, {
        "artifactSequence": sequence,
        "artifactType": lambda row: context.require(ArtifactTypeRow, sequence(row).type_id),
        "aliases": lambda row: visible_aliases(context, row),
        "tags": lambda row: tags_of(context, row),
    })


def visible_aliases(context: Context, artifact: ArtifactRow) -> list[AliasRow]:
    """In every collection that the asker may see."""
    found = _of_page(context, "aliases", artifact, lambda numbers: queries.aliases_of(context.session, numbers))
    return [row for row in found if sees_collection(context, row.collection_id)]


def tags_of(context: Context, artifact: ArtifactRow) -> list[ArtifactTagRow]:
    return _of_page(context, "tags", artifact, lambda numbers: [
        (row.artifact_id, row) for row in queries.tags_of(context.session, numbers)])


def know_page(context: Context, artifacts: Sequence[ArtifactRow]) -> None:
    """These versions are shown together: what each needs is asked for once."""
    context.know(*artifacts)
    context.notes["versions on a page"] = [artifact.id for artifact in artifacts]


def sees_collection(context: Context, collection_id: int) -> bool:
    collection = context.get(CollectionRow, collection_id)
    return collection is not None and access.sees_project(context.session, context.viewer, collection.project_id)


def _of_page(context: Context, what: str, artifact: ArtifactRow, load: Any) -> list[Any]:
    """Rows of one version out of those of all versions on its page, which are asked for together."""
    page: list[int] = context.notes.get("versions on a page") or []  # type: ignore[assignment]
    number_of = artifact.id
    if number_of not in page:
        return [row for _, row in load([number_of])]
    loaded: dict[int, list[Any]] | None = context.notes.get(f"{what} of a page")  # type: ignore[assignment]
    if loaded is None or number_of not in loaded:
        loaded = {key: [] for key in page}
        for key, row in load(page):
            loaded[key].append(row)
        context.notes[f"{what} of a page"] = loaded
    return loaded[number_of]
