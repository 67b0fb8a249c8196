"""Text that cannot be stored, at the edges."""

from __future__ import annotations

from typing import Any

import pytest

from support.world import KEY, UPSERT, World

LITERAL = r'mutation { upsertBucket(input: {name: "r", modelName: "p", tags: ["a", "b\u0000"]}) { inserted } }'
DEFAULT = """mutation M($notes: String = "\\u0000") {
  upsertBucket(input: {name: "r", modelName: "p", notes: $notes}) { inserted } }"""


@pytest.mark.parametrize(("query", "variables", "named"), [
    (UPSERT, {"input": {"name": "r", "modelName": "p", "notes": "a\0b"}}, "input.notes"),
    (UPSERT, {"input": {"name": "r", "modelName": "p", "tags": ["a", "b\0"]}}, "input.tags.1"),
    (LITERAL, {}, "input.tags"),
    (DEFAULT, {}, "notes"),
])
def test_a_mutation_that_holds_some_is_refused_by_name(world: World, query: str, variables: dict[str, Any],
                                                       named: str) -> None:
    for _ in range(2):
        (message,) = world.errors(query, variables, status=400)
        assert message.startswith(f"{named} holds a NUL")
    assert world.count("runs") == world.count("projects") == 0


def test_escaped_text_in_json_is_stored_as_it_came(world: World) -> None:
    config = r'{"a":{"value":"x\u0000\ud800"}}'
    assert world.upsert("r", config=config)["bucket"]["config"] == config


def test_nothing_is_found_by_it(world: World) -> None:
    world.upsert("r")
    assert world.run("id", "r\0") is None
    assert world.gql('{ project(name: "p") { run(name: "\\u0000") { id } } }') == {"project": {"run": None}}
    assert world.client.get("/local/p/runs/%00", headers={"authorization": f"Bearer {KEY}"}).status_code == 404
    world.stream("%00", {"complete": True}, status=404)
