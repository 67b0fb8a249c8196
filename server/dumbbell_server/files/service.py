"""The rules of the files of runs."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from dumbbell_server import ids
from dumbbell_server.blobs.garbage import orphan
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.files import queries
from dumbbell_server.files.names import LONGEST_NAME, UNSTORABLE, stripped
from dumbbell_server.files.tables import RunFileRow
from dumbbell_server.identity import Actor, Role
from dumbbell_server.projects.access import role_in
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.service import RunsDeleting, check_writable
from dumbbell_server.runs.tables import RunRow


def list_files(session: Session, run_id: int, pattern: str | None = None, after_id: int | None = None,
               limit: int = 50) -> list[RunFileRow]:
    """At most `limit` files in the order in which they first came, those like `pattern` where it is given."""
    return queries.page(session, run_id, _checked(pattern), after_id, limit)


def count(session: Session, run_id: int, pattern: str | None = None) -> int:
    return queries.count(session, run_id, _checked(pattern))


def _checked(pattern: str | None) -> str | None:
    """The pattern as the database takes it: None where nothing is to be filtered."""
    if pattern and (len(pattern) > LONGEST_NAME or UNSTORABLE.search(pattern)):
        raise BadInput(f"pattern {pattern[:80]!r} is not allowed: "
                       f"use at most {LONGEST_NAME} characters, no control characters among them")
    return stripped(pattern) if pattern else None


def existing(session: Session, run_id: int, names: Sequence[str]) -> dict[str, RunFileRow]:
    """Those of the cleaned names that were uploaded."""
    return {row.name: row for row in queries.by_names(session, run_id, list(dict.fromkeys(names)))}


def check_run(session: Session, run_id: int, name: str) -> None:
    """NotFound where the run is gone; it does not go before this unit ends."""
    if session.get(RunRow, run_id, with_for_update={"read": True, "key_share": True}) is None:
        raise NotFound(f"the run of file {name!r} does not exist; it may have been deleted")


def put_file(unit: Unit, run_id: int, name: str, *, size: int, md5: str, mimetype: str, blob_key: str) -> None:
    """The file is these bytes; what it was before is orphaned. NotFound where the run is gone."""
    session = unit.session
    check_run(session, run_id, name)
    now = unit.clock.text()
    row = queries.for_replacing(session, run_id, name)
    if row is None:
        row = RunFileRow(run_id=run_id, name=name, size=size, md5=md5, mimetype=mimetype, blob_key=blob_key,
                         created_at=now, updated_at=now)
    else:
        orphan(unit, [row.blob_key])
        row.size, row.md5, row.mimetype, row.blob_key, row.updated_at = size, md5, mimetype, blob_key, now
    session.add(row)
    session.flush()


def delete_files(unit: Unit, file_ids: Sequence[str]) -> None:
    """The files are gone. NotFound, and nothing deleted, where one is unknown or not for this actor to see."""
    session, actor = unit.session, unit.actor
    numbers = {file_id: ids.decode("File", file_id) for file_id in file_ids}
    found = {row.id: row for row in queries.by_ids(session, [number for number in numbers.values() if number])}
    for file_id, number in numbers.items():
        row = found.get(number) if number is not None else None
        if row is None or not _visible(session, actor, row.run_id):
            raise NotFound(f"no file has the id {file_id[:80]!r}; it may be deleted already")
    for run_id in {row.run_id for row in found.values()}:
        check_writable(session, actor, session.get_one(RunRow, run_id), "delete files")
    orphan(unit, [row.blob_key for row in found.values()])
    for row in found.values():
        session.delete(row)
    session.flush()


def _visible(session: Session, actor: Actor, run_id: int) -> bool:
    project = session.get_one(ProjectRow, session.get_one(RunRow, run_id).project_id)
    return role_in(actor, project) >= Role.VIEWER


def may_write(session: Session, actor: Actor | None, run: RunRow) -> bool:
    """Whether upload URLs of this run are for this actor."""
    project = session.get(ProjectRow, run.project_id)
    return actor is not None and project is not None and role_in(actor, project) >= Role.MEMBER


def runs_deleting(unit: Unit, event: RunsDeleting) -> None:
    """The bytes of these runs' files are orphaned; the rows go with the runs."""
    queries.lock_runs(unit.session, event.run_ids)
    orphan(unit, queries.blob_keys(unit.session, event.run_ids))
