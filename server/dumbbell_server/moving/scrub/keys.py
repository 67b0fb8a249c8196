"""Values at a dotted key, wherever a tree of values has it: in configs, files of them, metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

_VALUE = "value"  # configs wrap each value: {"lr": {"value": 0.1}}


def values_at(tree: Any, key: str) -> Iterator[Any]:
    """All values at this key, at any depth."""
    for holder, last in _places(tree, key.split("."), key):
        yield holder[last]


def changed_at(tree: Any, keys: tuple[str, ...], change: Callable[[Any], Any]) -> bool:
    """Change the values at these keys in place; whether there were any."""
    any_there = False
    for key in keys:
        for holder, last in list(_places(tree, key.split("."), key)):
            holder[last] = change(holder[last])
            any_there = True
    return any_there


def _places(tree: Any, steps: list[str], key: str) -> Iterator[tuple[dict[str, Any], str]]:
    if isinstance(tree, dict):
        for name in {key, steps[0]} & set(tree):
            yield from _below(tree, name, [] if name == key else steps[1:])
        for value in tree.values():
            yield from _places(value, steps, key)
    elif isinstance(tree, list):
        for value in tree:
            yield from _places(value, steps, key)


def _below(holder: dict[str, Any], name: str, steps: list[str]) -> Iterator[tuple[dict[str, Any], str]]:
    """The place of the rest of a key; a wrapped value is that inside."""
    value = holder[name]
    if isinstance(value, dict) and _VALUE in value and (not steps or steps[0] not in value):
        yield from _below(value, _VALUE, steps)
    elif not steps:
        yield holder, name
    elif isinstance(value, dict) and steps[0] in value:
        yield from _below(value, steps[0], steps[1:])
