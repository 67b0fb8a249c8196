"""What came from elsewhere, made fit for a fixture: what is wrong is left out, and said."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from dumbbell_server import ids
from dumbbell_server.seeding.form.folder import described

_T = TypeVar("_T")


class Notes:
    """Lines about what is not in the folder. Threads may share one."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._lock = threading.Lock()

    def add(self, line: str) -> None:
        with self._lock:
            if line not in self._lines:
                self._lines.append(line)

    def lines(self) -> list[str]:
        with self._lock:
            return list(self._lines)


def checked(model: type[BaseModel], fields: dict[str, Any], what: str, notes: Notes) -> dict[str, Any] | None:
    """The fields without those that this model refuses, each with a note; None where it cannot do without one."""
    fields = described(**fields)
    while True:
        try:
            model.model_validate(fields)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = [step for step in first["loc"] if not (isinstance(step, str) and step.startswith("~"))]
            reason = first["msg"].removeprefix("Value error, ")
            shown = ".".join(str(step) for step in place if step != "[key]")[:140]
            if first["type"] == "missing" or not _removed(fields, place):
                notes.add(f"{what} is left out: {shown}: {reason}")
                return None
            notes.add(f"{what}: {shown} is left out: {reason}")
        else:
            return fields


def _removed(fields: Any, place: list[Any]) -> bool:
    """Whether the smallest part around a place that can go has gone."""
    if place and place[-1] == "[key]":
        place = place[:-1]
    for step in place[:-1]:
        below = fields[step] if isinstance(fields, list) or (isinstance(fields, dict) and step in fields) else None
        if not isinstance(below, dict | list) or (isinstance(fields, list) and isinstance(below, dict)):
            del fields[step]  # an item goes whole
            return True
        fields = below
    if not place or (isinstance(fields, dict) and place[-1] not in fields):
        return False
    del fields[place[-1]]
    return True


def row(kind: str, node_id: Any) -> int | None:
    """The number of a row, where the id holds it."""
    number = ids.decode(kind, node_id) if isinstance(node_id, str) else None
    return number or None


def said(value: _T | None) -> _T | None:
    """Nothing for what is empty: the form leaves it out."""
    return value or None


def username(user: Any) -> str | None:
    found = user.get("username") if isinstance(user, Mapping) else None
    return found if isinstance(found, str) and found else None
