"""Pages that are made from the code: `make docs` writes them, a test fails where one is stale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from graphql import lexicographic_sort_schema, print_schema

from dumbbell_server.schema import build_schema
from support import compatibility
from support.repository import ROOT


def schema() -> str:
    """The schema's own language, types by name."""
    return print_schema(lexicographic_sort_schema(build_schema())) + "\n"


PAGES: dict[Path, Callable[[], str]] = {
    ROOT / "docs" / "compatibility.md": compatibility.page,
    ROOT / "docs" / "schema.graphql": schema,
}

if __name__ == "__main__":
    for path, make in PAGES.items():
        path.write_text(make())
