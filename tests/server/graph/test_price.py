"""What a query may ask for, known before it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from graphql import GraphQLSchema, get_introspection_query, parse

from dumbbell_server.graph import price
from dumbbell_server.graph.price import prices
from dumbbell_server.schema import build_schema


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema()


@pytest.fixture(scope="module")
def cost(schema: GraphQLSchema) -> Callable[..., int]:
    def of(text: str, **variables: Any) -> int:
        (found,) = prices(schema, parse(text)).values()
        return found.of(variables)
    return of


def runs(size: str, inner: str = "name") -> str:
    return f"runs{size} {{ edges {{ node {{ {inner} }} }} }}"


def project(inner: str, head: str = "") -> str:
    return f'{head} {{ project(name: "p") {{ {inner} }} }}'


def page(size: int, inner: int = 1) -> int:
    """What `runs` costs: itself, its edges, and for each of them the node and what is inside."""
    return 2 + size * (1 + inner)


@pytest.mark.parametrize(("inner", "expected"), [
    ("name", 1),
    (runs("(first: 10)"), page(10)),
    (runs(""), page(50)),
    (runs("(first: null)"), page(50)),
    (runs("(first: 0)"), page(0)),
    (runs("(first: -5)"), page(0)),
    (runs("(first: 2000000000)"), page(10_000)),
    (runs("(first: 10)", f"project {{ {runs('(first: 20)')} }}"), page(10, 1 + page(20))),
    (" ".join(f"a{number}: {runs('(first: 10)')}" for number in range(3)), 3 * page(10)),
    ('run(name: "r") { history(samples: 100000) tags }', 1 + 1_000_000 + 1),
    ('run(name: "r") { history(samples: 2000000000) }', 1 + 5_000_000),
    ('run(name: "r") { logLines(first: 5, last: 30) { edges { node { line } } } }', 1 + page(30)),
    ('run(name: "r") { logLines(last: 30, first: 5) { edges { node { line } } pageInfo { endCursor } } }',
     1 + page(30) + 2),
    ("... on Project { " + runs("(first: 10)") + " }", page(10)),
    ("... { " + runs("(first: 10)") + " }", page(10)),
])
def test_sizes_are_multiplied(cost: Callable[..., int], inner: str, expected: int) -> None:
    assert cost(project(inner)) == 1 + expected


@pytest.mark.parametrize(("default", "given", "size"), [
    ("", {}, 50), ("", {"n": None}, 50), ("", {"n": 7}, 7), ("", {"n": 10**9}, 10_000), ("", {"n": -3}, 0),
    ("", {"n": 700.0}, 700), ("", {"n": "7"}, 50), ("", {"n": True}, 50), ("", {"n": 1.5}, 50), ("", {"m": 9}, 50),
    (" = 400", {}, 400), (" = 400", {"n": None}, 50), (" = 400", {"n": 3}, 3), (" = null", {}, 50)])
def test_variables_hide_no_size(cost: Callable[..., int], default: str, given: dict[str, Any], size: int) -> None:
    head = f"query Q($n: Int{default}, $m: Int)"
    assert cost(project(runs("(first: $n)"), head), **given) == 1 + page(size)
    nested = runs("(first: $n)", f"project {{ {runs('(first: $n)')} {runs('(first: 2)', 'id name')} }}")
    assert cost(project(nested, head), **given) == 1 + page(size, 1 + page(size) + page(2, 2))


def test_of_several_sizes_the_largest_counts(cost: Callable[..., int]) -> None:
    text = project('run(name: "r") { logLines(first: $a, last: $b) { edges { cursor } } }', "query Q($a: Int, $b: Int)")
    assert cost(text, a=3, b=40) == cost(text, a=40, b=3) == 2 + page(40, 0)
    one = text.replace("$b)", "9)", 1).replace("last: $b", "last: 9")
    assert (cost(one, a=3), cost(one, a=40)) == (2 + page(9, 0), 2 + page(40, 0))


def test_fragments_hide_no_size(cost: Callable[..., int]) -> None:
    fragments = "fragment Page on RunConnection { edges { ...Edge } } fragment Edge on RunEdge { node { name } }"
    assert cost(project("runs(first: 10) { ...Page }") + fragments) == 1 + page(10)
    twice = project("runs(first: $n) { ...Page ...Page }", "query Q($n: Int)") + fragments
    assert cost(twice, n=10) == 1 + 1 + 2 * (page(10) - 1)


@pytest.mark.parametrize("size", ["(first: 10)", "(first: $n)"])
def test_fragments_are_gone_through_once(cost: Callable[..., int], size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of a hundred spreads the next one twice: two to the power of a hundred fields."""
    passes = 0
    selection = price._Pricing._selection

    def counted(*arguments: Any) -> Any:
        nonlocal passes
        passes += 1
        return selection(*arguments)

    monkeypatch.setattr(price._Pricing, "_selection", counted)
    chain = " ".join(f"fragment F{at} on Project {{ ...F{at + 1} ...F{at + 1} }}" for at in range(100))
    text = project("...F0", "query Q($n: Int)") + chain + " fragment F100 on Project { " + runs(size) + " }"
    assert cost(text, n=10) == 1 + 2**100 * page(10)
    assert passes < 110


def test_equal_parts_are_priced_once(schema: GraphQLSchema) -> None:
    aliases = " ".join(f"a{number}: {runs('(first: $n)')}" for number in range(1000))
    (found,) = prices(schema, parse(project(aliases, "query Q($n: Int)"))).values()
    assert found.of({"n": 10}) == 1 + 1000 * page(10)
    assert len(found._sums) == 2


def test_what_depends_on_no_variable_is_a_number(schema: GraphQLSchema) -> None:
    (found,) = prices(schema, parse(project(runs("(first: 10)", "user { name }")))).values()
    assert found._sums == ((1 + page(10, 2), ()),)


def test_each_operation_has_its_price(schema: GraphQLSchema) -> None:
    found = prices(schema, parse("query A { viewer { id } } query B { viewer { id name } } mutation C { __typename }"))
    assert {name: each.of({}) for name, each in found.items()} == {"A": 2, "B": 3, "C": 1}


def test_the_usual_introspection_is_allowed(cost: Callable[..., int]) -> None:
    assert cost(get_introspection_query()) < 10_000_000
