"""How many values a query may ask for, from the sizes of its nested lists: known before anything of it runs.

A list multiplies what is below it by its size: an argument such as `first`, of the list itself or of the connection
around it, or the default. What depends on no variable is multiplied once, when the document is parsed; a price is what
is left to do for each request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    GraphQLSchema,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_composite_type,
)

from dumbbell_server.listing.pages import DEFAULT_PAGE, LARGEST_PAGE

_MOST_SAMPLES = 500_000  # whoever wants all rows names any number; what they are is paid for while they are read
_ROW = 10  # values that a row of a history counts as: it is a text of JSON, and to read it costs more than a field
_MOST = dict.fromkeys(("first", "last", "limit", "perPage"), LARGEST_PAGE) | {"samples": _MOST_SAMPLES}
_FEW = 4  # parts of a sum up to which they are taken over into another one


@dataclass(frozen=True)
class _Size:
    """The largest of a number and of what variables hold: each a name, a default, and the most that it counts as."""

    least: int
    held: tuple[tuple[str, int | None, int], ...]

    def of(self, variables: Mapping[str, Any]) -> int:
        return max(self.least, *(_size(variables.get(name, default), most)
                                 for name, default, most in self.held))


_Part = tuple[_Size | int, int]  # a size, and the number of the sum that it multiplies
_Sum = tuple[int, tuple[tuple[_Part, int], ...]]  # a number, and parts, each so many times


class Price:
    """The sums of an operation, each of which names only those before it; the last is the whole."""

    def __init__(self, sums: tuple[_Sum, ...]) -> None:
        self._sums = sums

    def of(self, variables: Mapping[str, Any]) -> int:
        values: list[int] = []
        for value, parts in self._sums:
            for (size, number), times in parts:
                value += times * values[number] * (size if isinstance(size, int) else size.of(variables))  # noqa: PLW2901
            values.append(value)
        return values[-1]


def prices(schema: GraphQLSchema, document: DocumentNode) -> dict[str | None, Price]:
    """Of each operation of a valid document, by its name."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    operations = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return {node.name.value if node.name else None: _Pricing(schema, fragments, node).price() for node in operations}


class _Terms:
    """A sum while it is added up. Once it has a number, nothing is added any more."""

    def __init__(self, fixed: int = 0) -> None:
        self.fixed = fixed
        self.parts: dict[_Part, int] = {}
        self.number: int | None = None

    def add_part(self, part: _Part, times: int = 1) -> None:
        self.parts[part] = self.parts.get(part, 0) + times


class _Pricing:
    """Of one operation. A fragment is gone through once, however often it is spread."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode],
                 operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._fragments = fragments
        self._operation = operation
        self._defaults = {node.variable.name.value: node.default_value
                          for node in operation.variable_definitions or ()}
        self._sums: dict[_Sum, int] = {}  # and their numbers: equal ones have one
        self._spread: dict[str, tuple[_Terms, _Terms]] = {}

    def price(self) -> Price:
        whole, listed = self._selection(self._operation.selection_set,
                                        self._schema.get_root_type(self._operation.operation))
        self._add(whole, listed, DEFAULT_PAGE)
        return Price((*self._sums, (whole.fixed, tuple(whole.parts.items()))))

    def _selection(self, node: SelectionSetNode | None, kind: Any) -> tuple[_Terms, _Terms]:
        """What it costs once; and, of its lists, what one element of each costs: their size is said around it."""
        own, listed = _Terms(), _Terms()
        for selection in node.selections if node is not None else ():
            if isinstance(selection, FieldNode):
                self._add_field(selection, kind, own, listed)
                continue
            if isinstance(selection, FragmentSpreadNode):
                more, elements = self._fragment(selection.name.value)
            else:
                inner: Any = selection
                condition = inner.type_condition
                below = kind if condition is None else self._schema.type_map[condition.name.value]
                more, elements = self._selection(inner.selection_set, below)
            self._add(own, more, 1)
            self._add(listed, elements, 1)
        return own, listed

    def _fragment(self, name: str) -> tuple[_Terms, _Terms]:
        if name not in self._spread:
            node = self._fragments[name]
            kind = self._schema.type_map[node.type_condition.name.value]
            self._spread[name] = self._selection(node.selection_set, kind)
        return self._spread[name]

    def _add_field(self, node: FieldNode, parent: Any, own: _Terms, listed: _Terms) -> None:
        field = self._schema.get_field(parent, node.name.value)
        size = self._size_of(node)
        if field is None or not is_composite_type(get_named_type(field.type)):
            self._add(own, _Terms(1 if size is None else _ROW), 1 if size is None else size)
            return
        own.fixed += 1
        below, elements = self._selection(node.selection_set, get_named_type(field.type))
        if _is_list(field.type):
            self._add(below, elements, DEFAULT_PAGE)
            self._add(listed if size is None else own, below, 1 if size is None else size)
        else:
            self._add(own, below, 1)
            self._add(own, elements, DEFAULT_PAGE if size is None else size)

    def _add(self, terms: _Terms, more: _Terms, size: _Size | int) -> None:
        """A sum to another, so many times."""
        if isinstance(size, int) and not more.parts:
            terms.fixed += size * more.fixed
        elif size == 1 and len(more.parts) <= _FEW:
            terms.fixed += more.fixed
            for part, times in more.parts.items():
                terms.add_part(part, times)
        elif more.fixed or more.parts:
            terms.add_part((size, self._number_of(more)))

    def _number_of(self, terms: _Terms) -> int:
        if terms.number is None:
            done = terms.fixed, tuple(terms.parts.items())
            terms.number = self._sums.setdefault(done, len(self._sums))
        return terms.number

    def _size_of(self, node: FieldNode) -> _Size | int | None:
        """The size that the arguments say; None where there are none that do."""
        known: list[int] = []
        held: list[tuple[str, int | None, int]] = []
        for argument in node.arguments or ():
            name, value = argument.name.value, argument.value
            if name in _MOST and isinstance(value, VariableNode):
                default = _number_in(self._defaults.get(value.name.value))
                held.append((value.name.value, default, _MOST[name]))
            elif name in _MOST:
                known.append(_size(_number_in(value), _MOST[name]))
        if held:
            return _Size(max(known, default=0), tuple(held))
        return max(known, default=None)


def _is_list(kind: GraphQLOutputType) -> bool:
    return isinstance(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, GraphQLList)


def _number_in(node: object) -> int | None:
    return int(node.value) if isinstance(node, IntValueNode) else None


def _size(value: object, most: int) -> int:
    """What is no size is refused where it is executed."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return DEFAULT_PAGE
    return max(0, min(value, most))
