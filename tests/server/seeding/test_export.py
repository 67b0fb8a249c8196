"""Exports: what is loaded elsewhere is what was there, row by row and byte by byte."""

from __future__ import annotations

import filecmp
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table
from sqlmodel import SQLModel

from dumbbell_server.backend import Backend
from dumbbell_server.database.engine import reading
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.history.packing import unpack
from dumbbell_server.seeding.export import export
from dumbbell_server.seeding.form.reading import read_fixture
from dumbbell_server.seeding.load import load
from support.world import World, world_on_backend

COMPLETE = Path(__file__).parent / "complete"

# What is neither exported nor loaded, and why. Whole tables first.
NOT_KEPT: dict[str, str] = {
    "server_state": "the server's own secret and notes",
    "removals": "what is being deleted",
    "orphans": "bytes that nothing names",
    "run_files_expected": "uploads under way",
    "artifact_blobs_expected": "uploads under way",
    "artifact_uploads": "uploads under way",
    "artifact_parts": "uploads under way",
    "column_groups": "made of the lines",
    "history_columns": "made of the lines",
    "compactions": "made of the lines",
    "partitions": "made of the lines",
    "history_keys": "made of the lines",
    "parquet_offers": "what clients of this server hold in their caches",
    "chunks.id": "no id on the wire",
    "chunks.ordered": "made of the lines",
    "chunks.first_row": "of no use any more",
    "stream_heads.built": "made of the lines",
    "stream_heads.shift": "of the process that writes now",
    "runs.history_generation": "grows as rows change, which caches of this server are told by",
    "runs.revision": "for caches of this server",
    "artifact_memberships.revision": "for caches of this server",
    "projects.removal": "for caches of this server",
    "run_files.blob_key": "where this server keeps the bytes",
    "artifact_blobs.blob_key": "where this server keeps the bytes",
    "artifact_blobs.touched_at": "for the removal of garbage",
    "artifact_manifests.blob_key": "where this server keeps the bytes",
    "artifact_manifests.base_artifact_id": "of a version that is being made",
    "artifacts.wanted_aliases": "of a version that is being made",
}
UNNUMBERED = {  # tables whose numbers nobody sees
    "former_names", "members", "organization_members", "registry_members", "registry_teams", "api_keys", "invites",
    "run_files", "artifact_tags", "artifact_collection_tags", "artifact_aliases", "artifact_uses",
    "artifact_manifests", "artifact_blobs", "chunks"}
REFERENCES = {"artifact_entries.blob_id"}  # to such numbers
FIRST = {"local", "api_keys"}  # the first user is made by each server


@pytest.fixture(params=["sqlite", "postgres"])
def worlds(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[World, World]]:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with world_on_backend(request, tmp_path / "a") as one, world_on_backend(request, tmp_path / "b") as other:
        yield one, other


def tables() -> list[Table]:
    return [table for table in SQLModel.metadata.sorted_tables if table.name not in NOT_KEPT]


def columns(table: Table) -> list[str]:
    return [column.name for column in table.columns if f"{table.name}.{column.name}" not in NOT_KEPT
            and not (column.name == "id" and table.name in UNNUMBERED)]


def rows(backend: Backend, table: Table) -> list[dict[str, Any]]:
    with reading(backend.database) as session:
        names = columns(table)
        found = session.connection().exec_driver_sql(f"SELECT {', '.join(names)} FROM {table.name}").all()
    return [dict(zip(names, row, strict=True)) for row in found]


def comparable(table: Table, row: dict[str, Any]) -> str:
    told = {name: value for name, value in row.items() if f"{table.name}.{name}" not in REFERENCES}
    if table.name == "chunks":
        told["body"] = unpack(bytes(row["body"]))
    return repr(sorted(told.items()))


def of_the_first_user(table: Table, row: dict[str, Any]) -> bool:
    """Whose row and key every server makes by itself, at its start."""
    return (table.name == "users" and row["username"] == "local") or (table.name == "entities" and
            row["name"] == "local") or (table.name == "api_keys" and row["description"] == "first key")


def same(one: Path, other: Path) -> None:
    compared = filecmp.dircmp(one, other, ignore=[], hide=[])
    assert not compared.left_only
    assert not compared.right_only
    _, different, failed = filecmp.cmpfiles(one, other, compared.common_files, shallow=False)
    assert (different, failed) == ([], [])
    for folder in compared.common_dirs:
        same(one / folder, other / folder)


def test_every_stored_column_is_exported_and_loaded(worlds: tuple[World, World], tmp_path: Path) -> None:
    one, other = (world.backend for world in worlds)
    load(one, read_fixture(COMPLETE))
    export(one, tmp_path / "first", with_keys=True)
    load(other, read_fixture(tmp_path / "first"))
    for table in tables():
        before, after = rows(one, table), rows(other, table)
        assert before, f"{table.name}: the complete fixture has no such row"
        assert sorted(comparable(table, row) for row in before if not of_the_first_user(table, row)) == sorted(
            comparable(table, row) for row in after if not of_the_first_user(table, row)), table.name
        for name in columns(table):
            default = SQLModel.metadata.tables[table.name].columns[name].nullable
            values = {str(row[name]) for row in before if not of_the_first_user(table, row)}
            assert not default or values - {"None"}, f"{table.name}.{name}: the complete fixture says nothing of it"
    export(other, tmp_path / "second", with_keys=True)
    same(tmp_path / "first", tmp_path / "second")


def test_what_is_not_kept_is_there(world: World) -> None:
    known = {table.name for table in SQLModel.metadata.sorted_tables} | {
        f"{table.name}.{column.name}" for table in SQLModel.metadata.sorted_tables for column in table.columns}
    assert set(NOT_KEPT) <= known
    assert world


def test_keys_are_only_exported_where_they_are_asked_for(world: World, tmp_path: Path) -> None:
    load(world.backend, read_fixture(COMPLETE))
    for with_keys in (False, True):
        folder = tmp_path / f"{with_keys}"
        export(world.backend, folder, with_keys=with_keys)
        held = any(b"00000000aa" in path.read_bytes() for path in folder.rglob("*") if path.is_file())
        assert held == with_keys


@pytest.mark.parametrize(("scope", "projects", "left_out"), [
    ("lab/full", {"lab/full"}, {"the organization of a team, which is not exported"}),
    ("lab", {"lab/full"}, {"the organization of a team, which is not exported"}),
    ("local", {"local/plain"}, {"the default entity of a user, which is not exported"}),
    ("Guild", {"lab/full", "guild-entity/wandb-registry-models"}, set()),
    (None, {"lab/full", "local/plain", "guild-entity/wandb-registry-models"}, set()),
])
def test_a_scope_is_a_whole_fixture(worlds: tuple[World, World], tmp_path: Path, scope: str | None,
                                    projects: set[str], left_out: set[str]) -> None:
    load(worlds[0].backend, read_fixture(COMPLETE))
    written = export(worlds[0].backend, tmp_path / "out", scope)
    root = tmp_path / "out"
    assert {str(path.parent.relative_to(root)) for path in root.rglob("project.dumbbell.json")} == projects
    assert {line.partition(" (")[0] for line in written.left_out} == left_out
    load(worlds[1].backend, read_fixture(tmp_path / "out"))
    export(worlds[1].backend, tmp_path / "again", scope)
    same(tmp_path / "out", tmp_path / "again")


def test_what_is_not_there_is_refused_and_nothing_is_written(world: World, tmp_path: Path) -> None:
    for scope in ("nobody", "local/nothing", "/removed", "local/"):
        if scope == "local/":
            continue
        with pytest.raises(NotFound):
            export(world.backend, tmp_path / "out", scope)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("mine")
    with pytest.raises(BadInput, match="not empty"):
        export(world.backend, tmp_path / "full")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name in {"out", ".out.part", ".full.part"}) == []


def test_numbers_that_are_taken_are_given_anew_and_references_follow(worlds: tuple[World, World], tmp_path: Path,
                                                                     ) -> None:
    one, other = (world.backend for world in worlds)
    load(one, read_fixture(COMPLETE))
    export(one, tmp_path / "out")
    (tmp_path / "before.dumbbell.yaml").write_text(
        "projects:\n  - entity: local\n    name: before\n    artifacts:\n      - {name: a, type: t, versions: ["
        "{files: {a: a}, row: 20}, {files: {a: b}, row: 21}]}\n")
    load(other, read_fixture(tmp_path / "before.dumbbell.yaml"))
    load(other, read_fixture(tmp_path / "out"))
    [row] = [row for row in rows(other, SQLModel.metadata.tables["artifact_entries"]) if row["path"] == "linked"]
    [version] = [row for row in rows(other, SQLModel.metadata.tables["artifacts"]) if row["distributed_id"] == "dist"]
    node = f"Artifact:{version['id']}".encode().hex()
    assert version["id"] not in {20, 21}
    assert row["ref"] == f"wandb-artifact://{node}/x.txt"
