"""Files that clients send to a bucket themselves: expected when the URL is handed out, found when somebody looks."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.clock import Clock
from dumbbell_server.files import service
from dumbbell_server.files.names import mimetype_of
from dumbbell_server.files.tables import ExpectedFileRow
from dumbbell_server.storage.blobs import Incoming, new_key
from dumbbell_server.storage.database import reading
from dumbbell_server.storage.house import House
from dumbbell_server.storage.orphans import collect, orphan

FOLDER = "runs"  # of all keys of the files of runs
_GRACE = 3600.0  # seconds after its URL expired for which an upload may still be under way


def expect(session: Session, clock: Clock, run_id: int, name: str) -> str:
    """A key under which the file may come. NotFound where the run is gone."""
    service.check_run(session, run_id, name)
    row = ExpectedFileRow(blob_key=new_key(FOLDER), run_id=run_id, name=name, created_at=clock.text())
    session.add(row)
    session.flush()
    return row.blob_key


def settle(house: House, run_id: int) -> None:
    """What has come to the bucket for this run is listed from now on; what never came is forgotten."""
    direct = house.blobs.direct
    if direct is None:
        return
    with reading(house.database) as session:
        expected = session.execute(select(ExpectedFileRow).where(
            col(ExpectedFileRow.run_id) == run_id).order_by(col(ExpectedFileRow.created_at))).scalars().all()
    found = {row.blob_key: direct.look(row.blob_key) for row in expected}
    late = house.clock.text_ago(house.settings.url_lifetime + _GRACE)
    done = [row for row in expected if found[row.blob_key] is not None or row.created_at < late]
    if done:
        house.database.write(lambda session: _store(session, house.clock, done, found))
        collect(house)


def _store(session: Session, clock: Clock, rows: Sequence[ExpectedFileRow], found: dict[str, Incoming | None]) -> None:
    for row in rows:
        taken = session.execute(delete(ExpectedFileRow).where(
            col(ExpectedFileRow.blob_key) == row.blob_key).returning(col(ExpectedFileRow.blob_key))).first()
        came = found[row.blob_key]
        if taken is None:
            continue  # another request was quicker
        if came is None:
            orphan(session, [row.blob_key])
            continue
        service.put_file(session, clock, row.run_id, row.name, size=came.size, md5=came.md5_base64,
                         mimetype=mimetype_of(row.name), blob_key=row.blob_key)
