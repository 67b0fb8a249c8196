"""Seed files: the demo, twice, wrong ones, and formulas."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import SQLModel, select
from typer.testing import CliRunner

from dumbbell_server.accounts import queries
from dumbbell_server.app import first_key
from dumbbell_server.backend import Backend, open_backend
from dumbbell_server.cli import app
from dumbbell_server.clock import StillClock
from dumbbell_server.database.engine import reading
from dumbbell_server.errors import BadInput
from dumbbell_server.files.tables import RunFileRow
from dumbbell_server.history.reading.rows import rows_between
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.seeding.form import parse, read_form
from dumbbell_server.seeding.formula import read_formula
from dumbbell_server.seeding.load import Counts, load
from dumbbell_server.settings import Settings

SMALL = """\
created: 2026-01-05T10:00:00Z
users:
  - {name: local, first: true}
  - {name: robin}
projects:
  - entity: local
    name: one
    user: local
    runs:
      - id: aaa
        user: local
        files: {a.txt: hello}
      - id: "b/b"
        user: local
"""


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
    assert load(backend, read_form("demo")) == Counts(users=1, teams=1, organizations=1, projects=2, runs=12, files=4)
    with reading(backend.database) as session:
        runs = {run.name: run for run in session.execute(select(RunRow)).scalars()}
        first = runs["digits01"]
        assert {run.state for run in runs.values()} == {"finished", "failed", "crashed", "running"}
        assert (first.state, first.exitcode, first.history_line_count, first.log_line_count) == ("finished", 0, 50, 3)
        assert (first.created_at, first.tags) == ("2026-01-05T11:00:00.000000Z", '["baseline"]')
        assert '"best_acc":0.91' in first.summary_metrics
        assert '"lr":{"value":0.1}' in first.config
        rows = list(rows_between(session, first, 0, 50))
        assert len(rows) == 50
        assert '"loss":0.5,' in rows[10]
        assert (runs["digits03"].exitcode, runs["digits05"].exitcode) == (1, None)
        assert runs["digits07"].heartbeat_at == backend.clock.text()
        names = set(session.execute(select(RunFileRow.name)).scalars())
    assert names == {"notes.md", "config/model.json", "report.txt", "policy.yaml"}
    assert len(blobs(backend)) == 4


def test_twice_is_harmless(backend: Backend) -> None:
    load(backend, read_form("demo"))
    before = sizes(backend), sorted(blobs(backend))
    assert load(backend, read_form("demo")) == Counts()
    assert (sizes(backend), sorted(blobs(backend))) == before


def test_a_failure_names_the_line_and_leaves_nothing(backend: Backend) -> None:
    before = sizes(backend)
    with pytest.raises(BadInput, match=r"^small\.yaml:13: run id 'b/b' is not allowed"):
        load(backend, parse(SMALL, "small.yaml"))
    assert sizes(backend) == before
    assert blobs(backend) == []


@pytest.mark.parametrize(("old", "new", "message"), [
    ("entity: local", "entty: local", "small.yaml:6: unknown key 'entty'"),
    ("    name: one\n", "", "small.yaml:6: 'name' is missing"),
    ("name: one", "name: 1", "small.yaml:7: text is expected, not '1'"),
    ("user: local\n    runs", "user: nobody\n    runs", "small.yaml:8: user 'nobody' is not known"),
    ("2026-01-05T10:00:00Z", "today", "small.yaml:1: a time such as"),
    ("files: {a.txt: hello}", "files: {../a: hello}", "small.yaml:12: file name '../a'"),
    ("files: {a.txt: hello}", "history: {rows: 2, keys: {x: 1 / step}}", "small.yaml:12: formula '1 / step' has no"),
    ("files: {a.txt: hello}", "state: asleep", "small.yaml:12: state 'asleep' is not known"),
    ("files: {a.txt: hello}", "config: {a: 2026-01-01}", "small.yaml:12: '2026-01-01' is a date"),
    ("files: {a.txt: hello}", "tags: *x", "small.yaml:12: aliases"),
    ("files: {a.txt: hello}", "files: [", "small.yaml:13: "),
    ("files: {a.txt: hello}", "id: aaa", "small.yaml:12: 'id' is there twice"),
])
def test_a_wrong_form_names_the_line(old: str, new: str, message: str) -> None:
    assert old in SMALL
    with pytest.raises(BadInput) as caught:
        parse(SMALL.replace(old, new), "small.yaml")
    assert str(caught.value).startswith(message)


def test_formulas_have_values() -> None:
    assert read_formula("1 / (1 + 0.1 * step)").at(10, "x") == 0.5
    assert read_formula("-sin(step) ** 2 + max(1, sqrt(4), 0)").at(1, "x") == round(2 - math.sin(1) ** 2, 6)
    noisy = read_formula("noise")
    assert noisy.at(3, "a") == noisy.at(3, "a") != noisy.at(3, "b")
    assert all(-1 <= noisy.at(step, "a") <= 1 for step in range(100))


@pytest.mark.parametrize("text", [
    "__import__('os')", "().__class__", "9**9**9", "step.real", "open", "exp", "lambda: 1", "'a' * 9", "[1]", "True",
    "1j", "1 if step else 2", "min(1)", "exp(1, 2)", "exp(*step)", "(-1) ** 0.5", "1e308 * 10", "9" * 400, "step(1)",
    "1 +" * 120 + "1", "(" * 240 + "1" + ")" * 240, "", "x := 1",
])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        read_formula(text).at(1, "x")


def test_the_command(tmp_path: Path) -> None:
    runner, where = CliRunner(), ["--data-dir", str(tmp_path / "data")]
    first = runner.invoke(app, ["seed", "demo", *where])
    assert first.exit_code == 0, first.output
    assert "Made 1 users, 1 teams, 1 organizations, 2 projects, 12 runs, 4 files." in first.output
    assert "Made 0 users" in runner.invoke(app, ["seed", "demo", *where]).output
    (tmp_path / "bad.yaml").write_text("created: 5\n")
    for name, message in ((str(tmp_path / "bad.yaml"), "bad.yaml:1: "), ("nothing.yaml", "neither")):
        refused = runner.invoke(app, ["seed", name, *where])
        assert refused.exit_code == 2
        assert message in refused.output


@pytest.mark.parametrize(("members", "what"), [
    ("{robin: viewer}", "seed.yaml:14: the first member of an organization must be an admin"),
    ("{nobody: admin}", "seed.yaml:14: user 'nobody' is not known here"),
    ("{local: boss}", "seed.yaml:14: role 'boss' is not known here")])
def test_members_of_organizations_are_checked(members: str, what: str) -> None:
    text = SMALL.replace("projects:", f"organizations:\n  - {{name: lab, members: {members}}}\nprojects:")
    line = text[:text.index("lab")].count("\n") + 1
    with pytest.raises(BadInput) as caught:
        parse(text, "seed.yaml")
    assert str(caught.value).startswith(what.replace(":14:", f":{line}:"))


def test_an_organization_of_the_first_user_whatever_they_are_called(tmp_path: Path) -> None:
    opened = open_backend(Settings(data_dir=tmp_path, user="ann"), StillClock())
    with contextlib.closing(opened):
        first_key(opened)
        load(opened, read_form("demo"))
        with reading(opened.database) as session:
            found = queries.organization_by_name(session, "demo")
            assert found is not None
            members = queries.organization_members_of(session, found.id)
            assert [(user.username, role) for user, role in members] == [("ann", "admin"), ("robin", "member")]
