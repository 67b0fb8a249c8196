"""MongoDB's query operators on JSON values, each with the check of its operand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from dumbbell_server.errors import BadInput
from dumbbell_server.listing.regex import search_of
from dumbbell_server.listing.tree import Test, Truth
from dumbbell_server.listing.values import (
    LIST,
    MISSING,
    NULL,
    NUMBER,
    TEXT,
    branches,
    candidates,
    canonical,
    compare,
    rank,
)

_INT32 = 2**31
# BSON's types by name and number; those that JSON does not have are known and never found.
_TYPES: dict[str, Truth] = {
    "double": lambda v: type(v) is float,
    "string": lambda v: type(v) is str,
    "object": lambda v: type(v) is dict,
    "array": lambda v: type(v) is list,
    "bool": lambda v: type(v) is bool,
    "null": lambda v: v is None,
    "int": lambda v: type(v) is int and -_INT32 <= v < _INT32,
    "long": lambda v: type(v) is int and not -_INT32 <= v < _INT32,
    "number": lambda v: type(v) in {int, float},
} | dict.fromkeys(("binData", "undefined", "objectId", "date", "regex", "dbPointer", "javascript", "symbol",
                   "javascriptWithScope", "timestamp", "decimal", "minKey", "maxKey"), lambda _: False)
_TYPE_NUMBERS = {1: "double", 2: "string", 3: "object", 4: "array", 5: "binData", 6: "undefined", 7: "objectId",
                 8: "bool", 9: "date", 10: "null", 11: "regex", 12: "dbPointer", 13: "javascript", 14: "symbol",
                 15: "javascriptWithScope", 16: "int", 17: "timestamp", 18: "long", 19: "decimal", -1: "minKey",
                 127: "maxKey"}
_SIGNS: dict[str, Callable[[int], bool]] = {
    "$gt": lambda sign: sign > 0, "$gte": lambda sign: sign >= 0,
    "$lt": lambda sign: sign < 0, "$lte": lambda sign: sign <= 0,
}


def _is_nan(value: Any) -> bool:
    return bool(value != value)  # noqa: PLR0124 - unlike math.isnan, of integers of any length


def name_of(operator: str, operand: Any) -> str:
    return f"{operator}:{json.dumps(operand, sort_keys=True)}"


def on_elements(name: str, one: Truth, bound: tuple[str, float] | None = None, text: str | None = None) -> Test:
    """A test that a list passes when one of its elements does."""
    def holds(cell: Any) -> bool:
        return any(map(one, candidates(cell)))
    return Test(name, one, holds, bound, text)


def on_whole(name: str, one: Truth) -> Test:
    """A test that looks at a list as such."""
    def holds(cell: Any) -> bool:
        return any(map(one, branches(cell)))
    return Test(name, one, holds)


def equals(operand: Any) -> Test:
    name = name_of("$eq", operand)
    if operand is None:
        return on_elements(name, lambda value: value is None or value is MISSING)
    if type(operand) is str:
        return on_elements(name, lambda value: value == operand, text=operand)
    kind = rank(operand)
    bound = ("$eq", operand) if kind == NUMBER and not _is_nan(operand) else None
    return on_elements(name, lambda value: rank(value) == kind and compare(value, operand) == 0, bound)


def comparison(operator: str) -> Callable[[Any, str], Test]:
    fits = _SIGNS[operator]

    def build(operand: Any, _: str) -> Test:
        name, kind = name_of(operator, operand), rank(operand)
        if kind == NULL:  # null is not less than null
            return equals(None) if operator in {"$gte", "$lte"} else on_elements(name, lambda _: False)
        if kind != NUMBER:
            return on_elements(name, lambda value: rank(value) == kind and fits(compare(value, operand)))
        if _is_nan(operand):
            return equals(operand) if operator in {"$gte", "$lte"} else on_elements(name, lambda _: False)
        return on_elements(
            name, lambda value: rank(value) == NUMBER and not _is_nan(value) and fits(compare(value, operand)),
            (operator, operand))
    return build


def among(operand: Any, where: str) -> Test:
    """`$in`: equal to one of them."""
    items = checked_list(operand, where)
    texts = {item for item in items if type(item) is str}
    numbers = {item for item in items if rank(item) == NUMBER and not _is_nan(item)}
    others = {canonical(item) for item in items if rank(item) not in {NUMBER, TEXT, NULL}}
    kinds = {rank(item) for item in items}
    nulls, nans = NULL in kinds, any(map(_is_nan, items))

    def one(value: Any) -> bool:
        kind = rank(value)
        if type(value) is str:
            return value in texts
        if kind == NUMBER:
            return value in numbers or (nans and _is_nan(value))
        return nulls if kind == NULL else kind in kinds and canonical(value) in others
    return on_elements(name_of("$in", operand), one)


def exists(operand: Any, _: str) -> Test:
    """Null is there too. MongoDB takes anything for true that is not false, 0 or null."""
    wanted = operand is not None and operand is not False and operand != 0
    there = on_whole(f"$exists:{wanted}", lambda value: value is not MISSING)
    if wanted:
        return there
    return Test(there.name, lambda value: value is MISSING, lambda cell: not there.holds(cell))


def of_type(operand: Any, where: str) -> Test:
    wanted = [_type_test(item, where) for item in (operand if type(operand) is list else [operand])]
    if not wanted:
        raise BadInput(f"{where} must name at least one type")
    return on_elements(name_of("$type", operand), lambda value: any(fits(value) for fits in wanted))


def _type_test(item: Any, where: str) -> Truth:
    name = item if type(item) is str else _TYPE_NUMBERS.get(item) if rank(item) == NUMBER else None
    fits = _TYPES.get(name) if name else None
    if fits is None:
        raise BadInput(f"{where}: {str(item)[:40]!r} is not a type; it is one of {', '.join(sorted(_TYPES))}, "
                       "or BSON's number of one")
    return fits


def regex(operand: Any, options: Any, where: str) -> Test:
    if type(operand) is not str or type(options) is not str:
        raise BadInput(f"{where} must be a pattern, and $options a text")
    found = search_of(operand, options, where)
    return on_elements(name_of("$regex", [operand, options]), lambda value: type(value) is str and found(value))


def size(operand: Any, where: str) -> Test:
    wanted = whole(operand, where)
    if wanted < 0:
        raise BadInput(f"{where} must not be negative")
    return on_whole(f"$size:{wanted}", lambda value: type(value) is list and len(value) == wanted)


def modulo(operand: Any, where: str) -> Test:
    """Divisor and remainder; fractions are cut off, and the sign is the dividend's."""
    if type(operand) is not list or len(operand) != 2:  # noqa: PLR2004 - the two
        raise BadInput(f"{where} must be a list of two numbers, divisor and remainder")
    divisor, remainder = (_truncated(number, where) for number in operand)
    if divisor == 0:
        raise BadInput(f"{where}: the divisor must not be 0")

    def one(value: Any) -> bool:
        if rank(value) != NUMBER or value - value != 0:
            return False
        dividend = int(value)
        rest = abs(dividend) % abs(divisor)
        return (rest if dividend >= 0 else -rest) == remainder
    return on_elements(f"$mod:{divisor},{remainder}", one)


def contains(operand: Any, _: str) -> Test:
    """W&B's own: a text that holds this one, or a list that holds this value."""
    if type(operand) is str:
        return on_elements(name_of("$contains", operand), lambda value: type(value) is str and operand in value)
    return on_elements(name_of("$contains", operand),
                       lambda value: rank(value) == LIST and any(compare(item, operand) == 0 for item in value))


def checked_list(operand: Any, where: str) -> list[Any]:
    if type(operand) is not list:
        raise BadInput(f"{where} must be a list")
    for item in operand:
        if type(item) is dict and any(key.startswith("$") for key in item):
            raise BadInput(f"{where}: operators cannot stand inside this list")
    return operand


def whole(operand: Any, where: str) -> int:
    if rank(operand) != NUMBER or operand - operand != 0 or operand != int(operand):
        raise BadInput(f"{where} must be a whole number")
    return int(operand)


def _truncated(operand: Any, where: str) -> int:
    if rank(operand) != NUMBER or operand - operand != 0:
        raise BadInput(f"{where} must hold finite numbers")
    return int(operand)


# Operators that take an operand and nothing else; those made of others are in parse.py.
SIMPLE: dict[str, Callable[[Any, str], Test]] = {
    "$eq": lambda operand, _: equals(operand),
    "$in": among,
    "$exists": exists,
    "$type": of_type,
    "$size": size,
    "$mod": modulo,
    "$contains": contains,
    **{operator: comparison(operator) for operator in _SIGNS},
}
NEGATED = {"$ne": "$eq", "$nin": "$in"}


def known(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
