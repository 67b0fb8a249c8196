"""Each command, as a process of its own in an empty folder."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dumbbell_server.cli import summaries
from support.offline_logs import EXIT, HEADER, run_record, write_run
from support.repository import ROOT
from support.server import API_KEY, start_server
from support.wire import Client


def start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith("DUMBBELL_")}
    return subprocess.run([sys.executable, "-m", "dumbbell", *arguments], cwd=folder, text=True, capture_output=True,
                          env=outer | {"DUMBBELL_API_KEY": API_KEY}, timeout=60, check=False)


def run(folder: Path, *arguments: str) -> str:
    """What a command printed, which has to succeed."""
    done = start(folder, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(folder: Path, *arguments: str) -> str:
    """What a command said that has to refuse, in one line and without a stack trace."""
    done = start(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("dumbbell: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_every_command_is_tried_here() -> None:
    assert set(summaries()) == {"serve", "migrate", "gc", "token", "organization", "compact", "seed", "export",
                                "schema", "generate", "admin", "pull", "push", "scrub", "import", "view", "check-sdk",
                                "proxy"}


def test_export_schema_and_generate(tmp_path: Path) -> None:
    run(tmp_path, "generate", "load.dumbbell.yaml", "--runs", "3", "--rows", "7", "--keys", "6")
    assert run(tmp_path, "seed", "load.dumbbell.yaml").endswith("Made 1 projects, 3 runs.\n")
    assert run(tmp_path, "export", "out", "local/load") == "Wrote 1 projects with 4 objects to out.\n"
    assert len((tmp_path / "out/local/load/runs/load00002/history.jsonl").read_text().splitlines()) == 7
    assert "is there already, and not empty" in refused(tmp_path, "export", "out")
    assert "entity 'nobody' not found" in refused(tmp_path, "export", "other", "nobody")
    assert "must end in .dumbbell.yaml" in refused(tmp_path, "generate", "load.txt")
    assert "ENTITY/PROJECT" in refused(tmp_path, "generate", "a.dumbbell.yaml", "--project", "load")
    printed = run(tmp_path, "generate", "-", "--runs", "1", "--seed", "4")
    assert printed == run(tmp_path, "generate", "-", "--runs", "1", "--seed", "4")
    assert json.loads(run(tmp_path, "schema"))["title"] == "Dumbbell fixture"


def test_import_and_view(tmp_path: Path) -> None:
    write_run(tmp_path / "wandb", [HEADER, run_record(), EXIT])
    assert run(tmp_path, "import", "wandb") == "Made 1 projects, 1 runs, 2 files.\n"
    assert "there is no offline run in '.dumbbell'" in refused(tmp_path, "import", ".dumbbell")
    assert "there is no file or folder 'none'" in refused(tmp_path, "view", "none", "--no-browser")


def test_what_a_server_holds_is_written_at_its_end(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "data").mkdir()
    with start_server(tmp_path / "data", DUMBBELL_SEED="demo", DUMBBELL_EXPORT_ON_EXIT=str(out)):
        assert not out.exists()
    assert (out / "gym/digits/runs/digits01/run.dumbbell.json").is_file()
    assert "is there already, and not empty" in refused(tmp_path, "serve", "--export-on-exit", "out", "--port", "0")


def test_migrate_gc_token_seed_and_compact(tmp_path: Path) -> None:
    assert run(tmp_path, "seed", "demo").startswith("Made 2 users")
    assert run(tmp_path, "migrate") == "The database is up to date.\n"
    assert len(run(tmp_path, "token").strip()) == len(API_KEY)
    assert run(tmp_path, "compact").endswith("Nothing is left to do.\n")
    assert run(tmp_path, "gc").startswith("Would remove 0 versions, 0 files")
    assert run(tmp_path, "gc", "--delete").startswith("Removed 0 versions, 0 files")


def test_an_organization_is_made_beside_a_running_server(tmp_path: Path) -> None:
    look = '{ organization(name: "Our Lab") { members { username role } } }'
    with start_server(tmp_path) as server, contextlib.closing(Client(server)) as client:
        assert client.ask(look) == {"organization": None}
        folder = ("--data-dir", str(server.data_dir))
        assert run(tmp_path, "organization", "Our Lab", *folder) == "Made the organization Our Lab.\n"
        deadline = time.monotonic() + 30
        while (found := client.ask(look)["organization"]) is None and time.monotonic() < deadline:
            time.sleep(0.1)
        assert found == {"members": [{"username": "local", "role": "admin"}]}
        assert "exists; choose another name" in refused(tmp_path, "organization", "Our Lab", *folder)
        assert "there is no user 'nobody'" in refused(tmp_path, "organization", "Other", "--user", "nobody", *folder)
        assert "organization name 'a/b' is not allowed" in refused(tmp_path, "organization", "a/b", *folder)


def test_serve_answers_and_ends_at_sigterm(tmp_path: Path) -> None:
    with start_server(tmp_path, DUMBBELL_SEED="demo") as server:
        with contextlib.closing(Client(server)) as client:
            assert client.ask("{ viewer { username } }") == {"viewer": {"username": "local"}}
            assert client.ask('{ models(entityName: "local") { edges { node { name } } } }')["models"]["edges"]
        assert run(tmp_path, "compact", "--url", server.base_url).endswith("Nothing is left to do.\n")
        assert server.stop() == 0
    said = server.log.read_text()
    assert f"Dumbbell serves on {server.base_url}." in said  # also where no terminal is
    assert server.api_key not in said


def test_make_serve_listens_where_the_setting_says() -> None:
    recipe = subprocess.run(["make", "-n", "serve"], cwd=ROOT, text=True, capture_output=True, check=True).stdout
    assert "dumbbell serve" in recipe
    assert "--port" not in recipe  # it would win over DUMBBELL_PORT


AT_ITS_END = """if True:
    import atexit, gc, sys
    from dumbbell_server.cli import main
    rich = "rich" in sys.modules  # old versions of typer bring it
    atexit.register(lambda: print(gc.isenabled(), gc.get_stats()[2]["collections"], ("rich" in sys.modules) - rich))
    main(sys.argv[1:])
"""


def test_a_start_collects_no_garbage_and_brings_no_rich(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    process = subprocess.Popen([sys.executable, "-c", AT_ITS_END, "serve", "--port", "0", "--data-dir", str(tmp_path),
                                "--ready-file", str(ready)], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not ready.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.terminate()
    said, _ = process.communicate(timeout=20)
    assert said.splitlines()[-1] == "True 0 0"


@pytest.mark.parametrize("command", [("migrate",), ("gc",), ("gc", "--delete"), ("token",), ("compact",)])
def test_a_mistyped_folder_stays_as_it_was(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "absent"):
        assert "there is no database in" in refused(tmp_path, *command, "--data-dir", folder)
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


def test_token_works_beside_a_running_server(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        key = run(tmp_path, "token", "--data-dir", str(server.data_dir)).strip()
        with contextlib.closing(Client(replace(server, api_key=key))) as client:
            assert client.ask("{ viewer { username } }") == {"viewer": {"username": "local"}}
        assert "there is no user 'nobody'" in refused(
            tmp_path, "token", "--data-dir", str(server.data_dir), "--user", "nobody")
        assert "in use by another server" in refused(tmp_path, "gc", "--data-dir", str(server.data_dir))


def test_token_leaves_a_database_of_another_version_alone(tmp_path: Path) -> None:
    run(tmp_path, "seed", "demo")
    with contextlib.closing(sqlite3.connect(tmp_path / ".dumbbell" / "dumbbell.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
        database.commit()
        assert "run `dumbbell migrate`" in refused(tmp_path, "token")
        assert database.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)


WITHOUT_POSTGRES = """if True:
    import sys
    sys.modules["psycopg"] = None
    from dumbbell_server.cli import main
    main(["serve", "--port", "0", "--database-url", "postgresql://localhost/none"])
"""


def test_postgres_without_its_driver_says_what_to_install(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_POSTGRES], cwd=tmp_path, text=True, capture_output=True,
                          timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "dumbbell: --database-url needs psycopg: pip install 'dumbbell[postgres]'\n"


def test_seed_and_export_ask_a_server_that_runs_on_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "mine.dumbbell.yaml").write_text("projects: [{entity: local, name: mine, runs: [{id: a}]}]\n")
    with start_server(tmp_path / "data", DUMBBELL_ADMIN_PORT="0") as server:
        folder = ("--data-dir", str(server.data_dir))
        assert run(tmp_path, "seed", "mine.dumbbell.yaml", *folder) == "Made 1 projects, 1 runs.\n"
        assert run(tmp_path, "export", "out", "local/mine", *folder) == "Wrote out.\n"
    assert (tmp_path / "out/local/mine/runs/a/run.dumbbell.json").is_file()
    with start_server(tmp_path / "data") as server:
        assert "start it with --admin-port" in refused(tmp_path, "seed", "demo", "--data-dir", str(server.data_dir))
