"""Queries that ask for far more than they say: they end before they have cost much, by a 400 that names a setting.

Costs are counted and not timed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dumbbell_server import budget
from dumbbell_server.budget import Budget, Limits, QueryEnded, Together, TooMuchAtOnce
from dumbbell_server.graph import execution
from dumbbell_server.graph.context import Context
from dumbbell_server.graph.planned import PlanningExecutor
from dumbbell_server.history.reading import rows
from dumbbell_server.runs import queries
from support.world import KEY, World, open_world

ROWS = 400
HEADERS = {"authorization": "Bearer " + KEY}


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("budget")) as world:
        for number in range(30):
            world.upsert(f"r{number}", config=json.dumps({"text": {"value": "x" * 1000}}))
        world.history("r0", [{"_step": step, "a": step, "text": "x" * 100} for step in range(ROWS)])
        yield world


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> list[Budget]:
    """The budgets of the queries that come."""
    made: list[Budget] = []
    init = Context.__init__

    def noting(self: Context, *arguments: Any) -> None:
        init(self, *arguments)
        made.append(self.budget)

    monkeypatch.setattr(Context, "__init__", noting)
    return made


def calls_of(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[tuple[Any, ...]]:
    """What a function is called with from now on; it does what it did."""
    calls: list[tuple[Any, ...]] = []
    function = getattr(owner, name)

    def noted(*arguments: Any) -> Any:
        calls.append(arguments)
        return function(*arguments)

    monkeypatch.setattr(owner, name, noted)
    return calls


def limited(world: World, monkeypatch: pytest.MonkeyPatch, **limits: float) -> None:
    monkeypatch.setattr(world.backend, "query_limits", Limits(**limits))


def nested(sizes: list[int], inner: str = "name") -> str:
    for size in reversed(sizes):
        inner = f"project {{ runs(first: {size}) {{ edges {{ node {{ {inner} }} }} }} }}"
    return "{ " + inner.replace("project {", 'project(name: "p") {', 1) + " }"


BOMBS = {
    "the issue's": nested([10_000] * 6), "full": nested([10_000] * 3, "id name config summaryMetrics"),
    "aliases": '{ project(name: "p") { ' + " ".join(
        f"a{at}: runs(first: 9999) {{ edges {{ node {{ files(first: 500) {{ edges {{ cursor }} }} }} }} }}"
        for at in range(20)) + " } }",
    "variables": "query Q($n: Int = 10000) " + nested([7777] * 3).replace("7777", "$n"),
    "fragments": '{ project(name: "p") { ...A } } fragment A on Project { runs(first: 9000) { ...B } } '
                 "fragment B on RunConnection { edges { node { project { runs(first: 9000) { ...C } } } } } "
                 "fragment C on RunConnection { edges { node { name } } }",
    "types": "{ __schema { types { fields { args { type { fields { args { name } } } } } } } }",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_what_asks_for_too_much_is_not_begun(seeded: World, monkeypatch: pytest.MonkeyPatch, bomb: str) -> None:
    monkeypatch.setattr(execution, "execute_sync", lambda *_, **__: pytest.fail("it was begun"))
    answer = seeded.client.post("/graphql", json={"query": BOMBS[bomb]}, headers=HEADERS)
    (error,) = answer.json()["errors"]
    assert answer.status_code == 400
    assert "more than 10000000 values" in error["message"]
    assert "DUMBBELL_MAX_QUERY_PRICE" in error["message"]


def test_deep_introspection_is_refused(seeded: World) -> None:
    text = "{ __schema { types { " + "fields { type { " * 4 + "name" + " } }" * 4 + " } } }"
    assert seeded.errors(text) == ["Maximum introspection depth exceeded"]  # as graphql-core has it


def test_only_the_chosen_operation_is_priced(seeded: World) -> None:
    text = "query Small { viewer { username } } query Large " + BOMBS["full"]
    assert seeded.gql(text, operationName="Small")["viewer"]
    large = seeded.answer(text, operationName="Large", status=400)
    assert "PRICE" in large["errors"][0]["message"]


def test_a_document_that_is_too_long_is_not_parsed(seeded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "parse", lambda *_, **__: pytest.fail("it was parsed"))
    assert "200020 characters; at most 200000" in seeded.errors("{ viewer { id } }".ljust(200_020), status=400)[0]


@pytest.mark.parametrize("key", [None, KEY])
def test_who_sends_no_key_has_no_other_limits(seeded: World, key: str | None) -> None:
    assert "PRICE" in seeded.errors(BOMBS["full"], key=key, status=400)[0]


def test_fields_are_counted_as_they_are_executed(seeded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    executed = calls_of(monkeypatch, PlanningExecutor, "execute_field")
    limited(seeded, monkeypatch, fields=500)
    inner = "runs(first: 30) { edges { node { wandbConfig %s } } }"  # which no page answers at once
    text = '{ project(name: "p") { ' + inner % f"project {{ {inner % ''} }}" + " } }"
    assert "more than 500 fields" in seeded.errors(text, status=400)[0]
    assert 0 < len(executed) <= 500


def test_a_shared_object_is_paid_for_as_often_as_it_is_sent(seeded: World, spent: list[Budget]) -> None:
    """A page is one table; so is the one in the project that its runs share, which is executed once."""
    inner, outer = 30 * (1 + 1), 30 * (1 + 1)  # edges and nodes, a field each
    seeded.gql(nested([30]))
    assert spent[-1].spent.cells == inner
    seeded.gql(nested([30, 30]))
    cells = spent[-1].spent.cells
    assert outer + 30 * inner <= cells <= outer + 30 * (inner + 30)


@pytest.mark.parametrize("inner", ["name", "user { username }", "name wandbConfig"])
def test_shared_pages_end_before_they_are_sent(seeded: World, monkeypatch: pytest.MonkeyPatch, inner: str) -> None:
    read = calls_of(monkeypatch, queries, "columns_of")
    limited(seeded, monkeypatch, cells=20_000)
    (message,) = seeded.errors(nested([30, 30, 30], inner), status=400)
    assert "more than 20000 values in its tables (DUMBBELL_MAX_QUERY_CELLS)" in message
    assert sum(len(numbers) for _session, _columns, numbers in read) <= 90


def test_text_is_paid_for_as_often_as_it_is_sent(seeded: World, spent: list[Budget]) -> None:
    page = "runs(first: 30) {{ edges {{ node {{ {} }} }} }}"
    sizes = []
    for inner in ("config", "a: config b: config"):
        seeded.gql('{ project(name: "p") { ' + page.format(inner) + " } }")
        sizes.append(spent[-1].spent.text)
    assert 30_000 < sizes[0] < 35_000
    assert sizes[1] == pytest.approx(2 * sizes[0], rel=0.01)


@pytest.mark.parametrize("inner", [
    " ".join(f"a{at}: config" for at in range(50)), "config tags", "name notes wandbConfig config summaryMetrics"])
def test_documents_of_a_page_end_it(seeded: World, monkeypatch: pytest.MonkeyPatch, inner: str) -> None:
    limited(seeded, monkeypatch, text=25_000)
    text = 'query Q { project(name: "p") { runs(first: 30) { edges { node { ' + inner + " } } } } }"
    assert "more than 25000 characters of text (DUMBBELL_MAX_QUERY_TEXT)" in seeded.errors(text, status=400)[0]


HISTORIES = {"pages": "history(minStep: 0, maxStep: 100000)", "samples": "history(samples: 100000)",
             "shifted": "history(minStep: %d, maxStep: 100000)"}


@pytest.mark.parametrize("history", HISTORIES)
def test_aliases_of_a_long_history_end(seeded: World, monkeypatch: pytest.MonkeyPatch, history: str) -> None:
    inner = " ".join(f"a{at}: {HISTORIES[history].replace('%d', str(-at))}" for at in range(60))
    limited(seeded, monkeypatch, text=500_000)
    text = '{ project(name: "p") { run(name: "r0") { ' + inner + " } } }"
    assert "TEXT" in seeded.errors(text, status=400)[0]


def test_a_history_under_two_names_is_read_once(seeded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = calls_of(monkeypatch, rows, "ranges_of")
    found = seeded.run("a: history(minStep: 0, maxStep: 5) b: history(minStep: 0, maxStep: 5) "
                       "c: history(minStep: 1, maxStep: 5)", "r0")
    assert (len(found["a"]), found["b"], found["c"], len(reads)) == (5, found["a"], found["a"][1:], 2)


@pytest.mark.parametrize(("specs", "limits"), [
    ([{"keys": ["_step", "a"], "samples": 10**9}] * 20, {"cells": 8_000}),
    ([{"samples": 10**9}] * 20, {"text": 200_000}),
    ([{"keys": ["text"], "samples": 10**9}] * 20, {"text": 200_000}),
    ([{}] * 20, {"text": 200_000})])
def test_samples_are_paid_for(seeded: World, monkeypatch: pytest.MonkeyPatch, specs: list[Any],
                              limits: dict[str, float]) -> None:
    text = 'query Q($s: [JSONString!]!) { project(name: "p") { run(name: "r0") { sampledHistory(specs: $s) } } }'
    given = {"s": [json.dumps(spec) for spec in specs]}
    seeded.gql(text, {"s": given["s"][:1]})
    limited(seeded, monkeypatch, **limits)
    assert "ask for less at once" in seeded.errors(text, given, status=400)[0]


def test_a_sum_of_small_lists_is_paid_for(seeded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is more work than its fields: it is read from the database."""
    limited(seeded, monkeypatch, fields=1000)
    inner = " ".join(f"a{at}: files(first: 0) {{ totalCount }}" for at in range(100))
    assert "FIELDS" in seeded.errors('{ project(name: "p") { run(name: "r0") { ' + inner + " } } }", status=400)[0]


def test_a_query_ends_when_its_time_is_over(seeded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(10**9))
    monkeypatch.setattr(budget.time, "monotonic", lambda: next(ticks))
    limited(seeded, monkeypatch, seconds=20)
    text = '{ project(name: "p") { ' + " ".join(
        f'a{at}: runCount(filters: "{{\\"config.k{at}\\": {{\\"$regex\\": \\"x\\"}}}}")' for at in range(50)) + " } }"
    assert "longer than 20 seconds (DUMBBELL_MAX_QUERY_SECONDS)" in seeded.errors(text, status=400)[0]


def test_a_mutation_may_take_its_time(seeded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is told that it took too long would take it for not done."""
    ticks = iter(range(0, 10**9, 1000))
    monkeypatch.setattr(budget.time, "monotonic", lambda: next(ticks))
    limited(seeded, monkeypatch, seconds=1)
    assert seeded.upsert("r0", notes="slow")["bucket"]["notes"] == "slow"


def test_the_answer_of_a_mutation_has_limits_too(seeded: World) -> None:
    bucket = "project { runs(first: 9999) { edges { node { project { runs(first: 9999) { edges { cursor } } } } } } }"
    text = "mutation M($i: UpsertBucketInput!) { upsertBucket(input: $i) { bucket { %s } } }"
    given = {"i": {"name": "never", "modelName": "p"}}
    assert "PRICE" in seeded.errors(text % bucket, given, status=400)[0]
    assert seeded.run("name", "never") is None  # it was not begun


def test_what_a_limit_ends_changes_no_cache(seeded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns that were half made are made again, whoever asks next."""
    text = 'query Q($f: JSONString) { project(name: "p") { runCount(filters: $f) } }'
    given = {"f": json.dumps({"config.text": {"$regex": "^x+$"}})}
    ticks = iter(range(10**9))
    with monkeypatch.context() as hurried:
        hurried.setattr(budget.time, "monotonic", lambda: next(ticks))
        for seconds in range(1, 8):
            limited(seeded, hurried, seconds=seconds)
            seeded.client.post("/graphql", json={"query": text, "variables": given},
                               headers=HEADERS)
    assert seeded.gql(text, given)["project"]["runCount"] == 30


def test_all_queries_together_have_a_bound() -> None:
    together = Together(100)
    one, other = (Budget(Limits(text=100 << 20), together) for _ in range(2))
    together._limit = 20 << 20
    one.add_text(18 << 20)
    other.add_text(4 << 20)  # which each has for itself
    with pytest.raises(TooMuchAtOnce):
        other.add_text(8 << 20)
    one.close()
    other.add_text(1)
    other.close()
    assert together._taken == 0


def test_who_is_in_the_way_of_others_is_told_to_come_again(seeded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Together(0)
    full._limit = -1
    monkeypatch.setattr(budget, "_PIECE", 1000)
    monkeypatch.setattr(seeded.backend, "query_texts", full)
    text = 'query Q { project(name: "p") { runs { edges { node { config } } } } }'
    answer = seeded.client.post("/graphql", json={"query": text}, headers=HEADERS)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_without_a_query_there_are_no_limits() -> None:
    found = budget.current()
    found.execute(10**12)
    found.add_cells(10**12)
    found.add_text(10**12)
    found.look()


def test_a_budget_is_that_of_its_thread_until_the_end() -> None:
    own = Budget(Limits(fields=5))
    with own.applied(timed=True):
        assert budget.current() is own
        with pytest.raises(QueryEnded):
            budget.current().execute(6)
    assert budget.current() is not own


def test_a_dropped_query_ends_at_the_next_look_and_a_mutation_does_not() -> None:
    own = Budget(Limits())
    with own.applied(timed=True):
        own.look()
        own.drop()
        with pytest.raises(QueryEnded, match="nobody waits"):
            own.look()
    with own.applied(timed=False):
        own.look()
