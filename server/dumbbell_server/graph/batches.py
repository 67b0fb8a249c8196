"""Rows that are shown together: what each of them needs is asked for once, for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy.orm import Session

T = TypeVar("T")
Load = Callable[[Session, Sequence[int]], Iterable[tuple[int, T]]]  # what belongs to rows, each beside the row's id


class Batches:
    def __init__(self) -> None:
        self._shown: dict[tuple[type, int], tuple[int, ...]] = {}
        self._loaded: dict[Load[Any], dict[int, list[Any]]] = {}

    def show(self, rows: Sequence[Any]) -> None:
        """These rows, of one type, are on one page."""
        numbers = tuple(row.id for row in rows)
        self._shown |= {(type(row), row.id): numbers for row in rows}

    def load(self, session: Session, row: Any, load: Load[T]) -> list[T]:
        """What belongs to this row, out of what belongs to all rows on its page."""
        loaded = self._loaded.setdefault(load, {})
        if row.id not in loaded:
            numbers = self._shown.get((type(row), row.id), (row.id,))
            loaded |= {number: [] for number in numbers}
            for number, found in load(session, numbers):
                loaded[number].append(found)
        return loaded[row.id]

    def forget(self) -> None:
        """Something was written: what is needed is asked for again."""
        self._loaded.clear()
