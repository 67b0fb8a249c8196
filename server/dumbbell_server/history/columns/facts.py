"""What `historyKeys` says of a key, and how those of rows and of later rows add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from operator import le
from typing import Any, TypedDict


class Facts(TypedDict):
    """`first` is what the last of earlier rows is compared with."""

    types: dict[str, int]
    monotonic: bool
    first: Any
    last: Any


def facts_of(values: Sequence[Any]) -> Facts:
    """Of one value or more, in the order of their steps."""
    types = set(map(type, values))
    numbers = types <= {int, float}
    counts = {"number": len(values)} if numbers else dict(Counter(map(kind_of, values)))
    monotonic = len(values) == 1 or (numbers and all(map(le, values, islice(values, 1, None))))
    return Facts(types=counts, monotonic=monotonic, first=values[0], last=values[-1])


def add(before: Facts | None, after: Facts) -> Facts:
    """Of both; all steps of the second come after those of the first."""
    if before is None:
        return after
    types = dict(before["types"])
    for name, count in after["types"].items():
        types[name] = types.get(name, 0) + count
    follows = is_number(before["last"]) and is_number(after["first"]) and after["first"] >= before["last"]
    return Facts(types=types, monotonic=before["monotonic"] and after["monotonic"] and follows,
                 first=before["first"], last=after["last"])


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "number"
    if isinstance(value, dict):
        return str(value.get("_type", "map"))
    if isinstance(value, list):
        return "list"
    return "string" if isinstance(value, str) else "nil"
