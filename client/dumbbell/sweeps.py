"""Sweeps: runs that search for the best settings."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dumbbell import _html, _json
from dumbbell._attrs import NOTHING, Attrs
from dumbbell._client import Client
from dumbbell._documents import sweeps as documents
from dumbbell._paginator import Page, Paginator, page_of
from dumbbell._paths import quoted
from dumbbell.agents import Agent
from dumbbell.errors import NotFoundError, UnsupportedError, WrongTypeError, normalized
from dumbbell.filters import QueryGenerator
from dumbbell.run import Run
from dumbbell.runs import Runs

if TYPE_CHECKING:
    from dumbbell.api import Api


class Sweeps(Paginator["Sweep"]):
    """The sweeps of a project."""

    def __init__(self, client: Client, entity: str, project: str, per_page: int | None = 50,
                 filters: Mapping[str, Any] | None = None, *, order: str | None = None) -> None:
        if filters is not None and not isinstance(filters, Mapping):
            raise WrongTypeError(f"filters is {filters!r}; it is a dict, such as {{'state': 'RUNNING'}}")
        variables = {"entity": entity, "project": project}
        if filters:
            variables["filters"] = _json.dumps(dict(filters), "filters")
        if order:
            variables["order"] = order
        super().__init__(client, variables, per_page)
        self.entity, self.project = entity, project
        if filters and not client.has_feature("SWEEPS_QUERY_FILTERING"):
            raise UnsupportedError(f"{client.transport.base_url} does not filter sweeps: list them without filters, "
                                   "or update the server")

    @property
    def length(self) -> int | None:
        """How many there are. With filters all are loaded for it: the server tells how many it has without any."""
        if "filters" not in self.variables:
            return super().length
        self._reach(None)
        return len(self.objects)

    def _fetch(self, cursor: str | None) -> tuple[dict[str, Any], Page]:
        document = documents.sweeps(self.variables)
        data = self.client.execute(document, {**self.variables, "cursor": cursor, "perPage": self.per_page})
        project = data.get("project")
        if project is None or project.get("sweeps") is None:
            raise NotFoundError(f"could not find project {self.entity}/{self.project}: there is none, or this key "
                                "may not see it")
        return data, page_of(project["sweeps"], None if "filters" in self.variables else project.get("totalSweeps"))

    def _converted(self, row: Any) -> Sweep:
        return Sweep(self.client, self.entity, self.project, row["node"]["name"], row["node"])

    def __repr__(self) -> str:
        return f"<Sweeps {self.entity}/{self.project}{self._described()}>"

    def _repr_html_(self) -> str:
        return _html.table({"name": sweep.name, "id": sweep.id, "state": sweep.state} for sweep in self)


class Sweep(Attrs, _html.Framed):
    """A set of runs associated with a sweep.

    Instantiate with:

        api.sweep(sweep_path)

    Attributes:
        runs: (Runs) list of runs
        id: (str) sweep id, as it stands in paths
        project: (str) name of project
        config: (dict) dictionary of sweep configuration
        state: (str) such as PENDING, RUNNING, PAUSED, FINISHED, CANCELED, STOPPED
    """

    state: str
    best_loss: float | None

    @normalized
    def __init__(self, client: Client, entity: str, project: str, sweep_id: str,
                 attrs: Mapping[str, Any] = NOTHING) -> None:
        super().__init__(client, attrs)
        self.entity, self.project, self.id = entity, project, sweep_id
        self._runs: Runs | None = None
        if not attrs:
            self.load(force=True)

    @classmethod
    def get(cls, client: Client | Api, entity: str | None = None, project: str | None = None, sid: str | None = None,
            withRuns: bool = True,  # noqa: N803 - its name of old
            order: str | None = None, query: str | None = None, **kwargs: Any) -> Sweep | None:
        """Execute a query against the cloud backend.

        Args:
            client: an Api, or its client.
            entity: of the settings if it is missing.
            project: of the settings if it is missing.
            sid: the sweep's id.
            withRuns: fetch its runs along with it.
            order: of the runs, for a query that takes it.
            query: a document instead of the standard one.
            kwargs: more variables for the document.

        Returns:
            The sweep, or None if there is none.
        """
        client = client if isinstance(client, Client) else client.client
        place = (entity or client.settings.get("entity"), project or client.settings.get("project"))
        document = query or (documents.SWEEP_WITH_RUNS if withRuns else documents.SWEEP)
        data = client.execute(document, {"entity": place[0], "project": place[1], "name": sid,
                                         **({"order": order} if order and query else {}), **kwargs})
        found = (data.get("project") or {}).get("sweep")
        if found is None:
            return None
        runs = found.pop("runs", None)
        sweep = cls(client, str(place[0]), str(place[1]), str(sid), found)
        if runs is not None and not page_of(runs).more:
            sweep.runs.fill([edge["node"] for edge in runs["edges"]])
        return sweep

    def load(self, force: bool = False) -> dict[str, Any]:
        """Ask for the sweep again if forced. Returns its fields."""
        if force:
            self._attrs, self._runs = self._asked(documents.SWEEP), None
        return self._attrs

    def _asked(self, document: str, **variables: Any) -> dict[str, Any]:
        """What a document gives of this sweep. NotFoundError if it is gone."""
        place = {"entity": self.entity, "project": self.project, "name": self.id}
        data = self.client.execute(document, {**place, **variables})
        found: dict[str, Any] | None = (data.get("project") or {}).get("sweep")
        if found is None:
            raise NotFoundError(f"could not find sweep {self.entity}/{self.project}/{self.id}: there is none, or "
                                "this key may not see it")
        return found

    @property
    def name(self) -> str:
        """The name that people see: the one it was given, that of its config, or its id."""
        return str(self._attrs.get("displayName") or self.config.get("name") or self.id)

    @property
    def config(self) -> dict[str, Any]:
        """The configuration: method, metric, parameters."""
        import yaml  # noqa: PLC0415 - a tenth of the time that importing the client takes

        return yaml.safe_load(self._attrs.get("config") or "") or {}

    @property
    def runs(self) -> Runs:
        """Its runs, newest first."""
        if self._runs is None:
            self._runs = Runs(self.client, self.entity, self.project, {"sweep": self.id}, "-created_at")
        return self._runs

    @property
    def runs_by_id(self) -> dict[str, Run]:
        """Its runs by their ids."""
        return {run.id: run for run in self.runs}

    @property
    def order(self) -> str | None:
        """The order in which the best run comes first; None if the config has no metric."""
        metric = self.config.get("metric") or {}
        if not isinstance(metric, Mapping) or not metric.get("name"):
            return None
        sign = "+" if metric.get("goal", "minimize") == "minimize" else "-"
        return QueryGenerator.format_order_key(f"{sign}{metric['name']}")

    @property
    def expected_run_count(self) -> int | None:
        """How many runs there will be; None where that is open."""
        return self._attrs.get("runCountExpected")

    @property
    def path(self) -> list[str]:
        """[entity, project, id], each as it stands in a URL."""
        return quoted(self.entity, self.project, self.id)

    @property
    def url(self) -> str:
        """The page of the sweep."""
        entity, project, name = self.path
        return f"{self.client.app_url}/{entity}/{project}/sweeps/{name}"

    @normalized
    def best_run(self, order: str | None = None) -> Run | None:
        """Returns the best run sorted by the metric defined in config or the order passed in.

        Args:
            order: such as `+summary_metrics.loss` or `-accuracy`. Runs without the metric come last either way.

        Returns:
            The run, or None if there are none. Without any order, the most recent one, with a warning.
        """
        wanted = QueryGenerator.format_order_key(order) if order else self.order
        if wanted is None:
            warnings.warn("No order specified and couldn't find metric in sweep config, returning most recent run",
                          stacklevel=3)
            wanted = "-created_at"
        runs = Runs(self.client, self.entity, self.project, {"$and": [{"sweep": self.id}]}, wanted, per_page=1)
        found = runs[:1]
        return found[0] if found else None

    @normalized
    def agents(self) -> list[Agent]:
        """All agents that it has had, also those that have ended."""
        edges = self._asked(documents.AGENTS)["agents"]["edges"]
        return [self._agent(edge["node"]) for edge in edges]

    @normalized
    def agent(self, agent_id: str) -> Agent:
        """One of its agents.

        Args:
            agent_id: its name.

        Raises:
            NotFoundError: (a ValueError) it has no such agent.
        """
        found = self._asked(documents.AGENT, agent=agent_id)["agent"]
        if found is None:
            raise NotFoundError(f"sweep {self.entity}/{self.project}/{self.id} has no agent {agent_id!r}")
        return self._agent(found)

    def _agent(self, attrs: Mapping[str, Any]) -> Agent:
        return Agent(self.client, attrs, self.entity, self.project, self.id)

    @normalized
    def enqueue_run(self, config: Mapping[str, Any], display_name: str | None = None) -> str:
        """Have the next agent that is idle start a run, of a sweep whose search runs on a machine of your own.

        Args:
            config: the values of its parameters by name.
            display_name: the name that people see; the server makes one up without it.

        Returns:
            The id of the run.

        Raises:
            UnsupportedError: the server has no such sweeps.
            CommError: this sweep is none of those, or the server refused the config.
        """
        if not self.client.has_feature("SWEEPS_LOCAL_SCHEDULER"):
            raise UnsupportedError(f"{self.client.transport.base_url} takes no runs for sweeps: update the server")
        data = self.client.execute(documents.ENQUEUE, {
            "id": self._attrs["id"], "config": _json.dumps(config, "config"), "displayName": display_name})
        return str(data["enqueueSweepRun"]["id"])

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """The page of the sweep in a frame.

        Args:
            height: of the frame, in pixels.
            hidden: show it only after a click.
        """
        return _html.frame(f"{self.url}?jupyter=true", height, hidden=hidden, title="Show sweep")

    def _repr_html_(self) -> str:
        return _html.facts(self.name, self.url, {
            "state": self._attrs.get("state"), "method": self.config.get("method"),
            "runs": self._attrs.get("runCount"), "best": self._attrs.get("bestLoss")})

    @property
    def username(self) -> str:
        """Deprecated: `entity`."""
        warnings.warn("Sweep.username is deprecated; please use Sweep.entity instead.", DeprecationWarning,
                      stacklevel=2)
        return self.entity

    def __repr__(self) -> str:
        return f"<Sweep {self.entity}/{self.project}/{self.id} ({self._attrs.get('state', 'Unknown State')})>"
