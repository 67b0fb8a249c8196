"""The clock of a running server: what it is told, and what follows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient
from typer.testing import CliRunner

from dumbbell_server.admin.api import admin_app
from dumbbell_server.admin.client import AdminClient, AdminError
from dumbbell_server.admin.clock import ClockControl
from dumbbell_server.artifact_files import garbage
from dumbbell_server.cli import app
from dumbbell_server.clock import AdjustableClock, StillClock
from dumbbell_server.database.engine import reading
from dumbbell_server.serving import Upkeep
from support.artifact_driver import ArtifactDriver
from support.live import Live
from support.server import Server, start_server
from support.sweep_agents import CREATE_SWEEP, GRID, Agent
from support.world import UPSERT, World

TOKEN = "the-token-of-this-port.1"
START = 1_750_000_000.0  # of the clock of a World
DAY, WEEK = 86_400, 604_800
LATER = 5.0  # seconds in which what should happen at once has happened, on a busy machine


@pytest.fixture
def port(world: World) -> Iterator[TestClient]:
    headers = {"authorization": f"Bearer {TOKEN}"}
    with TestClient(admin_app(world.backend, TOKEN), base_url="http://localhost:8081", headers=headers) as opened:
        yield opened


def put(port: TestClient, status: int = 200, **body: Any) -> Any:
    answer = port.post("/admin/clock", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def said(port: TestClient, status: int = 400, **body: Any) -> str:
    text: str = put(port, status, **body)["errors"][0]["message"]
    return text


def state(world: World, name: str = "r") -> str:
    """As the row has it, without a read that would notice."""
    with reading(world.backend.database) as session:
        return str(session.execute(text("SELECT state FROM runs WHERE name = :name"), {"name": name}).scalar_one())


@pytest.mark.parametrize(("body", "message"), [
    ({}, "say one thing to do with the clock"),
    ({"freeze": False}, "say one thing to do with the clock"),
    ({"freeze": None}, "freeze"),
    ({"freeze": True, "advance": 1}, "say one thing to do with the clock"),
    ({"release": True, "auto": None}, "say one thing to do with the clock"),
    ({"next": False}, "say one thing to do with the clock"),
    ({"freeze": "soon"}, "freeze is 'soon'; it is a moment such as 2026-01-05T10:00:00Z"),
    ({"freeze": ""}, "freeze is ''"),
    ({"freeze": "x" * 5000}, "freeze is 'xxx"),
    ({"freeze": 1_750_000_000}, "freeze"),
    ({"freeze": "1969-12-31T00:00:00Z"}, "the clock goes from 1970-01-02"),
    ({"freeze": "0001-01-01T00:00:00+14:00"}, "the clock goes from 1970-01-02"),
    ({"freeze": "9999-12-31T23:59:59-14:00"}, "the clock goes from 1970-01-02"),
    ({"advance": -1}, "advance is -1.0; it is a number of seconds from 0 on"),
    ({"advance": 1e300}, "the clock goes up to 9000-01-01"),
    ({"advance": True}, "advance"),
    ({"advance": "60"}, "advance: Input should be a valid number"),
    ({"auto": 0}, "auto is 0.0; it is the seconds of quiet"),
    ({"auto": -1}, "auto is -1.0; it is the seconds of quiet"),
    ({"auto": 1e9}, "auto is 1000000000.0; it is the seconds of quiet"),
    ({"set": "2026-01-05T10:00:00Z"}, "set: Extra inputs are not permitted"),
])
def test_what_is_refused_changes_nothing(port: TestClient, world: World, body: dict[str, Any], message: str) -> None:
    assert message in said(port, **body)
    assert (world.clock.look(), world.clock.frozen) == (START, True)


@pytest.mark.parametrize("body", [b'{"advance": NaN}', b'{"advance": Infinity}', b'{"auto": NaN}', b"[]", b""])
def test_what_is_no_number_is_refused(port: TestClient, world: World, body: bytes) -> None:
    answer = port.post("/admin/clock", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert world.clock.look() == START


def test_it_is_frozen_moved_and_released(port: TestClient, world: World) -> None:
    frozen = put(port, freeze="2026-01-05T11:00:00+01:00")
    assert (frozen["now"], frozen["frozen"], frozen["next"]) == ("2026-01-05T10:00:00.000000Z", True, None)
    world.upsert()
    assert world.run("createdAt")["createdAt"] == "2026-01-05T10:00:00.000000Z"
    moved = put(port, advance=90.5)
    assert (moved["now"], moved["frozen"]) == ("2026-01-05T10:01:30.500000Z", True)
    assert put(port, freeze=True)["now"] == moved["now"]
    assert port.get("/admin/clock").json() == {**moved, "ahead": port.get("/admin/clock").json()["ahead"]}
    released = put(port, release=True)
    assert (released["frozen"], abs(world.clock.look() - time.time()) < LATER) == (False, True)
    ahead = put(port, advance=3600)
    assert (ahead["frozen"], ahead["ahead"]) == (False, 3600.0)


def test_a_silent_run_crashes_as_the_clock_is_moved(port: TestClient, world: World) -> None:
    world.upsert()
    due = port.get("/admin/clock").json()["next"]
    assert due == {"at": world.clock.text_of(START + 300.001), "what": "run r has crashed"}
    put(port, advance=300)
    assert state(world) == "running"
    put(port, advance=1)
    assert state(world) == "crashed"
    world.history("r", [{"_step": 0}])
    assert state(world) == "running"


def test_it_skips_to_one_thing_after_the_other(port: TestClient, world: World) -> None:
    world.upsert()
    driver = ArtifactDriver(world)
    driver.log({"a": b"a"}, ttlDurationSeconds=2 * DAY)
    driver.create(digest="x")
    put(port, advance=10)
    world.gql(CREATE_SWEEP, {"input": {"config": GRID, "projectName": "p", "entityName": "local"}})
    happened = [put(port, next=True)["happened"] for _ in range(3)]
    assert happened == ["run r has crashed", "artifact version 1 has expired", "artifact version 2 was abandoned"]
    assert world.clock.look() == pytest.approx(START + WEEK, abs=1)
    assert world.count("artifact_entries") == 0
    assert "nothing is due" in said(port, 409, next=True)


def test_an_agent_that_falls_silent_is_dead(port: TestClient, world: World) -> None:
    made = world.gql(CREATE_SWEEP, {"input": {"config": GRID, "projectName": "p", "entityName": "local"}})
    agent = Agent(world, made["upsertSweep"]["sweep"]["name"])
    agent.beat()
    assert put(port, next=True)["happened"].startswith("agent ")
    assert world.clock.look() == pytest.approx(START + 60, abs=1)


def test_agents_die_on_a_clock_that_was_set_back(port: TestClient, world: World) -> None:
    """What was not heard of before the clock's own beginning is not silent; from there on it is."""
    put(port, freeze="2001-01-01T00:00:00Z")
    assert world.backend.opened_at == "2001-01-01T00:00:00.000000Z"
    world.clock.move(3600)
    assert world.backend.opened_at == "2001-01-01T00:00:00.000000Z"


def test_urls_expire_by_it(port: TestClient, world: World) -> None:
    driver = ArtifactDriver(world)
    [node] = driver.files(driver.create(digest="x")["id"], {"a": b"a"})
    driver.put(node["uploadUrl"], b"a")
    put(port, advance=DAY + 1)
    assert "has expired" in driver.put(node["uploadUrl"], b"a", status=403).text


def test_endless_limits_are_no_overflow(port: TestClient, world: World) -> None:
    settings = world.backend.settings
    settings.heartbeat_timeout = settings.abandoned_after = 1e15
    world.upsert()
    ArtifactDriver(world).create(digest="x")
    assert put(port, advance=DAY)["next"] is None
    assert world.run("state")["state"] == "running"


def test_a_pass_of_the_upkeep_is_done_by_who_moves_the_clock() -> None:
    clock = StillClock()
    passes: list[float] = []
    upkeep = Upkeep(3600, lambda: passes.append(clock.look()), clock)
    try:
        clock.move(3599)
        assert passes == []
        clock.move(1)
        assert passes == [START + 3600]
        clock.move(10 * 3600)
        assert passes == [START + 3600, START + 11 * 3600]  # those between would have found no more
        clock.freeze(START - DAY)
        clock.move(3600)
        assert passes[2:] == [START - DAY + 3600]
    finally:
        upkeep.stop()
    clock.move(WEEK)
    assert len(passes) == 3


def test_a_pass_that_fails_is_not_the_last() -> None:
    clock = StillClock()
    passes: list[float] = []

    def fails() -> None:
        passes.append(clock.look())
        raise OSError("no disk")

    upkeep = Upkeep(60, fails, clock)
    clock.move(60)
    clock.move(60)
    upkeep.stop()
    assert len(passes) == 2


def test_a_pass_is_done_as_time_goes_by() -> None:
    done = threading.Event()
    upkeep = Upkeep(0.05, done.set, AdjustableClock())
    assert done.wait(LATER)
    upkeep.stop()


def test_what_is_arriving_is_no_older_for_a_clock_that_was_moved(world: World) -> None:
    clock = AdjustableClock()
    world.backend.clock = clock
    world.backend.blobs.store("artifacts/ab/on_its_way", b"x")
    clock.move_to(clock.look() + 10 * DAY)
    assert garbage.run(world.backend).strays == 0
    assert [*world.backend.blobs.keys()] == ["artifacts/ab/on_its_way"]


def wait_for(look: Any, wanted: Any) -> None:
    deadline = time.monotonic() + LATER
    while look() != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    assert look() == wanted


def test_it_skips_by_itself_while_a_client_asks_and_nothing_is_written(port: TestClient, world: World) -> None:
    world.upsert()
    asked = world.clock.look()
    frozen = put(port, auto=0.1)
    assert (frozen["frozen"], frozen["auto"]) == (False, 0.1)
    wait_for(lambda: world.run("state")["state"], "crashed")
    assert asked + 300 < world.clock.look() < asked + 300 + LATER
    put(port, freeze=True)
    assert port.get("/admin/clock").json()["auto"] is None


def test_it_does_not_skip_while_nobody_asks_or_somebody_writes(port: TestClient, world: World) -> None:
    world.upsert()
    put(port, auto=0.3)
    before = port.get("/admin/clock").json()["ahead"]
    time.sleep(0.8)  # nobody asks
    for step in range(12):
        world.history("r", [{"_step": step}], offset=step)
        assert world.run("state")["state"] == "running"
        time.sleep(0.05)
    assert port.get("/admin/clock").json()["ahead"] == pytest.approx(before, abs=1)
    put(port, release=True)


def test_who_stops_it_while_it_skips_waits_for_no_one(world: World) -> None:
    control = ClockControl(world.backend)
    for number in range(20):
        world.upsert(f"r{number}")
        control.skip_by_itself(0.01)
        world.run("state")
        control.freeze(None)
    assert world.clock.frozen


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("clock"), DUMBBELL_ADMIN_PORT="0") as server:
        yield server


def test_the_client_and_a_run_of_a_running_server(live: Server, request: pytest.FixtureRequest) -> None:
    asks = Live(live)
    request.addfinalizer(asks.client.close)
    look = 'query { project(name: "p") { run(name: "r") { state createdAt } } }'
    with AdminClient(live.admin_url or "", live.admin_token or "") as admin:
        assert admin.freeze("2026-01-05T10:00:00Z")["frozen"]
        asks.gql(UPSERT, {"input": {"name": "r", "modelName": "p"}})
        assert admin.clock()["next"]["what"] == "run r has crashed"
        assert admin.advance(300)["next"] is not None
        assert asks.gql(look)["project"]["run"]["state"] == "running"
        assert admin.skip()["happened"] == "run r has crashed"
        found = asks.gql(look)["project"]["run"]
        assert found == {"state": "crashed", "createdAt": "2026-01-05T10:00:00.000000Z"}
        with pytest.raises(AdminError, match="nothing is due") as refusal:
            admin.skip()
        assert refusal.value.status == 409
        assert admin.skip_by_itself(0.1)["auto"] == 0.1
        asks.gql(UPSERT, {"input": {"name": "s", "modelName": "p"}})
        other = look.replace('"r"', '"s"')
        wait_for(lambda: asks.gql(other)["project"]["run"]["state"], "crashed")
        assert admin.release()["ahead"] == 0
    assert httpx2.get(f"{live.base_url}/ready").status_code == 200


def test_the_commands_set_it(live: Server, request: pytest.FixtureRequest) -> None:
    def clock(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["admin", "clock", *arguments, "--data-dir", str(live.data_dir)])
        return result.output if result.exit_code == 0 else f"{result.exit_code} {result.output}"

    frozen = clock("freeze", "2026-01-05T10:00:00Z")
    assert frozen.startswith("2026-01-05T10:00:00.000000Z, frozen, -")
    assert frozen.endswith("Nothing is due.\n")
    asks = Live(live)
    request.addfinalizer(asks.client.close)
    asks.gql(UPSERT, {"input": {"name": "t", "modelName": "p"}})
    assert "Next: run t has crashed, at 2026-01-05T10:05:00.001000Z." in clock("advance", "0.5")
    assert clock("next").startswith("run t has crashed.\n2026-01-05T10:05:00.001000Z, frozen")
    assert clock("next") == "2 dumbbell: nothing is due: no run or agent lives, and no version expires\n"
    assert clock("freeze", "soon").startswith("2 dumbbell: freeze is 'soon'")
    assert "skipping after 0.5 s of quiet" in clock("auto", "0.5")
    assert ", going, 0" in clock("release")
    assert clock("show").endswith("Nothing is due.\n")
