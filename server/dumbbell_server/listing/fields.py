"""What a field of a listed type is, said once.

A domain's `fields.py` lists its fields. From them derive the keys of filters and of orders, the texts of their errors,
the quick page (`FieldAnswer`) and the documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Column, Float, Integer
from sqlmodel import SQLModel

from dumbbell_server.listing.paths import parts_of
from dumbbell_server.listing.tree import Field, Kind

Columns = Mapping[str, Sequence[Any]]  # the stored values of all rows of a page, by column; `id` is always there


@dataclass(frozen=True)
class FieldAnswer:
    """How a field is answered for all rows of a page at once: from these columns, by `read(reading, columns)`.

    What `reading` is the domain says: the session, the viewer, and what its rows share.
    """

    columns: tuple[str, ...]
    read: Callable[[Any, Columns], Sequence[Any]]


@dataclass(frozen=True)
class ListedField:
    """A field by its name on the wire. Without a `column` it is not stored: a provider knows it, or all share it."""

    name: str
    column: str = ""
    kind: Kind = Kind.TEXT
    words: frozenset[str] = frozenset()  # all that the text can be, where that is known
    keys: tuple[str, ...] = ()  # of filters and orders; none: it does neither
    ordered_by: str = ""  # the column that orders go by, where that is another
    answer: FieldAnswer | None = None  # none: a page executes it row by row, or the type does not have it


class Fields:
    """The fields of one listed type."""

    def __init__(self, fields: Iterable[ListedField]) -> None:
        self.listed = tuple(fields)
        self.answers = {field.name: field.answer for field in self.listed if field.answer is not None}
        self._plain: dict[str, Field] = {}
        self._ordered: dict[str, Field] = {}
        self._inner: dict[str, tuple[str, Kind]] = {}
        for field in self.listed:
            column = field.column or snake(field.name)
            for key in field.keys:
                if field.kind is not Kind.DOCUMENT:
                    self._plain[key] = Field(column, (), field.kind, field.words)
                if field.kind in {Kind.DOCUMENT, Kind.LIST}:
                    self._inner[key] = (column, Kind.ANY if field.kind is Kind.DOCUMENT else Kind.TEXT)
                if field.ordered_by:
                    self._ordered[key] = Field(field.ordered_by)

    def order_key(self, key: str) -> Field | None:
        """The field that an order by a key goes by; None for a key that the type does not have."""
        return self._ordered.get(key) or self._field(key)

    def filter_key(self, key: str) -> Field:
        """The same for filters, where a key that the type does not have is a field that is missing in all rows."""
        return self._field(key) or Field("", parts_of(key))

    def _field(self, key: str) -> Field | None:
        if key in self._plain:
            return self._plain[key]
        head, _, rest = key.partition(".")
        if head not in self._inner or not rest:
            return None
        column, kind = self._inner[head]
        return Field(column, parts_of(rest), kind)

    @property
    def known(self) -> str:
        """The keys, as errors name them."""
        return ", ".join(f"{field.keys[0]}.KEY" if field.kind is Kind.DOCUMENT else field.keys[0]
                         for field in self.listed if field.keys)

    def kind_of(self, column: str) -> Kind:
        return next((field.kind for field in self.listed if (field.column or snake(field.name)) == column), Kind.TEXT)


def stored(table: type[SQLModel], name: str, column: str = "", kind: Kind | None = None,
           keys: Sequence[str] | None = None, answer: FieldAnswer | None = None,
           words: Iterable[str] = ()) -> ListedField:
    """A field that a column of the table holds. What is not given follows from the name on the wire and the column."""
    column = column or snake(name)
    if kind is None:
        stored_as = table.metadata.tables[str(table.__tablename__)].c[column]
        kind = Kind.MOMENT if name.endswith("At") else _kind_of(stored_as)
    both = tuple(dict.fromkeys((snake(name), name)))
    return ListedField(name, column, kind, frozenset(words), both if keys is None else tuple(keys),
                       answer=answer or _answer(column, kind))


def _kind_of(column: Column[Any]) -> Kind:
    if isinstance(column.type, Boolean):
        return Kind.FLAG
    return Kind.NUMBER if isinstance(column.type, Integer | Float) else Kind.TEXT


def _answer(column: str, kind: Kind) -> FieldAnswer:
    if kind is Kind.FLAG:
        return FieldAnswer((column,), lambda _reading, columns: [bool(value) for value in columns[column]])
    return FieldAnswer((column,), lambda _reading, columns: columns[column])


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
