"""SELECTs of the files of runs."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.database.statements import batches, matches_like
from dumbbell_server.files.tables import ExpectedFileRow, RunFileRow
from dumbbell_server.runs.tables import RunRow


def by_name(session: Session, run_id: int, name: str) -> RunFileRow | None:
    return session.execute(_of(run_id).where(col(RunFileRow.name) == name)).scalar()


def for_replacing(session: Session, run_id: int, name: str) -> RunFileRow | None:
    """The row, which nobody else replaces before this unit ends."""
    return session.execute(_of(run_id).where(col(RunFileRow.name) == name).with_for_update()).scalar()


def by_names(session: Session, run_id: int, names: Sequence[str]) -> list[RunFileRow]:
    """Those of the names that exist, in no order."""
    found: list[RunFileRow] = []
    for some in batches(names):
        found += session.execute(_of(run_id).where(col(RunFileRow.name).in_(some))).scalars()
    return found


def by_ids(session: Session, numbers: Sequence[int]) -> list[RunFileRow]:
    found: list[RunFileRow] = []
    for some in batches(numbers):
        found += session.execute(select(RunFileRow).where(col(RunFileRow.id).in_(some))).scalars()
    return found


def page(session: Session, run_id: int, pattern: str | None, after_id: int | None, limit: int) -> list[RunFileRow]:
    """Files in the order in which they first came."""
    statement = _of(run_id)
    if pattern is not None:
        statement = statement.where(matches_like(session, col(RunFileRow.name), pattern))
    if after_id is not None:
        statement = statement.where(col(RunFileRow.id) > after_id)
    return list(session.execute(statement.order_by(col(RunFileRow.id)).limit(limit)).scalars())


def count(session: Session, run_id: int, pattern: str | None) -> int:
    statement = select(func.count()).select_from(RunFileRow).where(col(RunFileRow.run_id) == run_id)
    if pattern is not None:
        statement = statement.where(matches_like(session, col(RunFileRow.name), pattern))
    return session.execute(statement).scalar_one()


def lock_runs(session: Session, run_ids: Sequence[int]) -> None:
    """From now to the end of the unit no file of these runs can come (Postgres; SQLite has one writer anyway)."""
    for some in batches(run_ids):
        session.execute(select(col(RunRow.id)).where(col(RunRow.id).in_(some)).order_by(col(RunRow.id)).with_for_update())


def blob_keys(session: Session, run_ids: Sequence[int]) -> list[str]:
    """Where the bytes of these runs' files are, or may still come."""
    found: list[str] = []
    for some in batches(run_ids):
        for row in (RunFileRow, ExpectedFileRow):
            found += session.execute(select(col(row.blob_key)).where(col(row.run_id).in_(some))).scalars()
    return found


def _of(run_id: int) -> Select[RunFileRow]:
    return select(RunFileRow).where(col(RunFileRow.run_id) == run_id)
