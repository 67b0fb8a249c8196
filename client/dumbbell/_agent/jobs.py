"""What an agent is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

STOPPED = 255  # the exit code of a run that was stopped


@dataclass(frozen=True)
class Job:
    """A run to start, or one to go on with that another process has left."""

    run_id: str
    args: Mapping[str, Mapping[str, Any]]  # by parameter, each in a dict as its `value`
    program: str | None = None
    resumed: bool = False


def job_of(command: Mapping[str, Any]) -> Job:
    """The job of a `run` or `resume` command."""
    return Job(command["run_id"], command.get("args") or {}, command.get("program"), command["type"] == "resume")


@dataclass(frozen=True)
class Outcome:
    """How a run has ended."""

    exit_code: int
    stopped: bool = False

    @property
    def failed(self) -> bool:
        """Whether it counts among the failures of an agent: what was stopped on purpose does not."""
        return self.exit_code != 0 and not self.stopped


class Executor(Protocol):
    """How runs are done. All but `run` is called from another thread than the one that is in `run`."""

    def run(self, job: Job) -> Outcome:
        """Do a run to its end."""

    def stop(self, run_id: str) -> None:
        """Have this run end before its time, also if it is to begin only now. Asked again as long as it goes on."""

    def beat(self) -> None:
        """Say that what is being done is alive."""
