"""What clients call versions and sequences before these have ids."""

from __future__ import annotations

from sqlalchemy.orm import Session

from dumbbell_server import ids
from dumbbell_server.artifacts import access, queries
from dumbbell_server.artifacts.tables import ClientIdRow
from dumbbell_server.identity import Actor


def remember(session: Session, client_id: str | None, artifact_id: int | None = None,
             collection_id: int | None = None) -> None:
    """The client calls the version or sequence so from now on."""
    if client_id and queries.client_id(session, client_id) is None:
        session.add(ClientIdRow(client_id=client_id, artifact_id=artifact_id, collection_id=collection_id))


def version_node(session: Session, client_id: str) -> str | None:
    """The id of the version that the client calls so."""
    row = queries.client_id(session, client_id)
    return access.node_of(row.artifact_id) if row and row.artifact_id else None


def node_of(session: Session, viewer: Actor | None, client_id: str) -> str | None:
    """The id of what the client calls so; None where that does not exist for this viewer."""
    row = queries.client_id(session, client_id)
    if row is None:
        return None
    if row.artifact_id:
        node = access.node_of(row.artifact_id)
        return node if access.find(session, viewer, node) is not None else None
    node = ids.encode(access.COLLECTION, row.collection_id or 0)
    return node if access.find_collection(session, viewer, node) is not None else None
