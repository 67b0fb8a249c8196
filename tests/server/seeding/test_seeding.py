"""Fixtures: shipped ones, twice, and what is made up where nothing is said."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import SQLModel, select
from typer.testing import CliRunner

from dumbbell_server.accounts import queries
from dumbbell_server.backend import Backend, open_backend
from dumbbell_server.cli import app
from dumbbell_server.clock import StillClock
from dumbbell_server.database.engine import reading
from dumbbell_server.files.tables import RunFileRow
from dumbbell_server.history.reading.rows import rows_between
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.seeding.form.reading import read_fixture
from dumbbell_server.seeding.load import load
from dumbbell_server.seeding.loading.state import Counts
from dumbbell_server.settings import Settings
from dumbbell_server.wiring import first_key


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    opened = open_backend(Settings(data_dir=tmp_path), StillClock())
    first_key(opened)
    yield opened
    opened.close()


def sizes(backend: Backend) -> dict[str, int]:
    with reading(backend.database) as session:
        return {name: len(session.execute(select(table)).all()) for name, table in SQLModel.metadata.tables.items()}


def blobs(backend: Backend) -> list[Path]:
    return [path for path in (backend.settings.data_dir / "blobs").rglob("*") if path.is_file()]


def test_demo_loads(backend: Backend) -> None:
    counts = load(backend, read_fixture("demo"))
    assert counts == Counts(users=2, teams=1, organizations=1, projects=4, registries=1, runs=40, files=49, sweeps=1,
                            reports=2, artifacts=5, links=2)
    with reading(backend.database) as session:
        runs = {run.name: run for run in session.execute(select(RunRow)).scalars()}
        first = runs["digits01"]
        assert {run.state for run in runs.values()} == {"finished", "failed", "crashed", "running", "killed", "pending"}
        assert (first.state, first.exitcode, first.history_line_count, first.log_line_count) == ("finished", 0, 50, 3)
        assert (first.created_at, first.tags) == ("2026-01-05T12:00:00.000000Z", '["baseline"]')
        assert '"best_acc":0.91' in first.summary_metrics
        assert '"lr":{"value":0.1}' in first.config
        rows = list(rows_between(session, first, 0, 50))
        assert len(rows) == 50
        assert 0.49 <= json.loads(rows[10])["loss"] <= 0.51
        assert (runs["digits03"].exitcode, runs["digits05"].exitcode) == (1, None)
        assert runs["digits07"].heartbeat_at == backend.clock.text()
        names = set(session.execute(select(RunFileRow.name)).scalars())
    assert {"notes.md", "config/model.json", "report.txt", "policy.yaml"} <= names
    assert {name.split("/")[1] for name in names if name.startswith("media/")} == {
        "images", "metadata", "videos", "audio", "html", "table", "plotly", "object3D", "molecule"}


def test_twice_is_harmless(backend: Backend) -> None:
    load(backend, read_fixture("demo"))
    before = sizes(backend), sorted(blobs(backend))
    assert load(backend, read_fixture("demo")) == Counts()
    assert (sizes(backend), sorted(blobs(backend))) == before


def test_the_command(tmp_path: Path) -> None:
    runner, where = CliRunner(), ["--data-dir", str(tmp_path / "data")]
    first = runner.invoke(app, ["seed", "demo", *where])
    assert first.exit_code == 0, first.output
    assert "Made 2 users, 1 teams, 1 organizations, 4 projects, 1 registries, 40 runs, 49 files" in first.output
    assert "Made nothing." in runner.invoke(app, ["seed", "demo", *where]).output
    (tmp_path / "bad.dumbbell.yaml").write_text("created: 5\n")
    (tmp_path / "bad.yaml").write_text("")
    for name, message in ((str(tmp_path / "bad.dumbbell.yaml"), "bad.dumbbell.yaml:1: "), ("nothing.yaml", "neither"),
                          (str(tmp_path / "bad.yaml"), "must end in .dumbbell.yaml")):
        refused = runner.invoke(app, ["seed", name, *where])
        assert refused.exit_code == 2
        assert message in refused.output


def test_an_organization_of_the_first_user_whatever_they_are_called(tmp_path: Path) -> None:
    opened = open_backend(Settings(data_dir=tmp_path, user="ann"), StillClock())
    with contextlib.closing(opened):
        first_key(opened)
        load(opened, read_fixture("demo"))
        with reading(opened.database) as session:
            found = queries.organization_by_name(session, "demo")
            assert found is not None
            members = queries.organization_members_of(session, found.id)
            assert [(user.username, role) for user, role in members] == [
                ("ann", "admin"), ("robin", "member"), ("kim", "member")]
