"""Api: where every script begins."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import quote, unquote

from dumbbell import _paths, _settings
from dumbbell._attrs import NOTHING
from dumbbell._client import Classes, Client
from dumbbell._documents import accounts as documents
from dumbbell._transport import USER_AGENT, Transport
from dumbbell.api_artifacts import ApiArtifacts
from dumbbell.api_registries import ApiRegistries
from dumbbell.artifacts import Artifact, ArtifactCollection, ArtifactCollections, ArtifactTypes, RunArtifacts
from dumbbell.errors import InvalidValueError, NotFoundError, normalized
from dumbbell.projects import Project, Projects
from dumbbell.reports import BetaReport, Reports, id_of, same_id
from dumbbell.run import Run
from dumbbell.runs import Runs
from dumbbell.sweeps import Sweep, Sweeps
from dumbbell.users import Team, User, find_users, viewer

if TYPE_CHECKING:
    import httpx2

_CLASSES = Classes(project=Project, run=Run, runs=Runs, sweep=Sweep, sweeps=Sweeps, artifact=Artifact,
                   run_artifacts=RunArtifacts, artifact_collection=ArtifactCollection,
                   artifact_types=ArtifactTypes, artifact_collections=ArtifactCollections)


class _Unsaid(str):
    """A default that is told from the same text given by the caller."""

    __slots__ = ()


_NEWEST_FIRST = _Unsaid("-created_at")


class Api(ApiArtifacts, ApiRegistries):
    """Used for querying the wandb server.

    Example:
        Most common way to initialize:

            dumbbell.Api()

    Args:
        overrides: You can set `base_url` if you are using a wandb server other than https://api.wandb.ai.
            You can also set defaults for `entity`, `project`, and `run`.
        timeout: seconds that a request may take; WANDB_HTTP_TIMEOUT or 9 without.
        api_key: instead of WANDB_API_KEY and the netrc entry of the server's host.
        transport: an httpx2 transport instead of the network: one for a proxy, or for an app in this process.
        order: of runs where a call names none; DUMBBELL_ORDER, or the newest first. `+created_at` is that of wandb
            since 0.17.

    Raises:
        InvalidValueError: (a ValueError) `base_url` is not a URL.
    """

    def __init__(self, overrides: Mapping[str, Any] = NOTHING, *, timeout: float | None = None,
                 api_key: str | None = None, transport: httpx2.BaseTransport | None = None,
                 order: str | None = None) -> None:
        said = _settings.read_files()
        self.settings: dict[str, Any] = _settings.read_settings(overrides, said)
        seconds = _settings.default_timeout() if timeout is None else timeout
        network = _settings.read_network(self.settings.pop("_proxies", None), said)
        way = Transport(self.settings["base_url"], seconds, api_key, transport, network)
        self.client = Client(way, self.settings, _CLASSES)
        self._order = order or os.environ.get("DUMBBELL_ORDER") or _NEWEST_FIRST
        self._lock = threading.RLock()
        self._viewer: User | None = None
        self._runs: dict[Any, Any] = {}
        self._projects: dict[str, Projects] = {}
        self._reports: dict[tuple[str, str, str | None], Reports] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; a later call makes new ones. They also close with the last reference to the Api."""
        self.client.transport.close()

    def __repr__(self) -> str:
        return f"<Api {self.settings['base_url']}>"

    @property
    def api_key(self) -> str:
        """The key that is sent. UsageError if there is none."""
        return self.client.transport.key

    @property
    def user_agent(self) -> str:
        """How requests name this client."""
        return USER_AGENT

    @property
    def viewer(self) -> User:
        """The user whose key this is, asked for once."""
        with self._lock:
            if self._viewer is None:
                self._viewer = viewer(self.client)
            if self._viewer is None:
                raise NotFoundError(f"{self.settings['base_url']} knows no user of this API key")
            return self._viewer

    @property
    def default_entity(self) -> str | None:
        """The entity of the settings, or else of the key's user; None if it has none."""
        if self.settings.get("entity"):
            return str(self.settings["entity"])
        try:
            return self.viewer.entity
        except NotFoundError:
            return None

    def flush(self) -> None:
        """Forget the runs and sweeps that were asked for.

        The api object keeps a local cache of runs, so if the state of the run may change while executing your
        script you must clear the local cache with `api.flush()` to get the latest values associated with the run.
        """
        with self._lock:
            self._runs.clear()

    def projects(self, entity: str | None = None, per_page: int | None = 200) -> Projects:
        """Get projects for a given entity.

        Args:
            entity: Name of the entity requested. If None will fallback to default entity passed to `Api`.
            per_page: Sets the page size for query pagination. None will use the default size.

        Returns:
            A `Projects` object which is an iterable collection of `Project` objects.

        Raises:
            InvalidValueError: (a ValueError) there is no default entity.
        """
        name = entity or _paths.needed_entity(self._default_entity, "api.projects()")
        with self._lock:
            if name not in self._projects:
                self._projects[name] = Projects(self.client, name, per_page)
            return self._projects[name]

    def project(self, name: str, entity: str | None = None) -> Project:
        """A project by its name; it is asked for when a field is needed."""
        return Project(self.client, entity or _paths.needed_entity(self._default_entity, f"project {name!r}"), name)

    @normalized
    def create_project(self, name: str, entity: str) -> Project:
        """Make a project, or find the one of this name."""
        answer = self.client.execute(documents.CREATE_PROJECT, {"name": name, "entity": entity})["upsertModel"]
        found = answer["model"]
        return Project(self.client, found["entityName"], found["name"], found)

    def create_run(self, *, run_id: str | None = None, project: str | None = None, entity: str | None = None,
                   state: Literal["running", "pending"] = "running") -> Run:
        """Make a run; see `Run.create`."""
        return Run.create(self, run_id, project, entity, state=state)

    def runs(self, path: str | None = "", filters: Mapping[str, Any] | None = NOTHING, order: str = _NEWEST_FIRST,
             per_page: int | None = 50, *, include_sweeps: bool = True, lazy: bool = False) -> Runs:
        """Return a set of runs from a project that match the filters provided.

        You can filter by `config.*`, `summary_metrics.*`, `state`, `entity`, `createdAt`, etc.

        Examples:
            Find runs in my_project where config.experiment_name has been set to "foo":

                api.runs("my_entity/my_project", {"config.experiment_name": "foo"})

            Find runs in my_project where config.experiment_name has been set to "foo" or "bar":

                api.runs("my_entity/my_project",
                         {"$or": [{"config.experiment_name": "foo"}, {"config.experiment_name": "bar"}]})

            Find runs in my_project sorted by ascending loss:

                api.runs("my_entity/my_project", order="+summary_metrics.loss")

        Args:
            path: path to project, in the form "entity/project"; a default may stand for what is missing.
            filters: queries for specific runs using the MongoDB query language, by run properties such as
                config.key, summary_metrics.key, state, entity, createdAt, etc.
            order: `created_at`, `heartbeat_at`, `config.*.value` or `summary_metrics.*`; + in front is ascending,
                - descending. By default that of the Api: the newest first.
            per_page: Sets the page size for query pagination. None will use the default size.
            include_sweeps: accepted because wandb has it; `run.sweep` is asked for when it is read.
            lazy: leave config, summary and system metrics out until they are read.

        Returns:
            A `Runs` object, which is an iterable collection of `Run` objects.

        Raises:
            InvalidValueError: (a ValueError) the path is not one, or something it leaves out has no default.
        """
        del include_sweeps
        if filters and set(filters) == {"order"}:  # as the documentation of 2020 has it in an example
            order, filters = str(filters["order"]), NOTHING
        entity, project = _paths.project_path(path, self.settings, self._default_entity)
        order = self._order if isinstance(order, _Unsaid) else order
        runs = Runs(self.client, entity, project, filters or {}, order, per_page, lazy=lazy)
        key = (entity, project, runs.variables["filters"], order, lazy)
        with self._lock:
            found: Runs = self._runs.setdefault(key, runs)
            return found

    @normalized
    def run(self, path: str = "") -> Run:
        """Returns a single run by parsing path in the form entity/project/run_id.

        Args:
            path: path to run in the form entity/project/run_id. If api.entity is set, this can be in the form
                project/run_id and if api.project is set this can just be the run_id. The address of its page too.

        Raises:
            NotFoundError: (a ValueError) there is no such run, or the key may not see it.
            InvalidValueError: (a ValueError) the path names no run.
        """
        place = _paths.run_path(path, self.settings, self._default_entity)
        with self._lock:
            found: Run | None = self._runs.get(place)
        if found is None:
            found = _paths.with_blanks(lambda *named: Run(self.client, *named), place)
            with self._lock:
                self._runs[place] = found
        return found

    @normalized
    def sweep(self, path: str = "") -> Sweep:
        """Returns a sweep by parsing path in the form entity/project/sweep_id.

        Args:
            path: path to sweep in the form entity/project/sweep_id. If api.entity is set, this can be in the form
                project/sweep_id and if api.project is set this can just be the sweep_id.

        Raises:
            NotFoundError: (a ValueError) there is no such sweep, or the key may not see it.
            InvalidValueError: (a ValueError) the path names no sweep.
        """
        place = _paths.run_path(path, self.settings, self._default_entity, "sweep")
        with self._lock:
            found: Sweep | None = self._runs.get(("sweep", *place))
        if found is None:
            found = _paths.with_blanks(lambda *named: Sweep(self.client, *named), place)
            with self._lock:
                self._runs["sweep", *place] = found
        return found

    def reports(self, path: str | None = "", name: str | None = None, per_page: int | None = 50) -> Reports:
        """Get reports for a given project path.

        WARNING: This api is in beta and will likely change in a future release

        Args:
            path: path to project the report resides in, should be in the form: "entity/project".
            name: optional name of the report requested, which may be percent-encoded.
            per_page: Sets the page size for query pagination. None will use the default size.

        Returns:
            A `Reports` object which is an iterable collection of `BetaReport` objects.

        Raises:
            InvalidValueError: (a ValueError) the path is not one, or something it leaves out has no default.
        """
        entity, project = _paths.project_path(path, self.settings, self._default_entity)
        wanted = None if name is None else unquote(name)
        key = (entity, project, wanted)
        with self._lock:
            if key not in self._reports:
                self._reports[key] = Reports(self.client, project, wanted, entity, per_page)
            return self._reports[key]

    def _report(self, entity: str, project: str, last: str) -> BetaReport:
        for report in self.reports(f"{quote(entity, safe='')}/{quote(project, safe='')}"):
            if same_id(report.id, id_of(last)) or report.name == last:
                return report
        raise NotFoundError(f"could not find report {last!r} in {entity}/{project}")

    def user(self, username_or_email: str) -> User | None:
        """The user of this name or address, or None."""
        found = self.users(username_or_email)
        exact = [user for user in found if username_or_email in {user.username, user.email}]
        return exact[0] if exact else None

    @normalized
    def users(self, username_or_email: str) -> list[User]:
        """Users whose name or address holds this text, as far as the key may see them."""
        return find_users(self.client, username_or_email)

    def create_user(self, email: str, admin: bool | None = False) -> User:
        """Make a user; takes the key of an administrator of the server."""
        return User.create(self, email, admin)

    def create_team(self, team: str, admin_username: str | None = None) -> Team:
        """Make a team; see `Team.create`."""
        return Team.create(self, team, admin_username)

    def team(self, team: str) -> Team:
        """A team by its name. One that nobody has is `available` and has no members."""
        return Team(self.client, team)

    @normalized
    def from_path(self, path: str) -> Any:
        """The object that a path names.

        Args:
            path: `project`, `entity/project`, `entity/project/run_id`,
                `entity/project/(runs|sweeps|reports)/name`, or the address of the page of one of these.

        Raises:
            InvalidValueError: (a ValueError) the path is none of these.
        """
        plain = _paths.plain(path, self.settings)
        parts = _paths.split(plain)
        if len(parts) in {1, 2}:
            return Project(self.client, *_paths.project_path(plain, self.settings, self._default_entity))
        if len(parts) == 3 or (len(parts) == 4 and parts[2].startswith("run")):  # noqa: PLR2004 - see the docstring
            return self.run("/".join([parts[0], parts[1], parts[-1]]))
        if len(parts) == 4 and parts[2].startswith("sweep"):  # noqa: PLR2004 - see the docstring
            return self.sweep("/".join([parts[0], parts[1], parts[-1]]))
        if len(parts) == 4 and parts[2].startswith("report"):  # noqa: PLR2004 - see the docstring
            return self._report(parts[0], parts[1], parts[-1])
        raise InvalidValueError(f"{path!r} is no path: it looks like project, entity/project, entity/project/run_id, "
                                "entity/project/sweeps/sweep_id or entity/project/reports/Title--id")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()
