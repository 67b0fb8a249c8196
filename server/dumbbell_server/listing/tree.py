"""A filter that was read and found right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

Truth: TypeAlias = Callable[[Any], bool]


class Kind(Enum):
    """What the cells of a field are; see `operands.py` for what a filter may compare them with."""

    ANY = "any"  # inside a document, say
    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"  # true or false, which SQLite stores as 1 and 0
    MOMENT = "moment"  # a time, stored as a text
    LIST = "list"  # a JSON list of texts: a filter holds if one element does
    VERSION = "version"  # of an artifact, which has a number and is called `v3`
    DOCUMENT = "document"  # a JSON object: keys go on into it, such as `config.lr`


@dataclass(frozen=True)
class Field:
    """What a key stands for: a column of a row, or a path inside one that holds JSON."""

    column: str
    path: tuple[str, ...] = ()
    kind: Kind = field(default=Kind.ANY, compare=False)
    words: frozenset[str] = field(default=frozenset(), compare=False)  # those that a text can be; none: any


@dataclass(frozen=True)
class Test:
    """An operator with its operand. Equal names are equal tests."""

    name: str
    one: Truth = field(compare=False)  # of a single value, lists whole
    holds: Truth = field(compare=False)  # of a cell, where one element of a list is enough
    bound: tuple[str, float] | None = field(compare=False, default=None)  # operator and number of a comparison
    text: str | None = field(compare=False, default=None)  # the text that it must equal

    __test__ = False  # pytest takes any Test… for its own


@dataclass(frozen=True)
class Leaf:
    field: Field
    test: Test


@dataclass(frozen=True)
class Every:
    """Every part holds; with no parts, always."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Some:
    """Some part holds; with no parts, never."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Not:
    part: Tree


Tree: TypeAlias = Leaf | Every | Some | Not

EVERYTHING = Every(())
NOTHING = Some(())


def fields_of(tree: Tree) -> set[Field]:
    """The fields that a filter asks about."""
    if isinstance(tree, Leaf):
        return {tree.field}
    if isinstance(tree, Not):
        return fields_of(tree.part)
    return set().union(*map(fields_of, tree.parts))


def matches(tree: Tree, read: Callable[[Field], Any]) -> bool:
    """Whether a filter holds; `read` tells the cell of a field."""
    if isinstance(tree, Leaf):
        return tree.test.holds(read(tree.field))
    if isinstance(tree, Not):
        return not matches(tree.part, read)
    return (all if isinstance(tree, Every) else any)(matches(part, read) for part in tree.parts)


def matches_one(tree: Tree, value: Any) -> bool:
    """Whether a filter of operators alone holds of a value, itself and not its elements."""
    if isinstance(tree, Leaf):
        return tree.test.one(value)
    if isinstance(tree, Not):
        return not matches_one(tree.part, value)
    return (all if isinstance(tree, Every) else any)(matches_one(part, value) for part in tree.parts)
