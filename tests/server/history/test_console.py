"""Console lines as pages."""

from __future__ import annotations

import pytest

from support.run_history import console, log
from support.world import World


def test_console_lines_may_be_rewritten(world: World, run: str) -> None:
    assert run
    console(world, ["a", "10%", "b"])
    console(world, ["100%"], 1)
    assert log(world) == [(0, "a"), (1, "100%"), (2, "b")]
    assert world.run("logLineCount") == {"logLineCount": 3}


def test_console_pages_hold_every_line_once(world: World, run: str) -> None:
    assert run
    console(world, [f"l{number}" for number in range(4)])
    console(world, [f"l{number}" for number in range(4, 7)], 4)
    seen: list[str] = []
    after, more = None, True
    query = """query Q($after: String) { project(name: "p") { run(name: "r") { logLines(first: 3, after: $after) {
      pageInfo { hasNextPage endCursor } edges { node { line } } } } } }"""
    while more:
        page = world.gql(query, {"after": after})["project"]["run"]["logLines"]
        seen += [edge["node"]["line"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert seen == [f"l{number}" for number in range(7)]


@pytest.mark.parametrize(("text", "expected"), [
    ("2026-01-02T03:04:05.678 hello", ("2026-01-02T03:04:05.678", None, None, "hello")),
    ("ERROR 2026-01-02T03:04:05.678 oh no", ("2026-01-02T03:04:05.678", "error", None, "oh no")),
    ('{"level":"error","ts":"2026-01-02T03:04:05","label":"gpu","content":"hi"}',
     ("2026-01-02T03:04:05", "error", "gpu", "hi")),
    ('{"not":"ours"}', (None, None, None, '{"not":"ours"}')),
    ("{broken", (None, None, None, "{broken")),
    ("plain", (None, None, None, "plain")),
    ("", (None, None, None, "")),
])
def test_console_lines_come_in_two_forms(world: World, run: str, text: str, expected: tuple[str | None, ...]) -> None:
    assert run
    console(world, [text])
    node = world.run("logLines { edges { node { timestamp level label line } } }")["logLines"]["edges"][0]["node"]
    assert (node["timestamp"], node["level"], node["label"], node["line"]) == expected


def test_the_tail_of_the_console_is_in_ascending_order(world: World, run: str) -> None:
    assert run
    for offset in range(0, 6, 2):
        console(world, [f"l{offset}", f"l{offset + 1}"], offset)
    assert log(world, "last: 3") == [(3, "l3"), (4, "l4"), (5, "l5")]
    assert log(world, "last: 0") == []
    assert len(log(world, "last: 100")) == 6
