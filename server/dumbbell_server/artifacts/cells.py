"""What filters and orders look at: the cells of collections, and of versions as members of collections, by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Executable, bindparam
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.artifacts.tables import (
    AliasRow,
    ArtifactRow,
    ArtifactTagRow,
    CollectionRow,
    CollectionTagRow,
    MembershipRow,
)
from dumbbell_server.database.statements import batches
from dumbbell_server.json_text import loads
from dumbbell_server.listing import pages
from dumbbell_server.listing.tree import Field
from dumbbell_server.listing.values import lookup

_OF: BindParameter[Sequence[int]] = bindparam("of", expanding=True)
_COLLECTION_TAGS = select(CollectionTagRow.collection_id, CollectionTagRow.name).where(
    col(CollectionTagRow.collection_id).in_(_OF))
_VERSION_TAGS = select(ArtifactTagRow.artifact_id, ArtifactTagRow.name).where(
    col(ArtifactTagRow.artifact_id).in_(_OF))
_ALIASES = select(AliasRow.membership_id, AliasRow.name).where(col(AliasRow.membership_id).in_(_OF))


class Member(NamedTuple):
    """A version in a collection; `id` is that of its membership."""

    id: int
    artifact_id: int
    collection_id: int
    project_id: int
    number: int
    linked_at: str
    created_at: str
    updated_at: str
    size: int


def member_of(membership: MembershipRow, artifact: ArtifactRow, project_id: int) -> Member:
    return Member(membership.id, artifact.id, membership.collection_id, project_id, membership.version_index,
                  membership.created_at, artifact.created_at, artifact.updated_at, artifact.size)


_DIRECT = {"id": "artifact_id"} | {name: name for name in Member._fields if name not in {"id", "artifact_id"}}


def version_columns(session: Session, members: Sequence[Member],
                    fields: Iterable[Field]) -> dict[Field, Mapping[int, Any]]:
    """Cells by membership. What is not there is missing."""
    return {field: _version_column(session, members, field) for field in fields}


def _version_column(session: Session, members: Sequence[Member], field: Field) -> Mapping[int, Any]:
    attribute = _DIRECT.get(field.column)
    if attribute is not None:
        return {member.id: getattr(member, attribute) for member in members}
    if field.column == "version":
        return {member.id: [member.number, f"v{member.number}"] for member in members}
    if field.column in {"metadata_json", "state", "digest", "description"}:
        return _stored_texts(session, members, field)
    if field.column == "alias":
        return {member.id: [] for member in members} | _grouped(session, _ALIASES, [member.id for member in members])
    if field.column == "tag":
        tags = _grouped(session, _VERSION_TAGS, [member.artifact_id for member in members])
        return {member.id: tags.get(member.artifact_id, []) for member in members}
    return {}


def _stored_texts(session: Session, members: Sequence[Member], field: Field) -> Mapping[int, Any]:
    texts = _texts(session, members, field.column)
    if field.column != "metadata_json":
        return {member.id: texts[member.artifact_id] for member in members}
    documents = {number: loads(text) for number, text in texts.items() if text}
    return {member.id: lookup(documents[member.artifact_id], field.path)
            for member in members if member.artifact_id in documents}


def _texts(session: Session, members: Sequence[Member], column: str) -> dict[int, str | None]:
    statement = select(ArtifactRow.id, getattr(ArtifactRow, column)).where(col(ArtifactRow.id).in_(_OF))
    found: dict[int, str | None] = {}
    for some in batches(list({member.artifact_id for member in members})):
        found.update((row[0], row[1]) for row in session.execute(statement, {"of": some}))
    return found


def collection_columns(session: Session, rows: Mapping[int, CollectionRow],
                       fields: Iterable[Field]) -> dict[Field, dict[int, Any]]:
    """Cells by collection."""
    tags = {field for field in fields if field.column == "tag"}
    columns = pages.columns_of(rows, set(fields) - tags)
    for field in tags:
        columns[field] = {number: [] for number in rows} | _grouped(session, _COLLECTION_TAGS, list(rows))
    return columns


def _grouped(session: Session, statement: Executable, of: Sequence[int]) -> dict[int, list[str]]:
    """Names by what they are of, each once."""
    found: dict[int, list[str]] = {}
    for some in batches(of):
        for number, name in session.execute(statement, {"of": some}):
            names = found.setdefault(number, [])
            if name not in names:
                names.append(name)
    return found
