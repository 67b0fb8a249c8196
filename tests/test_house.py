"""The house stands as it is drawn: the tables of the code are the tables of the migrations."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlmodel import SQLModel

import dumbbell_server.app
from dumbbell_server.storage import opening
from dumbbell_server.storage.database import Database, PostgresDatabase, SqliteDatabase
from support.postgres import create_database

assert dumbbell_server.app  # every room's tables are known once the front door is open


@pytest.fixture(params=["sqlite", "postgres"])
def two_empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    databases: list[Database] = []
    for name in ("migrated", "created"):
        if request.param == "sqlite":
            databases.append(SqliteDatabase(str(tmp_path / f"{name}.db")))
        else:
            url = create_database(request.getfixturevalue("postgres"), f"{name}_{uuid.uuid4().hex}")
            databases.append(PostgresDatabase(url.replace("postgresql://", "postgresql+psycopg://")))
    yield databases[0], databases[1]
    for database in databases:
        database.close()


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "dumbbell_server:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [opening.HEAD]


def test_migrated_tables_are_those_of_the_code(two_empty: tuple[Database, Database]) -> None:
    migrated, created = two_empty
    opening.upgrade(migrated)
    with created.engine.begin() as connection:
        SQLModel.metadata.create_all(connection)
    ours, theirs = tables(created), tables(migrated)
    assert ours
    theirs.pop("alembic_version")
    assert theirs == ours


def tables(database: Database) -> dict[str, Any]:
    look = inspect(database.engine)
    return {
        table: {
            "columns": {column["name"]: (str(column["type"]), column["nullable"], column["default"])
                        for column in look.get_columns(table)},
            "key": look.get_pk_constraint(table)["constrained_columns"],
            "unique": sorted(unique["column_names"] for unique in look.get_unique_constraints(table)),
            "indexes": sorted((index["name"] or "", index["column_names"], bool(index["unique"]))
                              for index in look.get_indexes(table)),
            "foreign": sorted((key["constrained_columns"], key["referred_table"], key["referred_columns"],
                               key["options"].get("ondelete")) for key in look.get_foreign_keys(table)),
        }
        for table in look.get_table_names()
    }
