"""The agents of a sweep, read; sweeps that are listed by filters; runs that are put in line."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

import dumbbell
from support.faulty_transport import Fault, RecordingTransport
from support.world import World

GRID = {"method": "grid", "metric": {"name": "loss"}, "parameters": {"x": {"values": [1, 2, 3]}}}
STATE = """mutation S($id: ID!, $state: String!) {
  upsertSweep(input: {id: $id, state: $state, entityName: "local", projectName: "p"}) { sweep { name } } }"""


def made(api: dumbbell.Api, **more: object) -> dumbbell.Sweep:
    return api.sweep(f"local/p/{dumbbell.sweep({**GRID, **more}, project='p', api=api)}")


def knowing_no(field: str, status: int = 400) -> Fault:
    """An older server, whose documents lack a field."""
    def answer(request: httpx2.Request) -> httpx2.Response | None:
        if field.encode() not in request.read():
            return None
        return httpx2.Response(status, json={"errors": [{"message": f"Cannot query field '{field}'"}]}, request=request)
    return answer


def test_the_agents_of_a_sweep_and_their_runs(api: dumbbell.Api) -> None:
    sweep = made(api)
    assert sweep.agents() == []
    dumbbell.agent(sweep.id, lambda run: run.summary.update({"loss": run.config["x"]}), api=api, count=2)
    dumbbell.agent(sweep.id, lambda run: run.summary.update({"loss": run.config["x"]}), api=api)
    first, second = sweep.agents()
    assert (first.total_runs, second.totalRuns, second.state) == (2, 1, "FINISHED")
    assert (first.host, first.created_at, first.sweep_id) == (second.host, first.heartbeat_at, sweep.id)
    assert [sweep.agent(agent.name).id for agent in (first, second)] == [first.id, second.id]
    runs = first.runs(per_page=1)
    assert (len(runs), runs.order, runs.entity, runs.project) == (2, "+created_at", "local", "p")
    assert [run.config for run in runs] == [{"x": 1}, {"x": 2}]
    assert [run.id for run in runs] == [run.id for run in sweep.runs[::-1]][:2]
    assert (first.name in repr(runs), first.id in repr(first)) == (True, True)
    assert first.host in first._repr_html_()
    assert runs[0].id in runs._repr_html_()


def test_agents_that_are_not_there(api: dumbbell.Api) -> None:
    sweep = made(api)
    with pytest.raises(dumbbell.NotFoundError, match=f"sweep local/p/{sweep.id} has no agent 'none'"):
        sweep.agent("none")
    gone = dumbbell.Sweep(api.client, "local", "p", "none", {"id": "x"})
    for ask in (gone.agents, lambda: gone.agent("none")):
        with pytest.raises(dumbbell.NotFoundError, match="could not find sweep local/p/none"):
            ask()
    agent = dumbbell.Agent(api.client, {"id": "x", "name": "none"}, "local", "p", sweep.id)
    assert len(agent.runs()) == 0
    with pytest.raises(dumbbell.NotFoundError, match=f"could not find agent local/p/{sweep.id}/none"):
        list(agent.runs())
    with pytest.raises(ValueError, match="an agent needs a name or an id"):
        dumbbell.Agent(api.client, {"host": "h"}, "local", "p", sweep.id)


def test_sweeps_by_filters_and_orders(world: World, api: dumbbell.Api, wire: RecordingTransport) -> None:
    sweeps = []
    for name in ("b", "a", "c"):
        sweeps.append(made(api, name=name))
        world.clock.move(60)
    dumbbell.agent(sweeps[0].id, lambda: None, api=api, count=1)
    world.gql(STATE, {"id": sweeps[2].load()["id"], "state": "CANCELED"})
    project = api.project("p")

    def names(**asked: object) -> list[str]:
        return [sweep.name for sweep in project.sweeps(1, **asked)]  # type: ignore[arg-type]
    wire.clear()
    assert names() == ["c", "a", "b"]
    assert wire.operations == ["Sweeps"] * 3
    assert names(filters={"state": "RUNNING"}) == ["b"]
    assert names(filters={"state": {"$in": ["CANCELED", "PENDING"]}}) == ["c", "a"]
    assert names(filters={"displayName": {"$regex": "[ab]"}}, order="+displayName") == ["a", "b"]
    assert names(order="-displayName") == ["c", "b", "a"]
    assert wire.operations.count("ServerFeatures") == 1
    assert (len(project.sweeps()), len(project.sweeps(1, {"state": {"$ne": "RUNNING"}}))) == (3, 2)
    with pytest.raises(dumbbell.CommError, match="DONE"):
        names(filters={"state": "DONE"})
    with pytest.raises(TypeError, match="filters is 'RUNNING'"):
        names(filters="RUNNING")


def test_a_run_is_put_in_line_for_the_next_agent(api: dumbbell.Api) -> None:
    sweep = made(api, method="custom", scheduler={"engine": "optuna"})
    plain = sweep.enqueue_run({"x": 3}, display_name="the third")
    wrapped = sweep.enqueue_run({"x": {"value": 1}})
    first = api.run(f"local/p/{plain}")
    assert (first.state, first.name, first.config, first.sweep_name) == ("pending", "the third", {"x": 3}, sweep.id)
    seen = []
    dumbbell.agent(sweep.id, lambda run: seen.append((run.id, run.config["x"])), api=api, count=2)
    assert seen == [(plain, 3), (wrapped, 1)]
    with pytest.raises(dumbbell.CommError, match="is not using local scheduler"):
        made(api).enqueue_run({"x": 1})
    with pytest.raises(TypeError, match=r"config\['x'\] is of type"):
        sweep.enqueue_run({"x": object()})


@pytest.mark.parametrize("status", [200, 400])
def test_what_an_older_server_lacks(new_api: Callable[..., dumbbell.Api], wire: RecordingTransport,
                                    status: int) -> None:
    api = new_api()
    sweep = made(api)
    wire.faults.append(knowing_no("features", status))
    with pytest.raises(dumbbell.UnsupportedError, match="takes no runs for sweeps"):
        sweep.enqueue_run({"x": 1})
    with pytest.raises(dumbbell.UnsupportedError, match="does not filter sweeps") as refused:
        api.project("p").sweeps(filters={"state": "RUNNING"})
    assert isinstance(refused.value, dumbbell.UsageError)
    assert [each.id for each in api.project("p").sweeps(filters={})] == [sweep.id]


def test_a_server_that_cannot_be_asked_is_none_that_lacks_something(new_api: Callable[..., dumbbell.Api],
                                                                     wire: RecordingTransport) -> None:
    api = new_api()
    sweep = made(api)
    wire.faults.append(knowing_no("features", 401))
    with pytest.raises(dumbbell.CommError) as refused:
        sweep.enqueue_run({"x": 1})
    assert not isinstance(refused.value, dumbbell.UsageError)
    with pytest.raises(dumbbell.CommError, match="is not using local scheduler"):
        sweep.enqueue_run({"x": 1})
