"""Bytes of files that clients send to a bucket themselves: expected when the URLs are handed out, found at commit."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.artifacts import access, uploads
from dumbbell_server.artifacts.tables import ExpectedBlobRow
from dumbbell_server.artifacts.uploads import Planned
from dumbbell_server.clock import Clock
from dumbbell_server.errors import BadInput
from dumbbell_server.graph.actor import Actor
from dumbbell_server.graph.wandb_json import storable
from dumbbell_server.storage.blobs import Direct, Incoming, new_key
from dumbbell_server.storage.database import reading
from dumbbell_server.storage.house import House
from dumbbell_server.storage.orphans import collect, orphan

_AT_ONCE = 16  # questions to the bucket


def expect(house: House, direct: Direct, plans: Sequence[Planned]) -> dict[Planned, str]:
    """Where the bytes of those planned files that are missing go: a key each."""
    wanted = {plan: new_key(uploads.FOLDER) for plan in plans if plan.stored_size is None}
    rows = [ExpectedBlobRow(blob_key=key, artifact_id=plan.artifact_id, digest=plan.md5, upload_id=plan.upload_id,
                            store_id=direct.begin_parts(key) if plan.upload_id else None)
            for plan, key in wanted.items()]
    house.database.write(lambda session: session.add_all(rows))
    return wanted


def part_urls(session: Session, direct: Direct, upload_id: str, parts: Sequence[int]) -> list[str]:
    row = _of_upload(session, upload_id)
    return [direct.part_url(row.blob_key, row.store_id or "", number) for number in parts] if row else []


def complete(house: House, direct: Direct, actor: Actor, node_id: str, upload_id: str,
             parts: dict[int, str]) -> str | None:
    """The parts (their MD5s in hex) are one file; its digest, or None where they are that already."""
    with reading(house.database) as session:
        artifact = access.for_writing(session, actor, node_id, "upload files")
        row = _of_upload(session, upload_id) if storable(upload_id) else None
    if row is None or row.store_id is None or row.artifact_id != artifact.id:
        return None
    direct.join_parts(row.blob_key, row.store_id, parts)
    house.database.write(lambda session: uploads.forget(session, [upload_id]))
    return row.digest


def settle(house: House, artifact_id: int) -> None:
    """What came for this version belongs to its project. BadInput, and nothing kept, where a digest is another."""
    direct = house.blobs.direct
    if direct is None:
        return
    with reading(house.database) as session:
        rows = session.execute(select(ExpectedBlobRow).where(
            col(ExpectedBlobRow.artifact_id) == artifact_id)).scalars().all()
    if not rows:
        return
    with ThreadPoolExecutor(_AT_ONCE, "dumbbell-bucket") as pool:
        found = list(pool.map(lambda row: direct.look(row.blob_key), rows))
    came = [(row, incoming) for row, incoming in zip(rows, found, strict=True) if incoming is not None]
    wrong = [row for row, incoming in came if incoming.md5 and incoming.md5_base64 != row.digest]
    house.database.write(lambda session: _store(session, house.clock, came, wrong))
    collect(house)
    if wrong:
        raise BadInput(f"the bytes announced with MD5 {wrong[0].digest!r} have another; send them again, then commit")


def _store(session: Session, clock: Clock, came: Sequence[tuple[ExpectedBlobRow, Incoming]],
           wrong: Sequence[ExpectedBlobRow]) -> None:
    for row, incoming in came:
        taken = session.execute(delete(ExpectedBlobRow).where(
            col(ExpectedBlobRow.blob_key) == row.blob_key).returning(col(ExpectedBlobRow.blob_key))).first()
        if taken is None:
            continue  # another request was quicker
        if row in wrong or not uploads.received(session.connection(), clock, row.artifact_id, row.digest, incoming.size,
                                                row.blob_key):
            orphan(session, [row.blob_key])


def _of_upload(session: Session, upload_id: str) -> ExpectedBlobRow | None:
    return session.execute(select(ExpectedBlobRow).where(col(ExpectedBlobRow.upload_id) == upload_id)).scalar()
