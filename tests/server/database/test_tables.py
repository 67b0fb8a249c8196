"""Every table is known to whoever opens a database, or a new one would lack it."""

from __future__ import annotations

import subprocess
import sys

from sqlmodel import SQLModel

from dumbbell_server.app import create_app

assert create_app  # every domain's tables are known once the factory is imported


def test_commands_that_do_without_the_app_know_all_of_them() -> None:
    script = "import dumbbell_server.wiring; from sqlmodel import SQLModel; print(*SQLModel.metadata.tables, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, check=True)
    assert set(done.stdout.split()) == set(SQLModel.metadata.tables)
