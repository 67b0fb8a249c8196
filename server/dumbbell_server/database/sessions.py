"""Sessions, and rows for readers straight from the driver.

A reader never writes, so nothing has to follow what becomes of its rows: they are made of the driver's values, at a
tenth of what the ORM spends on a row. In a unit of work the same question gives rows that the session follows.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, Generic, TypeVar

from sqlalchemy import Boolean, Connection, Engine, Select, bindparam, event, inspect, select, text
from sqlalchemy.orm import Mapper, Session
from sqlmodel import SQLModel

from dumbbell_server.database.statements import Statement

R = TypeVar("R", bound=SQLModel)

_HELD = 1000  # rows that a reader holds at most: some go through very many


class UnitSession(Session):
    """Holds all that it has loaded, so that a row asked for twice is read once."""

    def __init__(self, bind: Engine | Connection, **options: Any) -> None:
        super().__init__(bind, **options)
        self.held: deque[Any] = deque()

    def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """By a statement made once: to make it takes twice as long as to run it."""
        if not options and isinstance(ident, int | str):
            mapper = inspect(entity)
            if mapper.identity_key_from_primary_key((ident,)) not in self.identity_map:
                return self.execute(_by_key(mapper), {"key": ident}).scalar()
        return super().get(entity, ident, **options)


@cache
def _by_key(mapper: Mapper[Any]) -> Select[Any]:
    return select(mapper.class_).where(mapper.primary_key[0] == bindparam("key"))


@event.listens_for(UnitSession, "loaded_as_persistent")
def _hold(session: Session, row: Any) -> None:
    assert isinstance(session, UnitSession)  # noqa: S101 - listened for on that class
    session.held.append(row)


class ReadingSession(Session):
    """Its rows are not followed: to change one stores nothing."""

    def __init__(self, bind: Engine | Connection) -> None:
        super().__init__(bind, autoflush=False)
        self._rows: OrderedDict[tuple[type, int | str], Any] = OrderedDict()

    def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """A row by its key, read once."""
        if options or not isinstance(ident, int | str):
            return super().get(entity, ident, **options)
        key = (entity, ident)
        if key not in self._rows:
            self._rows[key] = _row_by_key(entity).first(self, key=ident)
            if len(self._rows) > _HELD:
                self._rows.popitem(last=False)
        return self._rows[key]

    def get_one(self, entity: Any, ident: Any, **options: Any) -> Any:
        found = self.get(entity, ident, **options)
        return super().get_one(entity, ident, **options) if found is None else found  # which raises as it should

    def expunge_all(self) -> None:
        self._rows.clear()
        super().expunge_all()


class RowQuery(Generic[R]):
    """Rows of one table that meet a condition: SQL after WHERE, with `:name` parameters."""

    def __init__(self, table: type[R], where: str) -> None:
        self._table = table
        self._where = where
        mapper = inspect(table)
        columns = list(mapper.local_table.columns)
        self._keys = [mapper.get_property_by_column(column).key for column in columns]
        self._flags = [at for at, column in enumerate(columns) if isinstance(column.type, Boolean)]
        names = ", ".join(column.name for column in columns)
        self._statement = Statement(f"SELECT {names} FROM {table.__tablename__} WHERE {where}")  # noqa: S608 - ours
        self._followed = select(table).where(text(where))

    def all(self, session: Session, **values: Any) -> list[R]:
        if isinstance(session, ReadingSession):
            return [self._made(row) for row in self._statement(session, **values)]
        return list(session.execute(self._followed, values).scalars())

    def first(self, session: Session, **values: Any) -> R | None:
        if isinstance(session, ReadingSession):
            row = self._statement(session, **values).first()
            return None if row is None else self._made(row)
        return session.execute(self._followed, values).scalar()

    def plain(self, session: Session, **values: Any) -> R | None:
        """The same in a hot unit: what becomes of the row is stored by `update_row` alone."""
        row = self._statement(session, **values).first()
        return None if row is None else self._made(row)

    def _made(self, row: Any) -> R:
        """An instance with the values of a stored row, which SQLAlchemy takes for one that no session has."""
        values = list(row)
        for at in self._flags:  # SQLite has no booleans
            values[at] = values[at] if values[at] is None else bool(values[at])
        return _instance(self._table, zip(self._keys, values, strict=True))


@cache
def _row_by_key(table: type[R]) -> RowQuery[R]:
    return RowQuery(table, f"{inspect(table).primary_key[0].name} = :key")


def insert_row(session: Session, table: type[R], values: dict[str, Any]) -> R:
    """A new row of a table with a number, as a plain row; what is not given has its default."""
    every = _defaults(table) | values
    names = {key: inspect(table).columns[key].name for key in every}
    texts = [f":{key}" for key in every]
    if "revision" in inspect(table).columns:
        names["revision"], texts = "revision", [*texts, "next_revision()"]
    made = _insert(str(table.__tablename__), tuple(names.values()), tuple(texts))
    number = made(session, **every).scalar()
    return _instance(table, {**every, "id": number}.items())


def update_row(session: Session, row: SQLModel, changes: dict[str, Any]) -> None:
    """A plain row with a number has these values, and so has its stored one."""
    columns = inspect(type(row)).columns
    texts = [f"{columns[key].name} = :{key}" for key in changes]
    if "revision" in columns:
        texts.append("revision = next_revision()")
    row.__dict__.update(changes)
    _update(str(type(row).__tablename__), tuple(texts))(session, id=row.__dict__["id"], **changes).close()


def _instance(table: type[R], values: Iterable[tuple[str, Any]]) -> R:
    made: R = inspect(table).class_manager.new_instance()
    made.__dict__.update(values)
    return made


@cache
def _defaults(table: type[SQLModel]) -> dict[str, Any]:
    return {name: field.default for name, field in table.model_fields.items()
            if not field.is_required() and name not in {"id", "revision"}}


@lru_cache(maxsize=64)
def _insert(table: str, names: tuple[str, ...], texts: tuple[str, ...]) -> Statement:
    return Statement(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(texts)}) RETURNING id")  # noqa: S608


@lru_cache(maxsize=256)
def _update(table: str, texts: tuple[str, ...]) -> Statement:
    return Statement(f"UPDATE {table} SET {', '.join(texts)} WHERE id = :id")  # noqa: S608 - names of ours
