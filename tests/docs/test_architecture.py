"""The map is true to the names it mentions, and short ways lead through it."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

import mongoquery
import pytest

from support import filter_cases
from support.repository import ROOT

ARCHITECTURE, CONTRIBUTING, README = ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md", ROOT / "README.md"
_PLACES = (ROOT, ROOT / "server" / "dumbbell_server", ROOT / "client" / "dumbbell", ROOT / "tests")
_FILE = re.compile(r"`([\w/.-]+\.(?:py|md|yaml|toml))(?::([\w.]+))?`")
_FOLDER = re.compile(r"`((?:[\w.-]+/)+)`")
_PACKAGE = re.compile(r"`([a-z_]+(?:\.[a-z_]+)*)\.([A-Za-z_]\w*)`")


@cache
def _names_in(path: Path) -> frozenset[str]:
    """Functions, classes, constants, and what classes hold."""
    return frozenset(_names(ast.parse(path.read_text()).body))


def _names(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{inner}" for inner in _names(node.body))
        if isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def _find(name: str) -> Path | None:
    return next((place / name for place in _PLACES if (place / name).exists()), None)


def _missing(page: Path) -> Iterator[str]:
    text = re.sub(r"^( {4}|```).*$", "", page.read_text(), flags=re.MULTILINE)
    for file, name in _FILE.findall(text):
        path = _find(file)
        if "/" in file and path is None:
            yield file
        elif path is not None and name and name not in _names_in(path):
            yield f"{file}:{name}"
    yield from (folder for folder in _FOLDER.findall(text) if _find(folder) is None)
    for module, name in _PACKAGE.findall(text):
        if name == "py":
            continue
        path = _find(module.replace(".", "/") + ".py")
        if path is not None and name not in _names_in(path):
            yield f"{module}.{name}"


@pytest.mark.parametrize("page", [ARCHITECTURE, CONTRIBUTING], ids=lambda page: page.name)
def test_names_that_a_page_mentions_exist(page: Path) -> None:
    assert list(_missing(page)) == []


def test_a_stranger_finds_what_stores_a_history_row() -> None:
    """README → the map → its chapter → the function: four hops, each a link or a name on the page before."""
    assert "(docs/architecture.md)" in README.read_text()
    text = ARCHITECTURE.read_text()
    assert "(#a-history-row)" in text
    chapter = text.partition("\n## A history row\n")[2].partition("\n## ")[0]
    [(file, name)] = re.findall(r"\*\*`([\w/]+\.py):(\w+)`, one unit, stores it\*\*", chapter)
    found = _find(file)
    assert found is not None
    assert name in _names_in(found)


@pytest.mark.parametrize(("contract", "package"), [("One way through the server", "dumbbell_server"),
                                                   ("One way through the client", "dumbbell")])
def test_layers_are_those_that_are_watched(contract: str, package: str) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [found["layers"] for found in contracts if found["name"] == contract]
    assert f"> {' → '.join(layers).replace(f'{package}.', '')}\n" in CONTRIBUTING.read_text()


def test_chapters_are_a_screen_each() -> None:
    chapters = ARCHITECTURE.read_text().split("\n## ")[1:]
    assert max(len(chapter.split()) for chapter in chapters[:-1]) < 420


def test_what_is_said_of_mongoquery() -> None:
    lists = {id(found): found for found in vars(filter_cases).values() if isinstance(found, list)}
    rules = {repr(case): case for cases in lists.values() for case in cases if len(case) == 4}
    broken = [case for case in rules.values() if not _agrees(case)]
    said = re.search(r"of the (\d+) rules of .* mongoquery ([\d.]+) breaks (\d+)", ARCHITECTURE.read_text())
    assert said is not None
    if said[2] != version("mongoquery"):
        pytest.skip(f"it is said of {said[2]}")
    assert (len(rules), len(broken)) == (int(said[1]), int(said[3]))


def _agrees(case: filter_cases.Case) -> bool:
    _, filters, document, matches = case
    try:
        return bool(mongoquery.Query(filters).match(document)) is matches
    except Exception:  # noqa: BLE001 - whatever it raises is no answer
        return False
