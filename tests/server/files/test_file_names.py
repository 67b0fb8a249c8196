from __future__ import annotations

import pytest

from dumbbell_server.errors import BadInput
from dumbbell_server.files.names import clean


@pytest.mark.parametrize("name", [
    "output.log", "media/images/a b.png", "100%.txt", "a%2Fb", "a#b?c&d=e+f", "[a]*{b}?.txt", "grüße/日本語/🙂.txt",
    "back\\slash", "c:a", "..b\\a", ".hidden", "..twodots", "a..b", "...", " ", "x" * 1024,
])
def test_names_are_kept_as_they_are(name: str) -> None:
    assert clean(name) == name


@pytest.mark.parametrize(("name", "kept"), [("./a", "a"), ("././a/b", "a/b"), ("./.a", ".a")])
def test_leading_dots_go(name: str, kept: str) -> None:
    assert clean(name) == kept


@pytest.mark.parametrize("name", [
    "", "./", ".", "/a", ".//a", "..", "../a", "a/../b", "a/..", "./../a", "a//b", "a/", "a/./b", "a\0b", "a\nb",
    "a\x7fb", "a\ud800b", "x" * 1025, "語" * 1000, "..\\a", "a\\..\\b", "a/..\\b", "\\a",
    "\\\\host\\a", "C:/a", "c:\\a",
])
def test_refused(name: str) -> None:
    with pytest.raises(BadInput, match=r"^file name .* is not allowed: "):
        clean(name)
