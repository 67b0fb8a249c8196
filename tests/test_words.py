"""Words that this code base once had for itself stay out of it: the field's own are used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from support.repository import ROOT, files

_WORDS = """house House hall wing deed mortal doomed rubbish Rubbish studio Studio estate Estate Commons visitor
    RunMemory LinkMemory keeps( settled _start_anew _Tangled _Thin anew""".split()
_FOUND = re.compile("|".join(rf"(?<!\w){re.escape(word)}" + ("" if word.endswith("(") else r"(?!\w)")
                             for word in _WORDS))
_TEXTS = {".py", ".md", ".toml", ".yaml", ".yml", ".html", ".js", ".css", ".mako", ""}


def _found() -> Iterator[str]:
    for path in files("server", "client", "fixtures", "tests", "bench", "docs", ".ci", "*"):
        # migrations say what tables were called; this page quotes the words
        if path.suffix in _TEXTS and "migrations" not in path.parts and path != Path(__file__).resolve():
            for number, line in enumerate(path.read_text().splitlines(), 1):
                yield from (f"{path.relative_to(ROOT)}:{number}: {word}" for word in _FOUND.findall(line))


def test_words_are_those_of_the_field() -> None:
    assert list(_found()) == []
