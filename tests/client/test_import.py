"""What importing the client brings along, and what its types are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import dumbbell

SERVER = ("dumbbell_server", "fastapi", "starlette", "strawberry", "graphql", "sqlalchemy", "pydantic", "uvicorn",
          "typer", "pandas", "polars", "numpy", "tqdm", "pyarrow")


def loaded_after(statement: str, names: Sequence[str]) -> str:
    """Which of these modules a new interpreter has imported after a statement."""
    source = f"import sys, dumbbell; {statement}; print(*(name for name in {names!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_using_the_client_brings_nothing_of_the_server() -> None:
    assert loaded_after("dumbbell.Api()", (*SERVER, "dumbbell.api")) == "dumbbell.api"


def test_importing_the_client_costs_nothing_until_it_is_used() -> None:
    assert loaded_after("pass", ("httpx2", "orjson", "stamina", "dumbbell.api")) == ""


def test_every_public_name_and_module_is_found() -> None:
    assert loaded_after("from dumbbell import *; Api, Runs, __version__; dumbbell.errors", ["dumbbell"]) == "dumbbell"
    assert {"Api", "Run", "__version__"} <= set(dir(dumbbell))
    assert not hasattr(dumbbell, "Nothing")
    assert not hasattr(dumbbell, "_Nothing")


def test_every_module_can_be_imported_by_itself() -> None:
    folder = Path(dumbbell.__file__).parent
    modules = [".".join(path.relative_to(folder.parent).with_suffix("").parts) for path in folder.rglob("*.py")]
    source = """if True:
        import importlib, sys
        for name in sys.argv[1:]:
            for known in [known for known in sys.modules if known.startswith("dumbbell")]:
                del sys.modules[known]
            importlib.import_module(name)
    """
    subprocess.run([sys.executable, "-c", source, *modules], check=True, timeout=60)


def test_the_types_are_what_the_documentation_says() -> None:
    cases = Path(__file__).parent / "typing_cases.py"
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(cases)], cwd=cases.parent,
                          capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout


def test_the_package_says_that_it_is_typed() -> None:
    found = subprocess.run([sys.executable, "-c", "import dumbbell; print(dumbbell.__file__)"], capture_output=True,
                           text=True, check=True, timeout=60)
    assert (Path(found.stdout.strip()).parent / "py.typed").exists()
