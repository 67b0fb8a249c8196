"""What comments and pages cite is there: a page of ours with that heading, or a function of a release of wandb.

Forms: `docs/protocol/http.md#file-stream`, and `wandb 0.31.0 sdk/wandb_run.py:Run.save` below the package's folder.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from support.repository import ROOT, files

_PAGE = re.compile(r"(?<![\w\"./-])[\w./-]*\b[\w-]+\.md\b(?:#[\w-]+)?(?: \d[\d.]*)?")
_WANDB = re.compile(r"\bwandb (\d+\.\d+\.\d+) ([\w./-]+\.\w+)(\S*)")
_ELSEWHERE = re.compile(r"\((?:design|style|performance)[:.]")  # pages that nobody who reads this has
_NAME = re.compile(r":([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)[^\w]*")
_CACHE = Path.home() / ".cache" / "dumbbell-sdk"
# Texts that name files of somebody's run, not pages.
_NOT_PAGES = {"notes.md"}
_TEXTS = [path for path in files("server", "client", "tests", "bench", "docs/protocol", "*.md")
          if path.suffix in {".py", ".md"} and path != Path(__file__).resolve()]


def _slugs(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _pages(text: str) -> Iterator[str]:
    yield from (found for found in _PAGE.findall(text) if found.rpartition("/")[2] not in _NOT_PAGES)


def _problem_of_page(citation: str, beside: Path) -> str | None:
    page, _, anchor = citation.partition("#")
    path = next((folder / page for folder in (ROOT, beside.parent) if (folder / page).is_file()), None)
    if path is None:
        return f"{citation}: there is no such page"
    return f"{citation}: the page has no such heading" if anchor and anchor not in _slugs(path) else None


@cache
def _names_in(module: Path) -> set[str]:
    """Functions, classes, methods and constants of a module."""
    found: set[str] = set()
    for node in ast.parse(module.read_text()).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = (below for below in node.body if isinstance(below, ast.FunctionDef | ast.AsyncFunctionDef))
            found |= {node.name, *(f"{node.name}.{below.name}" for below in inner)}
    return found


def _problem_of_release(version: str, module: str, rest: str) -> str | None:
    cited = f"wandb {version} {module}{rest}"
    name = _NAME.fullmatch(rest)
    if name is None or not module.endswith(".py"):
        return f"{cited}: it must be `wandb VERSION path/below/wandb.py:function`"
    packages = list(_CACHE.glob(f"{version}/lib/python3*/site-packages/wandb"))
    if not packages:
        return None  # this release was never installed here
    path = packages[0] / module
    if not path.is_file():
        return f"{cited}: this release has no such file"
    return None if name[1] in _names_in(path) else f"{cited}: the file has no such function"


def _problems(path: Path) -> Iterator[str]:
    text = path.read_text()
    found = [_problem_of_page(citation, path) for citation in _pages(text)]
    found += [_problem_of_release(*cited) for cited in _WANDB.findall(text)]
    found += [f"{citation}…: not a page of ours" for citation in _ELSEWHERE.findall(text)]
    yield from (f"{path.relative_to(ROOT)}: {problem}" for problem in found if problem)


def test_citations_lead_somewhere() -> None:
    assert [problem for path in _TEXTS for problem in _problems(path)] == []


def test_comments_cite_pages_and_releases() -> None:
    """Else the patterns above find nothing, and the other test says so of all texts."""
    texts = "\n".join(path.read_text() for path in files("server"))
    assert len(re.findall(r"docs/protocol/[\w-]+\.md#", texts)) >= 20
    assert len(_WANDB.findall(texts)) >= 2
