"""Pages that are made from the code: `make docs` writes them, a test fails where one is stale."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from graphql import lexicographic_sort_schema, print_schema

from dumbbell_server.admin.api import admin_app
from dumbbell_server.clock import AdjustableClock
from dumbbell_server.schema import build_schema
from dumbbell_server.settings import Settings
from support import compatibility, reference
from support.repository import ROOT


def schema() -> str:
    """The schema's own language, types by name."""
    return print_schema(lexicographic_sort_schema(build_schema())) + "\n"


def admin_document() -> str:
    """OpenAPI of the admin port."""
    backend: Any = SimpleNamespace(settings=Settings(), clock=AdjustableClock(), register_threads=lambda _close: None)
    return json.dumps(admin_app(backend, "").openapi(), indent=1, sort_keys=True) + "\n"


PAGES: dict[Path, Callable[[], str]] = {
    ROOT / "docs" / "compatibility.md": compatibility.page,
    ROOT / "docs" / "reference.md": reference.page,
    ROOT / "docs" / "schema.graphql": schema,
    ROOT / "docs" / "admin-openapi.json": admin_document,
}

if __name__ == "__main__":
    for path, make in PAGES.items():
        path.write_text(make())
