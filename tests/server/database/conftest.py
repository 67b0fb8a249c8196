from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dumbbell_server.database.engine import Database
from support.databases import make_database


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    made = make_database(request, tmp_path)
    yield made
    made.close()
