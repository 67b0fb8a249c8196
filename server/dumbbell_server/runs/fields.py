"""The fields of runs: how they are called, filtered, ordered and answered (docs/protocol/behaviours.md#filters)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from sqlalchemy.orm import Session

from dumbbell_server import ids
from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.backend import Provided
from dumbbell_server.identity import Actor
from dumbbell_server.listing.fields import Columns, FieldAnswer, Fields, ListedField, stored
from dumbbell_server.listing.tree import Kind
from dumbbell_server.projects.access import may_write
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.states import FAILED_STATES, LIVE_STATES, STATES
from dumbbell_server.runs.tables import RunRow


@dataclass(frozen=True)
class RunReading:
    """What the answers for a page of runs are made from, besides its columns."""

    session: Session
    viewer: Actor | None
    project: ProjectRow


# Cells that another domain knows: (session, viewer, run ids) → the cell of each run that has one.
Cells = Callable[[Session, Actor | None, Sequence[int]], Mapping[int, Any]]
KEYS_INFO: Provided[Cells] = Provided("keys_info")
INPUT_ARTIFACTS: Provided[Cells] = Provided("input_artifacts")
OUTPUT_ARTIFACTS: Provided[Cells] = Provided("output_artifacts")
HISTORY_KEYS: Provided[FieldAnswer] = Provided("history_keys")

PROVIDED = {"keys_info": KEYS_INFO, "input_artifacts": INPUT_ARTIFACTS, "output_artifacts": OUTPUT_ARTIFACTS}


def _node_ids(reading: RunReading, columns: Columns) -> list[str]:
    project = reading.project
    entity = reading.session.get_one(EntityRow, project.entity_id).name
    return [ids.encode_run(name, project.name, entity) for name in columns["name"]]


def _tags(_reading: RunReading, columns: Columns) -> list[Any]:
    """As they are stored; but a damaged text would spoil the whole answer."""
    return [orjson.Fragment(text) if text[:1] == "[" and text[-1:] == "]" else [] for text in columns["tags"]]


def _read_only(reading: RunReading, columns: Columns) -> list[bool]:
    return [not may_write(reading.viewer, reading.project)] * len(columns["id"])


def _state_is_in(states: frozenset[str]) -> FieldAnswer:
    return FieldAnswer(("state",), lambda _reading, columns: [state in states for state in columns["state"]])


_stored = partial(stored, RunRow)
_DOCUMENT, _LIST = Kind.DOCUMENT, Kind.LIST

RUN_FIELDS = Fields([
    _stored("createdAt"),
    _stored("heartbeatAt"),
    _stored("updatedAt"),
    _stored("name"),
    _stored("displayName"),
    _stored("state", words=STATES | {"aborted"}),  # which W&B had once; none of ours is
    _stored("config", kind=_DOCUMENT),
    _stored("summaryMetrics", kind=_DOCUMENT, keys=("summary_metrics", "summaryMetrics", "summary")),
    _stored("systemMetrics", kind=_DOCUMENT),
    _stored("tags", kind=_LIST, answer=FieldAnswer(("tags",), _tags)),
    _stored("group", "group_name", keys=("group", "groupName", "group_name")),
    _stored("jobType"),
    _stored("host"),
    _stored("notes"),
    _stored("description"),
    _stored("commit", "git_commit"),
    _stored("exitcode"),
    _stored("sweepName", keys=("sweep", "sweepName", "sweep_name")),
    _stored("historyLineCount"),
    _stored("eventsLineCount"),
    _stored("logLineCount"),
    _stored("projectId", keys=()),
    _stored("stopped", "stop_requested"),
    _stored("shouldStop", "stop_requested", keys=()),
    # made of what is stored
    ListedField("id", answer=FieldAnswer(("name",), _node_ids)),
    ListedField("readOnly", answer=FieldAnswer((), _read_only)),
    ListedField("running", answer=_state_is_in(LIVE_STATES)),
    ListedField("failed", answer=_state_is_in(FAILED_STATES)),
    # of filters and orders alone
    ListedField("duration", kind=Kind.NUMBER, keys=("duration",)),
    ListedField("username", keys=("username", "user")),
    ListedField("entity", keys=("entity", "entityName", "entity_name")),
    ListedField("project", keys=("project", "projectName", "project_name")),
    ListedField("keysInfo", kind=_DOCUMENT, keys=("keys_info", "keysInfo")),
    ListedField("inputArtifacts", kind=_LIST, keys=("input_artifacts", "inputArtifacts")),
    ListedField("outputArtifacts", kind=_LIST, keys=("output_artifacts", "outputArtifacts")),
])

# Columns that may hold long texts, some of them far longer than others.
LONG = frozenset({"config", "summary_metrics", "system_metrics", "tags", "notes", "description"})
SHARED = frozenset({"entity", "project", ""})  # the same in all runs of a project
PASSING = frozenset({"input_artifacts", "output_artifacts"})  # changed by links and rights, where the run's row is not

# Where a cell is not read from the column of its name alone, with `r` the run and `u` its user.
SQL = {"username": ("u.username",), "duration": ("r.created_at", "r.heartbeat_at")}
