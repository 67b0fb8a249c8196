"""Versions in collections: under their numbers, with their aliases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlmodel import select

from dumbbell_server.artifacts import queries
from dumbbell_server.artifacts.names import version_number
from dumbbell_server.artifacts.tables import (
    AliasRow,
    ArtifactRow,
    CollectionRow,
    MembershipRow,
)
from dumbbell_server.errors import BadInput
from dumbbell_server.seeding.form.documents import ArtifactVersion, Collection
from dumbbell_server.seeding.loading.state import Loading


def indexed(collection: Collection) -> Iterator[tuple[int, ArtifactVersion]]:
    """Versions by their numbers: those that say none have the next."""
    after = 0
    for version in collection.versions:
        index = after if version.index is None else version.index
        yield index, version
        after = index + 1


def join(loading: Loading, collection: CollectionRow, artifact: ArtifactRow, index: int, aliases: Sequence[str],
          joined: str, number: int | None) -> None:
    """The version is in the collection under this number, and these aliases name it."""
    session = loading.session
    if session.execute(select(MembershipRow.id).where(
            MembershipRow.collection_id == collection.id, MembershipRow.version_index == index)).first() is not None:
        raise BadInput(f"there is another v{index} in {collection.name!r}")
    member = MembershipRow(**loading.numbers.kept(MembershipRow, number), collection_id=collection.id,
                           artifact_id=artifact.id, version_index=index, created_at=joined)
    session.add(member)
    session.flush()
    for alias in dict.fromkeys(aliases):
        if version_number(alias) is not None:
            continue  # follows from the number
        row = queries.alias(session, collection.id, alias)
        if row is None:
            row = AliasRow(collection_id=collection.id, membership_id=member.id, name=alias)
        row.membership_id = member.id
        session.add(row)
    collection.version_count += 1
    collection.next_version = max(collection.next_version, index + 1)
    session.flush()
