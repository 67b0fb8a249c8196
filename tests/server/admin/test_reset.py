"""A reset: all or nothing, for who reads and for who writes meanwhile."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from dumbbell_server.accounts import organizations, service, teams
from dumbbell_server.accounts.keys import add_key
from dumbbell_server.admin import counting
from dumbbell_server.admin.client import AdminClient, AdminError
from dumbbell_server.admin.reset import Removed, reset
from dumbbell_server.database.engine import reading
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import NotFound
from support.gaps import Gaps, Killed
from support.ledger import read_tables
from support.postgres import lent_database
from support.removals import hold
from support.run_history import rows, stored
from support.server import STILL, Server, start_server
from support.sweep_agents import CREATE_SWEEP, GRID, HEARTBEAT, Agent
from support.world import UPSERT, World

ADA = "ada" + "a" * 40
NOTES = {"server_state", "entities", "users", "api_keys"}  # what of everybody's a new server has
EMPTY = {"users": 1, "teams": 0, "organizations": 0, "projects": 0, "runs": 0, "sweeps": 0, "reports": 0,
         "versions": 0, "removals": 0}


def counts(world: World) -> dict[str, int]:
    with reading(world.backend.database) as session:
        return counting.count(session).model_dump()


def fill(world: World) -> None:
    """Users, a team in an organization, a registry, runs with rows and files, artifacts with links, a sweep."""
    hold(world)
    world.gql(CREATE_SWEEP, {"input": {"config": GRID, "projectName": "p", "entityName": "local"}})

    def people(unit: Unit) -> None:
        ada = service.create_user(unit, "ada", email="ada@example.com")
        add_key(unit, ada.id, ADA)
        first = teams.user_named(unit.session, "local")
        lab = organizations.make_organization(unit, "Our Lab", ada)
        organizations.set_role(unit, lab, first, "member")
        crew = teams.make_team(unit, "crew", ada, lab.id)
        teams.set_role(unit, crew, first, "admin")
        teams.make_team(unit, "alone", first)
    world.backend.write(None, people)
    as_ada = {"key": ADA}
    world.upsert("r", entityName="crew", modelName="of-crew", **as_ada)
    world.upsert("r", modelName="of-ada", **as_ada)
    world.gql('mutation M { upsertModel(input: {entityName: "Our-Lab-org", name: "wandb-registry-models", '
              'access: "PRIVATE"}) { model { id } } }', **as_ada)
    world.gql('mutation M { createServiceAccount(input: {entityName: "crew", description: "robot"}) '
              "{ user { id } } }", **as_ada)
    world.gql('mutation M { renameProject(input: {entityName: "local", oldProjectName: "q", newProjectName: "q2"}) '
              "{ project { name } } }")


@pytest.fixture
def full(world: World) -> World:
    fill(world)
    return world


def test_everything_goes_but_the_first_user(full: World) -> None:
    full.gql('mutation M { updateUser(input: {defaultEntity: "crew"}) { user { id } } }')
    keys = full.count("api_keys")
    state = read_tables(full)["server_state"]
    kept = {key: row for key, row in state.items() if "rename" not in key[0]}
    assert reset(full.backend, None) == Removed(users=2, teams=2, organizations=1, projects=5)
    assert counts(full) == EMPTY
    left = {name: list(found.values()) for name, found in read_tables(full).items() if found}
    assert left.keys() <= NOTES, left.keys() - NOTES
    assert [user["username"] for user in left["users"] if not user["service"]] == ["local"]
    assert full.count("api_keys") == keys - 2
    assert kept.items() <= read_tables(full)["server_state"].items()
    assert [*full.backend.blobs.keys()] == []
    viewer = full.gql("{ viewer { username entity admin } }")["viewer"]
    assert viewer == {"username": "local", "entity": "local", "admin": True}
    full.errors("{ viewer { username } }", key=ADA, status=401)
    assert reset(full.backend, None) == Removed()


def test_a_reset_server_is_filled_again(full: World) -> None:
    first = counts(full)
    reset(full.backend, None)
    fill(full)
    assert counts(full) == first
    assert stored(full) == rows(0, 1, 2)


@pytest.mark.parametrize(("entity", "projects"), [
    ("local", {"of-ada", "of-crew", "wandb-registry-models"}), ("crew", {"p", "q2", "of-ada", "wandb-registry-models"}),
    ("ada", {"p", "q2", "of-crew", "wandb-registry-models"}), ("Our Lab", {"p", "q2", "of-crew", "of-ada"}),
    ("Our-Lab-org", {"p", "q2", "of-crew", "of-ada"}), ("alone", {"p", "q2", "of-crew", "of-ada",
                                                                  "wandb-registry-models"}),
])
def test_one_entity_is_emptied_and_stays(full: World, entity: str, projects: set[str]) -> None:
    before = counts(full)
    assert reset(full.backend, entity) == Removed(projects=before["projects"] - len(projects))
    assert {row["name"] for row in read_tables(full)["projects"].values() if row["name"][0] != "/"} == projects
    after = counts(full)
    assert {name: after[name] for name in ("users", "teams", "organizations", "removals")} == {
        name: before[name] for name in ("users", "teams", "organizations", "removals")}


def test_who_is_not_there_is_not_found(full: World) -> None:
    before = counts(full)
    for entity in ("nobody", "", "/removed", "a\0b", "x" * 10_000):
        with pytest.raises(NotFound, match="name of a user, a team or an organization"):
            reset(full.backend, entity)
    assert counts(full) == before


def test_lists_that_were_read_before_are_empty_at_once(full: World) -> None:
    look = '{ models(entityName: "local") { edges { node { name } } } }'
    runs = 'query { project(name: "p") { runs { edges { node { name } } } } }'
    assert full.gql(look)["models"]["edges"]
    assert full.gql(runs)["project"]["runs"]["edges"]
    full.backend.ending.set()  # its rows are still there
    reset(full.backend, "local")
    assert full.gql(look)["models"]["edges"] == []
    assert full.gql(runs)["project"] is None
    full.backend.ending.clear()
    world_again = full.upsert("r")["bucket"]["id"]
    assert full.run("id historyLineCount") == {"id": world_again, "historyLineCount": 0}


def test_between_its_units_all_is_there_or_nothing(full: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    gaps = Gaps(full, monkeypatch)

    def look() -> None:
        found = counts(full)
        seen.append(found["projects"])
        assert found | {"removals": 0} == EMPTY

    assert gaps.watch(look, lambda: reset(full.backend, None)) > 1
    assert set(seen) == {0}


def test_what_is_cut_short_goes_on_at_the_next_start(full: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill() -> None:
        raise Killed

    gaps = Gaps(full, monkeypatch)
    with contextlib.suppress(Killed):
        gaps.watch(kill, lambda: reset(full.backend, None))
    assert counts(full)["removals"] > 0
    full.backend.remove_leftovers()
    assert counts(full) == EMPTY


def test_who_logs_and_works_for_a_sweep_is_refused(full: World) -> None:
    sweep = full.gql(CREATE_SWEEP, {"input": {"config": GRID, "projectName": "p", "entityName": "local"}})
    agent = Agent(full, sweep["upsertSweep"]["sweep"]["name"])
    agent.beat()
    run = full.upsert("r")["bucket"]["id"]
    reset(full.backend, None)
    full.stream("r", {"files": {"wandb-history.jsonl": {"offset": 3, "content": ["{}"]}}}, status=404)
    full.refused_upsert(id=run, status=404)
    message = full.errors(HEARTBEAT, {"id": agent.id, "metrics": "{}", "runState": "{}"}, status=404)[0]
    assert "agent" in message
    full.stream("r", {"files": {}}, key=ADA, status=401)


@pytest.fixture(params=["sqlite", "postgres"])
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with contextlib.ExitStack() as stack:
        more = {}
        if request.param == "postgres":
            url = lent_database(request.getfixturevalue("postgres"), f"reset_{uuid.uuid4().hex}")
            more = {"DUMBBELL_DATABASE_URL": stack.enter_context(url)}
        yield stack.enter_context(start_server(tmp_path, DUMBBELL_ADMIN_PORT="0", **STILL, **more))


class Writer(threading.Thread):
    """Logs to a run of its own until it is stopped, and begins another when it is refused."""

    def __init__(self, server: Server, number: int) -> None:
        super().__init__(daemon=True)
        self.server, self.number = server, number
        self.answers: list[tuple[int, str]] = []
        self.ended = threading.Event()

    def run(self) -> None:
        with httpx2.Client(base_url=self.server.base_url, timeout=60,
                           headers={"authorization": f"Bearer {self.server.api_key}"}) as client:
            self._log(client)

    def _log(self, client: httpx2.Client) -> None:
        sent = 0
        while not self.ended.is_set():
            name, place = f"r{self.number}-{len(self.answers)}", f"p{self.number}"
            self._note(client.post("/graphql", json={"query": UPSERT, "variables": {"input": {
                "name": name, "modelName": place, "config": "{}"}}}))
            for sent in range(20):
                body = {"files": {"wandb-history.jsonl": {"offset": sent, "content": [json.dumps({"_step": sent})]}}}
                if self._note(client.post(f"/files/local/{place}/{name}/file_stream", json=body)) != 200:
                    break

    def _note(self, answer: httpx2.Response) -> int:
        self.answers.append((answer.status_code, answer.text[:300]))
        return answer.status_code


def test_others_log_while_it_is_seeded_and_reset(live: Server) -> None:
    writers = [Writer(live, number) for number in range(3)]
    for writer in writers:
        writer.start()
    with AdminClient(live.admin_url or "", live.admin_token or "") as client:
        for _ in range(5):
            assert client.seed("demo")["runs"] > 0
            client.reset("local")
            assert client.reset()["teams"] > 0
        for writer in writers:
            writer.ended.set()
            writer.join(30)
        client.reset()
        assert client.info()["counts"] == EMPTY
    found = {status for writer in writers for status, _ in writer.answers}
    wrong = [answer for writer in writers for answer in writer.answers if answer[0] not in {200, 404}]
    assert (wrong, found) == ([], {200, 404})


@pytest.mark.parametrize("pause", [0.02, 0.05, *(pytest.param(pause, marks=pytest.mark.soak) for pause in (0.0, 0.1))])
def test_a_kill_leaves_all_or_nothing(tmp_path: Path, pause: float) -> None:
    with start_server(tmp_path, DUMBBELL_ADMIN_PORT="0", **STILL) as server:
        with httpx2.Client(headers={"authorization": f"Bearer {server.api_key}"}, timeout=60) as client:
            for number in range(150):
                client.post(f"{server.base_url}/graphql", json={"query": UPSERT, "variables": {"input": {
                    "name": "r", "modelName": f"p{number}"}}}).raise_for_status()
        resetting = threading.Thread(target=_reset_and_be_cut, args=[server])
        resetting.start()
        time.sleep(pause)
        server.kill()
        resetting.join(30)
        stale = json.loads((server.data_dir / "admin.json").read_text())
    with start_server(tmp_path, DUMBBELL_ADMIN_PORT="0", **STILL) as server, \
            AdminClient(server.admin_url or "", server.admin_token or "") as again:
        assert json.loads((server.data_dir / "admin.json").read_text()) != stale
        found = again.info()["counts"]
        assert found["projects"] in {0, 150}
        assert again.reset()["projects"] == found["projects"]
        assert again.info()["counts"] == EMPTY


def _reset_and_be_cut(server: Server) -> None:
    with AdminClient(server.admin_url or "", server.admin_token or "") as client, contextlib.suppress(AdminError):
        client.reset()
