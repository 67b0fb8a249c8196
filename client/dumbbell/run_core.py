"""What a run is: its fields, how they are loaded, and how edits look before they are saved."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dumbbell import _html, _json
from dumbbell._attrs import NOTHING, Attrs
from dumbbell._client import Client
from dumbbell._documents import runs as documents
from dumbbell._paths import quoted
from dumbbell._run_attrs import HIDDEN, RunAttrs
from dumbbell.errors import NotFoundError, normalized
from dumbbell.history import ask, missing
from dumbbell.summary import Summary
from dumbbell.users import User

if TYPE_CHECKING:
    from dumbbell.sweeps import Sweep

_HEAVY = frozenset({"config", "summaryMetrics", "systemMetrics", "historyKeys"})


class RunCore(Attrs, _html.Framed):
    """The fields of a run."""

    tags: list[str]
    created_at: str
    heartbeat_at: str | None
    display_name: str | None
    notes: str | None
    description: str | None
    group: str | None
    job_type: str | None
    commit: str | None
    read_only: bool
    history_line_count: int | None
    sweep_name: str | None
    history_keys: dict[str, Any] | None
    _attrs: RunAttrs
    _summary: Summary | None

    @normalized
    def __init__(self, client: Client, entity: str, project: str, run_id: str, attrs: Mapping[str, Any] = NOTHING, *,
                 lazy: bool = False) -> None:
        """Run is always initialized by calling api.runs() where api is an instance of wandb.Api.

        Without attrs the run is asked for at once.

        Raises:
            NotFoundError: (a ValueError) there is no such run, or the key may not see it.
        """
        super().__init__(client)
        self.entity = entity
        self.project = project
        self._id = run_id
        self._dir: str | None = None
        self._sweeps: dict[str, Sweep | None] = {}  # a list of runs lets them share it
        if attrs:
            self._accept(attrs)
        else:
            self._ask(documents.LIGHT_RUN if lazy else documents.RUN)

    def load(self, force: bool = False) -> dict[str, Any]:
        """Ask for the run again if forced; what was set here and not saved is dropped then. Returns its fields."""
        if force:
            self._ask(documents.RUN)
        return self._attrs

    def load_full_data(self, force: bool = False) -> dict[str, Any]:
        """Load what a lazy run leaves out: config, summary, system metrics and history keys."""
        if force or not self._attrs.keys() >= _HEAVY:
            self._ask(documents.RUN)
        return self._attrs

    def _ask(self, document: str) -> None:
        data = self.client.execute(document, {"project": self.project, "entity": self.entity, "name": self._id})
        found = (data.get("project") or {}).get("run")
        if found is None:
            raise missing(self)
        self._accept(found)

    def _accept(self, attrs: Mapping[str, Any]) -> None:
        self._attrs = RunAttrs({**attrs, "tags": list(attrs.get("tags") or [])})
        self._summary = None
        if self._attrs.get("historyKeys"):
            _restore(self._attrs["historyKeys"])
        for field in ("tags", "notes", "description", "display_name", "group", "job_type"):
            self.__dict__.pop(field, None)

    def _more(self, key: str) -> bool:
        if key not in {*_HEAVY, "rawconfig"} or key in self._attrs:
            return False
        kept = {field: value for field, value in self.__dict__.items() if not field.startswith("_")}
        edited, summary = self._attrs, self._summary
        self._ask(documents.RUN)
        self.__dict__.update(kept, _summary=summary)  # what was set before the fields were needed is not lost
        self._attrs.update({field: edited[field] for field in ("config", "summaryMetrics") if field in edited})
        return key in self._attrs

    def _value(self, key: str) -> dict[str, Any]:
        if key not in self._attrs:
            self._more(key)
        found: dict[str, Any] = self._attrs.setdefault(key, {})
        return found

    @property
    def id(self) -> str:
        """The id in paths and URLs."""
        return self._id

    @id.setter  # noqa: A003 - the field's own name
    def id(self, new_id: str) -> None:
        self._id = new_id

    @property
    def storage_id(self) -> str:
        """The server's id, which mutations take."""
        return str(self._attrs["id"])

    @property
    def name(self) -> str | None:
        """The name that people see."""
        return self.display_name

    @name.setter
    def name(self, new_name: str) -> None:
        self.display_name = new_name

    @property
    def state(self) -> str:
        """running, finished, crashed, failed, killed, preempting, preempted, pending, aborted or "not found"."""
        return str(self._attrs.get("state") or "not found")

    @property
    def username(self) -> str:
        """Deprecated: `entity`."""
        warnings.warn("Run.username is deprecated; please use Run.entity instead.", DeprecationWarning, stacklevel=2)
        return self.entity

    @property
    def user(self) -> User:
        """The user who created the run."""
        found = self._attrs.get("user")
        if found is None:
            raise AttributeError(f"{self!r} has no attribute 'user'")
        return User(self.client, found)

    @property
    def path(self) -> list[str]:
        """[entity, project, id], each as it stands in a URL."""
        return quoted(self.entity, self.project, self.id)

    @property
    def url(self) -> str:
        """The page of the run."""
        entity, project, name = self.path
        return f"{self.client.app_url}/{entity}/{project}/runs/{name}"

    @property
    def config(self) -> dict[str, Any]:
        """Hyperparameters by name, without the client's own section. Edits are saved by `update`."""
        return self._value("config")

    @config.setter
    def config(self, values: Mapping[str, Any]) -> None:
        self._value("config")  # so that what the server has is known when it is saved
        self._attrs["config"] = dict(values)

    @property
    def rawconfig(self) -> dict[str, Any]:
        """The config with `_wandb`, in which clients keep their own notes."""
        return self._value("rawconfig")

    @property
    def json_config(self) -> str:
        """The config as `update` sends it: JSON, each value wrapped, the client's own section unchanged."""
        config, stored = self.config, self._attrs.stored("config")
        hidden = {key: value for key, value in stored.items() if key in HIDDEN}
        wrapped = {key: _wrapped(stored.get(key), value) for key, value in config.items()}
        return _json.dumps({**hidden, **wrapped}, "config")

    @property
    def sweep(self) -> Sweep | None:
        """The sweep that it belongs to, asked for when first read; None if there is none, or none any more."""
        name = self.sweep_name
        if not name:
            return None
        if name not in self._sweeps:
            try:
                self._sweeps[name] = self.client.classes.sweep(self.client, self.entity, self.project, name)
            except NotFoundError:
                self._sweeps[name] = None
        return self._sweeps[name]

    @property
    def summary_metrics(self) -> dict[str, Any]:
        """The summary as a plain dict; edits of `summary` show here."""
        return self._value("summaryMetrics")

    @property
    def system_metrics(self) -> dict[str, Any]:
        """The latest system metrics by name."""
        return self._value("systemMetrics")

    @property
    def summary(self) -> Summary:
        """The summary; `run.summary.update({...})` saves it."""
        if self._summary is None:
            self._summary = Summary(self.client, self.storage_id, self.summary_metrics)
        return self._summary

    @property
    def lastHistoryStep(self) -> int:  # noqa: N802 - its name in wandb
        """The last step that was logged, asked again each time; -1 if none was."""
        keys = ask(self.client, self, documents.HISTORY_KEYS)["historyKeys"]
        return int((keys or {}).get("lastStep", -1))

    @property
    def dir(self) -> str:
        """A folder for temporary files, made when first asked for."""
        if self._dir is None:
            self._dir = tempfile.mkdtemp(prefix="dumbbell-")
        return self._dir

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """The page of the run in a frame.

        Args:
            height: of the frame, in pixels.
            hidden: show it only after a click.
        """
        return _html.frame(f"{self.url}?jupyter=true", height, hidden=hidden, title="Show run")

    def _repr_html_(self) -> str:
        return _html.facts(self.name or self.id, self.url, {
            "state": self.state, "created": self.created_at, "tags": ", ".join(self.tags), **self.config})

    def __repr__(self) -> str:
        return f"<Run {self.entity}/{self.project}/{self._id} ({self.state})>"


def _restore(history_keys: dict[str, Any]) -> None:
    """Last values of keys with the NaN and infinities that strict JSON has only texts for."""
    for facts in history_keys.get("keys", {}).values():
        if "exactPreviousValue" in facts:
            facts["previousValue"] = _json.loads(facts.pop("exactPreviousValue"))


def _wrapped(stored: Any, value: Any) -> dict[str, Any]:
    """A value as configs keep it, with the description that it had."""
    described = stored.get("desc") if isinstance(stored, dict) and "value" in stored else None
    return {"desc": described, "value": value}
