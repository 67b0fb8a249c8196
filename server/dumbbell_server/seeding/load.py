"""A fixture into a database: whole or not at all. What is there already is left alone, and nothing fires."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import cast

from dumbbell_server.backend import Backend
from dumbbell_server.database.engine import reading
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import StorageUnavailable
from dumbbell_server.projects.registries import PREFIX
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.seeding.form.documents import Project, Registry
from dumbbell_server.seeding.form.reading import Fixture, Read
from dumbbell_server.seeding.loading import projects, sweeps
from dumbbell_server.seeding.loading.accounts import load_accounts
from dumbbell_server.seeding.loading.collections import NewVersion, load_collections, load_types
from dumbbell_server.seeding.loading.distinct import check_distinct
from dumbbell_server.seeding.loading.lineage import load_links, load_uses
from dumbbell_server.seeding.loading.reports import load_report
from dumbbell_server.seeding.loading.runs import load_run
from dumbbell_server.seeding.loading.state import Counts, Loading, Numbers, ProjectPart
from dumbbell_server.seeding.loading.taking import Path_, Taken, Taking
from dumbbell_server.seeding.loading.versions import load_files
from dumbbell_server.seeding.made.contents import Incoming


def load(backend: Backend, fixture: Fixture, on_progress: Callable[[int], object] | None = None) -> Counts:
    """Everything of the fixture that is not there yet. On a failure nothing of it is left.

    `on_progress` hears of each run and version that was made.
    """
    check_distinct(fixture)
    incoming = Incoming(backend)
    used: set[str] = set()
    everything = False
    try:
        taken = asyncio.run(_take(backend, fixture, incoming))
        done = backend.write(None, lambda unit: _load(backend, fixture, unit, taken, incoming, on_progress))
        used = done.used
    except StorageUnavailable:
        everything = True  # or so it may be
        raise
    finally:
        if not everything:
            incoming.drop(used)
    return done.counts


async def _take(backend: Backend, fixture: Fixture, incoming: Incoming) -> Taken:
    with reading(backend.database) as session:
        return await Taking(backend, session, fixture, incoming).run()


def _load(backend: Backend, fixture: Fixture, unit: Unit, taken: Taken, incoming: Incoming,
          on_progress: Callable[[int], object] | None) -> Loading:
    loading = Loading(backend, fixture, unit, unit.clock.now(), taken, Numbers(unit.session))
    loading.on_progress = on_progress or loading.on_progress
    load_accounts(loading)
    parts = list(_parts(loading))
    for part in parts:
        _load_sweeps(loading, part)
        load_types(loading, part)
    made = [run for part in parts for run in _load_runs(loading, part)]
    for part in parts:
        _load_reports(loading, part)
    versions: list[NewVersion] = []
    for part in parts:
        versions += load_collections(loading, part)
    for version in sorted(versions, key=lambda version: version.row.id):
        load_files(loading, incoming, version)
        loading.on_progress(1)
    for part in parts:
        load_links(loading, part)
    for part, path, row in made:
        assert isinstance(part.form, Project)  # noqa: S101 - registries have no runs
        load_uses(loading, part.read, path, row.id, part.form.runs[int(path[-1])].uses)
    loading.numbers.pass_on()
    return loading


def _parts(loading: Loading) -> Iterator[ProjectPart]:
    """Projects and registries with their rows. Each may stand in several documents."""
    said = _described(loading.fixture)
    for read, path, form in _forms(loading.fixture):
        describing = said.get(_key(form), (read, path, form))
        if isinstance(form, Project):
            with describing[0].at(*describing[1]):
                row = projects.load_project(loading, describing[0], cast("Project", describing[2]))
            name = f"{form.entity}/{form.name}"
        else:
            with describing[0].at(*describing[1]):
                row = projects.load_registry(loading, describing[0], cast("Registry", describing[2]))
                entity = projects.entity_of(loading, form.organization)
            name = f"{entity.name}/{PREFIX}{form.name}"
        yield ProjectPart(read, path, form, row, name)


Form = tuple[Read, Path_, Project | Registry]
_NAMES_AND_LISTS = frozenset({"entity", "organization", "name", "runs", "sweeps", "reports", "artifacts",
                              "artifact_types"})


def _forms(fixture: Fixture) -> Iterator[Form]:
    for read in fixture.documents:
        for at, project in enumerate(read.document.projects):
            yield read, ("projects", at), project
        for at, registry in enumerate(read.document.registries):
            yield read, ("registries", at), registry


def _key(form: Project | Registry) -> tuple[str, str, str]:
    if isinstance(form, Project):
        return "project", form.entity, form.name
    return "registry", form.organization, form.name


def _described(fixture: Fixture) -> dict[tuple[str, str, str], Form]:
    """Of each project the one document that says more of it than its name. BadInput where two do."""
    found: dict[tuple[str, str, str], Form] = {}
    for read, path, form in _forms(fixture):
        if form.model_fields_set - _NAMES_AND_LISTS:
            other = found.setdefault(_key(form), (read, path, form))
            if other[2] is not form:
                raise read.wrong(path, f"{form.name!r} is described in {other[0].where(*other[1])} already; say all of "
                                       "it in one place, and elsewhere its name and its lists alone")
    return found


def _load_sweeps(loading: Loading, part: ProjectPart) -> None:
    form = part.form
    for at, sweep in enumerate(form.sweeps if isinstance(form, Project) else ()):
        path = (*part.path, "sweeps", at)
        with part.read.at(*path):
            sweeps.load_sweep(loading, part.read, path, part.row, sweep)


def _load_runs(loading: Loading, part: ProjectPart) -> Iterator[tuple[ProjectPart, Path_, RunRow]]:
    """Those that were made now."""
    form = part.form
    if not isinstance(form, Project):
        return
    for at, run in enumerate(form.runs):
        path: Path_ = (*part.path, "runs", at)
        before = loading.counts.runs
        with part.read.at(*path):
            row = load_run(loading, part.read, path, form, part.row, _number(part.read, path, at))
            if loading.counts.runs > before:
                sweeps.load_place(loading, form, row, run.sweep)
                loading.on_progress(1)
                yield part, path, row
    if form.runs_made is not None and part.row.id in loading.new_projects:
        loading.runs_made[part.row.id] = form.runs_made


def _load_reports(loading: Loading, part: ProjectPart) -> None:
    form = part.form
    for at, report in enumerate(form.reports if isinstance(form, Project) else ()):
        with part.read.at(*part.path, "reports", at):
            load_report(loading, part.read, part.row, report)
    if part.row.id in loading.runs_made:
        part.row.runs_made = loading.runs_made[part.row.id]


def _number(read: Read, path: Path_, at: int) -> int:
    """How many runs of the document there are up to this one, which times are counted by."""
    before = sum(len(project.runs) for project in read.document.projects[:int(path[1])])
    return before + at + 1
