"""A form into a backend: whole or not at all, and harmless a second time."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from dumbbell_server import ids
from dumbbell_server.accounts import queries as accounts
from dumbbell_server.accounts.access import actor_of_user
from dumbbell_server.accounts.first_user import first_user
from dumbbell_server.accounts.organizations import make_organization
from dumbbell_server.accounts.organizations import set_role as set_seat
from dumbbell_server.accounts.service import create_user
from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.accounts.teams import make_team, set_role, user_named
from dumbbell_server.backend import Backend
from dumbbell_server.blobs.store import BlobStore, StagedBlob, commit_or_discard, new_key
from dumbbell_server.clock import Clock, StillClock, to_text
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, NotFound, StorageUnavailable
from dumbbell_server.files.expected import FOLDER
from dumbbell_server.files.names import mimetype_of
from dumbbell_server.files.service import put_file
from dumbbell_server.history.ingest.posts import Post, read_post
from dumbbell_server.history.ingest.writing import write_post
from dumbbell_server.identity import Actor
from dumbbell_server.json_text import dumps
from dumbbell_server.projects import queries as projects_queries
from dumbbell_server.projects import service as projects
from dumbbell_server.runs import queries as runs_queries
from dumbbell_server.runs import service as runs
from dumbbell_server.runs.states import CRASHED, FAILED, FINISHED, RUNNING
from dumbbell_server.seeding.form import Form, OrganizationForm, ProjectForm, RunForm, TeamForm, UserForm
from dumbbell_server.seeding.nodes import at

_PACE = 10  # seconds from row to row
_APART = timedelta(hours=1)  # from run to run, in the order of the file


@dataclass
class Counts:
    """What was made now."""

    users: int = 0
    teams: int = 0
    organizations: int = 0
    projects: int = 0
    runs: int = 0
    files: int = 0


@dataclass(frozen=True)
class _Bytes:
    key: str
    incoming: StagedBlob


_Stored = dict[tuple[str, str], _Bytes]  # by where the run stands in the form, and the name


@dataclass
class _Loading:
    """A form on its way into one unit of work."""

    backend: Backend
    form: Form
    stored: _Stored
    unit: Unit
    counts: Counts = field(default_factory=Counts)
    used: set[str] = field(default_factory=set)  # keys of blobs that now belong to a file

    @property
    def session(self) -> Session:
        return self.unit.session

    def acting(self, user: str | None = None, clock: Clock | None = None) -> Unit:
        """The unit in a user's name, or the server's, at another moment: when the form was made, if none is named."""
        return replace(self.unit, viewer=self.actor(user) if user else None,
                       clock=clock or _clock(self.form.created, ""))

    def name(self, name: str) -> str:
        """What the user or team is called on this server."""
        first = next((user.name for user in self.form.users if user.first), None)
        if name != first:
            return name
        user = first_user(self.session, self.backend.settings.user)
        return user.username if user is not None else self.backend.settings.user

    def actor(self, name: str) -> Actor:
        return actor_of_user(self.session, user_named(self.session, self.name(name)))


def load(backend: Backend, form: Form) -> Counts:
    """Everything of the form that is not there yet. On a failure nothing of it is left."""
    stored: _Stored = {}
    used: set[str] = set()

    try:
        asyncio.run(_receive(backend, form, stored))
        done = backend.write(None, lambda unit: _load(_Loading(backend, form, stored, unit)))
        used = done.used
    except StorageUnavailable:
        used = {file.key for file in stored.values()}  # or so it may be
        raise
    finally:
        for file in stored.values():
            if file.key not in used:
                backend.blobs.delete(file.key)
    return done.counts


async def _receive(backend: Backend, form: Form, stored: _Stored) -> None:
    for project in form.projects:
        for run in project.runs:
            for name, text in run.files.items():
                with at(run.where):
                    incoming = await backend.blobs.receive(_once(text.encode()), backend.settings.max_upload)
                stored[run.where, name] = await _keep(backend.blobs, incoming)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _keep(blobs: BlobStore, incoming: StagedBlob) -> _Bytes:
    key = new_key(FOLDER)
    await commit_or_discard(blobs, incoming, key)
    return _Bytes(key, incoming)


def _clock(moment: datetime, seed: str) -> Clock:
    return StillClock(moment.timestamp(), zlib.crc32(seed.encode()))


def _load(loading: _Loading) -> _Loading:
    for user in loading.form.users:
        with at(user.where):
            _user(loading, user)
    for team in loading.form.teams:
        with at(team.where):
            _team(loading, team)
    for organization in loading.form.organizations:
        with at(organization.where):
            _organization(loading, organization)
    moment = loading.form.created
    for project in loading.form.projects:
        with at(project.where):
            project_id = _project(loading, project)
        for run in project.runs:
            moment += _APART
            with at(run.where):
                _run(loading, project, project_id, run, moment)
    return loading


def _user(loading: _Loading, form: UserForm) -> None:
    name = loading.name(form.name)
    if form.first and first_user(loading.session, loading.backend.settings.user) is None:
        raise NotFound(f"the first user {name!r} is not there yet")
    if accounts.user_by_name(loading.session, name) is not None:
        return
    create_user(loading.acting(), name)
    loading.counts.users += 1


def _team(loading: _Loading, form: TeamForm) -> None:
    unit, session = loading.acting(), loading.session
    there = accounts.entity_by_name(session, form.name)
    if there is not None:
        if there.kind != "team":
            raise BadInput(f"{form.name!r} is taken by a {there.kind}; choose another name for the team")
        return
    users = {user_named(session, loading.name(name)).username: role for name, role in form.members.items()}
    team = make_team(unit, form.name, user_named(session, next(iter(users))))
    for name, role in users.items():
        set_role(unit, team, user_named(session, name), role)
    loading.counts.teams += 1


def _organization(loading: _Loading, form: OrganizationForm) -> None:
    unit, session = loading.acting(), loading.session
    if accounts.organization_by_name(session, form.name) is not None:
        return
    members = [(user_named(session, loading.name(name)), role) for name, role in form.members.items()]
    organization = make_organization(unit, form.name, members[0][0])
    for user, role in members:
        set_seat(unit, organization, user, role)
    loading.counts.organizations += 1


def _entity(loading: _Loading, form: ProjectForm) -> EntityRow:
    entity = accounts.entity_by_name(loading.session, loading.name(form.entity))
    if entity is None:
        raise NotFound(f"entity {form.entity!r} not found")
    return entity


def _project(loading: _Loading, form: ProjectForm) -> int:
    entity = _entity(loading, form)
    row = projects_queries.by_name(loading.session, entity.id, form.name)
    if row is None:
        edit = projects.ProjectEdit(description=form.description, access=form.access)
        row, _ = projects.upsert(loading.acting(form.user), entity.name, form.name, None, edit)
        loading.counts.projects += 1
    return row.id


def _run(loading: _Loading, project: ProjectForm, project_id: int, form: RunForm, moment: datetime) -> None:
    session, entity = loading.session, loading.name(project.entity)
    if runs_queries.by_name(session, project_id, form.id) is not None:
        return
    edit = runs.RunEdit(
        display_name=form.display_name, notes=form.notes, group=form.group, job_type=form.job_type,
        tags=list(form.tags), config=dumps({key: {"value": value} for key, value in form.config.items()}))
    run = runs.upsert(loading.acting(form.user, _clock(moment, form.id)), node_id=None, entity=entity,
                      project=project.name, name=form.id, edit=edit).run
    end = _clock(moment + timedelta(seconds=_PACE * max(1, len(form.rows))), form.id)
    unit = loading.acting(form.user, end)
    # nobody speaks for a running run: it has the heartbeat timeout from now until it counts as crashed
    heard = loading.backend.clock.text() if form.state == RUNNING else end.text()
    write_post(unit.connection, unit.actor, entity, project.name, form.id, "", _post(form, moment), heard)
    if form.state == CRASHED:
        runs.set_state(unit, ids.encode_run(form.id, project.name, entity), CRASHED)
    _files(loading, unit, form, run.id)
    session.flush()
    loading.counts.runs += 1


def _post(form: RunForm, moment: datetime) -> Post:
    start = moment.timestamp()
    rows = [{"_step": step, "_runtime": step * _PACE, "_timestamp": start + step * _PACE, **row}
            for step, row in enumerate(form.rows)]
    last = rows[-1] if rows else {}
    stamp = to_text(moment).removesuffix("Z")
    content: dict[str, list[str]] = {
        "wandb-history.jsonl": [dumps(row) for row in rows],
        "output.log": [f"{stamp} {line}" for line in form.console],
        "wandb-summary.json": [dumps({**last, **form.summary})],
    }
    body: dict[str, Any] = {"files": {name: {"offset": 0, "content": lines} for name, lines in content.items()}}
    if form.state in {FINISHED, FAILED}:
        body |= {"complete": True, "exitcode": 0 if form.state == FINISHED else 1}
    return read_post(body, derive_summary=False)


def _files(loading: _Loading, unit: Unit, form: RunForm, run_id: int) -> None:
    for name in form.files:
        file = loading.stored[form.where, name]
        put_file(unit, run_id, name, size=file.incoming.size, md5=file.incoming.md5_base64,
                 mimetype=mimetype_of(name), blob_key=file.key)
        loading.used.add(file.key)
        loading.counts.files += 1
