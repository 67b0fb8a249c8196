"""Filters and orders, each row of their tables, in both directions."""

from __future__ import annotations

from typing import Any

import pytest

from dumbbell import QueryGenerator, errors

GENERATOR = QueryGenerator()


def test(section: str, name: str, op: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"key": {"section": section, "name": name}, "op": op, "value": value, **more}


test.__test__ = False  # type: ignore[attr-defined]  # a node of a filter, not a test of ours

ABSENT = {"$or": [{"tags": None}, {"tags": {"$ne": "t"}}]}


@pytest.mark.parametrize(("node", "wanted"), [
    (test("config", "lr", "=", 0.1), {"config.lr": 0.1}),
    (test("config", "lr", "=", None), {"config.lr": None}),
    (test("config", "lr", "!=", 0.1), {"config.lr": {"$ne": 0.1}}),
    (test("summary", "loss", ">", 1), {"summary_metrics.loss": {"$gt": 1}}),
    (test("summary", "loss", ">=", 1), {"summary_metrics.loss": {"$gte": 1}}),
    (test("summary", "loss", "<", 1), {"summary_metrics.loss": {"$lt": 1}}),
    (test("summary", "loss", "<=", 1), {"summary_metrics.loss": {"$lte": 1}}),
    (test("run", "state", "IN", ["a"]), {"state": {"$in": ["a"]}}),
    (test("run", "state", "NIN", ["a"]), {"state": {"$nin": ["a"]}}),
    (test("run", "name", "REGEX", "^a"), {"name": {"$regex": "^a"}}),
    (test("keys_info", "x", "=", 1), {"keys_info.keys.x": 1}),
    (test("tags", "t", "IN", ["t", "u"]), {"tags": {"$in": ["t", "u"]}}),
    (test("tags", "t", "=", True), {"tags": "t"}),
    (test("tags", "t", "=", False), ABSENT),
    (test("tags", "t", "!=", True), ABSENT),
    (test("tags", "t", "!=", False), {"tags": "t"}),
    (test("config", "", "=", 1), None),
    (test("config", "lr", "<", None), None),
    (test("config", "lr", "=", 1, disabled=True), None),
    ({}, None),
    ({"op": "AND", "filters": []}, {"$and": []}),
    ({"op": "OR", "filters": [{"op": "AND", "filters": [test("config", "a", "=", 1), test("config", "", "=", 1)]}]},
     {"$or": [{"$and": [{"config.a": 1}]}]}),
])
def test_a_filter_in_the_server_s_language(node: dict[str, Any], wanted: dict[str, Any] | None) -> None:
    assert GENERATOR.filter_to_mongo(node) == wanted


@pytest.mark.parametrize("node", [
    test("config", "lr", "~", 1), {"op": "XOR", "filters": []}, test("nonsense", "x", "=", 1)])
def test_a_filter_that_cannot_be(node: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="there are"):
        GENERATOR.filter_to_mongo(node)


def test_an_unknown_operator_is_also_a_key_error() -> None:
    with pytest.raises(KeyError):
        GENERATOR.filter_to_mongo(test("config", "lr", "~", 1))


@pytest.mark.parametrize("query", [
    {"config.lr": 0.1}, {"summary_metrics.loss": {"$gt": 1}}, {"state": {"$in": ["a", "b"]}}, {"name": {"$ne": "x"}},
    {"$or": [{"$and": [{"config.a": 1}, {"keys_info.keys.b": {"$lte": 2}}]}]}, {"$and": []}])
def test_a_query_goes_there_and_back(query: dict[str, Any]) -> None:
    assert GENERATOR.filter_to_mongo(GENERATOR.mongo_to_filter(query)) == query


def test_several_keys_and_operators_become_a_group() -> None:
    assert GENERATOR.filter_to_mongo(GENERATOR.mongo_to_filter({"state": "x", "config.a": {"$gt": 1, "$lt": 3}})) == {
        "$and": [{"state": "x"}, {"$and": [{"config.a": {"$gt": 1}}, {"config.a": {"$lt": 3}}]}]}
    assert GENERATOR.mongo_to_filter({"a": {"$eq": 3}})["op"] == "="


@pytest.mark.parametrize("query", [{"a": {"$exists": True}}, {"$nor": []}])
def test_what_a_report_cannot_say(query: dict[str, Any]) -> None:
    with pytest.raises(errors.UnknownOperatorError, match="cannot say"):
        GENERATOR.mongo_to_filter(query)


KEYS = [("config", "lr", "config.lr"), ("summary", "loss", "summary_metrics.loss"), ("run", "state", "state"),
        ("keys_info", "x", "keys_info.keys.x"), ("tags", "t", "tags.t"), ("config", "a.b", "config.a.b")]


@pytest.mark.parametrize(("section", "name", "path"), KEYS)
def test_keys_and_paths(section: str, name: str, path: str) -> None:
    key = {"section": section, "name": name}
    assert GENERATOR.key_to_server_path(key) == path
    assert GENERATOR.server_path_to_key(path) == key
    order = GENERATOR.keys_to_order({"keys": [{"key": key, "ascending": True}, {"key": key, "ascending": False}]})
    assert order == [f"+{path}", f"-{path}"]
    assert [item["key"] for item in GENERATOR.order_to_keys([*order, path])["keys"]] == [key] * 3


@pytest.mark.parametrize(("key", "wanted"), [
    ("loss", "-summary_metrics.loss"), ("+loss", "+summary_metrics.loss"), ("a.b", "-summary_metrics.a.b"),
    ("config.lr", "-config.lr"), ("+config.lr.value", "+config.lr.value"),
    ("summary_metrics.x", "-summary_metrics.x"), ("tags.x", "-tags.x"), ("summary_metrics.state",
                                                                        "-summary_metrics.state"),
    *[(name, f"-{name}") for name in (
        "createdAt", "updatedAt", "name", "sweep", "created_at", "heartbeat_at", "updated_at", "heartbeatAt", "state",
        "displayName", "username", "group", "jobType", "duration")],
    ("+createdAt", "+createdAt"), ("-name", "-name")])
def test_an_order_as_the_server_reads_it(key: str, wanted: str) -> None:
    assert QueryGenerator.format_order_key(key) == wanted
