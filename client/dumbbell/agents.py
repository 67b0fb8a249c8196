"""Agents of a sweep: the processes that start its runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dumbbell import _html
from dumbbell._attrs import Attrs
from dumbbell._client import Client
from dumbbell._documents import sweeps as documents
from dumbbell._paginator import Page, Paginator, page_of
from dumbbell.errors import InvalidValueError, NotFoundError, normalized
from dumbbell.run import Run


class AgentRuns(Paginator[Run]):
    """The runs that an agent has started, the oldest first. `len()` is what the agent told as it was read."""

    def __init__(self, client: Client, entity: str, project: str, sweep_id: str, agent_key: str, *, total_runs: int,
                 order: str = "+created_at", per_page: int | None = 50) -> None:
        super().__init__(client, {"entity": entity, "project": project, "name": sweep_id, "agent": agent_key,
                                  "order": order}, per_page)
        self.entity, self.project, self.order = entity, project, order
        self._path = f"{entity}/{project}/{sweep_id}/{agent_key}"
        self._total_runs = total_runs

    @property
    def length(self) -> int:
        """How many runs the agent had as it was read."""
        return self._total_runs

    def _fetch(self, cursor: str | None) -> tuple[dict[str, Any], Page]:
        data = self.client.execute(documents.AGENT_RUNS, {**self.variables, "cursor": cursor, "perPage": self.per_page})
        agent = (((data.get("project") or {}).get("sweep")) or {}).get("agent")
        if agent is None:
            raise NotFoundError(f"could not find agent {self._path}: it or its sweep is gone, or this key may not see "
                                "it")
        return data, page_of(agent["runs"], self._total_runs)

    def _converted(self, row: Any) -> Run:
        return Run(self.client, self.entity, self.project, row["node"]["name"], row["node"])

    def __repr__(self) -> str:
        return f"<AgentRuns {self._path} ({self._total_runs})>"

    def _repr_html_(self) -> str:
        return _html.table(({"name": run.name, "id": run.id, "state": run.state, "created": run.created_at}
                            for run in self), None, self._total_runs)


class Agent(Attrs):
    """An agent of a sweep, as `sweep.agents()` and `sweep.agent(name)` give it.

    Attributes:
        id: the server's id.
        name: the name by which the sweep knows it.
        host: the machine on which it runs.
        state: such as RUNNING or FINISHED.
        total_runs: how many runs it has started.
        created_at: ISO time at which it began.
        heartbeat_at: ISO time at which it was last heard of.
    """

    id: str
    name: str
    host: str
    state: str | None
    total_runs: int
    created_at: str
    heartbeat_at: str | None

    def __init__(self, client: Client, attrs: Mapping[str, Any], entity: str, project: str, sweep_id: str) -> None:
        super().__init__(client, attrs)
        self.entity, self.project, self.sweep_id = entity, project, sweep_id
        if not (self._attrs.get("name") or self._attrs.get("id")):
            raise InvalidValueError("an agent needs a name or an id: sweep.agents() gives those of a sweep")

    @normalized
    def runs(self, per_page: int | None = 50) -> AgentRuns:
        """The runs that it has started, the oldest first.

        Args:
            per_page: number of results per page.
        """
        return AgentRuns(self.client, self.entity, self.project, self.sweep_id,
                         self._attrs.get("name") or self._attrs["id"],
                         total_runs=int(self._attrs.get("totalRuns") or 0), per_page=per_page)

    def _repr_html_(self) -> str:
        return _html.facts(self.name, None, {"state": self.state, "host": self.host, "runs": self.total_runs,
                                             "heartbeat": self.heartbeat_at})

    def __repr__(self) -> str:
        return f"<Agent {self._attrs.get('id', 'Unknown')} ({self._attrs.get('state') or 'Unknown State'})>"
