"""Whether an answer of another server is one that our schema could give."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    validate,
)

from dumbbell_server.graph.execution import RULES

_UNKNOWN = re.compile(r"Cannot query field [\"'](?P<field>\w+)[\"'] on type [\"'](?P<type>\w+)[\"']"
                      r"|Unknown (?P<what>type|argument) [\"'](?P<name>\w+)[\"']")
_TYPES: dict[str, tuple[type, ...]] = {"Int": (int,), "Float": (int, float), "Boolean": (bool,), "String": (str,),
                                       "ID": (str, int)}
_ROOTS = {"query": "query_type", "mutation": "mutation_type"}


@dataclass(frozen=True)
class Difference:
    """What one of the two says otherwise; `operation` is who asked."""

    operation: str
    what: str


@dataclass
class Answers:
    """Compares what goes by. The same difference is told once."""

    schema: GraphQLSchema
    seen: dict[Difference, int] = field(default_factory=dict)  # how often

    def look(self, body: Any, status: int, answer: Any) -> list[Difference]:
        """The differences that this exchange shows for the first time."""
        text = body.get("query") if isinstance(body, dict) else None
        if not isinstance(text, str):
            return []
        try:
            document = parse(text)
        except GraphQLError:
            return []
        operation = _operation(document, body.get("operationName"))
        name = operation.name.value if operation is not None and operation.name else "without a name"
        found = []
        for what in self._differences(document, operation, status, answer):
            difference = Difference(name, what)
            if difference not in self.seen:
                found.append(difference)
            self.seen[difference] = self.seen.get(difference, 0) + 1
        return found

    def _differences(self, document: DocumentNode, operation: OperationDefinitionNode | None, status: int,
                     answer: Any) -> Iterator[str]:
        ours = [error.message for error in validate(self.schema, document, RULES)]
        yield from (f"we would refuse it: {message}" for message in ours)
        if not isinstance(answer, dict):
            yield f"the answer is no JSON object (status {status})"
            return
        errors = [str(error.get("message")) for error in answer.get("errors") or () if isinstance(error, dict)]
        if not ours:
            unknown = [match for match in map(_UNKNOWN.search, errors) if match is not None]
            yield from (f"it does not know {_named(match)}, and we do" for match in unknown)
        if operation is not None and isinstance(answer.get("data"), dict) and not ours:
            fragments = {definition.name.value: definition for definition in document.definitions
                         if isinstance(definition, FragmentDefinitionNode)}
            root = getattr(self.schema, _ROOTS.get(operation.operation.value, ""), None)
            yield from Shape(self.schema, fragments).of(root, operation.selection_set, answer["data"])


def _named(match: re.Match[str]) -> str:
    return f"{match['type']}.{match['field']}" if match["field"] else f"{match['what']} {match['name']}"


def _operation(document: DocumentNode, name: Any) -> OperationDefinitionNode | None:
    found = [definition for definition in document.definitions if isinstance(definition, OperationDefinitionNode)]
    return next((one for one in found if name and one.name and one.name.value == name), found[0] if found else None)


@dataclass(frozen=True)
class Shape:
    """Values against the types that our schema has for them."""

    schema: GraphQLSchema
    fragments: dict[str, FragmentDefinitionNode]

    def of(self, kind: Any, selected: SelectionSetNode, value: dict[str, Any]) -> Iterator[str]:
        for node, owner in self._fields(kind, selected, value.get("__typename")):
            name = node.name.value
            known = owner.fields.get(name) if isinstance(owner, GraphQLObjectType | GraphQLInterfaceType) else None
            key = node.alias.value if node.alias else name
            if known is None or (key not in value and node.directives):  # of introspection, or left out by @include
                continue
            if key not in value:
                yield f"{owner.name}.{name} is not in the answer"
            else:
                yield from self._value(f"{owner.name}.{name}", known.type, node, value[key])

    def _fields(self, kind: Any, selected: SelectionSetNode, typename: Any) -> Iterator[tuple[FieldNode, Any]]:
        """The fields that hold for a value of this type, with the type that has them."""
        actual = self.schema.get_type(typename) if isinstance(typename, str) else None
        for node in selected.selections:
            if isinstance(node, FieldNode):
                yield node, actual if isinstance(actual, GraphQLObjectType) else kind
                continue
            if isinstance(node, FragmentSpreadNode):
                fragment = self.fragments.get(node.name.value)
                condition, inner = (fragment.type_condition, fragment.selection_set) if fragment else (None, None)
            else:
                assert isinstance(node, InlineFragmentNode)  # noqa: S101 - there is nothing else
                condition, inner = node.type_condition, node.selection_set
            target = self.schema.get_type(condition.name.value) if condition is not None else kind
            if inner is not None and self._applies(kind, actual, target):
                yield from self._fields(target, inner, typename)

    def _applies(self, kind: Any, actual: Any, target: Any) -> bool:
        """Whether a fragment on the target holds; where the value does not say its type, only if it always does."""
        concrete = actual if actual is not None else kind
        if concrete is target:
            return True
        abstract = isinstance(target, GraphQLInterfaceType | GraphQLUnionType)
        return abstract and isinstance(concrete, GraphQLObjectType) and self.schema.is_sub_type(target, concrete)

    def _value(self, where: str, kind: Any, node: FieldNode, value: Any) -> Iterator[str]:
        if isinstance(kind, GraphQLNonNull):
            if value is None:
                yield f"{where} is null, and never is here"
                return
            kind = kind.of_type
        if value is None:
            return
        if isinstance(kind, GraphQLList):
            if not isinstance(value, list):
                yield f"{where} is {_shown(value)}, and a list here"
                return
            for each in value:
                yield from self._value(where, kind.of_type, node, each)
        elif isinstance(kind, GraphQLScalarType | GraphQLEnumType):
            yield from _scalar(where, kind, value)
        elif node.selection_set is not None:
            if isinstance(value, dict):
                yield from self.of(kind, node.selection_set, value)
            else:
                yield f"{where} is {_shown(value)}, and {kind.name} here"


def _scalar(where: str, kind: GraphQLScalarType | GraphQLEnumType, value: Any) -> Iterator[str]:
    if isinstance(kind, GraphQLEnumType):
        if value not in kind.values:
            yield f"{where} is {str(value)[:40]!r}, which {kind.name} has not here"
        return
    wanted = _TYPES.get(kind.name)
    if wanted is not None and (not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted)):
        yield f"{where} is {_shown(value)}, and {kind.name} here"


def _shown(value: Any) -> str:
    return {dict: "an object", list: "a list", str: "a text", bool: "a boolean"}.get(type(value), "a number")
