"""Console lines, as 0.31.0 was seen to send them for the same text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dumbbell_server.moving.offline.console import Console

# text to stdout, and the lines that 0.31.0's core makes of it
SEEN = [
    ("abcdef\rXY\n", ["XYcdef"]),
    ("one\ntwo\n\n\n", ["one", "two", "", ""]),
    ("\x1b[2AZZ\x1b[K\n", ["\x1b[2AZZ\x1b[K"]),
    ("tab\there\b\bQ\n", ["tab\there\b\bQ"]),
    ("crlf\r\n", ["crlf"]),
    ("\x1b[31mcol\rB\x1b[0m\nu\x1b[A\rup\x1b[Bdown\n", ["up[0mcol", "u down"]),
    ("wide é✓漢 x\n", ["wide é✓漢 x"]),
    ("no end", ["no end"]),
]


def lines(console: Console) -> list[dict[str, str]]:
    return [json.loads(line) for line, _ in console.finish()]


@pytest.mark.parametrize(("text", "expected"), SEEN)
def test_lines_are_those_that_the_terminal_showed(tmp_path: Path, text: str, expected: list[str]) -> None:
    console = Console(tmp_path)
    console.write(text, "then", stderr=False)
    assert [line["content"] for line in lines(console)] == expected
    assert list(tmp_path.iterdir()) == []


def test_both_streams_are_numbered_as_their_lines_begin(tmp_path: Path) -> None:
    console = Console(tmp_path)
    texts = [("e1\n", True), ("o1\n", False), ("e2", True), ("o2\n", False), ("end\n", True)]
    for at, (text, stderr) in enumerate(texts):
        console.write(text, str(at), stderr=stderr)
    assert lines(console) == [
        {"level": "error", "ts": "0", "content": "e1"}, {"ts": "1", "content": "o1"},
        {"level": "error", "ts": "2", "content": "e2end"}, {"ts": "3", "content": "o2"}]


def test_ten_thousand_lines_and_a_bar_beside_them_stay_in_order(tmp_path: Path) -> None:
    console = Console(tmp_path)
    for number in range(10_000):
        console.write(f"\r{number}", "t", stderr=True)
        console.write(f"line {number}\n", "t", stderr=False)
    found = [line["content"] for line in lines(console)]
    assert found == ["9999", *[f"line {number}" for number in range(10_000)]]


def test_a_cursor_goes_up_to_the_first_line_that_is_shown(tmp_path: Path) -> None:
    """As 0.31.0 was seen to have it."""
    console = Console(tmp_path)
    for number in range(60):
        console.write(f"l{number}\n", "t", stderr=False)
    console.write("\x1b[A" * 50 + "\rUP\n" + "\x1b[B" * 3 + "end\n", "t", stderr=False)
    changed = {at: line["content"] for at, line in enumerate(lines(console)) if not line["content"].startswith("l")}
    assert changed == {29: "UP9", 33: "end"}


def test_an_endless_line_has_an_end(tmp_path: Path) -> None:
    console = Console(tmp_path)
    for _ in range(100):
        console.write("x" * 1000, "t", stderr=False)
    assert [len(line["content"]) for line in lines(console)] == [4096]
