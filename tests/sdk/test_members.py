"""Every public member that wandb's classes have is there on ours of the same name, or stands in the list with why."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

import dumbbell
from dumbbell.summary import Summary
from support.compatibility import ABSENT
from support.sdk import read_of, run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

VERSION = "0.31.0"
SCRIPT = (Path(__file__).parents[1] / "support" / "members.py").read_text()


def ours(name: str) -> Any:
    return Summary if name == "Summary" else getattr(dumbbell, name, None)


def has(cls: type, member: str) -> bool:
    """As an attribute, in an annotation, or as what every object of the class gets when it is made."""
    annotated = any(member in vars(base).get("__annotations__", {}) for base in cls.__mro__)
    made = any(f"self.{member}" in inspect.getsource(base) for base in cls.__mro__
               if base.__module__.startswith("dumbbell."))
    return hasattr(cls, member) or annotated or made


def reason(name: str, member: str) -> str | None:
    return ABSENT.get(f"{name}.{member}") or ABSENT.get(f"*.{member}")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("members")
    with start_server(folder) as server:
        found: dict[str, list[str]] = read_of(run_script(VERSION, server, folder, SCRIPT))
    return found


def test_every_member_is_there_or_has_a_reason(theirs: dict[str, list[str]]) -> None:
    shared = {name: members for name, members in theirs.items() if isinstance(ours(name), type)}
    assert len(shared) >= 35
    lacking = [f"{name}.{member}" for name, members in shared.items() for member in members
               if not has(ours(name), member) and reason(name, member) is None]
    assert lacking == []


def test_the_list_holds_nothing_that_is_there(theirs: dict[str, list[str]]) -> None:
    needless = [key for key in ABSENT for name, _, member in [key.partition(".")] if name != "*" and (
        member not in theirs[name] or has(ours(name), member))]
    assert needless == []
    anywhere = {member for members in theirs.values() for member in members}
    assert {key.partition(".")[2] for key in ABSENT} <= anywhere
