"""Agents of sweeps over GraphQL, and what the server gives them to do."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from dumbbell_server.sweeps.search import bayes
from support.sweep_agents import CREATE, GRID, HEARTBEAT, Agent, edit, make, patient, read, states
from support.world import World

EVE = "e" * 40
STOP = "mutation M($id: ID!) { stopRun(input: {id: $id}) { success } }"


def test_a_grid_is_gone_through_once(world: World) -> None:
    sweep = make(world, GRID)
    agents = [Agent(world, sweep), Agent(world, sweep)]
    assert read(world, sweep)["state"] == "RUNNING"
    given = [agent.work(sweep, loss=1) for agent in agents + agents]
    assert {command["type"] for command in given} == {"run"}
    assert [command["args"] for command in given] == [
        {"x": {"value": x}, "opt": {"value": {"lr": lr, "name": "adam"}}} for x in (1, 2) for lr in (0.1, 0.2)]
    assert {command["program"] for command in given} == {"train.py"}
    assert [agent.ask() for agent in agents] == [{"type": "exit"}] * 2
    found = read(world, sweep)
    assert (found["state"], found["runCount"], found["bestLoss"]) == ("FINISHED", 4, 1)
    assert set(states(world, sweep).values()) == {"finished"}
    assert [edge["node"]["state"] for edge in found["agents"]["edges"]] == ["FINISHED"] * 2
    assert all("-sweep-" in edge["node"]["displayName"] for edge in found["runs"]["edges"])


def test_agents_that_ask_at_once_get_different_combinations(world: World) -> None:
    sweep = make(world, "{method: grid, parameters: {x: {min: 1, max: 40}}}")
    agents = [Agent(world, sweep) for _ in range(8)]
    given: list[int] = []

    def work(agent: Agent) -> None:
        while (command := patient(agent))["type"] == "run":
            given.append(command["args"]["x"]["value"])
            world.stream(command["run_id"], {"complete": True, "exitcode": 0})
    threads = [threading.Thread(target=work, args=(agent,)) for agent in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given) == list(range(1, 41))
    assert read(world, sweep)["state"] == "FINISHED"


def test_a_run_is_there_before_its_process_is(world: World) -> None:
    sweep = make(world, GRID)
    agent = Agent(world, sweep)
    command = agent.ask()
    (node,) = [edge["node"] for edge in read(world, sweep)["runs"]["edges"]]
    assert (node["name"], node["state"], node["sweepName"]) == (command["run_id"], "pending", sweep)
    assert json.loads(node["config"]) == command["args"]
    agent.start(command, sweep)
    assert states(world, sweep) == {command["run_id"]: "running"}
    assert agent.beat(command["run_id"]) == []


def test_who_has_no_more_to_give_waits_for_what_others_have(world: World) -> None:
    """The cell of an agent that died is given again, as a new run; the old one has crashed."""
    sweep = make(world, "{method: grid, parameters: {x: {values: [1, 2]}}}")
    dying, other = Agent(world, sweep), Agent(world, sweep)
    lost = dying.ask()
    dying.start(lost, sweep)
    other.work(sweep)
    assert other.beat() == []
    world.clock.move(61)
    again = other.ask()
    assert (again["type"], again["args"]) == ("run", lost["args"])
    assert again["run_id"] != lost["run_id"]
    assert states(world, sweep)[lost["run_id"]] == "crashed"
    assert [edge["node"]["state"] for edge in read(world, sweep)["agents"]["edges"]] == ["CRASHED", "RUNNING"]
    other.finish(other.start(again, sweep))
    assert dying.beat(lost["run_id"]) == [{"type": "stop", "run_id": lost["run_id"]}]  # it only slept
    assert other.ask() == {"type": "exit"}


def test_a_run_outlives_its_agent(world: World) -> None:
    sweep = make(world, "{method: grid, parameters: {x: {values: [1, 2]}}}")
    dying, other = Agent(world, sweep), Agent(world, sweep)
    name = dying.start(dying.ask(), sweep)
    world.clock.move(50)
    other.work(sweep)
    world.stream(name, {})
    world.clock.move(30)
    assert other.beat() == []
    dying.finish(name)
    assert other.ask() == {"type": "exit"}
    assert states(world, sweep)[name] == "finished"


def test_agents_are_not_dead_while_nobody_could_hear_them(world: World) -> None:
    sweep = make(world, "{method: grid, parameters: {x: {values: [1]}}}")
    sleeping, other = Agent(world, sweep), Agent(world, sweep)
    sleeping.start(sleeping.ask(), sweep)
    world.clock.move(1000)
    world.backend.opened_at = world.clock.text_ago(5)  # it was down
    assert other.beat() == []
    assert [edge["node"]["state"] for edge in read(world, sweep)["agents"]["edges"]] == ["RUNNING"] * 2


def test_what_an_agent_may_not_have_heard_is_said_again_but_once(world: World) -> None:
    sweep = make(world, "{method: grid, parameters: {x: {values: [1, 2]}}}")
    agent = Agent(world, sweep)
    first = agent.ask()
    assert agent.ask() == first
    assert agent.ask()["args"] == {"x": {"value": 2}}
    assert states(world, sweep)[first["run_id"]] == "crashed"


def test_a_run_that_is_to_stop_is_told_its_agent(world: World) -> None:
    sweep = make(world, GRID)
    agent = Agent(world, sweep)
    name = agent.start(agent.ask(), sweep)
    world.gql(STOP, {"id": world.run("id", name)["id"]})
    assert agent.beat(name) == [{"type": "stop", "run_id": name}] == agent.beat(name)
    agent.finish(name, 1)
    assert agent.ask()["type"] == "run"
    assert states(world, sweep)[name] == "killed"


def test_agents_follow_the_state_of_their_sweep(world: World) -> None:
    sweep = make(world, GRID)
    agent, other = Agent(world, sweep), Agent(world, sweep)
    name = agent.start(agent.ask(), sweep)
    edit(world, sweep, state="PAUSED")
    assert (agent.beat(name), other.beat()) == ([], [])
    edit(world, sweep, state="RUNNING")
    assert other.work(sweep)["type"] == "run"
    edit(world, sweep, state="FINISHED")
    assert (agent.beat(name), other.ask()) == ([], {"type": "exit"})
    edit(world, sweep, state="RUNNING")
    edit(world, sweep, state="CANCELED")
    assert agent.beat(name) == [{"type": "stop", "run_id": name}]
    agent.finish(name, 255)
    assert agent.ask() == {"type": "exit"}


def test_an_agent_of_a_sweep_that_is_gone_ends(world: World) -> None:
    """Agents take a 404 for that, and nothing else (`wandb 0.31.0 apis/public/sweeps.py:_agent_heartbeat`)."""
    sweep = make(world, GRID)
    agent = Agent(world, sweep)
    world.gql('mutation { deleteModel(input: {projectName: "p", entityName: "local"}) { success } }')
    variables = {"id": agent.id, "metrics": "{}", "runState": "{}"}
    assert "may have been deleted" in world.errors(HEARTBEAT, variables, status=404)[0]
    assert "has the id" in world.errors(HEARTBEAT, {**variables, "id": "QWdlbnQ6OTk="}, status=404)[0]


@pytest.mark.parametrize("config", [
    "{method: random, run_cap: 3, parameters: {x: {min: 0.0, max: 1.0}}}",
    "{method: bayes, metric: {name: loss}, run_cap: 3, parameters: {x: {min: 0.0, max: 1.0}}}",
    "{method: grid, run_cap: 3, parameters: {x: {values: [1, 2, 3, 4, 5]}}}",
])
def test_a_cap_ends_a_sweep(world: World, config: str) -> None:
    sweep = make(world, config)
    agent = Agent(world, sweep)
    values = []
    for number in range(3):
        command = patient(agent)
        agent.finish(agent.start(command, sweep), loss=number)
        values.append(command["args"]["x"]["value"])
    assert len(set(values)) == 3
    assert all(0 <= value <= 5 for value in values)
    assert agent.ask() == {"type": "exit"}
    assert read(world, sweep)["state"] == "FINISHED"


def test_nobody_waits_for_a_suggestion(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More agents ask than there are threads for mutations; all are answered, and so is everybody else."""
    may_end = threading.Event()
    suggest = bayes.suggest

    def slow(*arguments: Any, **named: Any) -> Any:
        assert may_end.wait(60)
        return suggest(*arguments, **named)

    monkeypatch.setattr(bayes, "suggest", slow)
    sweep = make(world, "{method: bayes, metric: {name: loss}, parameters: {x: {min: 0.0, max: 1.0}}}")
    agents = [Agent(world, sweep) for _ in range(6)]
    try:
        assert [agent.beat() for agent in agents] == [[]] * 6
        world.upsert("other")
    finally:
        may_end.set()
    values = [patient(agent)["args"]["x"]["value"] for agent in agents]
    assert len(set(values)) == 6


def test_bayes_learns_from_what_ended(world: World) -> None:
    """The good values are at 0.7; what a run shows while it runs does not count, and a failed one is no good."""
    sweep = make(world, "{method: bayes, metric: {name: loss, goal: maximize}, "
                        "parameters: {x: {min: 0.0, max: 1.0}, deep: {parameters: {y: {value: 1}}}}}")
    agent = Agent(world, sweep)
    tried = []
    for _ in range(16):
        command = patient(agent)
        assert command["args"]["deep"] == {"value": {"y": 1}}
        tried.append(command["args"]["x"]["value"])
        name = agent.start(command, sweep)
        if tried[-1] < 0.3:
            agent.finish(name, 1)
        else:
            agent.finish(name, loss=-((tried[-1] - 0.7) ** 2))
    assert min(abs(value - 0.7) for value in tried) < 0.02
    assert sum(abs(value - 0.7) < 0.2 for value in tried[8:]) >= 5


@pytest.mark.parametrize(("goal", "target", "values"), [("minimize", 0.5, [3, 0.4]), ("maximize", 2.5, [1, 3])])
def test_a_target_ends_a_sweep(world: World, goal: str, target: float, values: list[float]) -> None:
    sweep = make(world, f"{{method: random, metric: {{name: loss, goal: {goal}, target: {target}}}, "
                        "parameters: {x: {min: 0.0, max: 1.0}}}")
    agent = Agent(world, sweep)
    for value in values:
        assert agent.work(sweep, loss=value)["type"] == "run"
    assert agent.ask() == {"type": "exit"}


def test_hyperband_stops_the_worse_part(world: World) -> None:
    sweep = make(world, "{method: random, metric: {name: loss}, parameters: {x: {min: 0.0, max: 1.0}}, "
                        "early_terminate: {type: hyperband, min_iter: 2, eta: 2}}")
    agents = [Agent(world, sweep) for _ in range(3)]
    names = [agent.start(agent.ask(), sweep) for agent in agents]
    for level, name in enumerate(names):
        # rows that do not hold the metric do not count
        world.history(name, [{"_step": 0, "other": 1}, {"_step": 1, "loss": 5 + level}])
    assert [agent.beat(name) for agent, name in zip(agents, names, strict=True)] == [[], [], []]
    for level, name in enumerate(names):
        world.history(name, [{"_step": 2, "loss": 4 + level}], 2)
    told = [agent.beat(name) for agent, name in zip(agents, names, strict=True)]
    assert told == [[], [], [{"type": "stop", "run_id": names[2]}]]
    assert world.run("stopped", names[2])["stopped"]
    assert not world.run("stopped", names[0])["stopped"]


def test_hyperband_passes_over_what_is_no_number(world: World) -> None:
    sweep = make(world, "{method: random, metric: {name: loss}, parameters: {x: {min: 0.0, max: 1.0}}, "
                        "early_terminate: {type: hyperband, min_iter: 1, eta: 2}}")
    agents = [Agent(world, sweep) for _ in range(3)]
    names = [agent.start(agent.ask(), sweep) for agent in agents]
    for level, name in enumerate(names):
        world.history(name, ['{"_step": 0, "loss": 1' + "0" * 400 + "}", '{"_step": 1, "loss": NaN}',
                             '{"_step": 2, "loss": "low"}', json.dumps({"_step": 3, "loss": level})])
    told = [agent.beat(name) for agent, name in zip(agents, names, strict=True)]
    assert told == [[], [], [{"type": "stop", "run_id": names[2]}]]


def test_a_preempted_run_is_resumed_by_whoever_is_idle(world: World) -> None:
    sweep = make(world, "{method: grid, program: t.py, parameters: {x: {values: [1, 2]}}}")
    first, second = Agent(world, sweep), Agent(world, sweep)
    name = first.start(first.ask(), sweep)
    world.stream(name, {"preempting": True})
    agent_beats = first.beat(name)
    world.stream(name, {"complete": True, "exitcode": 1})
    assert (agent_beats, states(world, sweep)[name]) == ([], "preempted")
    assert first.beat(name) == []  # it is still winding up
    second.work(sweep)
    assert second.beat() == []
    command = first.ask()
    assert command == {"type": "resume", "run_id": name, "program": "t.py", "args": {"x": {"value": 1}}}
    first.finish(first.start(command, sweep))
    assert (first.ask(), second.ask()) == ({"type": "exit"}, {"type": "exit"})


def test_earlier_runs_count_by_their_values(world: World) -> None:
    world.upsert("old", config=json.dumps({"x": {"value": 2.0}, "y": {"value": 1}}))
    sweep = make(world, "{method: grid, parameters: {x: {values: [1, 2, 3]}}}",
                 priorRunsFilters=json.dumps({"$or": [{"name": "old"}]}))
    agent = Agent(world, sweep)
    assert [agent.work(sweep)["args"]["x"]["value"] for _ in range(2)] == [1, 3]
    assert agent.ask() == {"type": "exit"}


def test_another_config_gives_what_is_not_done_yet(world: World) -> None:
    sweep = make(world, "{method: grid, parameters: {x: {values: [1, 2, 3]}}}")
    agent = Agent(world, sweep)
    assert [agent.work(sweep)["args"]["x"]["value"] for _ in range(2)] == [1, 2]
    edit(world, sweep, config="{method: grid, parameters: {x: {values: [4, 3, 2, 1, 0]}}}")
    assert [agent.work(sweep)["args"]["x"]["value"] for _ in range(3)] == [4, 3, 0]
    assert agent.ask() == {"type": "exit"}


def test_a_run_that_was_deleted_is_done_again(world: World) -> None:
    sweep = make(world, "{method: grid, parameters: {x: {values: [1, 2]}}}")
    agent = Agent(world, sweep)
    first = agent.work(sweep)
    agent.work(sweep)
    assert agent.ask() == {"type": "exit"}
    world.gql("mutation M($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }",
              {"id": world.run("id", first["run_id"])["id"]})
    edit(world, sweep, state="RUNNING")
    assert Agent(world, sweep).work(sweep)["args"] == first["args"]


AGENT = """query Q($s: String!, $a: String!, $first: Int, $after: String, $last: Int, $before: String, $order: String) {
  project(name: "p") { sweep(sweepName: $s) { agent(agentName: $a) { id name host state totalRuns
    runs(first: $first, after: $after, last: $last, before: $before, order: $order) {
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { name } } } } } } }"""


def test_an_agent_and_its_runs_are_read(world: World) -> None:
    sweep = make(world, "{method: random, parameters: {x: {min: 0.0, max: 1.0}}}")
    agent, other = Agent(world, sweep, "here"), Agent(world, sweep)
    names = []
    for _ in range(5):
        names.append(agent.work(sweep)["run_id"])
        other.work(sweep)
        world.clock.move(1)

    def ask(**variables: Any) -> Any:
        return world.gql(AGENT, {"s": sweep, "a": agent.name, **variables})["project"]["sweep"]["agent"]

    found = ask()
    assert (found["id"], found["host"], found["state"], found["totalRuns"]) == (agent.id, "here", "RUNNING", 5)
    assert ask(a=agent.id)["name"] == agent.name
    assert ask(a="none") is None

    def page(**variables: Any) -> tuple[list[str], Any]:
        runs = ask(**variables)["runs"]
        return [edge["node"]["name"] for edge in runs["edges"]], runs["pageInfo"]

    assert page()[0] == names
    assert page(order="-created_at")[0] == names[::-1]
    first, info = page(first=2)
    second, after = page(first=2, after=info["endCursor"])
    assert (first, second, after["hasNextPage"]) == (names[:2], names[2:4], True)
    back, before = page(last=2, before=after["startCursor"])
    assert (back, before["hasPreviousPage"], before["hasNextPage"]) == (names[:2], False, True)
    end, before = page(last=2)
    assert (end, before["hasPreviousPage"]) == (names[3:], True)
    world.clock.move(100)
    assert ask()["state"] == "CRASHED"


def test_strangers_run_no_agents(world: World) -> None:
    world.add_user("eve", EVE)
    sweep = make(world, GRID)
    agent = Agent(world, sweep)
    variables = {"host": "h", "projectName": "p", "entityName": "local", "sweep": sweep}
    assert "not found" in world.errors(CREATE, variables, key=EVE, status=404)[0]
    beat = {"id": agent.id, "metrics": "{}", "runState": "{}"}
    assert "has the id" in world.errors(HEARTBEAT, beat, key=EVE, status=404)[0]
    world.gql('mutation { upsertModel(input: {name: "p", entityName: "local", access: "USER_READ"}) { model { id } } }')
    assert "may not run agents" in world.errors(CREATE, variables, key=EVE, status=403)[0]
    assert "may not run agents" in world.errors(HEARTBEAT, beat, key=EVE, status=403)[0]
    assert world.count("sweep_agents") == 1
    assert world.count("sweep_runs") == 0


@pytest.mark.parametrize(("variables", "named"), [
    ({"runState": "[1]"}, "runState"), ({"runState": "{"}, "runState"), ({"id": "x" * 200}, "has the id"),
])
def test_a_bad_heartbeat_is_refused_by_name(world: World, variables: dict[str, Any], named: str) -> None:
    agent = Agent(world, make(world, GRID))
    given = {"id": agent.id, "metrics": "{}", "runState": "{}", **variables}
    assert named in world.errors(HEARTBEAT, given, status=404 if "id" in variables else 400)[0]


@pytest.mark.parametrize(("fields", "named"), [
    ({"sweep": "none"}, "sweep 'none' not found"), ({"projectName": "q"}, "not found in local/q"),
    ({"sweep": "x\0y"}, "not found"), ({"host": "h" * 600}, "host"), ({"host": "a\0b"}, "host"),
])
def test_a_bad_agent_is_refused_by_name(world: World, fields: dict[str, Any], named: str) -> None:
    sweep = make(world, GRID)
    variables = {"host": "h", "projectName": "p", "entityName": "local", "sweep": sweep, **fields}
    assert named in world.errors(CREATE, variables, status=400 if "host" in fields else 404)[0]
    assert world.count("sweep_agents") == 0
