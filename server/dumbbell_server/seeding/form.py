"""What a seed file says, checked: users, teams, organizations, projects, runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from dumbbell_server.errors import BadInput
from dumbbell_server.files.names import clean
from dumbbell_server.json_text import storable
from dumbbell_server.runs.states import CRASHED, FAILED, FINISHED, RUNNING
from dumbbell_server.seeding.formula import read_formula
from dumbbell_server.seeding.nodes import Part, at, read_yaml

_STATES = (FINISHED, FAILED, CRASHED, RUNNING)
_ROLES = ("admin", "member", "viewer")
_MOST_ROWS = 10_000
_OPTIONAL = "name state group job_type notes tags config summary history files console"


@dataclass(frozen=True)
class UserForm:
    where: str
    name: str
    first: bool  # whoever the server's first user is; only in the file by this name


@dataclass(frozen=True)
class TeamForm:
    where: str
    name: str
    members: dict[str, str]  # roles by user, an admin first


@dataclass(frozen=True)
class OrganizationForm:
    where: str
    name: str
    members: dict[str, str]  # roles by user, an admin first


@dataclass(frozen=True)
class RunForm:
    where: str
    id: str
    user: str
    state: str = FINISHED
    display_name: str | None = None
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    rows: tuple[dict[str, float], ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    console: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProjectForm:
    where: str
    entity: str
    name: str
    user: str
    description: str | None
    access: str | None
    runs: tuple[RunForm, ...]


@dataclass(frozen=True)
class Form:
    created: datetime
    users: tuple[UserForm, ...]
    teams: tuple[TeamForm, ...]
    projects: tuple[ProjectForm, ...]
    organizations: tuple[OrganizationForm, ...] = ()


def read_form(name: str) -> Form:
    """The fixture of that name, or the file at that path."""
    if name.isidentifier():
        shipped = files("dumbbell_fixtures") / name / f"{name}.yaml"
        if shipped.is_file():
            return parse(shipped.read_text("utf-8"), f"{name}.yaml")
    path = Path(name)
    try:
        return parse(path.read_text("utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"seed {name!r} is neither `demo` nor a YAML file that can be read: {error}") from None


def parse(text: str, file: str) -> Form:
    """The checked form. BadInput as `FILE:LINE: what is wrong`."""
    try:
        found = read_yaml(text, file).fields("created users projects", "teams organizations")
        users = tuple(_user(part) for part in found["users"].items())
        names = _distinct(found["users"], [user.name for user in users])
        if sum(user.first for user in users) > 1:
            raise found["users"].wrong("only one user can be the first")
        teams = tuple(_team(part, names) for part in found["teams"].items()) if "teams" in found else ()
        entities = _distinct(found.get("teams", found["users"]), [*names, *(team.name for team in teams)])
        organizations = tuple(
            _organization(part, names) for part in found["organizations"].items()) if "organizations" in found else ()
        projects = tuple(_project(part, names, entities) for part in found["projects"].items())
        _distinct(found["projects"], [f"{project.entity}/{project.name}" for project in projects])
        return Form(found["created"].moment(), users, teams, projects, organizations)
    except RecursionError:
        raise BadInput(f"{file}:1: nested too deeply") from None


def _distinct(part: Part, names: list[str]) -> list[str]:
    for name in names:
        if names.count(name) > 1:
            raise part.wrong(f"{name!r} is there twice")
    return names


def _one_of(part: Part, names: Iterable[str], what: str) -> str:
    name = part.scalar(str)
    if name not in names:
        raise part.wrong(f"{what} {name!r} is not known here; it is one of {', '.join(names)}")
    return name


def _user(part: Part) -> UserForm:
    found = part.fields("name", "first")
    first = found["first"].json() if "first" in found else False
    if not isinstance(first, bool):
        raise found["first"].wrong("true or false is expected")
    return UserForm(part.where, found["name"].scalar(str), first)


def _team(part: Part, users: list[str]) -> TeamForm:
    found = part.fields("name members")
    return TeamForm(part.where, found["name"].scalar(str), _members(found["members"], users, "a team"))


def _organization(part: Part, users: list[str]) -> OrganizationForm:
    found = part.fields("name members")
    return OrganizationForm(part.where, found["name"].scalar(str),
                            _members(found["members"], users, "an organization"))


def _members(part: Part, users: list[str], of: str) -> dict[str, str]:
    """Roles by user, an admin first."""
    members = {}
    for name, role in part.mapping().items():
        if name not in users:
            raise role.wrong(f"user {name!r} is not known here; it is one of {', '.join(users)}")
        members[name] = _one_of(role, _ROLES, "role")
    if next(iter(members.values()), None) != "admin":
        raise part.wrong(f"the first member of {of} must be an admin")
    return members


def _project(part: Part, users: list[str], entities: list[str]) -> ProjectForm:
    found = part.fields("entity name user runs", "description access")
    runs = tuple(_run(run, users) for run in found["runs"].items())
    _distinct(found["runs"], [run.id for run in runs])
    return ProjectForm(part.where, _one_of(found["entity"], entities, "entity"), found["name"].scalar(str),
                       _one_of(found["user"], users, "user"), _text(found, "description"), _text(found, "access"),
                       runs)


def _text(found: dict[str, Part], key: str) -> str | None:
    return _stored_text(found[key]) if key in found else None


def _stored_text(part: Part) -> str:
    text = part.scalar(str)
    if not storable(text):
        raise part.wrong("the text holds a NUL or half a surrogate pair, which cannot be stored")
    return text


def _object(found: dict[str, Part], key: str) -> dict[str, Any]:
    return {name: part.json() for name, part in found[key].mapping().items()} if key in found else {}


def _run(part: Part, users: list[str]) -> RunForm:
    found = part.fields("id user", _OPTIONAL)
    run_id = found["id"].scalar(str)
    return RunForm(
        part.where, run_id, _one_of(found["user"], users, "user"),
        state=_one_of(found["state"], _STATES, "state") if "state" in found else FINISHED,
        display_name=_text(found, "name"), group=_text(found, "group"), job_type=_text(found, "job_type"),
        notes=_text(found, "notes"), tags=tuple(map(_stored_text, found["tags"].items())) if "tags" in found else (),
        config=_object(found, "config"), summary=_object(found, "summary"),
        rows=_rows(found["history"], run_id) if "history" in found else (),
        files=_files(found["files"]) if "files" in found else {},
        console=found["console"].texts() if "console" in found else ())


def _rows(part: Part, run_id: str) -> tuple[dict[str, float], ...]:
    found = part.fields("rows keys")
    count = found["rows"].scalar(int)
    if not 1 <= count <= _MOST_ROWS:
        raise found["rows"].wrong(f"rows is from 1 to {_MOST_ROWS}, not {count}")
    columns = {key: _column(formula, count, f"{run_id}:{key}") for key, formula in found["keys"].mapping().items()}
    return tuple({key: column[step] for key, column in columns.items()} for step in range(count))


def _column(part: Part, count: int, seed: str) -> list[float]:
    text = part.scalar(str)
    with at(part.where):
        formula = read_formula(text)
        return [formula.at(step, seed) for step in range(count)]


def _files(part: Part) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, content in part.mapping().items():
        with at(content.where):
            name = clean(raw_name)
        if name in found:
            raise content.wrong(f"file {name!r} is there twice")
        found[name] = content.scalar(str)
    return found
