"""POST /graphql itself."""

from __future__ import annotations

from support.world import World


def test_an_unknown_key_is_401(world: World) -> None:
    world.errors("{ __typename }", key="0" * 40, status=401)


def test_surplus_variables_are_ignored(world: World) -> None:
    assert world.gql("query Q($a: Int) { __typename }", {"a": 1, "b": 2}) == {"__typename": "Query"}


def test_an_empty_operation_name_is_none(world: World) -> None:
    assert world.gql("query Q { __typename }", operationName="") == {"__typename": "Query"}


def test_validation_errors_use_double_quotes(world: World) -> None:
    assert world.errors('{ project(name: "p") { run(name: "r") { x } } }') == ['Cannot query field "x" on type "Run".']


def test_introspection_tells_the_fields_of_a_type(world: World) -> None:
    found = world.gql('{ __type(name: "Run") { name fields { name } } }')["__type"]
    assert {"historyKeys", "displayName"} <= {field["name"] for field in found["fields"]}
    assert world.gql('{ __type(name: "Nothing") { name } }') == {"__type": None}


def test_bodies_that_are_no_question_are_400(world: World) -> None:
    for body in (b"no", b"[]", b"{}", b'{"query": 1}', b'{"query": "{ __typename }", "variables": []}'):
        assert world.client.post("/graphql", content=body).status_code == 400
