"""docs/supported.md, made from the schema, the features and the routes: `make supported` writes it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
)
from starlette.routing import Route

from dumbbell_server.accounts.features import FEATURES
from dumbbell_server.app import create_app
from dumbbell_server.backend import open_backend
from dumbbell_server.clock import StillClock
from dumbbell_server.schema import build_schema
from dumbbell_server.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "supported.md"
_HEAD = """# What is supported

Every operation and field that the server knows. This page is made from the code by `make supported`.
"""


def page() -> str:
    schema = build_schema()
    types = {name: kind for name, kind in schema.type_map.items() if not name.startswith("__")}
    roots = [root for root in (schema.query_type, schema.mutation_type) if root is not None]
    chapters = [_HEAD, _chapter("Queries", _fields(roots[0].fields)), _chapter("Mutations", _fields(roots[1].fields))]
    kinds = [kind for name, kind in sorted(types.items()) if kind not in roots]
    for title, wanted in [("Types", (GraphQLObjectType, GraphQLInterfaceType)), ("Unions", (GraphQLUnionType,)),
                          ("Enums", (GraphQLEnumType,)), ("Inputs", (GraphQLInputObjectType,)),
                          ("Scalars", (GraphQLScalarType,))]:
        chapters.append(_chapter(title, (_line(kind) for kind in kinds if isinstance(kind, wanted))))
    features = (f"- `{name}`" for name, on in sorted(FEATURES.items()) if on)
    return "\n".join([*chapters, _chapter("Features", features), _chapter("Routes", _routes())])


def _chapter(title: str, lines: Iterable[str]) -> str:
    body = "\n".join(lines)
    return f"## {title}\n\n{body}\n" if body else ""


def _fields(fields: dict[str, GraphQLField]) -> Iterator[str]:
    for name, field in sorted(fields.items()):
        yield f"- `{name}{_arguments(field)}: {field.type}`"


def _arguments(field: GraphQLField) -> str:
    given: dict[str, GraphQLArgument] = field.args
    return f"({', '.join(f'{name}: {argument.type}' for name, argument in given.items())})" if given else ""


def _line(kind: GraphQLNamedType) -> str:
    match kind:
        case GraphQLObjectType() | GraphQLInterfaceType():
            parts = [f"{name}{_arguments(field)}" for name, field in kind.fields.items()]
        case GraphQLInputObjectType():
            parts = [f"{name}: {field.type}" for name, field in kind.fields.items()]
        case GraphQLEnumType():
            parts = list(kind.values)
        case GraphQLUnionType():
            parts = [member.name for member in kind.types]
        case _:
            return f"- `{kind.name}`"
    return f"- **{kind.name}**: {', '.join(f'`{part}`' for part in sorted(parts))}"


def _routes() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        backend = open_backend(Settings(data_dir=Path(folder)), StillClock())
        try:
            app: Any = create_app(backend)
            app.state.dumbbell.pool.shutdown()
        finally:
            backend.close()
    return sorted(f"- `{method} {route.path}`" for route in app.routes if isinstance(route, Route)
                  for method in route.methods or () if method != "HEAD")


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
