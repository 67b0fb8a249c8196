"""One description of a field: a listed type answers, filters and orders by its fields, or they are named here."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLObjectType, GraphQLScalarType, get_named_type, is_list_type
from graphql.type import GraphQLNonNull
from sqlmodel import SQLModel

from dumbbell_server.artifacts.fields import COLLECTION_FIELDS, VERSION_FIELDS
from dumbbell_server.listing.fields import Fields
from dumbbell_server.listing.tree import Kind
from dumbbell_server.projects.fields import PROJECT_FIELDS
from dumbbell_server.runs.fields import RUN_FIELDS
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.schema import build_schema
from dumbbell_server.sweeps.fields import SWEEP_FIELDS

LISTED: dict[str, Fields] = {"Run": RUN_FIELDS, "Project": PROJECT_FIELDS, "Sweep": SWEEP_FIELDS,
                             "ArtifactSequence": COLLECTION_FIELDS, "Artifact": VERSION_FIELDS}

# Plain scalars of listed types that are no fields of their lists: nothing is filtered nor ordered by them.
ELSEWHERE: dict[str, dict[str, str]] = {
    "Run": {"historyKeys": "provided by the history", "historyTail": "a row", "eventsTail": "a row",
            "fileCount": "counted"},
    "Project": {"allowAllArtifactTypesInRegistry": "of the types", "dockerImage": "not kept", "framework": "not kept",
                "repo": "not kept", "entityName": "of the entity", "internalId": "the id, in another form",
                "readOnly": "of the viewer", "totalSweeps": "counted", "views": "a document"},
    "Sweep": {"id": "the name, in another form", "config": "a document of YAML", "controller": "a document",
              "scheduler": "a document", "controllerRunName": "not kept", "earlyStopJobRunning": "not kept",
              "heartbeatAt": "of its runs", "bestLoss": "of its runs", "runCount": "counted",
              "runCountExpected": "of the config"},
    "ArtifactSequence": {},
    "Artifact": {"commitHash": "no client asks", "fileCount": "no client asks", "historyStep": "no client asks",
                 "labels": "a document", "ttlDurationSeconds": "no client asks", "ttlIsInherited": "no client asks"},
}

# Columns of runs that no client sees.
UNLISTED = {"id", "user_id", "program", "repo", "exitcode", "parent_name", "parent_step", "parent_kept",
            "history_generation", "restart_pending", "revision"}


def scalars(name: str) -> set[str]:
    """The fields of a type that take no arguments and give one scalar."""
    kind = build_schema().get_type(name)
    assert isinstance(kind, GraphQLObjectType)
    found = set()
    for field, definition in kind.fields.items():
        inner = definition.type.of_type if isinstance(definition.type, GraphQLNonNull) else definition.type
        if not definition.args and not is_list_type(inner) and isinstance(get_named_type(inner), GraphQLScalarType):
            found.add(field)
    return found


@pytest.mark.parametrize("name", LISTED)
def test_every_plain_scalar_is_described(name: str) -> None:
    described = {field.name for field in LISTED[name].listed}
    assert scalars(name) - described == set(ELSEWHERE[name])


def test_every_stored_column_of_runs_is_described() -> None:
    stored = {field.column for field in RUN_FIELDS.listed}
    assert {column.name for column in SQLModel.metadata.tables[str(RunRow.__tablename__)].columns} - stored == \
        UNLISTED - stored


def test_every_scalar_of_a_run_is_answered_at_once() -> None:
    """A page that asks for a field without an answer costs ten times as much."""
    unanswered = {field.name for field in RUN_FIELDS.listed if field.answer is None}
    assert not unanswered & scalars("Run")


@pytest.mark.parametrize("name", LISTED)
def test_keys_name_one_field_each(name: str) -> None:
    keys = [key for field in LISTED[name].listed for key in field.keys]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", LISTED)
def test_what_filters_also_orders_and_is_named_in_the_error(name: str) -> None:
    fields = LISTED[name]
    for field in fields.listed:
        for key in field.keys:
            asked: Any = f"{key}.inner" if field.kind is Kind.DOCUMENT else key
            assert fields.order_key(asked) is not None, asked
            assert fields.filter_key(asked).column, asked
        if field.keys:
            assert field.keys[0] in fields.known
