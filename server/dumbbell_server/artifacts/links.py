"""Links: versions in portfolios beside the sequence in which they were logged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dumbbell_server.artifacts import access, client_ids, collections, queries, types
from dumbbell_server.artifacts.aliases import set_alias
from dumbbell_server.artifacts.events import VersionLinking
from dumbbell_server.artifacts.memberships import join, leave
from dumbbell_server.artifacts.names import LATEST, checked_alias
from dumbbell_server.artifacts.tables import (
    COMMITTED,
    PORTFOLIO,
    ArtifactRow,
    ArtifactTypeRow,
    CollectionRow,
    MembershipRow,
)
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Conflict, Forbidden, NotFound
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.tables import ProjectRow


@dataclass(frozen=True)
class LinkSource:
    """The version by its id, or by what its maker called it."""

    artifact_id: str | None
    client_id: str | None


@dataclass(frozen=True)
class LinkTarget:
    """Where a version is to be linked: a portfolio by id, or by its name in a project."""

    entity: str | None
    project: str | None
    portfolio: str | None
    portfolio_id: str | None = None


def link(unit: Unit, source: LinkSource, target: LinkTarget, aliases: Sequence[str]) -> MembershipRow:
    """The version is in the portfolio, under the next number there or the one it has already.

    Portfolio and project are made where they are new. The answer must have the number, which only a committed version
    gets: clients since 0.18 wait for that, and earlier ones send the link after the commit has been answered.
    """
    session, artifact = unit.session, _version(unit, source)
    if artifact.state != COMMITTED:
        raise BadInput("this artifact is not committed yet; wait for it, then link it")
    for alias in aliases:
        checked_alias(alias)
    portfolio = _portfolio(unit, artifact, target)
    session.refresh(portfolio, with_for_update=True)
    member = queries.membership(session, portfolio.id, artifact.id)
    if member is None:
        member = join(unit, portfolio, artifact)
        set_alias(session, member, LATEST)
    for alias in aliases:
        set_alias(session, member, alias)
    return member


def _version(unit: Unit, source: LinkSource) -> ArtifactRow:
    node = source.artifact_id
    if node is None and source.client_id is not None:
        node = client_ids.version_node(unit.session, source.client_id)
    artifact = access.find(unit.session, unit.actor, node) if node else None
    if artifact is None:
        raise NotFound("linkArtifact: there is no artifact with this artifactID or clientID")
    if not access.reads(unit.session, unit.actor, artifact):
        raise Forbidden("you may look at this artifact but not have its files, and so not link it")
    return artifact


def _portfolio(unit: Unit, artifact: ArtifactRow, target: LinkTarget) -> CollectionRow:
    session = unit.session
    sequence = session.get_one(CollectionRow, artifact.sequence_id)
    type_name = session.get_one(ArtifactTypeRow, sequence.type_id).name
    if target.portfolio_id is not None:
        portfolio = collections.for_writing(unit, target.portfolio_id, PORTFOLIO, "link artifacts")
        unit.emit(VersionLinking(artifact, type_name, session.get_one(ProjectRow, portfolio.project_id)))
        types.check(session, portfolio, type_name)
        return portfolio
    if target.portfolio is None:
        raise BadInput("linkArtifact needs artifactPortfolioName or artifactPortfolioID")
    project = projects.for_linking(unit, target.entity, target.project)
    unit.emit(VersionLinking(artifact, type_name, project))
    return _portfolio_named(unit, project, target.portfolio, type_name)


def _portfolio_named(unit: Unit, project: ProjectRow, name: str, type_name: str) -> CollectionRow:
    """The portfolio, made where it is new. Conflict where the name has another type or is a sequence's."""
    found = queries.collection_by_name(unit.session, project.id, name)
    if found is None:
        own_type = types.find_or_create(unit, project.id, type_name)
        return collections.create(unit, own_type, PORTFOLIO, name)
    if found.kind != PORTFOLIO:
        raise Conflict(f"{found.name!r} in project {project.name!r} is where artifacts are logged; "
                       "link under another name")
    types.check(unit.session, found, type_name)
    return found


def unlink(unit: Unit, artifact_node: str, portfolio_node: str) -> None:
    """The version is no longer in the portfolio; its source stays. NotFound where it was not there."""
    portfolio = collections.for_writing(unit, portfolio_node, PORTFOLIO, "unlink artifacts")
    artifact = access.find(unit.session, unit.actor, artifact_node)
    member = queries.membership(unit.session, portfolio.id, artifact.id) if artifact else None
    if member is None:
        raise NotFound(f"this version is not linked to {portfolio.name!r}")
    leave(unit.session, [member])
    collections.touch(unit, portfolio)
