"""The versions that `make serve` and `make test` install."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LINE = re.compile(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!]+)")
CONSTRAINTS = (ROOT / "constraints.txt").read_text().splitlines()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WANTED = {text for texts in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()) for text in texts
          if not text.startswith("dumbbell[")}


def test_the_constraints_are_names_and_versions_only() -> None:
    assert [line for line in CONSTRAINTS if LINE.fullmatch(line) is None] == []


@pytest.mark.parametrize("text", sorted(WANTED))
def test_a_dependency_has_a_constraint_that_it_allows(text: str) -> None:
    needed = Requirement(text)
    name = canonicalize_name(needed.name)
    found = [line for line in CONSTRAINTS if canonicalize_name(line.partition("==")[0]) == name]
    assert len(found) == 1
    assert needed.specifier.contains(found[0].partition("==")[2])


def test_every_dependency_has_a_floor() -> None:
    texts = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["server"]]
    assert [text for text in texts if not re.search(r">=|~=", text)] == []


def test_a_selection_without_postgres_and_bucket_needs_neither_psycopg_nor_moto() -> None:
    source = """if True:
        import sys
        for name in ("psycopg", "moto", "botocore", "pyarrow"):
            sys.modules[name] = None
        import conftest, support.world, server.access.conftest
    """
    subprocess.run([sys.executable, "-c", source], cwd=ROOT / "tests", check=True, timeout=120)
