"""Files that clients send to a bucket themselves: expected when the URL is handed out, found when somebody looks."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select
from sqlmodel import col

from dumbbell_server.backend import Backend
from dumbbell_server.blobs import direct_uploads
from dumbbell_server.blobs.store import StagedBlob, new_key
from dumbbell_server.database.engine import reading
from dumbbell_server.database.units import Unit
from dumbbell_server.files import service
from dumbbell_server.files.names import mimetype_of
from dumbbell_server.files.tables import ExpectedFileRow

FOLDER = "runs"  # of all keys of the files of runs
_GRACE = 3600.0  # seconds after its URL expired for which an upload may still be under way


def expect(unit: Unit, run_id: int, name: str) -> str:
    """A key under which the file may come. NotFound where the run is gone."""
    service.check_run(unit.session, run_id, name)
    row = ExpectedFileRow(blob_key=new_key(FOLDER), run_id=run_id, name=name, created_at=unit.clock.text())
    unit.session.add(row)
    unit.session.flush()
    return row.blob_key


def register_direct_uploads(backend: Backend, run_id: int) -> None:
    """What has come to the bucket for this run is listed from now on; what never came is forgotten."""
    if backend.blobs.direct is None:
        return
    with reading(backend.database) as session:
        rows = session.execute(select(ExpectedFileRow).where(
            col(ExpectedFileRow.run_id) == run_id).order_by(col(ExpectedFileRow.created_at))).scalars().all()
    late = backend.clock.text_ago(backend.settings.url_lifetime + _GRACE)
    direct_uploads.register_direct_uploads(partial(backend.write, None), backend.blobs, rows, _register,
                                           lambda row: row.created_at < late)


def _register(unit: Unit, row: ExpectedFileRow, came: StagedBlob) -> None:
    service.put_file(unit, row.run_id, row.name, size=came.size, md5=came.md5_base64,
                     mimetype=mimetype_of(row.name), blob_key=row.blob_key)
