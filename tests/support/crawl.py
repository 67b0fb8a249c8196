"""All that a key finds, from every lookup on, along every field, until nothing new is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLField, GraphQLNonNull, GraphQLObjectType, get_named_type, is_composite_type

from support.inputs import SCHEMA
from support.owned_resources import literals, send
from support.world import World

_FARTHEST = 7  # objects on the way to one
Arguments = Callable[[str, str, GraphQLField], dict[str, Any] | None]


@dataclass(frozen=True)
class Way:
    """A document with a place in it, for the fields of the objects of this type that are reached there."""

    text: str
    kind: GraphQLObjectType
    objects: int


class Crawl:
    """What comes back is handed to `judge`, answer by answer, with the document."""

    def __init__(self, world: World, key: str | None, arguments: Arguments, judge: Callable[[str, str], None]) -> None:
        self.world = world
        self.key = key
        self.arguments = arguments
        self.judge = judge
        self.seen: set[tuple[str, str]] = set()

    def run(self, field: str, given: dict[str, Any]) -> None:
        """Everything behind a field of Query."""
        assert SCHEMA.query_type is not None
        waiting = [Way(f"{{ answer: {field}{literals(given)} {{ __typename %s }} }}", kind, 0)
                   for kind in _objects(SCHEMA.query_type.fields[field].type)]
        if len(waiting) > 1 or "id" not in waiting[0].kind.fields:  # the answer is an interface, or a page
            waiting = [Way(way.text.replace("%s", f"... on {way.kind.name} {{ %s }}"), way.kind, 0) for way in waiting]
        while waiting:
            waiting += self._expand(waiting.pop(0))

    def _expand(self, way: Way) -> list[Way]:
        """Ask for all that the objects have, and see what leads to something that has not been seen."""
        onward = [*self._onward(way.kind, ())]
        parts = [text.replace("$alias", f"r{number}") % f"{kind.name}_id: id"
                 for number, (text, kind) in enumerate(onward)]
        query = way.text % " ".join([_plain(way.kind), *parts])
        status, body = send(self.world, query, {}, self.key)
        text = json.dumps(body)
        assert status < 500, (query, text)
        self.judge(query, text)
        found = []
        for number, (part, kind) in enumerate(onward):
            reached = {one for one in _reached(body, f"r{number}", kind.name) if one not in self.seen}
            self.seen |= reached
            if reached and way.objects < _FARTHEST:
                found.append(Way(way.text.replace("%s", part.replace("$alias", f"r{number}")), kind, way.objects + 1))
        return found

    def _onward(self, kind: GraphQLObjectType, through: tuple[str, ...]) -> Iterator[tuple[str, GraphQLObjectType]]:
        """Fields that lead to objects with an id, through pages and edges, which have none."""
        for name, field in kind.fields.items():
            given = self.arguments(kind.name, name, field)
            if given is None or not is_composite_type(get_named_type(field.type)):
                continue
            kinds = [*_objects(field.type)]
            for one in kinds:
                inside = f"... on {one.name} {{ %s }}" if len(kinds) > 1 else "%s"
                text = f"$alias: {name}{literals(given)} {{ __typename {inside} }}"
                if "id" in one.fields:
                    yield text, one
                elif one.name not in through:
                    for deeper, target in self._onward(one, (*through, one.name)):
                        yield text.replace("$alias", f"{kind.name}_{name}_$alias").replace("%s", deeper), target


def required(field: GraphQLField) -> list[str]:
    return [name for name, one in field.args.items() if isinstance(one.type, GraphQLNonNull)]


def _objects(kind: Any) -> list[GraphQLObjectType]:
    named = get_named_type(kind)
    return [named] if isinstance(named, GraphQLObjectType) else [*SCHEMA.get_possible_types(named)]


def _plain(kind: GraphQLObjectType) -> str:
    return " ".join(f"{kind.name}_{name}: {name}" for name, field in kind.fields.items()
                    if not is_composite_type(get_named_type(field.type)) and not required(field))


def _reached(answer: Any, alias: str, kind: str, inside: bool = False) -> Iterator[tuple[str, str]]:
    """Ids of this type below the alias."""
    if isinstance(answer, dict):
        if inside and f"{kind}_id" in answer:
            yield kind, answer[f"{kind}_id"]
        for name, value in answer.items():
            yield from _reached(value, alias, kind, inside or name == alias or name.endswith(f"_{alias}"))
    elif isinstance(answer, list):
        for value in answer:
            yield from _reached(value, alias, kind, inside)
