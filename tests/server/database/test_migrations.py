"""The tables of the code are the tables of the migrations."""

from __future__ import annotations

import ast
import re
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

import dumbbell_server.app
from dumbbell_server.database import opening
from dumbbell_server.database.engine import Database, PostgresDatabase, SqliteDatabase
from support.postgres import create_database

assert dumbbell_server.app  # every domain's tables are known once the factory is imported


# Statements on runs that need no stamp, and why. A list of runs shows what was changed by all others (see stamps.py).
UNREVISED = {
    "history_generation = history_generation + 1": "no filter asks for it",
    "restart_pending = false": "no filter asks for it",
    "history_line_count = 0": "written with the POST that makes it more, or with the run's new start; both stamp",
    "summary_metrics = :text, updated_at = :now": "a part of a POST, which is stamped once",
    "system_metrics = :text": "a part of a POST, which is stamped once",
    "exitcode = :exitcode, updated_at = :now": "a part of a POST, which is stamped once",
}


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


def run(database: Database, statements: Iterable[str]) -> None:
    with database.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_a_migration_keeps_every_row(two_empty: tuple[Database, Database]) -> None:
    """Where SQLite makes a table again, those that name it must not lose their rows."""
    database, _ = two_empty
    opening.upgrade(database, "0001")
    run(database, (
        ("INSERT INTO users (id, username, name, email, admin, service, created_at)"
        " VALUES (1, 'u', 'u', 'u@x', true, false, 'now')"),
        "INSERT INTO entities (id, name, kind, user_id, created_at) VALUES (1, 'u', 'user', 1, 'now')",
        ("INSERT INTO projects (id, entity_id, user_id, name, access, is_benchmark, is_published, runs_made,"
        " created_at, updated_at) VALUES (1, 1, 1, 'p', 'PRIVATE', false, false, 1, 'now', 'now')"),
        ("INSERT INTO runs (id, project_id, user_id, name, display_name, state, stop_requested, tags, config,"
        " summary_metrics, system_metrics, history_line_count, events_line_count, log_line_count, created_at,"
        " heartbeat_at, updated_at) VALUES (1, 1, 1, 'r', 'r', 'finished', false, '[]', '{}', '{}', '{}', 1, 0, 0,"
        " 'now', 'now', 'now')"),
        "INSERT INTO chunks (run_id, stream, writer, first_line, line_count, body) VALUES (1, 0, '', 0, 1, 'x')",
    ))
    opening.upgrade(database)
    with database.engine.connect() as connection:
        for table in ("users", "entities", "projects", "runs", "chunks"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 1, table
        if connection.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []


def test_service_accounts_leave_what_is_not_their_teams(two_empty: tuple[Database, Database]) -> None:
    """Before 0016 every team could take another's service account, and its admins read the key."""
    database, _ = two_empty
    opening.upgrade(database, "0014")
    run(database, (
        ("INSERT INTO users (id, username, name, email, admin, service, created_at, default_entity_id) VALUES"
        " (1, 'ann', 'ann', 'a', false, false, 'now', 4), (2, 'robot', 'robot', 'r', false, true, 'now', 4)"),
        ("INSERT INTO entities (id, name, kind, user_id, organization_id, created_at) VALUES"
        " (1, 'ann', 'user', 1, NULL, 'now'), (2, 'robot', 'user', 2, NULL, 'now'),"
        " (3, 'crew', 'team', NULL, 1, 'now'), (4, 'gang', 'team', NULL, 2, 'now'),"
        " (5, 'own-org', 'organization', NULL, 1, 'now'), (6, 'other-org', 'organization', NULL, 2, 'now')"),
        ("INSERT INTO organizations (id, name, entity_id, created_at) VALUES (1, 'own', 5, 'now'),"
        " (2, 'other', 6, 'now')"),
        ("INSERT INTO members (id, entity_id, user_id, role) VALUES (1, 4, 1, 'admin'), (2, 3, 1, 'admin'),"
        " (3, 3, 2, 'member'), (4, 4, 2, 'admin')"),
        ("INSERT INTO organization_members (id, organization_id, user_id, role) VALUES (1, 1, 2, 'member'),"
        " (2, 2, 2, 'admin'), (3, 2, 1, 'admin')"),
        ("INSERT INTO projects (id, entity_id, user_id, name, access, is_benchmark, is_published, runs_made,"
        " created_at, updated_at) VALUES (1, 5, 1, 'wandb-registry-a', 'PRIVATE', false, false, 0, 'now', 'now'),"
        " (2, 6, 1, 'wandb-registry-b', 'PRIVATE', false, false, 0, 'now', 'now')"),
        ("INSERT INTO registry_members (id, project_id, entity_id, user_id, role) VALUES (1, 1, 5, 2, 'member'),"
        " (2, 2, 6, 2, 'member'), (3, 2, 6, 1, 'admin')"),
    ))
    opening.upgrade(database)
    with database.engine.connect() as connection:
        for table, left in (("members", [1, 2, 3]), ("organization_members", [1, 3]), ("registry_members", [1, 3])):
            assert list(connection.execute(text(f"SELECT id FROM {table} ORDER BY id")).scalars()) == left, table
        defaults = connection.execute(text("SELECT default_entity_id FROM users ORDER BY id")).scalars()
        assert list(defaults) == [4, 3]


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


def test_statements_on_runs_set_their_stamp() -> None:
    """Those that SQLAlchemy makes do so by themselves; those written by hand are looked at here."""
    home = Path(dumbbell_server.app.__file__).parent
    found = []
    for path in home.rglob("*.py"):
        if "migrations" not in path.parts:
            for literal in _texts(ast.parse(path.read_text())):
                found += re.findall(r"UPDATE runs SET (.*?)(?: WHERE|$)", literal)
    assert len(found) > len(UNREVISED), "the statements are looked for in vain"
    assert {change for change in found if "revision = next_revision()" not in change} == set(UNREVISED)


def _texts(tree: ast.AST) -> Iterator[str]:
    return (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
