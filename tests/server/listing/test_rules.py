"""MongoDB's rules, of documents and of runs on each database."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import loads
from dumbbell_server.listing.filters import matches_document, parse_filter, plain, read
from support.filter_cases import CASES, Case, below
from support.world import World

QUESTION = """query Q($filters: JSONString) { project(name: "p") {
  runCount(filters: $filters) runs(filters: $filters, first: 1000) { edges { node { name } } } } }"""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_document_matches(case: Case) -> None:
    _, filters, document, expected = case
    assert matches_document(read(filters, plain), document) is expected


def test_there_are_many_rules_and_no_two_alike() -> None:
    assert len(CASES) >= 150
    assert len({case[0] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("column", ["summary_metrics", "config"])
def test_runs_match_as_documents_do(world: World, column: str) -> None:
    for number, (_, _, document, _) in enumerate(CASES):
        if column == "config":
            world.upsert(f"r{number}", config=json.dumps({"doc": {"value": document}}))
        else:
            world.upsert(f"r{number}", summaryMetrics=json.dumps({"doc": document}))
    documents = [loads(json.dumps(case[2])) for case in CASES]  # as stored, where huge integers become doubles
    wrong = []
    for rule, filters, _, _ in CASES:
        tree = read(filters, plain)
        found = world.gql(QUESTION, {"filters": json.dumps(below(f"{column}.doc", filters))})["project"]
        names = {edge["node"]["name"] for edge in found["runs"]["edges"]}
        expected = {f"r{number}" for number, document in enumerate(documents) if matches_document(tree, document)}
        if names != expected or found["runCount"] != len(expected):
            wrong.append((rule, sorted(names ^ expected)))
    assert not wrong


@pytest.mark.parametrize(("filters", "place"), [
    ({"a": {"$foo": 1}}, "filters.a.$foo"),
    ({"$foo": []}, "filters.$foo"),
    ({"$and": {}}, "filters.$and"),
    ({"$or": [{"a": 1}, 5]}, "filters.$or[1]"),
    ({"$or": [{"$and": [{"a": {"$in": 3}}]}]}, "filters.$or[0].$and[0].a.$in"),
    ({"a": {"$in": [{"$gt": 1}]}}, "filters.a.$in"),
    ({"a": {"$gt": 1, "b": 2}}, "filters.a.b"),
    ({"a": {"$size": -1}}, "filters.a.$size"),
    ({"a": {"$size": 1.5}}, "filters.a.$size"),
    ({"a": {"$size": "1"}}, "filters.a.$size"),
    ({"a": {"$mod": [4]}}, "filters.a.$mod"),
    ({"a": {"$mod": [0, 1]}}, "filters.a.$mod"),
    ({"a": {"$mod": ["4", 1]}}, "filters.a.$mod"),
    ({"a": {"$type": "text"}}, "filters.a.$type"),
    ({"a": {"$type": 99}}, "filters.a.$type"),
    ({"a": {"$type": []}}, "filters.a.$type"),
    ({"a": {"$type": [[]]}}, "filters.a.$type"),
    ({"a": {"$regex": "("}}, "filters.a.$regex"),
    ({"a": {"$regex": "(?=x)"}}, "filters.a.$regex"),
    ({"a": {"$regex": 5}}, "filters.a.$regex"),
    ({"a": {"$regex": "x" * 1001}}, "filters.a.$regex"),
    ({"a": {"$regex": "((a{100}){100}){100}"}}, "filters.a.$regex"),
    ({"a": {"$regex": "\ud800"}}, "filters.a.$regex"),
    ({"a": {"$regex": "x", "$options": "q"}}, "filters.a.$regex"),
    ({"a": {"$options": "i"}}, "filters.a.$options"),
    ({"a": {"$not": 5}}, "filters.a.$not"),
    ({"a": {"$not": {}}}, "filters.a.$not"),
    ({"a": {"$not": {"b": 1}}}, "filters.a.$not"),
    ({"a": {"$all": 5}}, "filters.a.$all"),
    ({"a": {"$all": [{"$gt": 5}]}}, "filters.a.$all[0]"),
    ({"a": {"$elemMatch": 5}}, "filters.a.$elemMatch"),
    ({"a": {"$elemMatch": {"b": {"$foo": 1}}}}, "filters.a.$elemMatch.b.$foo"),
    ({"$or": [{"a": {"$gt": number}} for number in range(501)]}, "500 conditions"),
], ids=lambda part: part if isinstance(part, str) else "")
def test_a_bad_filter_is_refused_by_its_place(filters: dict[str, Any], place: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(filters, plain)
    assert place in refused.value.message


@pytest.mark.parametrize("text", ["[]", "5", '"x"', "{", '{"a":', "{" * 3000, '{"a":' * 3000])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="filters"):
        parse_filter(text, plain)


def test_a_filter_that_is_nested_too_deeply_is_refused() -> None:
    filters: dict[str, Any] = {"a": 1}
    for _ in range(100):
        filters = {"$and": [filters]}
    with pytest.raises(BadInput, match="nested"):
        read(filters, plain)


@pytest.mark.parametrize("text", [None, "", " ", "null", "{}"])
def test_no_filter_lets_everything_through(text: str | None) -> None:
    assert matches_document(parse_filter(text, plain), {"a": 1})


def test_names_that_are_listed_one_by_one_are_one_condition() -> None:
    tree = read({"$or": [{"name": f"r{number}"} for number in range(5000)]}, plain)
    assert matches_document(tree, {"name": "r4999"})
    assert not matches_document(tree, {"name": "r5000"})
