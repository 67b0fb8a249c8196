"""What a column can hold, asked of the operands of a filter.

A value that no cell of the column can be is brought to the form of the cells, or is a BadInput that names the place:
else the list would be silently empty, or with `$ne` silently whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from types import NoneType
from typing import Any

from dumbbell_server.errors import BadInput
from dumbbell_server.listing.moments import moment_of
from dumbbell_server.listing.tree import Field, Kind
from dumbbell_server.listing.values import NUMBER, rank

# Types of values that any cell may be: lists of such are often long.
_SIMPLE: dict[Kind, frozenset[type]] = {
    Kind.TEXT: frozenset({str, NoneType}), Kind.NUMBER: frozenset({int, float, NoneType}),
    Kind.LIST: frozenset({str, NoneType}), Kind.ANY: frozenset({str, int, float, bool, NoneType})}
_ORDERED = frozenset({"$gt", "$gte", "$lt", "$lte"})
# Of operators that look at values of some kinds only: which columns may hold such.
_ABOUT: dict[str, tuple[str, frozenset[Kind]]] = {
    "$regex": ("texts", frozenset({Kind.TEXT, Kind.LIST, Kind.MOMENT, Kind.VERSION})),
    "$contains": ("texts and lists", frozenset({Kind.TEXT, Kind.LIST, Kind.MOMENT, Kind.VERSION})),
    "$mod": ("numbers", frozenset({Kind.NUMBER, Kind.VERSION})),
    "$size": ("lists", frozenset({Kind.LIST})),
    "$elemMatch": ("lists", frozenset({Kind.LIST})),
}
_NAMES = {Kind.TEXT: "a text", Kind.NUMBER: "a number", Kind.FLAG: "true or false", Kind.MOMENT: "a time",
          Kind.LIST: "a list of texts", Kind.VERSION: "a version"}
_VERSION = re.compile(r"v?(\d{1,9})")


def fitting(field: Field, operator: str, operand: Any, where: str) -> Any:
    """The operand as cells of the field are; BadInput where none can ever meet it."""
    if operator == "$in":
        return _values(field, operand, where)
    if operator == "$eq" or operator in _ORDERED:
        return _value(field, operator, operand, where)
    if operator in _ABOUT and field.kind is not Kind.ANY:
        return _looked_at(field, operator, operand, where)
    if operator == "$type" and field.kind is Kind.MOMENT:
        return _type(operand)
    return operand


def _values(field: Field, operand: Any, where: str) -> Any:
    if type(operand) is not list:
        return operand  # the operator says what is wrong
    if not field.words and set(map(type, operand)) <= _SIMPLE.get(field.kind, frozenset()):
        return operand
    return [_value(field, "$in", item, f"{where}[{index}]") for index, item in enumerate(operand)]


def _type(operand: Any) -> Any:
    """Times are dates; that they are stored as texts, nobody needs to know."""
    if type(operand) is list:
        return [_type(item) for item in operand]
    return "string" if operand in ("date", 9) else operand


def element_of(field: Field) -> Field:
    """The field of one element, for a filter of operators that is about elements alone."""
    return Field("", kind=Kind.TEXT if field.kind is Kind.LIST else Kind.ANY, words=field.words)


def _looked_at(field: Field, operator: str, operand: Any, where: str) -> Any:
    about, kinds = _ABOUT[operator]
    if field.kind not in kinds:
        raise BadInput(f"{where}: {operator} looks at {about}, and this is {_NAMES[field.kind]}")
    if operator == "$contains" and type(operand) is not str:
        raise BadInput(f"{where}: {_shown(operand)} is never in {_NAMES[field.kind]}{_quoted(operand)}")
    return operand


def _value(field: Field, operator: str, operand: Any, where: str) -> Any:
    """A value that cells are compared with. Null is in every column: a field that is missing equals it."""
    if operand is None:
        return operand
    if field.kind is not Kind.MOMENT and type(operand) is dict and any(key.startswith("$") for key in operand):
        raise BadInput(f"{where}: {_shown(operand)} is no value; {_dates(operand)}")
    if field.kind is Kind.ANY:
        return operand
    value = _READERS[field.kind](operand, where)
    return _word(field, value, where) if field.words and operator not in _ORDERED else value


def _dates(operand: dict[str, Any]) -> str:
    return "only columns of times know $date" if "$date" in operand else "operators cannot stand here"


def _word(field: Field, text: str, where: str) -> str:
    """One of the words that a column knows, however it is capitalized."""
    found = next((word for word in field.words if word.casefold() == text.casefold()), None)
    if found is None:
        raise BadInput(f"{where}: {text[:40]!r} is none of {', '.join(sorted(field.words))}")
    return found


def _text(operand: Any, where: str) -> str:
    if type(operand) is not str:
        raise _wrong(Kind.TEXT, operand, where)
    return operand


def _number(operand: Any, where: str) -> Any:
    if rank(operand) != NUMBER:
        raise _wrong(Kind.NUMBER, operand, where)
    return operand


def _flag(operand: Any, where: str) -> bool:
    if type(operand) is not bool and operand not in (0, 1):
        raise _wrong(Kind.FLAG, operand, where)
    return bool(operand)


def _list(operand: Any, where: str) -> Any:
    """An element, or all of them."""
    if type(operand) is list:
        return [_text(item, f"{where}[{index}]") for index, item in enumerate(operand)]
    if type(operand) is not str:
        raise _wrong(Kind.LIST, operand, where)
    return operand


def _version(operand: Any, where: str) -> int:
    """`3`, `"3"` and `"v3"`."""
    if type(operand) is int:
        return operand
    found = _VERSION.fullmatch(operand) if type(operand) is str else None
    if found is None:
        raise BadInput(f'{where}: {_shown(operand)} is no version, such as "v3" or 3; aliases are filtered by alias')
    return int(found[1])


def _moment(operand: Any, where: str) -> str:
    found = moment_of(operand)
    if found is None:
        raise BadInput(f"{where}: {_shown(operand)} is no time; write it as 2026-05-01T10:00:00Z, or as seconds or "
                       f"milliseconds since 1970{_IN if type(operand) is list else ''}")
    return found


_IN = '; for one of several, write {"$in": […]}'
_READERS: dict[Kind, Callable[[Any, str], Any]] = {
    Kind.TEXT: _text, Kind.NUMBER: _number, Kind.FLAG: _flag, Kind.LIST: _list, Kind.VERSION: _version,
    Kind.MOMENT: _moment}


def _wrong(kind: Kind, operand: Any, where: str) -> BadInput:
    hint = _IN if type(operand) is list else _quoted(operand) if kind in {Kind.TEXT, Kind.LIST} else ""
    return BadInput(f"{where}: {_shown(operand)} is never {_NAMES[kind]}{hint}")


def _quoted(operand: Any) -> str:
    return f'; write "{_shown(operand)}"' if rank(operand) == NUMBER else ""


def _shown(operand: Any) -> str:
    return json.dumps(operand, ensure_ascii=False)[:60]
