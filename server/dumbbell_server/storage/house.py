"""What every request needs, in one hand."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import IO

from sqlalchemy.orm import Session

from dumbbell_server.clock import Clock
from dumbbell_server.settings import Settings
from dumbbell_server.storage.blobs import Blobs, open_blobs
from dumbbell_server.storage.database import Database
from dumbbell_server.storage.events import Events
from dumbbell_server.storage.lock import take_folder
from dumbbell_server.storage.opening import open_database
from dumbbell_server.storage.signing import Signer
from dumbbell_server.storage.tables import ServerStateRow


@dataclass
class House:
    settings: Settings
    clock: Clock
    database: Database
    blobs: Blobs
    signer: Signer
    lock: IO[bytes]
    events: Events = field(default_factory=Events)

    def close(self) -> None:
        self.database.close()
        self.lock.close()


def open_house(settings: Settings, clock: Clock) -> House:
    """Open the data folder. Raises StartupError where it is taken, unwritable or too new."""
    folder = settings.data_dir.absolute()
    lock = take_folder(folder)
    try:
        database = open_database(settings.database_url, folder, settings.synchronous)
        secret = database.write(_secret)
        blobs = open_blobs(settings.blob_url, folder)
    except BaseException:
        lock.close()
        raise
    return House(settings, clock, database, blobs, Signer(secret, clock, settings.url_lifetime), lock)


def _secret(session: Session) -> str:
    row = session.get(ServerStateRow, "secret")
    if row is None:
        row = ServerStateRow(key="secret", value=secrets.token_hex(32))
        session.add(row)
    return row.value
