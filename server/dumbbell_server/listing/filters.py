"""From a client's filter to a checked tree. Whatever is wrong is a BadInput that names the place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dumbbell_server.budget import current
from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import checked_object
from dumbbell_server.listing import operands, operators
from dumbbell_server.listing.paths import parts_of
from dumbbell_server.listing.tree import (
    EVERYTHING,
    NOTHING,
    Every,
    Field,
    Leaf,
    Not,
    Some,
    Test,
    Tree,
    matches,
    matches_one,
)
from dumbbell_server.listing.values import lookup

Resolve = Callable[[str], Field]

_DEEPEST = 50
_MOST_CONDITIONS = 500
_LOOK_EVERY = 1000  # elements between looks at the time
_LOGICAL = ("$and", "$or", "$nor")
_COMPOSED = ("$all", "$elemMatch", "$not", "$options", "$regex")


def parse_filter(text: str | None, resolve: Resolve, what: str = "filters") -> Tree:
    """The filter in a JSONString; None, an empty text and `null` are no filter at all."""
    if text is None or not text.strip() or text.strip() == "null":
        return EVERYTHING
    return read(checked_object(text, what), resolve, what)


def read(value: dict[str, Any], resolve: Resolve, what: str = "filters") -> Tree:
    """The filter in an object."""
    _check_depth(value, what)
    reader = _Reader(resolve, what)
    tree = reader.document(value, what)
    if reader.conditions > _MOST_CONDITIONS:
        raise reader.too_many()
    return tree


def plain(key: str) -> Field:
    """A key of a document that has no columns: a path in it."""
    return Field("", parts_of(key))


def matches_document(tree: Tree, document: Any) -> bool:
    """Whether a filter that was read with `plain` holds of a document."""
    return matches(tree, lambda field: lookup(document, field.path))


def _check_depth(value: Any, what: str) -> None:
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        level = [item for outer in level if type(outer) in {dict, list}
                 for item in (outer.values() if type(outer) is dict else outer)]
        if not level:
            return
    raise BadInput(f"{what}: nested deeper than {_DEEPEST} levels")


class _Reader:
    def __init__(self, resolve: Resolve, what: str) -> None:
        self._resolve = resolve
        self._what = what
        self.conditions = 0

    def document(self, value: Any, where: str) -> Tree:
        if type(value) is not dict:
            raise BadInput(f"{where} must be an object")
        return _all(self._condition(key, operand, f"{where}.{key[:80]}") for key, operand in value.items())

    def _condition(self, key: str, operand: Any, where: str) -> Tree:
        if key in _LOGICAL:
            return self._logical(key, operand, where)
        if key == "$not":  # MongoDB knows it inside a field only; clients of W&B write it here as well
            return Not(self.document(operand, where))
        if key == "$comment":
            return EVERYTHING
        if key.startswith("$"):
            raise BadInput(f"{where}: {key[:40]} is not an operator that combines filters; "
                           f"those are {operators.known((*_LOGICAL, '$not'))}")
        return self._field(self._resolve(key), operand, where)

    def _logical(self, key: str, operand: Any, where: str) -> Tree:
        """An empty list restricts nothing, nor does a null (docs/protocol/behaviours.md#filters)."""
        if type(operand) is not list:
            raise BadInput(f"{where} must be a list of filters")
        if all(part is None for part in operand):
            return EVERYTHING
        parts = (self.document(part, f"{where}[{index}]") for index, part in enumerate(operand) if part is not None)
        if key == "$and":
            return _all(parts)
        return self._any(parts) if key == "$or" else Not(self._any(parts))

    def _any(self, parts: Iterator[Tree]) -> Tree:
        """Names that are listed one by one are asked for at once."""
        texts: dict[Field, list[str]] = {}
        others = []
        for part in parts:
            if isinstance(part, Leaf) and part.test.text is not None:
                self.conditions -= part.field in texts
                texts.setdefault(part.field, []).append(part.test.text)
            else:
                others.append(part)
        merged = [Leaf(field, operators.among(found, self._what)) for field, found in texts.items()]
        return merged[0] if len(merged) == 1 and not others else Some((*merged, *others))

    def _leaf(self, field: Field, test: Test) -> Leaf:
        self.count(1)
        return Leaf(field, test)

    def count(self, more: int) -> None:
        """BadInput as soon as there are too many; a few above, each of which may yet go into a list of names."""
        self.conditions += more
        if self.conditions > _MOST_CONDITIONS + _DEEPEST:
            raise self.too_many()

    def too_many(self) -> BadInput:
        return BadInput(f"{self._what} holds more than {_MOST_CONDITIONS} conditions; $in takes a list of any length")

    def _field(self, field: Field, operand: Any, where: str) -> Tree:
        if type(operand) is dict and any(key.startswith("$") for key in operand) and set(operand) != {"$date"}:
            return self._operators(field, operand, where)
        return self._leaf(field, operators.equals(operands.fitting(field, "$eq", operand, where)))

    def _operators(self, field: Field, operand: dict[str, Any], where: str) -> Tree:
        return _all(self._operator(field, name, value, operand, f"{where}.{name[:80]}")
                    for name, value in operand.items())

    def _operator(self, field: Field, name: str, operand: Any, beside: dict[str, Any], where: str) -> Tree:
        if name in operators.NEGATED:
            return Not(self._operator(field, operators.NEGATED[name], operand, beside, where))
        if name in operators.SIMPLE:
            fitting = operands.fitting(field, name, operand, where)
            return self._leaf(field, operators.SIMPLE[name](fitting, where))
        if name == "$regex":
            operands.fitting(field, name, operand, where)
            return self._leaf(field, operators.regex(operand, beside.get("$options", ""), where))
        if name == "$options":
            if "$regex" not in beside:
                raise BadInput(f"{where} needs a $regex beside it")
            return EVERYTHING
        composed = {"$not": self._negated, "$all": self._each, "$elemMatch": self._element}.get(name)
        if composed is None:
            names = (*operators.SIMPLE, *operators.NEGATED, *_COMPOSED)
            raise BadInput(f"{where}: {name[:40]!r} is not an operator on a field; those are {operators.known(names)}")
        return composed(field, operand, where)

    def _negated(self, field: Field, operand: Any, where: str) -> Tree:
        if type(operand) is not dict or not operand or not all(key.startswith("$") for key in operand):
            raise BadInput(f'{where} must be an object of operators, such as {{"$gt": 1}}')
        return Not(self._operators(field, operand, where))

    def _each(self, field: Field, operand: Any, where: str) -> Tree:
        """`$all`: every one of them is among the elements; of an empty list MongoDB says that nothing has it."""
        if type(operand) is not list:
            raise BadInput(f"{where} must be a list")
        if not operand:
            return NOTHING
        return _all(self._member(field, item, f"{where}[{index}]") for index, item in enumerate(operand))

    def _member(self, field: Field, item: Any, where: str) -> Tree:
        if type(item) is dict and any(key.startswith("$") for key in item):
            if set(item) != {"$elemMatch"}:
                raise BadInput(f"{where} may hold values, or $elemMatch alone")
            return self._element(field, item["$elemMatch"], where)
        return self._leaf(field, operators.equals(operands.fitting(field, "$eq", item, where)))

    def _element(self, field: Field, operand: Any, where: str) -> Tree:
        """A list one of whose elements, alone, meets everything: operators for values, keys for objects."""
        if type(operand) is not dict:
            raise BadInput(f"{where} must be an object")
        operands.fitting(field, "$elemMatch", operand, where)
        first = next(iter(operand), "")
        if first.startswith("$") and first not in _LOGICAL:
            tree = self._operators(operands.element_of(field), operand, where)
            return self._leaf(field, operators.on_whole(operators.name_of("$elemMatch", operand), lambda value: (
                type(value) is list and any(matches_one(tree, item) for item in _in_time(value)))))
        inner = _Reader(plain, self._what)
        tree = inner.document(operand, where)
        self.count(inner.conditions)
        return self._leaf(field, operators.on_whole(operators.name_of("$elemMatch", operand), lambda value: (
            type(value) is list
            and any(matches_document(tree, item) for item in _in_time(value) if type(item) in {dict, list}))))


def _all(parts: Iterator[Tree]) -> Tree:
    kept = tuple(part for part in parts if part != EVERYTHING)
    return kept[0] if len(kept) == 1 else Every(kept)


def _in_time(items: list[Any]) -> Iterator[Any]:
    """The elements of one cell, which may be very many."""
    for at, item in enumerate(items):
        if at % _LOOK_EVERY == 0:
            current().look()
        yield item
