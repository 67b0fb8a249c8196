"""Long lists without per-field execution.

A resolver may return a PlannedList. It is shown what was selected of its items, collected by graphql-core itself, so
that aliases, fragments and directives are graphql-core's business; and it either answers for all items at once or, at a
field that it does not know, lets them be executed one by one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_leaf_type,
)
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from dumbbell_server.budget import Budget, current
from dumbbell_server.errors import DumbbellError
from dumbbell_server.listing.pages import Edge


class Selection:
    """What is asked of the objects at one place of a document."""

    def __init__(self, executor: PlanningExecutor, kind: GraphQLOutputType, details: Any, path: Path) -> None:
        named = get_named_type(kind)
        assert isinstance(named, GraphQLObjectType)  # noqa: S101 - no list of ours holds anything else
        self._executor, self._kind, self._path = executor, named, path
        self._fields: Mapping[str, Any] = executor.collect_subfields(named, details).grouped_field_set

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Names in the answer, and the fields they stand for."""
        return ((name, self._node(name).name.value) for name in self._fields)

    def plain(self, name: str) -> bool:
        """Whether no arguments were given."""
        return not self._node(name).arguments

    def below(self, name: str, concrete: str | None = None) -> Selection:
        """The selection inside an object; `concrete` is its type where the field has an interface."""
        kind = self._kind.fields[self._node(name).name.value].type
        if concrete is not None:
            kind = cast("GraphQLObjectType", self._executor.schema.type_map[concrete])
        return Selection(self._executor, kind, self._fields[name], self._path.add_key(name, self._kind.name))

    def complete(self, name: str, value: Any, times: int = 1) -> Any:
        """The answer for an object that so many items share, by ordinary execution; each of them pays for it."""
        before = self.budget.spent
        completed = self._complete(name, value)
        self.budget.add_again(before, times - 1)
        return completed

    def _complete(self, name: str, value: Any) -> Any:
        details, executor = self._fields[name], self._executor
        field = self._kind.fields[self._node(name).name.value]
        path = self._path.add_key(name, self._kind.name)
        info = executor.build_resolve_info(field, [detail.node for detail in details], self._kind, path)
        return executor.complete_value(field.type, details, info, path, value, None)

    @property
    def budget(self) -> Budget:
        return self._executor.budget

    @property
    def type_name(self) -> str:
        return self._kind.name

    def __len__(self) -> int:
        return len(self._fields)

    def _node(self, name: str) -> FieldNode:
        node: FieldNode = self._fields[name][0].node
        return node


T = TypeVar("T")


@dataclass(frozen=True)
class Plan(Generic[T]):
    """How fields of a type are answered from an item: values at once, objects by ordinary execution, each once."""

    values: Mapping[str, Callable[[T], Any]]
    objects: Mapping[str, Callable[[T], Any]]  # a row, a list of rows, or None
    long: frozenset[str] = frozenset()  # values that may be long texts, some of them far longer than others

    def answer(self, selection: Selection, items: Sequence[T]) -> list[dict[str, Any]] | None:
        """None where something else is selected."""
        asked = list(selection)
        for name, what in asked:
            known = what == "__typename" or what in self.objects or (what in self.values and selection.plain(name))
            if not known:
                return None
        selection.budget.add_cells(len(asked) * len(items))
        return [dict(zip((name for name, _ in asked), answers, strict=True))
                for answers in zip(*(self._column(selection, name, what, items) for name, what in asked), strict=True)]

    def _column(self, selection: Selection, name: str, what: str, items: Sequence[T]) -> list[Any]:
        if what == "__typename":
            return [selection.type_name] * len(items)
        if what in self.values:
            values = [self.values[what](item) for item in items]
            if what in self.long:
                selection.budget.add_text(_text_in(values))
            else:
                selection.budget.add_column(values)
            return values
        done: dict[int, Any] = {}
        found = [self.objects[what](item) for item in items]
        times = Counter(map(id, found))
        for value in found:
            if value and id(value) not in done:
                done[id(value)] = selection.complete(name, value, times[id(value)])
        return [done[id(value)] if value else value for value in found]


class PlannedList(ABC):
    """The items of a list, and a quick way to answer for all of them."""

    @abstractmethod
    def __iter__(self) -> Iterator[Any]:
        """The items for ordinary execution."""

    @abstractmethod
    def planned(self, selection: Selection) -> list[dict[str, Any]] | None:
        """The answers for all items, or None where something is selected that has to be executed."""


@dataclass(frozen=True)
class PlannedEdges(PlannedList, Generic[T]):
    """The edges of a page whose nodes are of one type."""

    edges: Sequence[Edge[T]]
    plan: Plan[T]

    def __iter__(self) -> Iterator[Edge[T]]:
        return iter(self.edges)

    def planned(self, selection: Selection) -> list[dict[str, Any]] | None:
        columns: dict[str, Sequence[Any]] = {}
        for name, what in selection:
            found = self._column(selection, name, what)
            if found is None:
                return None
            columns[name] = found
        selection.budget.add_cells(len(columns) * len(self.edges))
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def _column(self, selection: Selection, name: str, what: str) -> Sequence[Any] | None:
        if what == "node":
            return self.plan.answer(selection.below(name), [edge.node for edge in self.edges])
        if what == "cursor":
            return [edge.cursor for edge in self.edges]
        return [selection.type_name] * len(self.edges)


def _text_in(values: Iterable[Any]) -> int:
    return sum([len(value) for value in values if type(value) is str])


class PlanningExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes as graphql-core does, but for planned lists, and pays for it."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.budget = current()
        self._lengths: dict[int, tuple[Any, int]] = {}  # of lists of texts, by id, which they keep

    def execute_fields(self, parent_type: Any, source_value: Any, path: Any, grouped_field_set: Any,
                       position_context: Any) -> Any:
        self.budget.execute(len(grouped_field_set))
        answer: Any = super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        self.budget.add_text(_text_in(answer.values()))
        return answer

    def execute_fields_serially(self, parent_type: Any, source_value: Any, path: Any, grouped_field_set: Any,
                                position_context: Any) -> Any:
        self.budget.execute(len(grouped_field_set))
        return super().execute_fields_serially(parent_type, source_value, path, grouped_field_set, position_context)

    def complete_list_value(self, return_type: Any, field_details_list: Any, info: Any, path: Path, result: Any,
                            position_context: Any) -> Any:
        if isinstance(result, PlannedList):
            try:
                items = result.planned(Selection(self, return_type.of_type, field_details_list, path))
            except (GraphQLError, DumbbellError):  # a null where none may be, a refusal: ordinary execution tells where
                items = None
            if items is not None:
                return items
        length = self._length_of_texts(return_type, result)
        if length is not None:
            self.budget.add_text(length)
            return result
        completed: Any = super().complete_list_value(return_type, field_details_list, info, path, result,
                                                     position_context)
        if is_leaf_type(get_named_type(return_type)):
            self.budget.execute(len(completed))
            self.budget.add_text(_text_in(completed))
        return completed

    def _length_of_texts(self, return_type: Any, result: Any) -> int | None:
        """Of a list that needs no look at its items, which for a page of a history is half of the work; else None.

        A list under many aliases is gone through once.
        """
        item = return_type.of_type
        scalar = item.of_type if isinstance(item, GraphQLNonNull) else item
        if getattr(scalar, "name", "") != "JSONString" or type(result) is not list:
            return None
        found = self._lengths.get(id(result))
        if found is None:
            if not set(map(type, result)) <= {str}:
                return None
            found = self._lengths[id(result)] = result, sum(map(len, result))
        return found[1]
