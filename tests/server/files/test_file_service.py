from __future__ import annotations

import pytest
from sqlalchemy import delete
from sqlmodel import col, select

from dumbbell_server import ids
from dumbbell_server.blobs import garbage
from dumbbell_server.database.engine import reading
from dumbbell_server.database.tables import OrphanRow
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Forbidden, NotFound
from dumbbell_server.files import service
from dumbbell_server.identity import Actor
from dumbbell_server.runs.service import RunsDeleting
from dumbbell_server.runs.tables import RunRow
from support.run_files_env import RunFilesEnv


def put(place: RunFilesEnv, name: str, run: int = 0, key: str | None = None) -> None:
    place.backend.write(None, service.put_file, place.runs[run], name, size=3, md5="kAFQmDzST7DWlj99KOF/cg==",
                        mimetype="text/plain", blob_key=key or f"runs/{run}/{name}")


def listed(place: RunFilesEnv, pattern: str | None = None, after: int | None = None, limit: int = 50) -> list[str]:
    with reading(place.backend.database) as session:
        return [row.name for row in service.list_files(session, place.runs[0], pattern, after, limit)]


def counted(place: RunFilesEnv, pattern: str | None = None) -> int:
    with reading(place.backend.database) as session:
        return service.count(session, place.runs[0], pattern)


def orphaned(place: RunFilesEnv) -> set[str]:
    with reading(place.backend.database) as session:
        return set(session.execute(select(OrphanRow.key)).scalars())


def file_id(place: RunFilesEnv, name: str) -> str:
    return next(ids.encode("File", row.id) for row in place.rows() if row.name == name)


def test_lists_in_order_of_arrival_a_page_at_a_time(place: RunFilesEnv) -> None:
    for name in ("c", "a", "b"):
        put(place, name)
    put(place, "other", run=1)
    assert listed(place) == ["c", "a", "b"]
    assert listed(place, limit=2) == ["c", "a"]
    second = place.rows()[1].id
    assert listed(place, after=second) == ["b"]
    assert counted(place) == 3


@pytest.mark.parametrize(("pattern", "names"), [
    ("media/%", ["media/a.png", "media/b_c.png"]),
    ("./media/%", ["media/a.png", "media/b_c.png"]),
    ("%.png", ["media/a.png", "media/b_c.png"]),
    ("_.txt", ["a.txt", "*.txt"]),
    ("*.txt", ["*.txt"]),
    ("[a].txt", ["[a].txt"]),
    ("MEDIA/%", ["MEDIA/A"]),
    ("back\\%", ["back\\slash"]),
    ("", ["media/a.png", "media/b_c.png", "a.txt", "*.txt", "[a].txt", "MEDIA/A", "back\\slash"]),
    ("nothing", []),
])
def test_pattern_is_that_of_like(place: RunFilesEnv, pattern: str, names: list[str]) -> None:
    for name in ("media/a.png", "media/b_c.png", "a.txt", "*.txt", "[a].txt", "MEDIA/A", "back\\slash"):
        put(place, name)
    assert listed(place, pattern=pattern) == names
    assert counted(place, pattern=pattern) == len(names)


def test_a_broken_pattern_is_refused(place: RunFilesEnv) -> None:
    with pytest.raises(BadInput):
        listed(place, pattern="a\0b")


def test_a_replaced_file_keeps_its_row_and_orphans_its_bytes(place: RunFilesEnv) -> None:
    put(place, "a", key="runs/1")
    before = place.rows()[0]
    place.clock.move(60)
    put(place, "a", key="runs/2")
    after = place.rows()[0]
    assert (after.id, after.created_at, after.blob_key) == (before.id, before.created_at, "runs/2")
    assert after.updated_at > before.updated_at
    assert orphaned(place) == {"runs/1"}
    assert garbage.delete_orphaned_blobs(place.backend.database, place.backend.blobs) == 1
    assert orphaned(place) == set()


def test_a_file_of_a_missing_run(place: RunFilesEnv) -> None:
    with pytest.raises(NotFound):
        place.backend.write(None, service.put_file, 999, "a", size=0, md5="", mimetype="", blob_key="k")


def test_members_delete(place: RunFilesEnv) -> None:
    for name in ("a", "b", "c"):
        put(place, name)
    chosen = [file_id(place, "a"), file_id(place, "b"), file_id(place, "a")]
    place.backend.write(place.member, service.delete_files, chosen)
    assert listed(place) == ["c"]
    assert orphaned(place) == {"runs/0/a", "runs/0/b"}


def test_all_or_nothing_is_deleted(place: RunFilesEnv) -> None:
    put(place, "a")
    put(place, "foreign", run=2)
    refused: list[tuple[Actor, list[str], type[Exception]]] = [
        (place.member, [file_id(place, "a"), ids.encode("File", 999)], NotFound),
        (place.member, [file_id(place, "a"), file_id(place, "foreign")], NotFound),
        (place.member, [file_id(place, "a"), "nonsense"], NotFound),
        (place.member, [file_id(place, "a"), ids.encode("Run", 1)], NotFound),
        (place.stranger, [file_id(place, "a")], NotFound),
        (place.viewer, [file_id(place, "a")], Forbidden),
    ]
    for actor, chosen, error in refused:
        with pytest.raises(error):
            place.backend.write(actor, service.delete_files, chosen)
    assert listed(place) == ["a"]
    assert orphaned(place) == set()


def test_the_bytes_of_deleted_runs_are_orphaned(place: RunFilesEnv) -> None:
    put(place, "a")
    put(place, "b", run=1)
    put(place, "c", run=2)
    leaving = (place.runs[0], place.runs[1])
    place.backend.events.subscribe(RunsDeleting, service.runs_deleting)

    def remove(unit: Unit) -> None:
        unit.emit(RunsDeleting(leaving, artifacts=False))
        unit.session.execute(delete(RunRow).where(col(RunRow.id).in_(leaving)))

    place.backend.write(None, remove)
    assert orphaned(place) == {"runs/0/a", "runs/1/b"}
    assert [row.name for row in place.rows()] == ["c"]
