"""The rules of collections: renaming, describing, tagging, moving, deleting, and links between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.artifacts import access, queries, removal
from dumbbell_server.artifacts.aliases import leave, set_alias
from dumbbell_server.artifacts.committing import join
from dumbbell_server.artifacts.names import LATEST, checked_alias, checked_name, checked_tag, checked_text
from dumbbell_server.artifacts.service import check_type, count_collections, make_collection, type_named
from dumbbell_server.artifacts.tables import (
    COMMITTED,
    DELETED,
    PORTFOLIO,
    SEQUENCE,
    ArtifactRow,
    ArtifactTypeRow,
    CollectionRow,
    CollectionTagRow,
    MembershipRow,
)
from dumbbell_server.clock import Clock
from dumbbell_server.collections import queries as lists
from dumbbell_server.collections.registries import check_link
from dumbbell_server.database.events import Events
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Conflict, NotFound
from dumbbell_server.identity import Actor, Role
from dumbbell_server.json_text import storable
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.access import require
from dumbbell_server.projects.tables import ProjectRow

_WHAT = {SEQUENCE: "artifact sequence", PORTFOLIO: "artifact portfolio"}


@dataclass(frozen=True)
class LinkTarget:
    """Where a version is to be linked: a portfolio by id, or by its name in a project."""

    entity: str | None
    project: str | None
    portfolio: str | None
    portfolio_id: str | None = None


def _of_kind(session: Session, actor: Actor, node_id: str, kind: str, action: str, role: Role = Role.MEMBER,
             ) -> CollectionRow:
    collection = access.collection_for_writing(session, actor, node_id, action, role)
    if collection.kind != kind:
        raise NotFound(f"no {_WHAT[kind]} has the id {node_id[:80]!r}")
    return collection


def update(session: Session, clock: Clock, actor: Actor, node_id: str, kind: str, name: str | None,
           description: str | None) -> CollectionRow:
    """The collection with what was given. Conflict where the project has another of that name."""
    collection = _of_kind(session, actor, node_id, kind, "edit artifact collections")
    if name is not None and name != collection.name:
        checked_name(name, "artifact collection")
        if queries.collection_by_name(session, collection.project_id, name) is not None:
            raise Conflict(f"an artifact collection called {name!r} exists in this project; choose another name")
        collection.name = name
    if description is not None:
        collection.description = checked_text(description, "description")
    return _touched(session, clock, collection)


def _touched(session: Session, clock: Clock, collection: CollectionRow) -> CollectionRow:
    collection.updated_at = clock.text()
    session.add(collection)
    session.flush()
    return collection


def move(session: Session, clock: Clock, actor: Actor, node_id: str, type_name: str) -> CollectionRow:
    """The sequence and all its versions are of this type, which is made where it is new."""
    collection = _of_kind(session, actor, node_id, SEQUENCE, "move artifact collections")
    count_collections(session, collection.type_id, -1)
    collection.type_id = type_named(session, clock, collection.project_id, type_name).id
    count_collections(session, collection.type_id, 1)
    return _touched(session, clock, collection)


def delete_collection(session: Session, actor: Actor, node_id: str, kind: str) -> CollectionRow:
    """Gone: a sequence with its versions, a portfolio without them. What is returned is what was there."""
    collection = _of_kind(session, actor, node_id, kind, "delete artifact collections")
    session.expunge(collection)
    removal.delete_collection(session, actor, collection)
    collection.state = DELETED
    return collection


def named(session: Session, actor: Actor, entity: str, project: str, name: str) -> CollectionRow:
    home = projects.find(session, actor, entity, project)
    collection = queries.collection_by_name(session, home.id, name) if home else None
    if home is None or collection is None:
        raise NotFound(f"artifact collection {entity}/{project}/{name} not found")
    require(actor, home, Role.MEMBER, "edit artifact collections")
    return collection


def add_tags(session: Session, clock: Clock, actor: Actor, place: tuple[str, str, str], tags: Sequence[str],
             ) -> Sequence[CollectionTagRow]:
    """The collection has these tags too; all that it has then."""
    collection = named(session, actor, *place)
    known = {row.name for row in lists.tags(session, collection.id)}
    for tag in dict.fromkeys(tags):
        if checked_tag(tag) not in known:
            session.add(CollectionTagRow(collection_id=collection.id, name=tag))
    _touched(session, clock, collection)
    return lists.tags(session, collection.id)


def delete_tags(session: Session, clock: Clock, actor: Actor, place: tuple[str, str, str], tags: Sequence[str],
                ) -> None:
    collection = named(session, actor, *place)
    session.execute(delete(CollectionTagRow).where(
        col(CollectionTagRow.collection_id) == collection.id, col(CollectionTagRow.name).in_(
            [tag for tag in tags if storable(tag)])))
    _touched(session, clock, collection)


def link(session: Session, clock: Clock, actor: Actor, artifact: ArtifactRow, target: LinkTarget,
         aliases: Sequence[str]) -> MembershipRow:
    """The version is in the portfolio, under the next number there or the one it has already.

    Portfolio and project are made where they are new. The answer must tell the number, which only a committed version
    gets: clients since 0.18 wait for that, and earlier ones send the link after the commit has been answered.
    """
    if artifact.state != COMMITTED:
        raise BadInput("this artifact is not committed yet; wait for it, then link it")
    for alias in aliases:
        checked_alias(alias)
    portfolio = _portfolio(session, clock, actor, artifact, target)
    session.refresh(portfolio, with_for_update=True)
    member = queries.membership(session, portfolio.id, artifact.id)
    if member is None:
        member = join(session, clock, portfolio, artifact)
        set_alias(session, member, LATEST)
    for alias in aliases:
        set_alias(session, member, alias)
    return member


def _portfolio(session: Session, clock: Clock, actor: Actor, artifact: ArtifactRow, target: LinkTarget,
               ) -> CollectionRow:
    source = session.get_one(CollectionRow, artifact.sequence_id)
    kind = session.get_one(ArtifactTypeRow, source.type_id)
    if target.portfolio_id is not None:
        portfolio = _of_kind(session, actor, target.portfolio_id, PORTFOLIO, "link artifacts")
        check_link(session, artifact, kind, session.get_one(ProjectRow, portfolio.project_id))
        check_type(session, portfolio, kind.name)
        return portfolio
    if target.portfolio is None:
        raise BadInput("linkArtifact needs artifactPortfolioName or artifactPortfolioID")
    home = projects.for_linking(Unit(session, clock, Events(), actor), target.entity, target.project)
    check_link(session, artifact, kind, home)
    found = queries.collection_by_name(session, home.id, target.portfolio)
    if found is None:
        own = type_named(session, clock, home.id, kind.name)
        return make_collection(session, clock, actor, own, PORTFOLIO, target.portfolio)
    if found.kind != PORTFOLIO:
        raise Conflict(f"{found.name!r} in project {home.name!r} is where artifacts are logged; "
                       "link under another name")
    check_type(session, found, kind.name)
    return found


def unlink(session: Session, clock: Clock, actor: Actor, artifact_node: str, portfolio_node: str) -> None:
    """The version is no longer in the portfolio; its source stays. NotFound where it was not there."""
    portfolio = _of_kind(session, actor, portfolio_node, PORTFOLIO, "unlink artifacts")
    artifact = access.find(session, actor, artifact_node)
    member = queries.membership(session, portfolio.id, artifact.id) if artifact else None
    if member is None:
        raise NotFound(f"this version is not linked to {portfolio.name!r}")
    leave(session, [member])
    _touched(session, clock, portfolio)
