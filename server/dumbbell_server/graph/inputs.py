"""Inputs that come by the thousand, made without asking Strawberry about each field of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from strawberry.types import get_object_definition
from strawberry.types.base import StrawberryList, StrawberryOptional
from strawberry.types.field import StrawberryField

T = TypeVar("T")


def plain(kind: type[T]) -> type[T]:
    """For an input type of scalars, taken as graphql-core has checked them, and lists; what is not given is None."""
    definition = get_object_definition(kind, strict=True)
    fields: list[tuple[str, StrawberryField, bool]] = []

    def made(target: type[T], given: Mapping[str, Any], context: Any) -> T:
        if not fields:
            fields.extend((context.config.name_converter.from_field(field), field, _is_list(field))
                          for field in definition.fields)
        values = {}
        for name, field, is_list in fields:
            value = given.get(name)
            if value is not None and is_list:
                value = context.convert(value, field.resolve_type(type_definition=definition), name)
            values[field.python_name] = value
        return target(**values)

    build: Callable[..., Any] = made
    definition.from_input = build
    return kind


def _is_list(field: StrawberryField) -> bool:
    kind: Any = field.type
    return isinstance(kind.of_type if isinstance(kind, StrawberryOptional) else kind, StrawberryList)
