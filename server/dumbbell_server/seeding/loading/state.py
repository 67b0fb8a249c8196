"""A fixture on its way into one unit of work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col

from dumbbell_server.accounts import queries as accounts
from dumbbell_server.accounts.first_user import first_user
from dumbbell_server.accounts.tables import EntityRow, UserRow
from dumbbell_server.backend import Backend
from dumbbell_server.database.statements import dialect_of
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.seeding.form import kinds
from dumbbell_server.seeding.form.documents import ProjectFields
from dumbbell_server.seeding.form.reading import Fixture, Read
from dumbbell_server.seeding.loading.taking import Path_, Taken


@dataclass
class Counts:
    """What was made now."""

    users: int = 0
    teams: int = 0
    organizations: int = 0
    projects: int = 0
    registries: int = 0
    runs: int = 0
    files: int = 0
    sweeps: int = 0
    reports: int = 0
    artifacts: int = 0  # versions
    links: int = 0


class Numbers:
    """Numbers of rows, kept where they are free: ids on the wire, and what refers to them, hold them.

    A number of a table that never gives one out twice is free where it is above all that were given out before.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._marks: dict[type[SQLModel], int] = {}
        self._taken: set[tuple[type[SQLModel], int]] = set()
        self._highest: dict[type[SQLModel], int] = {}

    def kept(self, table: type[SQLModel], wanted: int | None) -> dict[str, Any]:
        """The number as a value of a new row; nothing where it cannot be had."""
        number = self.free(table, wanted)
        return {} if number is None else {"id": number}

    def free(self, table: type[SQLModel], wanted: int | None) -> int | None:
        """The number, or None where it cannot be had: the database gives one out then."""
        if wanted is None or (table, wanted) in self._taken:
            return None
        once = bool(table.__table__.dialect_options["sqlite"].get("autoincrement"))  # type: ignore[attr-defined]
        if (once and wanted <= self._mark(table)) or self._session.get(table, wanted) is not None:
            return None
        self._taken.add((table, wanted))
        self._highest[table] = max(wanted, self._highest.get(table, 0))
        return wanted

    def _mark(self, table: type[SQLModel]) -> int:
        """The highest number that was given out before this unit."""
        if table not in self._marks:
            name = str(table.__tablename__)
            if dialect_of(self._session) == "sqlite":
                mark = self._session.execute(text("SELECT seq FROM sqlite_sequence WHERE name = :name"),
                                             {"name": name}).scalar()
            else:
                mark = self._session.execute(text(
                    "SELECT last_value FROM pg_sequences WHERE schemaname = current_schema()"
                    " AND sequencename = :name"), {"name": f"{name}_id_seq"}).scalar()
            self._marks[table] = mark or 0
        return self._marks[table]

    def pass_on(self) -> None:
        """Postgres counts on from the numbers that were kept; SQLite does so by itself."""
        if dialect_of(self._session) == "sqlite":
            return
        for table in self._highest:
            name = str(table.__tablename__)
            self._session.execute(text(
                f"SELECT setval('{name}_id_seq', GREATEST((SELECT max(id) FROM {name}),"  # noqa: S608 - names of ours
                f" (SELECT last_value FROM {name}_id_seq)))"))


@dataclass
class Loading:
    """What is loaded, where to, and what of it is there by now."""

    backend: Backend
    fixture: Fixture
    unit: Unit
    now: datetime
    taken: Taken
    numbers: Numbers
    counts: Counts = field(default_factory=Counts)
    used: set[str] = field(default_factory=set)  # keys of blobs that now belong to something
    versions: dict[str, int] = field(default_factory=dict)  # by ENTITY/PROJECT/NAME:vN as the fixture says it
    renumbered: dict[int, int] = field(default_factory=dict)  # of versions whose number was taken
    new_users: set[int] = field(default_factory=set)
    new_projects: set[int] = field(default_factory=set)
    runs_made: dict[int, int] = field(default_factory=dict)  # by new project, where the fixture says it
    on_progress: Callable[[int], object] = lambda _count: None
    _users: dict[str, int] = field(default_factory=dict)
    _entities: dict[str, EntityRow] = field(default_factory=dict)

    @property
    def session(self) -> Session:
        return self.unit.session

    def name(self, name: str) -> str:
        """What the user or entity is called on this server."""
        if name != self.fixture.first_user:
            return name
        user = first_user(self.session, self.backend.settings.user)
        return user.username if user is not None else self.backend.settings.user

    def at(self, read: Read, text: str | None) -> str | None:
        return None if text is None else kinds.moment_text(text, self.base(read), self.now)

    def base(self, read: Read) -> datetime:
        """The moment from which a document's times are made up."""
        return kinds.moment(read.document.created, self.now, self.now)

    def user(self, name: str) -> int:
        if name not in self._users:
            row = self.session.execute(select(UserRow).where(col(UserRow.username) == self.name(name))).scalar()
            if row is None:
                raise BadInput(f"user {name!r} is neither in the fixture nor on the server; add it under `users`")
            self._users[name] = row.id
        return self._users[name]

    def entity(self, name: str) -> EntityRow:
        if name not in self._entities:
            row = accounts.entity_by_name(self.session, self.name(name))
            if row is None:
                raise BadInput(f"entity {name!r} is neither in the fixture nor on the server; add it under `users` or "
                               "`teams`")
            self._entities[name] = row
        return self._entities[name]

    def first_admin(self, entity: EntityRow) -> int:
        """Who made what nobody is named for."""
        if entity.user_id is not None:
            return entity.user_id
        members = accounts.members_of(self.session, entity.id)
        admins = [member for member, role in members if role == "admin"]
        if not admins:
            raise BadInput(f"nobody is an admin of {entity.name!r}; say who made this by `user`")
        return admins[0].id


@dataclass(frozen=True)
class ProjectPart:
    """What a document says of a project or registry: `name` is ENTITY/PROJECT as the fixture calls it."""

    read: Read
    path: Path_
    form: ProjectFields
    row: ProjectRow
    name: str
