"""Operands that no cell of a column can meet are understood or refused: no list is silently empty."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from dumbbell_server.artifacts.fields import COLLECTION_FIELDS, VERSION_FIELDS
from dumbbell_server.errors import BadInput
from dumbbell_server.listing.fields import Fields
from dumbbell_server.listing.filters import parse_filter
from dumbbell_server.listing.tree import Kind, matches
from dumbbell_server.projects.fields import PROJECT_FIELDS
from dumbbell_server.runs.fields import RUN_FIELDS
from dumbbell_server.sweeps.fields import SWEEP_FIELDS
from support.artifact_driver import ArtifactDriver
from support.world import World

LISTS = {"runs": RUN_FIELDS, "projects": PROJECT_FIELDS, "sweeps": SWEEP_FIELDS, "collections": COLLECTION_FIELDS,
         "versions": VERSION_FIELDS}
MOMENT = "2026-05-01T10:00:00.000000Z"


def holds(fields: Fields, filters: Any, cells: dict[str, Any]) -> bool:
    tree = parse_filter(json.dumps(filters), fields.filter_key)
    return matches(tree, lambda field: cells[field.column])


@pytest.mark.parametrize("operand", [
    MOMENT, "2026-05-01T10:00:00Z", "2026-05-01T10:00:00", "2026-05-01 10:00", "2026-05-01T12:00:00+02:00",
    "20260501T100000Z", "2026-05-01T10:00:00.000000000Z", "2026-05-01 10:00:00 UTC", "2026/5/01 10:00:00",
    "2026-5-1T10:00Z", "Fri, 01 May 2026 10:00:00 GMT", "1 May 2026 06:00:00 -0400", " 2026-05-01T10:00:00z ",
    1777629600, 1777629600.0,
    1777629600000, {"$date": "2026-05-01T10:00:00Z"}, {"$date": 1777629600000},
    {"$date": {"$numberLong": "1777629600000"}}], ids=str)
def test_a_time_is_understood_however_it_is_written(operand: Any) -> None:
    cells = {"created_at": MOMENT}
    for key in ("createdAt", "created_at"):
        assert holds(RUN_FIELDS, {key: operand}, cells)
        assert holds(RUN_FIELDS, {key: {"$in": [operand, None]}}, cells)
        assert holds(RUN_FIELDS, {key: {"$gte": operand, "$lte": operand}}, cells)
        assert not holds(RUN_FIELDS, {key: {"$gt": operand}}, cells)
        assert not holds(RUN_FIELDS, {key: {"$ne": operand}}, cells)
        assert not holds(RUN_FIELDS, {key: {"$not": {"$eq": operand}}}, cells)
        assert not holds(RUN_FIELDS, {"$or": [{key: {"$nin": [operand]}}, {key: {"$exists": False}}]}, cells)
    for name, fields in LISTS.items():
        assert holds(fields, {"created_at": {"$lte": operand}}, cells), name
    assert holds(VERSION_FIELDS, {"linked_at": operand}, {"linked_at": MOMENT})


@pytest.mark.parametrize(("operand", "first"), [
    ("2026", "2026-01-01"), ("2026-05", "2026-05-01"), ("2026-05-01", "2026-05-01"), (0, "1970-01-01"),
    (-86400, "1969-12-31"), ("9999-12-31T23:00:00-05:00", "9999-12-31"), (10**11, "1973-03-03")])
def test_parts_of_a_time_are_its_beginning(operand: Any, first: str) -> None:
    assert holds(RUN_FIELDS, {"created_at": {"$lte": operand}}, {"created_at": f"{first}T00:00:00.000000Z"})
    assert holds(RUN_FIELDS, {"created_at": {"$gt": operand}}, {"created_at": f"{first}Z"})


WRONG: list[tuple[str, dict[str, Any], str]] = [
    *[("runs", {"created_at": operand}, "is no time") for operand in (
        "yesterday", "Tue", "", "12:30", "2026-13-01", "05.01.2026", True, [MOMENT], {"x": 1}, 1e15, -1e15,
        float("nan"), float("inf"), {"$date": "soon"}, {"$date": None}, {"$date": {"$numberLong": "x"}},
        "1777629600", "\ud800", "2026:" + " " * 100_000 + "x", "1 May " + "(" * 100_000)],
    ("runs", {"heartbeatAt": {"$gt": "now"}}, "filters.heartbeatAt.$gt"),
    ("runs", {"created_at": {"$not": {"$lt": "now"}}}, "is no time"),
    ("runs", {"created_at": {"$nin": [MOMENT, "now"]}}, r"filters.created_at.$nin[1]"),
    ("runs", {"$or": [{"created_at": {"$ne": False}}]}, "is no time"),
    ("runs", {"created_at": {"$size": 1}}, "looks at lists"),
    ("runs", {"created_at": {"$mod": [2, 0]}}, "looks at numbers"),
    ("runs", {"state": "done"}, "'done' is none of aborted, crashed, failed, finished"),
    ("runs", {"state": {"$ne": "complete"}}, "'complete' is none of"),
    ("runs", {"state": {"$in": ["finished", "Success"]}}, "filters.state.$in[1]"),
    ("runs", {"state": 1}, "1 is never a text"),
    ("runs", {"state": ["finished"]}, '{"$in": […]}'),
    ("runs", {"name": 7}, 'write "7"'),
    ("runs", {"display_name": {"$in": ["a", 7]}}, "filters.display_name.$in[1]"),
    ("runs", {"displayName": {"$gt": 7}}, "never a text"),
    ("runs", {"group": {"$ne": True}}, "never a text"),
    ("runs", {"notes": {"$contains": 3}}, 'write "3"'),
    ("runs", {"username": 3}, "never a text"),
    ("runs", {"sweep": {"id": "x"}}, "never a text"),
    ("runs", {"tags": 5}, 'write "5"'),
    ("runs", {"tags": {"$in": ["a", 5]}}, "filters.tags.$in[1]"),
    ("runs", {"tags": {"$all": ["a", 5]}}, 'write "5"'),
    ("runs", {"tags": ["a", 5]}, "filters.tags[1]"),
    ("runs", {"tags": {"$elemMatch": {"$eq": 5}}}, "never a text"),
    ("runs", {"tags": {"$not": {"$gte": 5}}}, "never a list of texts"),
    ("runs", {"tags": {"$mod": [2, 0]}}, "looks at numbers"),
    ("runs", {"tags.baseline": True}, "never a text"),
    ("runs", {"inputArtifacts": 5}, "never a list of texts"),
    ("runs", {"exitcode": "0"}, "never a number"),
    ("runs", {"exitcode": True}, "never a number"),
    ("runs", {"duration": {"$gt": "10"}}, "never a number"),
    ("runs", {"history_line_count": {"$regex": "1"}}, "looks at texts"),
    ("runs", {"stopped": "yes"}, "never true or false"),
    ("runs", {"stopped": 2}, "never true or false"),
    ("runs", {"name": {"$elemMatch": {"$eq": "a"}}}, "looks at lists"),
    ("runs", {"config.when": {"$gt": {"$date": MOMENT}}}, "only columns of times know $date"),
    ("runs", {"config.lr": {"$eq": {"$gt": 1}}}, "operators cannot stand here"),
    ("projects", {"name": 5}, "never a text"),
    ("projects", {"id": "UHJvamVjdDox"}, "never a number"),
    ("projects", {"access": "private!"}, "none of ENTITY_READ"),
    ("sweeps", {"state": "running?"}, "none of CANCELED, FINISHED, PAUSED, PENDING, RUNNING"),
    ("sweeps", {"createdAt": "soon"}, "is no time"),
    ("sweeps", {"display_name": 4}, "never a text"),
    ("collections", {"state": "COMMITTED"}, "none of DELETED, READY"),
    ("collections", {"tag": 5}, "never a list of texts"),
    ("collections", {"project_id": "5"}, "never a number"),
    ("versions", {"state": "READY"}, "none of COMMITTED"),
    ("versions", {"version": "latest"}, "aliases are filtered by alias"),
    ("versions", {"version": {"$in": ["v1", 1.5]}}, "is no version"),
    ("versions", {"alias": 3}, 'write "3"'),
    ("versions", {"artifact_size": "1MB"}, "never a number"),
    ("versions", {"linked_at": "soon"}, "is no time"),
    ("versions", {"digest": 5}, "never a text"),
]


@pytest.mark.parametrize(("listed", "filters", "said"), WRONG, ids=str)
def test_what_no_cell_can_meet_is_refused(listed: str, filters: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=re.escape(said)):
        parse_filter(json.dumps(filters), LISTS[listed].filter_key)


RIGHT: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("runs", {"state": "Finished"}, {"state": "finished"}, True),
    ("runs", {"state": {"$in": ["CRASHED", None, "aborted"]}}, {"state": "crashed"}, True),
    ("runs", {"state": {"$gt": "f"}}, {"state": "finished"}, True),
    ("runs", {"state": {"$regex": "^fin"}}, {"state": "finished"}, True),
    ("runs", {"state": None}, {"state": "finished"}, False),
    ("runs", {"state": {"$ne": None}}, {"state": "finished"}, True),
    ("runs", {"stopped": 1}, {"stop_requested": True}, True),
    ("runs", {"stopped": {"$ne": 0}}, {"stop_requested": True}, True),
    ("runs", {"tags": ["a", "b"]}, {"tags": ["a", "b"]}, True),
    ("runs", {"tags": {"$size": 2, "$all": ["b"]}}, {"tags": ["a", "b"]}, True),
    ("runs", {"tags": {"$elemMatch": {"$in": ["b"]}}}, {"tags": ["a", "b"]}, True),
    ("runs", {"$or": [{"tags": None}, {"tags": {"$ne": "c"}}]}, {"tags": ["a"]}, True),
    ("runs", {"group": None}, {"group_name": None}, True),
    ("runs", {"group": {"$in": [None, "x"]}}, {"group_name": None}, True),
    ("runs", {"group": {"$exists": True, "$not": {"$in": ["x"]}}}, {"group_name": "y"}, True),
    ("runs", {"created_at": {"$regex": "^2026-05"}}, {"created_at": MOMENT}, True),
    ("runs", {"created_at": {"$type": "date"}}, {"created_at": MOMENT}, True),
    ("runs", {"created_at": {"$type": ["date", "null"]}}, {"created_at": MOMENT}, True),
    ("runs", {"heartbeat_at": {"$exists": True, "$ne": None}}, {"heartbeat_at": MOMENT}, True),
    ("runs", {"created_at": {"$gt": "0999-12-31"}}, {"created_at": MOMENT}, True),
    ("runs", {"created_at": {"$gt": -5e10}}, {"created_at": MOMENT}, True),  # in the year 385
    ("runs", {"exitcode": {"$in": [0, None]}}, {"exitcode": None}, True),
    ("runs", {"config.lr": {"$in": [1, "a", [2], {"x": 1}, True]}}, {"config": 1}, True),
    ("projects", {"access": "user_read"}, {"access": "USER_READ"}, True),
    ("projects", {"id": {"$in": [3]}}, {"id": 3}, True),
    ("sweeps", {"state": {"$ne": "finished"}}, {"state": "RUNNING"}, True),
    ("versions", {"version": "v3"}, {"version": [3, "v3"]}, True),
    ("versions", {"version": {"$gt": "v9"}}, {"version": [10, "v10"]}, True),
    ("versions", {"version": {"$in": ["3", 4]}}, {"version": [3, "v3"]}, True),
    ("versions", {"version": {"$regex": "^v1"}}, {"version": [12, "v12"]}, True),
    ("versions", {"state": {"$ne": "GARBAGE_COLLECTED"}}, {"state": "COMMITTED"}, True),
    ("versions", {"metadata.rows": {"$gt": 1}}, {"metadata_json": 2}, True),
]


@pytest.mark.parametrize(("listed", "filters", "cells", "found"), RIGHT, ids=str)
def test_what_a_cell_can_meet_is_understood(listed: str, filters: dict[str, Any], cells: dict[str, Any],
                                            found: bool) -> None:
    assert holds(LISTS[listed], filters, cells) is found


def test_every_field_says_what_its_cells_are() -> None:
    kinds = {(name, key): fields.filter_key(key).kind for name, fields in LISTS.items()
             for field in fields.listed for key in field.keys if field.kind is not Kind.DOCUMENT}
    assert Kind.ANY not in kinds.values()
    assert {name for name, kind in kinds.items() if kind is Kind.NUMBER} == {
        ("runs", key) for key in (
            "exitcode", "history_line_count", "historyLineCount", "events_line_count", "eventsLineCount",
            "log_line_count", "logLineCount", "duration")} | {
        ("projects", key) for key in ("id", "project_id", "entity_id", "entityId")} | {
        ("collections", key) for key in ("id", "artifact_collection_id", "collection_id", "project_id")} | {
        ("versions", key) for key in (
            "size", "artifact_size", "id", "artifact_id", "registry", "collection", "number")}


def test_a_long_list_of_names_is_taken_as_it_is() -> None:
    names = [f"r{number}" for number in range(10_000)]
    assert holds(RUN_FIELDS, {"name": {"$in": names}}, {"name": "r9999"})


OVER_THE_WIRE = {
    "projects": 'entity(name: "local") { found: projects(filters: $f) { edges { node { name } } } }',
    "sweeps": 'project(name: "p") { found: sweeps(filters: $f) { edges { node { name } } } }',
    "collections": 'project(name: "p") { found: artifactCollections(filters: $f) { edges { node { name } } } }',
    "versions": """project(name: "p") { artifactType(name: "dataset") { artifactCollection(name: "set") {
      found: artifacts(filters: $f) { edges { node { id } } } } } }""",
}
SWEEP = """mutation { upsertSweep(input: {entityName: "local", projectName: "p",
  config: "{method: random, parameters: {a: {value: 1}}}"}) { sweep { id } } }"""


@pytest.mark.parametrize("listed", OVER_THE_WIRE)
def test_each_list_finds_by_times_and_refuses(world: World, listed: str) -> None:
    world.upsert("r")
    world.gql(SWEEP)
    ArtifactDriver(world).log({"f": b"x"})
    question = f"query Q($f: JSONString) {{ {OVER_THE_WIRE[listed]} }}"
    now = world.clock.seconds()
    for moment in (now, now * 1000, {"$date": now * 1000}):
        for filters, count in (({"created_at": {"$lte": moment}}, 1), ({"created_at": {"$gt": moment}}, 0)):
            data = world.gql(question, {"f": json.dumps(filters)})
            while "found" not in data:
                data, = data.values()
            assert len(data["found"]["edges"]) == count
    for operand in ("soon", "\ud800", True):
        said = world.errors(question, {"f": json.dumps({"created_at": operand})}, status=400)
        assert "filters.created_at" in said[0]
        assert "is no time" in said[0]


RUNS = """query Q($f: JSONString) { project(name: "p") { runCount(filters: $f)
  runs(filters: $f) { edges { node { name } } } } }"""


def test_a_refusal_comes_over_the_wire_and_a_time_finds_its_runs(world: World) -> None:
    world.upsert("early")
    world.clock.move(3600)
    world.upsert("late")
    now = world.clock.seconds()

    def found(filters: Any) -> list[str]:
        data = world.gql(RUNS, {"f": json.dumps(filters)})
        names = [edge["node"]["name"] for edge in data["project"]["runs"]["edges"]]
        assert data["project"]["runCount"] == len(names)
        return names
    for since in (now - 60, (now - 60) * 1000, {"$date": (now - 60) * 1000}):
        assert found({"created_at": {"$gte": since}}) == ["late"]
        assert found({"created_at": {"$lt": since}}) == ["early"]
    assert found({"created_at": {"$gt": 0}}) == ["late", "early"]
    for filters in ({"state": "done"}, {"created_at": "soon"}, {"state": "\ud800"}, {"tags": 5}):
        said = world.errors(RUNS, {"f": json.dumps(filters)}, status=400)
        assert "filters" in said[0]
