"""Random filters of random documents: SQLite, Postgres and the evaluator agree, mongoquery too where it is right.

The columns of a server have ways of their own (numbers, texts, kept results), and its runs change: what they say is
compared with what the evaluator says of each document alone.
"""

from __future__ import annotations

import json
import math
from typing import Any

import mongoquery
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dumbbell_server.json_text import loads
from dumbbell_server.listing.filters import matches_document, plain, read
from support.filter_cases import below
from support.world import World

QUESTION = """query Q($filters: JSONString) { project(name: "p") {
  runCount(filters: $filters) runs(filters: $filters, first: 1000) { edges { node { name } } } } }"""

KEYS = st.sampled_from(["a", "b", "c.d", "0", "value"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 3), st.sampled_from([0.5, 1.0, math.nan, math.inf, -math.inf, 2**53 + 1]),
    st.sampled_from(["", "a", "ab", "b", "1", "\n", "é"]))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)
PATHS = st.lists(st.sampled_from(["a", "b", "c", "d", "0", "1", "value"]), min_size=1, max_size=3).map(".".join)


def operator(name: str, operands: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return operands.map(lambda operand: {name: operand})


COMPARISONS = st.one_of(*(operator(name, VALUES) for name in ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte")))
SIMPLE = st.one_of(
    COMPARISONS,
    *(operator(name, st.lists(VALUES, max_size=3)) for name in ("$in", "$nin", "$all")),
    operator("$exists", st.booleans()),
    operator("$type", st.sampled_from(["string", "number", "int", "double", "bool", "null", "array", "object", 2])),
    operator("$size", st.integers(0, 3)),
    operator("$mod", st.tuples(st.sampled_from([1, 2, -2, 1.5]), st.integers(-1, 1)).map(list)),
    operator("$regex", st.sampled_from(["a", "^a", "b$", ".", "^$", "(?i)A"])),
    operator("$contains", st.sampled_from(["a", "b", 1, None])),
)
OPERATORS = st.recursive(
    SIMPLE, lambda inner: st.one_of(operator("$not", inner), operator("$elemMatch", inner),
                                    st.tuples(inner, inner).map(lambda two: two[0] | two[1])), max_leaves=3)
CONDITIONS = st.dictionaries(PATHS, OPERATORS | VALUES, min_size=1, max_size=2)
FILTERS = st.recursive(
    CONDITIONS | operator("$and", st.just([])), lambda inner: st.one_of(
        *(operator(name, st.lists(inner, min_size=1, max_size=3)) for name in ("$and", "$or", "$nor"))), max_leaves=4)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=st.lists(DOCUMENTS, min_size=1, max_size=6), filters=st.lists(FILTERS, min_size=1, max_size=6),
       changed=DOCUMENTS)
def test_runs_match_as_the_evaluator_says(world: World, documents: list[dict[str, Any]], filters: list[dict[str, Any]],
                                          changed: dict[str, Any]) -> None:
    kept = {f"r{number}": document for number, document in enumerate(documents)}
    for name, document in kept.items():
        write(world, name, document)
    for name in [f"r{number}" for number in range(len(documents), 6)]:
        write(world, name, {})
        kept[name] = {}
    check(world, kept, filters)
    kept["r0"] = changed
    write(world, "r0", changed)
    check(world, kept, filters)


def write(world: World, name: str, document: dict[str, Any]) -> None:
    world.upsert(name, summaryMetrics=json.dumps({"doc": document}))


def check(world: World, kept: dict[str, dict[str, Any]], filters: list[dict[str, Any]]) -> None:
    for asked in filters:
        tree = read(loads(json.dumps(asked)), plain)
        expected = {name for name, document in kept.items() if matches_document(tree, loads(json.dumps(document)))}
        found = world.gql(QUESTION, {"filters": json.dumps(below("summary_metrics.doc", asked))})["project"]
        assert {edge["node"]["name"] for edge in found["runs"]["edges"]} == expected
        assert found["runCount"] == len(expected)


# mongoquery departs from MongoDB on null and missing fields, $ne and comparisons of lists, bools, $type, $mod,
# $options and empty $all: what is drawn here stays out of those.
FLAT = st.fixed_dictionaries({
    "a": st.integers(-3, 3), "b": st.sampled_from(["x", "y", "xy"]), "c": st.lists(st.integers(0, 3), max_size=3)})
PLAIN = st.one_of(
    st.fixed_dictionaries({"a": st.one_of(*(operator(name, st.integers(-3, 3)) for name in (
        "$eq", "$ne", "$gt", "$gte", "$lt", "$lte")), operator("$in", st.lists(st.integers(-3, 3))),
        operator("$nin", st.lists(st.integers(-3, 3))))}),
    st.fixed_dictionaries({"b": st.sampled_from(["x", "y"]) | operator("$regex", st.sampled_from(["x", "^y", "y$"]))}),
    st.fixed_dictionaries({"c": st.one_of(st.integers(0, 3), operator("$size", st.integers(0, 3)), operator(
        "$elemMatch", st.fixed_dictionaries({"$gt": st.integers(0, 3)})))}))


@settings(deadline=None)
@given(document=FLAT, filters=st.recursive(PLAIN, lambda inner: st.one_of(
    *(operator(name, st.lists(inner, min_size=1, max_size=3)) for name in ("$and", "$or", "$nor"))), max_leaves=5))
def test_mongoquery_agrees_where_it_is_right(document: dict[str, Any], filters: dict[str, Any]) -> None:
    assert matches_document(read(filters, plain), document) is bool(mongoquery.Query(filters).match(document))
