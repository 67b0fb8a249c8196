"""What a field of a listed type is, said once.

A domain's `fields.py` lists its fields. From them derive the keys of filters and of orders, the texts of their errors,
the quick page (`FieldAnswer`) and the documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import Boolean
from sqlmodel import SQLModel

from dumbbell_server.listing.paths import parts_of
from dumbbell_server.listing.tree import Field

Columns = Mapping[str, Sequence[Any]]  # the stored values of all rows of a page, by column; `id` is always there


class Kind(Enum):
    PLAIN = "plain"  # a text or a number
    FLAG = "flag"  # true or false, which SQLite stores as 1 and 0
    MOMENT = "moment"  # a time: operands of filters are brought to the form in which times are stored
    LIST = "list"  # a JSON list: a filter holds if one element does
    DOCUMENT = "document"  # a JSON object: keys go on into it, such as `config.lr`


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
    kind: Kind = Kind.PLAIN
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
        self._inner: dict[str, str] = {}
        for field in self.listed:
            column = field.column or snake(field.name)
            for key in field.keys:
                if field.kind is not Kind.DOCUMENT:
                    self._plain[key] = Field(column, moment=field.kind is Kind.MOMENT)
                if field.kind in {Kind.DOCUMENT, Kind.LIST}:
                    self._inner[key] = column
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
        return Field(self._inner[head], parts_of(rest))

    @property
    def known(self) -> str:
        """The keys, as errors name them."""
        return ", ".join(f"{field.keys[0]}.KEY" if field.kind is Kind.DOCUMENT else field.keys[0]
                         for field in self.listed if field.keys)

    def kind_of(self, column: str) -> Kind:
        return next((field.kind for field in self.listed if (field.column or snake(field.name)) == column), Kind.PLAIN)


def stored(table: type[SQLModel], name: str, column: str = "", kind: Kind | None = None,
           keys: Sequence[str] | None = None, answer: FieldAnswer | None = None) -> ListedField:
    """A field that a column of the table holds. What is not given follows from the name on the wire and the column."""
    column = column or snake(name)
    if kind is None:
        kind = Kind.FLAG if isinstance(table.metadata.tables[str(table.__tablename__)].c[column].type, Boolean) else \
            Kind.MOMENT if name.endswith("At") else Kind.PLAIN
    both = tuple(dict.fromkeys((snake(name), name)))
    return ListedField(name, column, kind, both if keys is None else tuple(keys),
                       answer=answer or _answer(column, kind))


def _answer(column: str, kind: Kind) -> FieldAnswer:
    if kind is Kind.FLAG:
        return FieldAnswer((column,), lambda _reading, columns: [bool(value) for value in columns[column]])
    return FieldAnswer((column,), lambda _reading, columns: columns[column])


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
