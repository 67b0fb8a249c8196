"""Filters, orders and cursors that are made to take long: what they may hold has a bound, and so have their ways.

Work is counted and not timed, by keys and elements that say how often they are looked at.
"""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest

from dumbbell_server.errors import BadInput
from dumbbell_server.listing import columns, cursors, filters, operators, values
from dumbbell_server.listing.columns import Table
from dumbbell_server.listing.filters import matches_document, parse_filter, plain, read
from dumbbell_server.listing.orders import parse_order
from dumbbell_server.listing.paths import LONGEST_KEY, MOST_PARTS
from dumbbell_server.listing.tree import Field
from dumbbell_server.listing.values import MISSING, Several, canonical, compare, lookup
from dumbbell_server.runs.cells import CellReader
from dumbbell_server.runs.fields import RUN_FIELDS
from support.filter_cases import CASES
from support.world import World

DOTS = "." * 100_000
RUNS = """query Q($filters: JSONString, $order: String, $after: String) { project(name: "p") {
  runs(filters: $filters, order: $order, after: $after) { edges { node { name } } } } }"""


def counted(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> list[str]:
    """Has an item for each call of this function of the module from now on."""
    calls: list[str] = []
    function = getattr(module, name)

    def counting(*arguments: Any) -> Any:
        calls.append(name)
        return function(*arguments)

    monkeypatch.setattr(module, name, counting)
    return calls


class Counted(dict[str, Any]):
    """An object of a document; keys that were looked for in it are counted over all of them."""

    asked = 0

    def __contains__(self, key: object) -> bool:
        Counted.asked += 1
        return super().__contains__(key)


@pytest.mark.parametrize("key", [DOTS, "a." * MOST_PARTS + "a", "k" * (LONGEST_KEY + 1)])
def test_a_key_that_is_too_long_is_refused_wherever_it_stands(key: str) -> None:
    for asked in ({key: 1}, {"$or": [{key: 1}]}, {"a": {"$elemMatch": {key: 1}}}, {"config." + key: 1}):
        with pytest.raises(BadInput, match=r"the key .* has .* at most"):
            parse_filter(json.dumps(asked), RUN_FIELDS.filter_key)
    with pytest.raises(BadInput, match="at most"):
        parse_order(f"+config.{key}", RUN_FIELDS.order_key, RUN_FIELDS.known)


def test_a_request_with_such_a_key_is_400(world: World) -> None:
    world.upsert("r")
    for variables in ({"filters": json.dumps({DOTS: 1})}, {"filters": json.dumps({"config." + DOTS: {"$exists": 1}})},
                      {"order": "+config." + DOTS}, {"order": "+summary_metrics.x," * 100_000 + "+name"},
                      {"after": "A" * 1_000_000}):
        assert "\n" not in world.errors(RUNS, variables, status=400)[0]


def test_the_longest_key_is_looked_up() -> None:
    document: Any = 1
    for _ in range(MOST_PARTS):
        document = {"a": document}
    assert matches_document(read({".".join("a" * MOST_PARTS): 1}, plain), document)
    assert matches_document(read({"k" * LONGEST_KEY: 1}, plain), {"k" * LONGEST_KEY: 1})


def test_each_object_is_asked_once_for_each_reading_of_a_path() -> None:
    path = tuple("a" * MOST_PARTS)
    document: Any = {}
    for length in range(1, MOST_PARTS):
        document = Counted({".".join("a" * part): document for part in range(1, 3)} | {"b": length})
    Counted.asked = 0
    assert lookup({"a": document}, path) is MISSING
    # every object of the document is reached by one way, so no more than this
    assert Counted.asked <= MOST_PARTS * 2 * MOST_PARTS * MOST_PARTS


def test_lists_in_lists_are_gone_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An element is reached by its number, and as one that has the number for a key: twice as often a level."""
    visits = counted(monkeypatch, values, "_in_list")
    document: Any = [{"0": 7}]
    for _ in range(45):
        document = [{"0": document}]
    assert 7 in lookup(document, ("0",) * MOST_PARTS).values
    assert len(visits) <= 46 * MOST_PARTS
    assert lookup([{"0": [{"0": 7}]}], ("0",) * 3) == Several((MISSING, 7, {"0": 7}))
    assert lookup([{"a": [1, 2]}, {"a": [1, 3]}], ("a", "0")) == Several((1, 1))


@pytest.mark.parametrize("config", [{"a": {"value": {"b": 1}}}, {"a.b": {"value": 1}}])
def test_configs_are_read_by_all_readings(config: dict[str, Any]) -> None:
    reader = CellReader([Field("config", ("a", "b")), Field("config", ("a", "c"))])
    assert reader.cells([json.dumps(config)], {}) == [1, MISSING]


def test_values_have_the_same_canonical_form_where_they_compare_as_equal() -> None:
    found = [0, 0.0, -0.0, 1, True, False, float("nan"), -float("nan"), None, MISSING, "", "NaN", [], [1], [1.0],
             [True], {}, {"a": 1}, {"a": 1.0}, {"a": True}, {"a": None}, {"b": 1, "a": 2}, {"a": 2, "b": 1}, [{}], [[]],
             10**30, *(case[2] for case in CASES)]
    for one in found:
        for other in found:
            assert (canonical(one) == canonical(other)) is (compare(one, other) == 0)


def test_a_list_of_objects_is_not_gone_through_for_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    test = read({"a": {"$in": [{"k": number} for number in range(5000)] + [[number] for number in range(5000)]}}, plain)
    monkeypatch.setattr(operators, "compare", lambda *_: pytest.fail("compared one by one"))
    assert matches_document(test, {"a": {"k": 4999}})
    assert matches_document(test, {"a": [4999]})
    assert matches_document(test, {"a": [{"k": 1}]})
    assert not matches_document(test, {"a": {"k": 5000}})
    assert not matches_document(test, {"a": [True, 1]})


def test_conditions_are_counted_while_a_filter_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    patterns = counted(monkeypatch, operators, "search_of")
    one = {"a": {"$regex": "x"}}
    for asked in ({"$or": [one] * 50_000}, {"$and": [one] * 50_000}, {"$nor": [{"$and": [one] * 25_000}] * 2},
                  {"a": {"$elemMatch": {"$or": [one] * 50_000}}}):
        patterns.clear()
        with pytest.raises(BadInput, match="more than 500 conditions"):
            read(asked, plain)
        assert len(patterns) <= 600
    names = [{"name": f"r{number}"} for number in range(3000)]
    assert matches_document(read({"$or": [*names, *[one] * 499]}, plain), {"name": "r2999"})
    with pytest.raises(BadInput, match="more than 500 conditions"):
        read({"$or": [*names, *[one] * 500]}, plain)


def test_a_pattern_that_takes_too_long_for_a_text_is_refused() -> None:
    tree = read({"a": {"$regex": "(x|y)*x(x|y){900}z"}}, plain)
    assert not matches_document(tree, {"a": "xy" * 1000})
    with pytest.raises(BadInput, match=r"filters\.a\.\$regex: .* is too much to look for in a text of 1000000 char"):
        matches_document(tree, {"a": "xy" * 500_000})
    assert matches_document(read({"a": {"$regex": "(?i)Z+$"}}, plain), {"a": "xy" * 500_000 + "z"})


def test_such_a_text_that_comes_later_is_told_to_who_asks_and_to_nobody_else() -> None:
    field = Field("a")
    asked = read({"a": {"$regex": "(x|y)*x(x|y){900}z"}}, Field)
    table = Table([1, 2])
    table.add_column(field, ["xx", "yy"])
    assert table.passing(asked, {}) == 0
    table.change([field], [(2, ["xy" * 500_000])])
    assert table.passing(read({"a": "xx"}, Field), {}).bit_count() == 1
    with pytest.raises(BadInput, match="too much"):
        table.passing(asked, {})


def test_what_a_long_list_found_is_not_kept() -> None:
    field = Field("a")
    table = Table([1, 2])
    table.add_column(field, ["n1", "x"])
    for _ in range(2):
        few, many = (read({"a": {"$in": [f"n{number}" for number in range(count)]}}, Field) for count in (10, 10_000))
        assert table.passing(few, {}) == table.passing(many, {}) == 1
    assert len(table._tests) == len(table.columns[field]._found) == 1
    table.change([field], [(2, ["n2"])])
    assert table.passing(many, {}).bit_count() == 2


def test_so_many_columns_are_kept_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_COLUMNS_KEPT", 3)
    table = Table([1])
    for name in "abcde":
        table.add_column(Field(name), [1])
    assert [field.column for field in table.columns] == ["c", "d", "e"]


@pytest.mark.parametrize(("order", "reason"), [
    ("+name," * 20 + "-name", "21 keys; at most 20"), ("+name" + "," * 5000, "5005 characters; at most 4000")])
def test_an_order_that_is_too_long_is_refused(order: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_order(order, RUN_FIELDS.order_key, RUN_FIELDS.known)


def test_a_cursor_of_the_longest_order_is_read() -> None:
    keys = parse_order(",".join(["+name"] * 20), RUN_FIELDS.order_key, RUN_FIELDS.known)
    position = ((1, "\u20ac" * 256),) * 20
    assert cursors.read(cursors.write(position, 7), keys) == (position, 7)


def test_the_deepest_filter_is_read() -> None:
    asked: dict[str, Any] = {"a": 1}
    for _ in range((filters._DEEPEST - 2) // 2):
        asked = {"$and": [asked]}
    assert matches_document(read(asked, plain), {"a": 1})


@pytest.mark.parametrize("keys", [[DOTS], ["a." * 50_000 + "a"], [f"k{number}.x" for number in range(40_000)]],
                         ids=["dots", "parts", "keys"])
def test_samples_of_such_keys_have_no_rows(world: World, keys: list[str]) -> None:
    world.upsert("r")
    world.history("r", [{"_step": step, "a": {"b": step}} for step in range(3)])
    asked = """query Q($s: JSONString!) { project(name: "p") { run(name: "r") { sampledHistory(specs: [$s]) } } }"""
    for wanted, expected in ((keys, []), (["a.b"], [{"a.b": step} for step in range(3)])):
        found = world.gql(asked, {"s": json.dumps({"keys": wanted})})
        assert found["project"]["run"]["sampledHistory"] == [expected]


def test_a_logged_name_with_very_many_dots_is_read(world: World) -> None:
    name = "x." * 100 + "x"
    world.upsert("r")
    world.history("r", [{"_step": 0, name: 5}])
    asked = """query Q($s: JSONString!) { project(name: "p") { run(name: "r") { sampledHistory(specs: [$s]) } } }"""
    found = world.gql(asked, {"s": json.dumps({"keys": [name]})})
    assert found["project"]["run"]["sampledHistory"] == [[{name: 5}]]
