"""From a document's text to an answer: the cache of documents, and how errors look."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import GraphQLArgument, GraphQLField, GraphQLList, GraphQLObjectType, GraphQLSchema, GraphQLString

from dumbbell_server.budget import Budget, Limits
from dumbbell_server.errors import Forbidden, StorageFull
from dumbbell_server.graph import execution
from dumbbell_server.graph.execution import Documents, Executor

SCHEMA = GraphQLSchema(GraphQLObjectType("Query", {name: GraphQLField(GraphQLString) for name in "abcdefgh"}))


def text(name: str, size: int = 0) -> str:
    """A document that asks for one field, of at least `size` characters."""
    return f"{{ {name} }}".ljust(size)


def context_of(viewer: str | None) -> Any:
    return SimpleNamespace(viewer=viewer, budget=Budget(Limits()))


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The fields that were asked for in documents that were parsed, one after the other."""
    names: list[str] = []
    parse = execution.parse

    def noting(source: str, **options: Any) -> Any:
        names.append(source[2])
        return parse(source, **options)

    monkeypatch.setattr(execution, "parse", noting)
    return names


def ask(documents: Documents, names: str, size: int = 0) -> None:
    for name in names:
        documents.get(text(name, size))


def test_a_document_is_parsed_once(parsed: list[str]) -> None:
    documents = Documents(SCHEMA)
    first = documents.get(text("a"))
    assert (first.errors, documents.get(text("a")) is first, parsed) == ((), True, ["a"])


def test_what_was_not_used_for_longest_goes_first(parsed: list[str]) -> None:
    documents = Documents(SCHEMA, count=3)
    ask(documents, "abcad")  # b goes
    assert parsed == [*"abcd"]
    ask(documents, "acd")
    assert parsed == [*"abcd"]
    ask(documents, "b")  # a goes
    ask(documents, "cda")
    assert parsed == [*"abcdba"]


def test_documents_are_bounded_by_their_weight(parsed: list[str]) -> None:
    weight = Documents(SCHEMA).get(text("a", 1000)).weight
    documents = Documents(SCHEMA, size=3 * weight)
    ask(documents, "abc", 1000)
    ask(documents, "abc", 1000)
    assert parsed == [*"aabc"]
    ask(documents, "d", 1001)  # a and b go, not a alone
    ask(documents, "c", 1000)
    ask(documents, "d", 1001)
    assert parsed == [*"aabcd"]
    ask(documents, "b", 1000)  # c goes
    ask(documents, "d", 1001)
    assert parsed == [*"aabcdb"]
    ask(documents, "e", 1000 + weight)  # all others go
    ask(documents, "e", 1000 + weight)
    ask(documents, "c", 1000)
    assert parsed == [*"aabcdbec"]
    ask(documents, "f", 1001 + weight)  # it does not stay
    ask(documents, "c", 1000)
    assert parsed == [*"aabcdbecf"]


TREE: GraphQLObjectType = GraphQLObjectType("Tree", lambda: {
    name: GraphQLField(TREE if name < "s" else GraphQLString, {"b": GraphQLArgument(GraphQLList(GraphQLString))})
    for name in "abcdefghijklmnopqrstuvwxyz"})


@pytest.mark.parametrize("document", [
    "{ " + " ".join(f"a{number}: z" for number in range(2000)) + " }",
    "{ a " * 150 + "{ z }" + " }" * 150,
    "{ " + " ".join(f'a{number}: z(b: "1")' for number in range(1000)) + " }",
    '{ z(b: ["' + '" "' * 9000 + '"]) }',
    '{ z(b: ["' + "x" * 50_000 + '"]) }',
    '{ z(b: ["""' + '""" """' * 5000 + '"""]) }',
    "{ " + " ".join(f"...{{a{number}: z}}" for number in range(1000)) + " }",
    "{ " + " ".join(f"a{number}: z @skip(if: true)" for number in range(1000)) + " }",
    "{ z, a { b { c { z } } } }",
], ids=["aliases", "depth", "arguments", "strings", "string", "blocks", "fragments", "directives", "short"])
def test_a_document_weighs_at_least_what_it_takes(document: str) -> None:
    documents = Documents(GraphQLSchema(TREE))
    documents._read(document)
    gc.collect()
    many = 1 + 10_000 // len(document)  # what libraries make and keep, whatever the document, counts for little
    tracemalloc.start()
    try:
        found = [documents._read(document) for _ in range(many)]
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found[0].errors == ()
    assert taken / many <= found[0].weight <= 6 * taken / many


def test_what_is_wrong_has_no_tree() -> None:
    document = Documents(SCHEMA).get("{ " + "unknown " * 5000 + "}")
    assert document.node is None
    assert document.errors
    assert document.weight < 60_000


def test_strangers_find_documents_and_leave_none(parsed: list[str]) -> None:
    schema = GraphQLSchema(GraphQLObjectType("Query", {name: GraphQLField(GraphQLString) for name in "ab"}))
    executor = Executor(schema)
    nobody, somebody = (context_of(viewer) for viewer in (None, "somebody"))
    for _ in range(2):
        executor.run(text("a"), None, None, nobody)
    assert parsed == [*"aa"]
    for context in (somebody, nobody, somebody):
        executor.run(text("b"), None, None, context)
    assert parsed == [*"aab"]


def test_one_long_document_does_not_push_out_the_others(parsed: list[str]) -> None:
    documents = Documents(SCHEMA)
    ask(documents, "a")
    ask(documents, "bb", 64 * 1024 + 1)
    ask(documents, "a")
    ask(documents, "cc", 64 * 1024)
    assert parsed == [*"abbc"]


def test_what_is_wrong_with_a_document_is_remembered_too(parsed: list[str]) -> None:
    documents = Documents(SCHEMA)
    for _ in range(2):
        assert documents.get("{ unknown }").errors == ('Cannot query field "unknown" on type "Query".',)
        assert documents.get("{ b").errors[0].startswith("Syntax Error")
    assert parsed == ["u", "b"]


def test_documents_that_would_cost_too_much_are_refused() -> None:
    documents = Documents(SCHEMA)
    assert "nested too deeply" in documents.get("{ a " * 5000 + "}" * 5000).errors[0]
    assert "token" in documents.get("{ " + "a " * 30_000 + "}").errors[0]
    assert "without a key" in documents.get("{ " + "a " * 5_000 + "}", stranger=True).errors[0]
    assert "without a key" not in documents.get("{ " + "a " * 4_900 + "}", stranger=True).errors[0]
    assert "too complex" in documents.get("{ " + "unknown " * 100 + "}").errors[-1]


def test_fields_of_one_name_are_compared_until_it_is_too_much() -> None:
    def errors(count: int) -> tuple[str, ...]:
        return Documents(GraphQLSchema(TREE)).get("{ " + 'a(b: "1") { z } ' * count + "}").errors

    assert errors(80) == ()
    assert errors(1000) == (execution._TOO_COMPLEX,)


def answer(resolve: Callable[..., Any], query: str = "{ a }") -> tuple[int, dict[str, Any]]:
    fields = {"a": GraphQLField(GraphQLString, resolve=resolve),
              "b": GraphQLField(GraphQLString, resolve=lambda *_: "b")}
    executor = Executor(GraphQLSchema(GraphQLObjectType("Query", fields)))
    found = executor.run(query, None, "", context_of(None))
    return found.status, found.body


def raising(error: Exception) -> Callable[..., Any]:
    def resolve(*_: object) -> None:
        raise error
    return resolve


@pytest.mark.parametrize(("error", "status", "message"), [
    (Forbidden("no"), 403, "no"), (StorageFull("full"), 507, "full"),
    (ValueError("a secret"), 500, "internal error; the server's log says more")])
def test_a_refusal_keeps_its_status_and_a_surprise_its_secrets(error: Exception, status: int, message: str) -> None:
    assert answer(raising(error), "{ b a }") == (status, {"errors": [{"message": message, "path": ["a"]}]})


def test_an_answer_without_errors_has_data_alone() -> None:
    assert answer(lambda *_: "x") == (200, {"data": {"a": "x"}})


def test_what_graphql_itself_finds_wrong_leaves_the_rest() -> None:
    status, body = answer(lambda *_: object(), "{ b a }")
    assert (status, body["data"]) == (200, {"b": "b", "a": None})
    assert body["errors"][0]["path"] == ["a"]
