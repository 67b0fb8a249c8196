"""What importing the client brings along, and what its types are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SERVER = ("dumbbell_server", "fastapi", "starlette", "strawberry", "graphql", "sqlalchemy", "pydantic", "uvicorn",
          "typer", "pandas", "polars", "numpy", "tqdm", "pyarrow")


def test_importing_the_client_brings_nothing_of_the_server() -> None:
    source = f"import sys, dumbbell; print([name for name in {SERVER!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_types_are_what_the_documentation_says() -> None:
    cases = Path(__file__).parent / "typing_cases.py"
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(cases)], cwd=cases.parent,
                          capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout


def test_the_package_says_that_it_is_typed() -> None:
    found = subprocess.run([sys.executable, "-c", "import dumbbell; print(dumbbell.__file__)"], capture_output=True,
                           text=True, check=True, timeout=60)
    assert (Path(found.stdout.strip()).parent / "py.typed").exists()
