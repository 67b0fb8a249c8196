"""`dumbbell.agent` with a function: which runs it does, how they end, and what ends the agent."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

import dumbbell
from dumbbell._agent import limits, loop, streams
from support.faulty_transport import Fault, RecordingTransport
from support.world import World

STATE = """mutation S($id: ID!, $state: String!) {
  upsertSweep(input: {id: $id, state: $state, entityName: "local", projectName: "p"}) { sweep { name } } }"""
X = {"x": {"values": [1, 2, 3, 4]}}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats of an agent that has something to do, and posts that are tried again, follow at once."""
    monkeypatch.setattr(loop, "HEARTBEAT", 0.05)
    monkeypatch.setattr(streams, "_PAUSE", 0.01)
    for name in ("WANDB_AGENT_MAX_INITIAL_FAILURES", "WANDB_AGENT_DISABLE_FLAPPING", "WANDB_SWEEP_ID"):
        monkeypatch.delenv(name, raising=False)


def made(api: dumbbell.Api, **more: Any) -> dumbbell.Sweep:
    config = {"method": "grid", "metric": {"name": "loss"}, "parameters": X, **more}
    return api.sweep(f"local/p/{dumbbell.sweep(config, project='p', api=api)}")


def states(sweep: dumbbell.Sweep) -> list[tuple[int, str]]:
    """Of its runs, the oldest first."""
    sweep.load(force=True)
    return [(run.config["x"], run.state) for run in sweep.runs[::-1]]


def until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def of_heartbeats(status: int) -> Fault:
    """Answers the next heartbeat of an agent."""
    return lambda request: httpx2.Response(status, json={"errors": [{"message": "no"}]}, request=request) if (
        b"agentHeartbeat" in request.read()) else None


def count_of_heartbeats(wire: RecordingTransport) -> int:
    return sum("agentHeartbeat" in body["query"] for body in wire.bodies)


def test_a_function_is_called_once_a_run(api: dumbbell.Api) -> None:
    sweep = made(api)
    seen: list[dumbbell.Run] = []

    def train(run: dumbbell.Run) -> None:
        seen.append(run)
        assert (run.state, run.sweep_name, run.entity, run.project) == ("running", sweep.id, "local", "p")
        if run.config["x"] == 2:
            raise RuntimeError("cannot learn")
        run.summary["loss"] = (run.config["x"] - 3) ** 2  # saved as it ends
    dumbbell.agent(sweep.id, train, api=api)
    assert [type(run) for run in seen] == [dumbbell.Run] * 4
    assert states(sweep) == [(1, "finished"), (2, "failed"), (3, "finished"), (4, "finished")]
    best = sweep.best_run()
    assert best is not None
    assert (best.config, dict(best.summary)) == ({"x": 3}, {"loss": 0})
    assert sweep.state == "FINISHED"


def test_an_error_of_the_function_is_shown(api: dumbbell.Api, caplog: pytest.LogCaptureFixture) -> None:
    sweep = made(api)
    dumbbell.agent(sweep.id, lambda run: run.config["y"], api=api, count=1)
    record = next(record for record in caplog.records if record.levelno == logging.ERROR)
    assert record.getMessage() == f"run {sweep.runs[0].id} has failed"
    assert record.exc_info is not None
    assert "KeyError: 'y'" in caplog.text


def test_a_summary_that_cannot_be_saved_is_an_error_of_the_run(api: dumbbell.Api) -> None:
    sweep = made(api)
    dumbbell.agent(sweep.id, lambda run: run.summary.__setitem__("loss", object()), api=api, count=1)
    assert states(sweep) == [(1, "failed")]


def test_what_the_function_did_not_touch_is_not_sent(api: dumbbell.Api, wire: RecordingTransport) -> None:
    sweep = made(api)
    wire.clear()
    dumbbell.agent(sweep.id, lambda _: None, api=api, count=1)
    assert not any("summaryMetrics" in body["variables"] for body in wire.bodies)


def test_a_function_without_parameters_finds_its_run(api: dumbbell.Api, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = made(api)
    monkeypatch.setenv("WANDB_PROJECT", "another")
    found: list[dict[str, str]] = []

    def train() -> None:
        found.append({name: value for name, value in os.environ.items() if name.startswith("WANDB_")})
    before = dict(os.environ)
    dumbbell.agent(f"local/p/{sweep.id}", train, api=api)
    assert dict(os.environ) == before
    assert [each["WANDB_RUN_ID"] for each in found] == [run.id for run in sweep.runs[::-1]]
    assert found[0].items() >= {"WANDB_SWEEP_ID": sweep.id, "WANDB_PROJECT": "p", "WANDB_ENTITY": "local",
                                "WANDB_BASE_URL": "http://testserver"}.items()


class Trainer:
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def takes(self, run: dumbbell.Run) -> None:
        self.seen.append(run.id)

    def may_take(self, run: dumbbell.Run | None = None, *, lr: float = 0.1) -> None:
        self.seen.append(run and run.id + str(lr)[:0])

    def takes_two(self, run: dumbbell.Run, lr: float) -> None:
        self.seen.append(run.id + str(lr)[:0])

    def takes_nothing(self) -> None:
        self.seen.append(None)

    def __call__(self, run: dumbbell.Run) -> None:
        self.seen.append(run.id)


def test_the_ways_in_which_a_function_may_take_its_run(api: dumbbell.Api) -> None:
    sweep = made(api, parameters={"x": {"values": list(range(6))}})
    trainer = Trainer()
    for function in (trainer.takes, trainer.may_take, functools.partial(trainer.takes_two, lr=1), trainer,
                     trainer.takes_nothing):
        dumbbell.agent(sweep.id, function, api=api, count=1)
    assert trainer.seen == [*(run.id for run in sweep.runs[:0:-1]), None]
    started = len(sweep.agents())
    with pytest.raises(TypeError, match=r"takes_two\(run: .* the function of an agent takes its run, or nothing"):
        dumbbell.agent(sweep.id, trainer.takes_two, api=api)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"function is 'train\.py'"):
        dumbbell.agent(sweep.id, "train.py", api=api)  # type: ignore[arg-type]
    assert len(sweep.agents()) == started


def test_an_agent_ends_after_its_count(api: dumbbell.Api) -> None:
    sweep = made(api)
    dumbbell.agent(sweep.id, lambda _: None, api=api, count=3)
    assert [state for _, state in states(sweep)] == ["finished"] * 3
    for count, error in ((0, ValueError), (-1, ValueError), (True, TypeError), (1.5, TypeError)):
        with pytest.raises(error, match=f"count is {count}; it "):
            dumbbell.agent(sweep.id, lambda _: None, api=api, count=count)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_consecutive_failed_runs is 0"):
        dumbbell.agent(sweep.id, lambda _: None, api=api, max_consecutive_failed_runs=0)


def test_agents_in_threads_share_a_grid(api: dumbbell.Api) -> None:
    sweep = made(api, parameters={"x": {"values": list(range(12))}})
    threads = [threading.Thread(target=dumbbell.agent, args=(sweep.id, lambda _: time.sleep(0.02)),
                                kwargs={"api": api}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(states(sweep)) == [(x, "finished") for x in range(12)]
    assert max(agent.total_runs for agent in sweep.agents()) < 12


def endless(begun: Callable[[dumbbell.Run], object]) -> Callable[[dumbbell.Run], None]:
    """A function that catches what it should not catch, and comes to no end."""
    def train(run: dumbbell.Run) -> None:
        begun(run)
        while True:
            with contextlib.suppress(Exception):  # as training loops have it
                time.sleep(0.01)
    return train


@pytest.mark.parametrize("way", ["stop", "answer"])
def test_a_run_that_is_stopped_ends_early_and_the_next_one_follows(
        world: World, api: dumbbell.Api, wire: RecordingTransport, way: str) -> None:
    """By a command to the agent, or by the answer to the run's own posts."""
    if way == "answer":
        wire.mangle = lambda _, answer: without_commands(answer)
    sweep = made(api)

    def train(run: dumbbell.Run) -> None:
        if run.config["x"] == 2:
            endless(dumbbell.Run.stop)(run)
    if way == "answer":
        with pytest.raises(KeyboardInterrupt):
            dumbbell.agent(sweep.id, functools.partial(_interrupted_after, train, 2), api=api)
        assert states(sweep)[1] == (2, "killed")
    else:
        dumbbell.agent(sweep.id, train, api=api)
        assert states(sweep) == [(1, "finished"), (2, "killed"), (3, "finished"), (4, "finished")]
    assert world.run("exitcode", sweep.runs[-2].id) == {"exitcode": 255}


def _interrupted_after(train: Callable[[dumbbell.Run], None], last: int, run: dumbbell.Run) -> None:
    if run.config["x"] > last:
        raise KeyboardInterrupt
    train(run)


def without_commands(answer: httpx2.Response) -> httpx2.Response:
    """The answer to a heartbeat without its commands to stop."""
    if b'"commands"' not in answer.read() or b"stop" not in answer.content:
        return answer
    found = answer.json()
    found["data"]["agentHeartbeat"]["commands"] = "[]"
    return httpx2.Response(200, json=found, request=answer.request)


def test_a_canceled_sweep_ends_its_agents_and_their_runs(world: World, api: dumbbell.Api) -> None:
    sweep = made(api)
    dumbbell.agent(sweep.id, endless(lambda _: world.gql(STATE, {"id": sweep.load()["id"], "state": "CANCELED"})),
                   api=api)
    assert states(sweep) == [(1, "killed")]
    assert sweep.state == "CANCELED"


def test_a_paused_sweep_has_its_agents_wait(world: World, api: dumbbell.Api, wire: RecordingTransport) -> None:
    sweep = made(api)
    node = sweep.load()["id"]
    dumbbell.agent(sweep.id, lambda _: None, api=api, count=1)
    world.gql(STATE, {"id": node, "state": "PAUSED"})
    agent = threading.Thread(target=dumbbell.agent, args=(sweep.id, lambda _: None), kwargs={"api": api})
    wire.clear()
    agent.start()
    until(lambda: count_of_heartbeats(wire) >= 3)
    assert len(states(sweep)) == 1
    world.gql(STATE, {"id": node, "state": "RUNNING"})
    agent.join(30)
    assert [state for _, state in states(sweep)] == ["finished"] * 4


def test_the_run_of_a_sweep_that_is_gone_comes_to_its_end(
        api: dumbbell.Api, wire: RecordingTransport, caplog: pytest.LogCaptureFixture) -> None:
    sweep = made(api)

    def train(_: dumbbell.Run) -> None:
        wire.faults.append(of_heartbeats(404))
        until(lambda: not wire.faults)
        asked = count_of_heartbeats(wire)
        time.sleep(0.3)
        assert count_of_heartbeats(wire) == asked
    dumbbell.agent(sweep.id, train, api=api)
    assert states(sweep) == [(1, "finished")]
    assert "the agent ends: its sweep is gone" in caplog.messages
    wire.faults.append(of_heartbeats(404))
    dumbbell.agent(sweep.id, train, api=api)
    assert len(states(sweep)) == 1


@pytest.mark.parametrize(("status", "error"), [(401, dumbbell.CommError), (403, dumbbell.CommError)])
def test_an_agent_whose_key_is_refused_ends_with_the_error(api: dumbbell.Api, wire: RecordingTransport, status: int,
                                                           error: type[Exception]) -> None:
    sweep = made(api)

    def train(_: dumbbell.Run) -> None:
        wire.faults.append(of_heartbeats(status))
        until(lambda: not wire.faults)
    with pytest.raises(error, match="no"):
        dumbbell.agent(sweep.id, train, api=api)
    assert states(sweep) == [(1, "finished")]


def test_an_agent_outlives_a_server_that_goes_away(api: dumbbell.Api, wire: RecordingTransport) -> None:
    sweep = made(api)

    def train(run: dumbbell.Run) -> None:
        wire.faults += [of_heartbeats(503)] * 9  # of which four are tries of one heartbeat
        until(lambda: not wire.faults)
        wire.faults += [lambda request: httpx2.Response(503, request=request)
                        if b'"complete":true' in request.read() else None] * 9
        run.summary.update({"loss": 1})
    dumbbell.agent(sweep.id, train, api=api, count=2)
    assert states(sweep) == [(1, "finished"), (2, "finished")]


def test_a_run_that_is_deleted_meanwhile_holds_nobody_up(api: dumbbell.Api, caplog: pytest.LogCaptureFixture) -> None:
    sweep = made(api)
    began = time.monotonic()
    deleted = []

    def train(run: dumbbell.Run) -> None:
        if run.config["x"] == 2 and not deleted:
            run.delete()
            deleted.append(run.id)
    dumbbell.agent(sweep.id, train, api=api)
    assert sorted(states(sweep)) == [(x, "finished") for x in (1, 2, 3, 4)]
    assert deleted[0] not in [run.id for run in sweep.runs]
    assert "could not be said" in caplog.text
    assert time.monotonic() - began < streams._PATIENCE / 2


def test_an_answer_that_nobody_understands_is_no_end(api: dumbbell.Api, wire: RecordingTransport,
                                                     caplog: pytest.LogCaptureFixture) -> None:
    sweep = made(api)

    def train(_: dumbbell.Run) -> None:
        for commands in ("[{}]", "17", '[{"type": "dance"}]', '[{"type": "stop"}]'):
            wire.faults.append(commanding(commands))
        until(lambda: not wire.faults)
    dumbbell.agent(sweep.id, train, api=api, count=1)
    assert states(sweep) == [(1, "finished")]
    assert "the server sent a command that is not known here: dance" in caplog.messages


def commanding(commands: str) -> Fault:
    body = {"data": {"agentHeartbeat": {"agent": {"id": "x"}, "commands": commands}}}
    return lambda request: httpx2.Response(200, json=body, request=request) if (
        b"agentHeartbeat" in request.read()) else None


def test_a_run_that_is_given_twice_is_done_once(api: dumbbell.Api, wire: RecordingTransport) -> None:
    sweep = made(api)
    calls = []

    def train(run: dumbbell.Run) -> None:
        calls.append(run.id)
        wire.faults.append(commanding(json.dumps([{"type": "run", "run_id": run.id, "args": {}}])))
        until(lambda: not wire.faults)
    dumbbell.agent(sweep.id, train, api=api)
    assert len(set(calls)) == len(calls) == 4


def test_three_quick_failures_end_an_agent(api: dumbbell.Api, monkeypatch: pytest.MonkeyPatch,
                                           caplog: pytest.LogCaptureFixture) -> None:
    sweep = made(api, parameters={"x": {"values": list(range(20))}})

    def failing(_: dumbbell.Run) -> None:
        raise RuntimeError("no")
    dumbbell.agent(sweep.id, failing, api=api)
    assert [state for _, state in states(sweep)] == ["failed"] * 3
    assert "3 runs have failed in the first 60 seconds" in caplog.text
    monkeypatch.setenv("WANDB_AGENT_DISABLE_FLAPPING", "true")
    dumbbell.agent(sweep.id, failing, api=api)
    assert len(states(sweep)) == 3 + 5
    assert "the first 5 runs have all failed" in caplog.text
    monkeypatch.setenv("WANDB_AGENT_MAX_INITIAL_FAILURES", "2")
    dumbbell.agent(sweep.id, failing, api=api)
    assert len(states(sweep)) == 3 + 5 + 2
    dumbbell.agent(sweep.id, lambda run: None if run.config["x"] == 10 else failing(run), api=api, count=6)
    assert len(states(sweep)) == 3 + 5 + 2 + 6
    dumbbell.agent(sweep.id, lambda run: None if run.config["x"] == 16 else failing(run), api=api,
                   max_consecutive_failed_runs=2)
    assert len(states(sweep)) == 3 + 5 + 2 + 6 + 3
    monkeypatch.setenv("WANDB_AGENT_MAX_INITIAL_FAILURES", "many")
    with pytest.raises(ValueError, match="WANDB_AGENT_MAX_INITIAL_FAILURES is 'many'"):
        dumbbell.agent(sweep.id, failing, api=api)


def test_later_failures_are_no_quick_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    counted = limits.Limits()
    assert [counted.ended(failed=failed) for failed in (False, True, True)] == [None] * 3
    now[0] += 61
    assert [counted.ended(failed=True) for _ in range(9)] == [None] * 9
    counted = limits.Limits(consecutive=10)
    now[0] += 59
    assert [bool(counted.ended(failed=True)) for _ in range(3)] == [False, False, True]


def test_stopped_runs_are_no_failures(world: World, api: dumbbell.Api) -> None:
    sweep = made(api)
    dumbbell.agent(sweep.id, endless(lambda run: world.gql("mutation S($id: ID!) { stopRun(input: {id: $id}) { "
                                                           "success } }", {"id": run.storage_id})), api=api)
    assert states(sweep) == [(x, "killed") for x in (1, 2, 3, 4)]


@pytest.mark.parametrize(("given", "state", "exit_code"), [
    (None, "finished", 0), (0, "finished", 0), (3, "failed", 3), ("no data", "failed", 1)])
def test_a_function_may_end_as_a_script_does(world: World, api: dumbbell.Api, given: Any, state: str,
                                             exit_code: int) -> None:
    sweep = made(api)

    def train(_: dumbbell.Run) -> None:
        raise SystemExit(given)
    dumbbell.agent(sweep.id, train, api=api, count=2)
    assert states(sweep) == [(1, state), (2, state)]
    assert world.run("exitcode", sweep.runs[0].id) == {"exitcode": exit_code}


def test_ctrl_c_ends_the_run_and_the_agent(api: dumbbell.Api) -> None:
    sweep = made(api)

    def train(_: dumbbell.Run) -> None:
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        dumbbell.agent(sweep.id, train, api=api)
    assert states(sweep) == [(1, "failed")]
    assert not [thread for thread in threading.enumerate() if thread.name == "dumbbell-agent"]


def test_a_preempted_run_goes_on_where_it_was(world: World, api: dumbbell.Api, wire: RecordingTransport) -> None:
    sweep = made(api, parameters={"x": {"values": [1]}})
    seen = []

    def train(run: dumbbell.Run) -> None:
        seen.append((run.state, dict(run.config), dict(run.summary)))
        if len(seen) == 2:
            return
        run.config["noticed"] = "yes"
        run.update()
        run.summary.update({"epoch": 3})
        world.stream(run.id, {"preempting": True})
        raise RuntimeError("the machine goes away")
    dumbbell.agent(sweep.id, train, api=api)
    assert seen == [("running", {"x": 1}, {}), ("running", {"x": 1, "noticed": "yes"}, {"epoch": 3})]
    starts = [body["variables"] for body in wire.bodies if body["variables"].keys() >= {"host", "config"}]
    assert [start["config"] for start in starts] == ['{"x":{"value":1}}', None]  # the process before has added to it
    assert states(sweep) == [(1, "finished")]


def test_where_the_sweep_is(new_api: Callable[..., dumbbell.Api], api: dumbbell.Api,
                            monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = made(api, parameters={"x": {"values": list(range(8))}})
    monkeypatch.setattr("dumbbell._sweep._made", {})  # another process has made it
    done = 0
    for name, more in ((f"local/p/{sweep.id}", {}), (f"p/{sweep.id}", {}), (sweep.id, {"project": "p"}), (
            sweep.url, {}), (sweep.id, {"entity": "local", "project": "p"}), (
            f"p/{sweep.id}", {"project": "another"})):
        dumbbell.agent(name, lambda _: None, api=api, count=1, **more)  # type: ignore[arg-type]
        done += 1
    dumbbell.agent(sweep.id, lambda _: None, api=new_api(project="p", run="another"), count=1)
    assert len(states(sweep)) == done + 1
    with pytest.raises(dumbbell.NotFoundError, match=f"could not find sweep local/uncategorized/{sweep.id}"):
        dumbbell.agent(sweep.id, lambda _: None, api=api)
    with pytest.raises(dumbbell.NotFoundError, match="could not find sweep local/p/none"):
        dumbbell.agent("none", lambda _: None, project="p", api=api)
    for nothing in ("", None):
        with pytest.raises(ValueError, match="an agent needs the id of a sweep"):
            dumbbell.agent(nothing, lambda _: None, api=new_api(run="r", project="p"))  # type: ignore[arg-type]
