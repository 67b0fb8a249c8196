"""Versions that a client has logged, and that have no number of their own: they follow what is there.

So do those of offline runs (docs/protocol/offline.md#artifacts): the collection may have got versions meanwhile.
"""

from __future__ import annotations

from sqlmodel import col, select

from dumbbell_server.artifacts import queries, uses
from dumbbell_server.artifacts.aliases import set_alias
from dumbbell_server.artifacts.tables import ClientIdRow, CollectionRow, MembershipRow
from dumbbell_server.runs import queries as runs
from dumbbell_server.seeding.form.documents import ArtifactVersion
from dumbbell_server.seeding.loading.state import Loading


def number_of(loading: Loading, collection: CollectionRow, form: ArtifactVersion, given: int) -> int:
    """The number that the version has here: that of the one that it is already, or the next."""
    if form.index is not None or not form.client_ids:
        return given
    member = _known(loading, collection, form) or _same(loading, collection, form)
    return collection.next_version if member is None else member.version_index


def _known(loading: Loading, collection: CollectionRow, form: ArtifactVersion) -> MembershipRow | None:
    """The version that one of these ids was for."""
    return loading.session.execute(
        select(MembershipRow).join(ClientIdRow, col(ClientIdRow.artifact_id) == MembershipRow.artifact_id)
        .where(MembershipRow.collection_id == collection.id, col(ClientIdRow.client_id).in_(form.client_ids))
        .limit(1)).scalar()


def _same(loading: Loading, collection: CollectionRow, form: ArtifactVersion) -> MembershipRow | None:
    """The version of the same digest, which is this one from now on: by its names, and to its run."""
    session = loading.session
    version = queries.by_digest(session, collection.id, form.digest) if form.digest else None
    member = queries.membership(session, collection.id, version.id) if version is not None else None
    if version is None or member is None:
        return None
    for alias in form.aliases:
        set_alias(session, member, alias)
    session.add_all([ClientIdRow(client_id=name, artifact_id=version.id) for name in form.client_ids
                     if queries.client_id(session, name) is None])
    run = runs.plain(session, collection.project_id, form.run) if form.run is not None else None
    if run is not None:
        uses.record(loading.unit, run.id, version.id, uses.OUTPUT)
    session.flush()
    return member
