"""`dumbbell.agent`: the runs of a sweep, started one after another, as `wandb.agent` does it."""

from __future__ import annotations

import socket
from collections.abc import Callable

from dumbbell import _paths
from dumbbell._agent.functions import FunctionExecutor
from dumbbell._agent.jobs import Executor
from dumbbell._agent.limits import Limits
from dumbbell._agent.loop import Loop
from dumbbell._agent.programs import ProgramExecutor
from dumbbell._documents import sweeps as documents
from dumbbell._sweep import place_of
from dumbbell.api import Api
from dumbbell.errors import InvalidValueError, check_count, normalized
from dumbbell.run import Run
from dumbbell.sweeps import Sweep


@normalized
def agent(sweep_id: str, function: Callable[[Run], object] | Callable[[], object] | None = None,
          entity: str | None = None, project: str | None = None, count: int | None = None, *,
          max_consecutive_failed_runs: int | None = None, api: Api | None = None) -> None:
    """Start the runs of a sweep, until it has no more or `count` have ended.

    Example:
        A function that is called for each run, with a `Run` whose config holds the parameters:

            def train(run):
                run.summary["loss"] = (run.config["x"] - 3) ** 2

            sweep_id = dumbbell.sweep({"method": "random", "metric": {"name": "loss"},
                                       "parameters": {"x": {"min": 0.0, "max": 10.0}}}, project="first")
            dumbbell.agent(sweep_id, train, count=20)

    What is in `run.summary` as the function returns is saved. The run is then finished, or failed where the function
    has raised, which the logger `dumbbell` shows; the next one follows. A run that is to stop early has an error
    raised in its function that `except Exception` does not catch. A function without parameters is called without the
    run; it finds it by `dumbbell.Api().run()`, or by `wandb.init()`.

    Without a function the program of the sweep is started for each run, by the command in its config.

    Several agents may work on one sweep, in threads, processes and on other machines.

    Args:
        sweep_id: the id, or the path entity/project/id, or the address of the sweep's page.
        function: what is called; it takes the run, or nothing.
        entity: where the sweep is, if the path does not say so; the default entity without it.
        project: the same; that of the settings without it. Sweeps that this process has made are found anyway.
        count: end after so many runs.
        max_consecutive_failed_runs: end after so many runs that have failed in a row.
        api: another one than `dumbbell.Api()`.

    Raises:
        NotFoundError: (a ValueError) there is no such sweep, or the key may not see it.
        InvalidValueError: (a ValueError) an argument cannot be, or the command of the sweep.
        CommError: the server refuses the agent.
    """
    for name, value in (("count", count), ("max_consecutive_failed_runs", max_consecutive_failed_runs)):
        if value is not None:
            check_count(name, value, "of runs")
    sweep = _sweep(api or Api(), sweep_id, entity, project)
    executor: Executor = ProgramExecutor(sweep) if function is None else FunctionExecutor(sweep, function)
    limits = Limits(max_consecutive_failed_runs)
    made = sweep.client.execute(documents.CREATE_AGENT, {
        "host": socket.gethostname(), "entity": sweep.entity, "project": sweep.project, "name": sweep.id})
    Loop(sweep.client, made["createAgent"]["agent"]["id"], executor, limits, count).run()


def _sweep(api: Api, sweep_id: str, entity: str | None, project: str | None) -> Sweep:
    """The sweep that a path names, and what the path leaves out the arguments, or what this process knows of it."""
    if not sweep_id:
        raise InvalidValueError("an agent needs the id of a sweep, as dumbbell.sweep() returns it")
    made_entity, made_project = place_of(api, sweep_id)
    own = project or made_project or api.settings.get("project") or _paths.DEFAULT_PROJECT
    settings = {**api.settings, "project": own}
    place = _paths.run_path(sweep_id, settings, lambda: entity or made_entity or api.default_entity, "sweep")
    return Sweep(api.client, *place)
