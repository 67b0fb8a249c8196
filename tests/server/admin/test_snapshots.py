"""Snapshots: whole, by name, and put back under those who read and write."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from dumbbell_server.admin.api import admin_app
from dumbbell_server.admin.client import AdminClient, AdminError
from dumbbell_server.admin.snapshots import Snapshots
from dumbbell_server.cli import app
from dumbbell_server.database.engine import SqliteDatabase, snapshot
from dumbbell_server.errors import BadInput, NotFound
from support.artifact_driver import ArtifactDriver
from support.ledger import read_tables
from support.live import Live
from support.removals import hold
from support.run_history import rows, stored
from support.server import STILL, Server, start_server
from support.world import UPSERT, World, open_world

TOKEN = "the-token-of-this-port.1"
RUNS = 'query { project(name: "p") { runs(order: "+name") { edges { node { name notes } } } } }'
HOSTILE = ["", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b", "a\0b", "-rf", ".hidden", "a b", "é", "x" * 65, "a\n",
           "%2e%2e", "..%2fx", "a;b"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "one") as opened:
        yield opened


@pytest.fixture
def snapshots(world: World) -> Snapshots:
    return Snapshots(world.backend)


@pytest.fixture
def port(world: World) -> Iterator[TestClient]:
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    with TestClient(admin_app(world.backend, TOKEN), base_url="http://localhost:8081", headers=headers) as opened:
        yield opened


def names(world: World) -> list[str]:
    found = world.gql(RUNS)["project"]
    return [edge["node"]["name"] for edge in found["runs"]["edges"]] if found else []


def blobs(world: World) -> dict[str, bytes]:
    return {key: world.backend.blobs.load(key) for key in [*world.backend.blobs.keys()]}


def fill(world: World) -> None:
    hold(world)
    world.upsert("other", modelName="elsewhere")


def test_all_there_was_is_back_and_nothing_else(world: World, snapshots: Snapshots) -> None:
    fill(world)
    before, files, runs = read_tables(world), blobs(world), names(world)
    snapshots.make("before")
    assert read_tables(world) == before
    world.upsert("late")
    world.upsert("r", notes="changed")
    world.history("r", rows(3, 4), offset=3)
    ArtifactDriver(world).log({"more": b"more bytes"}, collection="late")
    world.add_user("ada", "ada" + "a" * 40)
    assert names(world) == sorted([*runs, "late"])
    snapshots.restore("before")
    snapshots.finish()
    assert (read_tables(world), blobs(world), names(world)) == (before, files, runs)
    assert stored(world) == rows(0, 1, 2)
    world.errors("{ viewer { username } }", key="ada" + "a" * 40, status=401)


def test_it_is_restored_again_and_again(world: World, snapshots: Snapshots) -> None:
    fill(world)
    snapshots.make("before")
    before, files = read_tables(world), blobs(world)
    for number in range(3):
        world.upsert("r", notes=f"changed {number}")
        ArtifactDriver(world).log({"more": b"%d" % number})
        world.upsert(f"late{number}")
        snapshots.restore("before")
        snapshots.finish()
        assert (read_tables(world), blobs(world)) == (before, files)


def test_what_was_deleted_is_back_with_its_bytes(world: World, snapshots: Snapshots) -> None:
    driver = ArtifactDriver(world)
    driver.log({"a": b"content"})
    snapshots.make("before")
    version = driver.version("set:v0")
    delete = """mutation M($id: ID!) {
        deleteArtifact(input: {artifactID: $id, deleteAliases: true}) { artifact { id } } }"""
    world.gql(delete, {"id": version["id"]})
    world.backend.remove()
    snapshots.restore("before")
    assert driver.get_file("set:v0", "a") == b"content"


def test_what_one_restore_deletes_the_next_brings_back(world: World, snapshots: Snapshots) -> None:
    snapshots.make("without")
    driver = ArtifactDriver(world)
    driver.log({f"{number}": b"%d" % number for number in range(50)})
    snapshots.make("with")
    for _ in range(3):
        snapshots.restore("without")
        snapshots.restore("with")
        snapshots.finish()
        assert driver.get_file("set:v0", "49") == b"49"


def test_lists_and_their_caches_follow_both_ways(world: World, snapshots: Snapshots) -> None:
    """Rows of the snapshot have lower revisions than what the caches had seen."""
    world.upsert("a", notes="old")
    snapshots.make("before")
    filtered = RUNS.replace('order: "+name"', r'filters: "{\"notes\": \"new\"}"')
    for _ in range(3):
        world.upsert("a", notes="new")
        assert len(world.gql(filtered)["project"]["runs"]["edges"]) == 1
        snapshots.restore("before")
        assert world.gql(filtered)["project"]["runs"]["edges"] == []
        world.upsert("b", notes="new")
        assert [edge["node"]["name"] for edge in world.gql(filtered)["project"]["runs"]["edges"]] == ["b"]
        snapshots.restore("before")


def test_a_reader_of_an_older_moment_is_no_hindrance(world: World, snapshots: Snapshots) -> None:
    world.upsert("a")
    with snapshot(world.backend.database) as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM runs").scalar() == 1
        world.upsert("b")
        snapshots.make("two")  # the log cannot go into the file whole: its newer part is copied too
        world.upsert("c")
        snapshots.restore("two")
        assert session.connection().exec_driver_sql("SELECT count(*) FROM runs").scalar() == 1
    assert names(world) == ["a", "b"]


def test_the_secret_of_the_server_stays(world: World, snapshots: Snapshots) -> None:
    snapshots.make("before")
    [state] = [row for row in read_tables(world)["server_state"].values() if row["key"] == "secret"]
    path = world.backend.settings.data_dir / "snapshots"
    [database] = path.glob("*/dumbbell.db")
    with contextlib.closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("UPDATE server_state SET value = 'anothers' WHERE key = 'secret'")
    snapshots.restore("before")
    assert [row for row in read_tables(world)["server_state"].values() if row["key"] == "secret"] == [state]


def test_a_name_is_of_the_last_that_was_made(world: World, snapshots: Snapshots) -> None:
    world.upsert("a")
    first = snapshots.make("it")
    world.upsert("b")
    second = snapshots.make("it")
    assert (first.folder != second.folder, [each.name for each in snapshots.every()]) == (True, ["it"])
    world.upsert("c")
    snapshots.restore("it")
    assert names(world) == ["a", "b"]
    folder = world.backend.settings.data_dir / "snapshots"
    snapshots.finish()
    assert {path.name for path in folder.iterdir()} == {"it.json", second.folder}
    snapshots.delete("it")
    snapshots.finish()
    assert [*folder.iterdir()] == []
    with pytest.raises(NotFound, match="no snapshot 'it'"):
        snapshots.restore("it")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_lead_elsewhere_are_refused(snapshots: Snapshots, world: World, name: str) -> None:
    for act in (snapshots.make, snapshots.restore, snapshots.delete):
        with pytest.raises(BadInput, match="is no name of a snapshot"):
            act(name)
    assert not (world.backend.settings.data_dir / "snapshots").exists()


@pytest.mark.parametrize("name", [*HOSTILE[2:], "..%2f..%2fx", "%00", "none"])
def test_the_port_refuses_them_too(port: TestClient, world: World, name: str) -> None:
    quoted = "/admin/snapshots/" + (name if "%" in name else quote(name, safe=""))
    for method, path in (("POST", f"{quoted}/restore"), ("DELETE", quoted), ("GET", f"{quoted}/file")):
        answer = port.request(method, path)
        assert answer.status_code in {400, 404, 405}, (method, path, answer.text)
    assert not (world.backend.settings.data_dir / "snapshots").exists()


def test_a_start_clears_what_was_cut(world: World, snapshots: Snapshots) -> None:
    snapshots.make("it")
    folder = world.backend.settings.data_dir / "snapshots"
    (folder / "0123456789abcdef").mkdir()
    (folder / "0123456789abcdef" / "dumbbell.db").write_bytes(b"half")
    Snapshots(world.backend)
    assert len([*folder.iterdir()]) == 2


def test_one_file_goes_to_another_server(port: TestClient, world: World, tmp_path: Path) -> None:
    fill(world)
    assert port.post("/admin/snapshots/it").status_code == 200
    stream = port.get("/admin/snapshots/it/file")
    assert (stream.status_code, stream.headers["content-type"]) == (200, "application/x-tar")
    before, files = read_tables(world), blobs(world)
    [secret] = [row["value"] for row in before["server_state"].values() if row["key"] == "secret"]
    assert (secret.encode() in stream.content, len(secret)) == (False, 64)
    with open_world(tmp_path / "two") as other, TestClient(
            admin_app(other.backend, TOKEN), base_url="http://localhost", headers=port.headers) as there:
        other.upsert("theirs")
        tar = {"content-type": "application/x-tar"}
        answer = there.put("/admin/snapshots/mine/file", content=stream.content, headers=tar)
        assert (answer.status_code, answer.json()["name"]) == (200, "mine"), answer.text
        assert names(other) == ["theirs"]
        assert there.post("/admin/snapshots/mine/restore").status_code == 200
        found = read_tables(other)
        assert found.keys() == before.keys()
        assert {name: found[name] for name in found if name != "server_state"} == {
            name: before[name] for name in before if name != "server_state"}
        assert blobs(other) == files
        assert stored(other) == rows(0, 1, 2)
    folder = world.backend.settings.data_dir / "snapshots"
    assert len([*folder.iterdir()]) == 2


def tar_of(**files: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name.replace("__", "/").replace("_", "."))
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def database(*statements: str, page: int = 4096) -> bytes:
    """Bytes of a SQLite database on which these were executed."""
    with contextlib.closing(sqlite3.connect(":memory:")) as made:
        made.execute(f"PRAGMA page_size={page}")
        for statement in statements:
            made.execute(statement)
        made.commit()
        return made.serialize()


OURS = ("CREATE TABLE alembic_version (version_num VARCHAR)", "INSERT INTO alembic_version VALUES ('0018')")


@pytest.mark.parametrize(("content", "message"), [
    (b"", "no tar stream"),
    (tar_of(readme=b"x"), "a snapshot is a tar stream of dumbbell.db"),
    (tar_of(dumbbell_db=b"", more=b""), "a snapshot is a tar stream of dumbbell.db"),
    (tar_of(dumbbell_db=b""), "cannot be read"),
    (tar_of(dumbbell_db=b"SQLite format 3\0" + b"x" * 5000), "cannot be read"),
    (tar_of(dumbbell_db=database("CREATE TABLE t (x)")), "cannot be read: no such table"),
    (tar_of(dumbbell_db=database(OURS[0])), "of revision None"),
    (tar_of(dumbbell_db=database(OURS[0], "INSERT INTO alembic_version VALUES ('0001')")), "of revision 0001"),
    (tar_of(dumbbell_db=database(*OURS, "CREATE TABLE t (x)", "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; "
                                                               "END")), "none of ours"),
    (tar_of(dumbbell_db=database(*OURS, page=8192)), "none of ours"),
    (tar_of(dumbbell_db=database(*OURS), blobs__a__b=b"x"), "no name of a blob"),
    (tar_of(**{"dumbbell_db": database(*OURS), "blobs__%2e%2e%2fx": b"x"}), "is not a key of a blob"),
    (tar_of(**{"dumbbell_db": database(*OURS), "blobs__a%2Fb%20": b"x", "blobs__%61": b"x"}), "no name of a blob"),
    (tar_of(___evil_db=b"x"), "does not lie in the folder"),
])
def test_files_that_are_none_of_ours_are_refused(port: TestClient, world: World, content: bytes, message: str) -> None:
    answer = port.put("/admin/snapshots/it/file", content=content, headers={"content-type": "application/x-tar"})
    assert (answer.status_code, message in answer.text) == (400, True), answer.text
    assert port.get("/admin/snapshots").json() == {"snapshots": []}
    folder = world.backend.settings.data_dir
    assert [*folder.glob("snapshots/*"), *folder.glob("moving/*")] == []


def test_a_copy_with_tables_missing_is_refused(port: TestClient, world: World) -> None:
    content = tar_of(dumbbell_db=database(*OURS))
    answer = port.put("/admin/snapshots/it/file", content=content, headers={"content-type": "application/x-tar"})
    assert (answer.status_code, "none of ours" in answer.text) == (400, True), answer.text
    assert world.gql("{ viewer { username } }")["viewer"]


def test_memory_has_snapshots_too(tmp_path: Path) -> None:
    with open_world(tmp_path / "memory", blob_url="memory://") as world:
        ArtifactDriver(world).log({"a": b"content"})
        files = blobs(world)
        snapshots = Snapshots(world.backend)
        snapshots.make("it")
        ArtifactDriver(world).log({"b": b"other"})
        snapshots.restore("it")
        snapshots.finish()
        assert blobs(world) == files


def test_postgres_says_in_a_sentence_that_it_has_none(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    from support.postgres import lent_database  # noqa: PLC0415 - where it is asked for

    if request.config.getoption("--backends") != "all":
        pytest.skip("wants Postgres")
    with lent_database(request.getfixturevalue("postgres"), "snapshots") as url, open_world(tmp_path, url) as world, \
            pytest.raises(BadInput, match="on Postgres or a bucket: use reset, export and seed"):
        Snapshots(world.backend).make("it")


def test_another_process_does_not_take_the_database_for_unused(world: World, snapshots: Snapshots) -> None:
    """To close a descriptor of the file would end the locks of this process on it."""
    world.upsert("a")
    snapshots.make("it")
    path = world.backend.settings.data_dir
    result = CliRunner().invoke(app, ["token", "--data-dir", str(path)])
    assert result.exit_code == 0, result.output
    assert isinstance(world.backend.database, SqliteDatabase)
    assert (path / "dumbbell.db-wal").exists()
    world.upsert("b")
    with contextlib.closing(sqlite3.connect(path / "dumbbell.db")) as beside:
        assert beside.execute("SELECT count(*) FROM runs").fetchone() == (2,)


# A running server


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("snapshots"), DUMBBELL_ADMIN_PORT="0") as server:
        yield server


def test_it_is_put_back_under_those_who_read_and_write(live: Server) -> None:
    ended = threading.Event()
    wrong: list[Any] = []

    def work(number: int) -> None:
        headers = {"authorization": f"Bearer {live.api_key}"}
        with httpx2.Client(base_url=live.base_url, timeout=60, headers=headers) as one:
            while not ended.is_set():
                name = f"w{number}"
                body = {"query": UPSERT, "variables": {"input": {"name": name, "modelName": "p", "notes": "x"}}}
                answers = [one.post("/graphql", json=body)]
                lines = {"files": {"wandb-history.jsonl": {"offset": 0, "content": ['{"_step": 0}']}}}
                answers.append(one.post(f"/files/local/p/{name}/file_stream", json=lines))
                answers.append(one.post("/graphql", json={"query": RUNS}))
                wrong.extend(answer.text for answer in answers if answer.status_code not in {200, 404})

    asks = Live(live)
    with AdminClient(live.admin_url or "", live.admin_token or "") as admin, asks.client:
        asks.gql(UPSERT, {"input": {"name": "base", "modelName": "p"}})
        admin.snapshot("base")
        threads = [threading.Thread(target=work, args=[number]) for number in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            time.sleep(0.02)
            admin.restore("base")
        ended.set()
        for thread in threads:
            thread.join(30)
        admin.restore("base")
        assert [edge["node"]["name"] for edge in asks.gql(RUNS)["project"]["runs"]["edges"]] == ["base"]
    assert wrong == []


def test_commands_and_client(live: Server, tmp_path: Path) -> None:
    def said(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["admin", *arguments, "--data-dir", str(live.data_dir)])
        return result.output if result.exit_code == 0 else f"{result.exit_code} {result.output}"

    file = tmp_path / "it.tar"
    assert said("snapshot", "make", "it") == "Made it.\n"
    assert said("snapshot", "save", "it", str(file)) == f"Wrote {file}.\n"
    assert said("snapshot", "load", "again", str(file)) == "Loaded again.\n"
    assert {"again", "it"} <= {line.split(",")[0] for line in said("snapshot", "list").splitlines()}
    assert said("restore", "again") == "Restored again.\n"
    assert said("snapshot", "delete", "again") == "Deleted again.\n"
    assert said("restore", "again") == "2 dumbbell: there is no snapshot 'again'\n"
    assert said("snapshot", "make", "../x").startswith("2 dumbbell: ")
    assert said("snapshot", "load", "x", str(tmp_path / "none")).startswith("2 dumbbell: cannot read")
    assert [path.name for path in tmp_path.iterdir()] == ["it.tar"]


@pytest.mark.parametrize("pause", [0.0, 0.02])
@pytest.mark.parametrize("act", ["snapshot", "restore"])
def test_a_kill_leaves_a_whole_database(tmp_path: Path, act: str, pause: float) -> None:
    with start_server(tmp_path, DUMBBELL_ADMIN_PORT="0", **STILL) as server, \
            AdminClient(server.admin_url or "", server.admin_token or "") as admin:
        admin.snapshot("empty")
        admin.seed("demo")
        seeded = admin.info()["counts"]
        cut = threading.Thread(target=_act_and_be_cut, args=[server, act])
        cut.start()
        time.sleep(pause)
        server.kill()
        cut.join(30)
    with contextlib.closing(sqlite3.connect(server.data_dir / "dumbbell.db")) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with start_server(tmp_path, DUMBBELL_ADMIN_PORT="0", **STILL) as server, \
            AdminClient(server.admin_url or "", server.admin_token or "") as admin:
        found = admin.info()["counts"]
        assert found == seeded or (act == "restore" and found["runs"] == 0)
        assert "empty" in [each["name"] for each in admin.snapshots()]
        for each in admin.snapshots():
            admin.restore(each["name"])
        assert len([*(server.data_dir / "snapshots").iterdir()]) == 2 * len(admin.snapshots())


def _act_and_be_cut(server: Server, act: str) -> None:
    with AdminClient(server.admin_url or "", server.admin_token or "") as admin, contextlib.suppress(AdminError):
        if act == "snapshot":
            admin.snapshot("full")
        else:
            admin.restore("empty")
