"""Nothing is twice in a fixture: what is there already would be left alone, and the second never seen."""

from __future__ import annotations

from collections.abc import Iterator

from dumbbell_server.seeding.form.documents import Organization, Project, ProjectFields, Team, User
from dumbbell_server.seeding.form.reading import Fixture, Read
from dumbbell_server.seeding.loading.memberships import indexed
from dumbbell_server.seeding.loading.taking import Path_

Named = tuple[tuple[str, ...], Path_]  # what a thing is called in all, and where in its document it stands
Account = User | Team | Organization


def check_distinct(fixture: Fixture) -> None:
    """BadInput names what is there twice, and where the first is."""
    seen: dict[tuple[str, ...], tuple[Read, Path_]] = {}
    for read in fixture.documents:
        for name, path in _named(read):
            first = seen.setdefault(name, (read, path))
            if first != (read, path):
                _refuse(name, read, path, first)
    _check_accounts(fixture)


def _refuse(name: tuple[str, ...], read: Read, path: Path_, first: tuple[Read, Path_]) -> None:
    raise read.wrong(path, f"{name[0]} {name[-1]!r} is there twice: first in {first[0].where(*first[1])}")


def _check_accounts(fixture: Fixture) -> None:
    """Accounts may stand in several documents, as those of two exports do, where they all say the same of them."""
    seen: dict[tuple[str, ...], tuple[Read, Path_, Account]] = {}
    for read in fixture.documents:
        for name, path, account in _accounts(read):
            first = seen.setdefault(name, (read, path, account))
            if (first[0] is read and first[1] != path) or _said(first[2]) != _said(account):
                _refuse(name, read, path, first[:2])


def _accounts(read: Read) -> Iterator[tuple[tuple[str, ...], Path_, Account]]:
    document = read.document
    for at, user in enumerate(document.users):
        yield ("name", user.name), ("users", at), user
    for at, team in enumerate(document.teams):
        yield ("name", team.name), ("teams", at), team
    for at, organization in enumerate(document.organizations):
        yield ("organization", organization.name), ("organizations", at), organization


def _said(account: Account) -> Account:
    """Without the numbers, of which the first that is free holds."""
    return account.model_copy(update={"row": None, "entity_row": None})


def _named(read: Read) -> Iterator[Named]:
    document = read.document
    for at, project in enumerate(document.projects):
        yield from _in_project((project.entity, project.name), ("projects", at), project)
    for at, registry in enumerate(document.registries):
        place = (registry.organization, "registry", registry.name)
        for name, path in _artifacts(registry, ("registries", at)):
            yield (name[0], *place, *name[1:]), path


def _in_project(place: tuple[str, ...], path: Path_, project: Project) -> Iterator[Named]:
    for at, run in enumerate(project.runs):
        yield ("run", *place, run.id), (*path, "runs", at)
    for at, sweep in enumerate(project.sweeps):
        yield ("sweep", *place, sweep.name), (*path, "sweeps", at)
    for at, report in enumerate(project.reports):
        yield ("report", *place, report.type, report.name or report.title or ""), (*path, "reports", at)
    for name, spot in _artifacts(project, path):
        yield (name[0], *place, *name[1:]), spot


def _artifacts(project: ProjectFields, path: Path_) -> Iterator[Named]:
    for at, kind in enumerate(project.artifact_types):
        yield ("artifact type", kind.name), (*path, "artifact_types", at)
    for at, collection in enumerate(project.artifacts):
        spot = (*path, "artifacts", at)
        yield ("artifact", collection.name), spot
        for number, (index, _) in enumerate(indexed(collection)):
            yield ("version", f"{collection.name}:v{index}"), (*spot, "versions", number)
        for number, link in enumerate(collection.links):
            yield ("link", collection.name, link.version), (*spot, "links", number)
