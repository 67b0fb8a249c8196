"""What a request is about: its route, operation, variables and run."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.routing import BaseRoute, Route

GRAPHQL = "/graphql"
_OPERATION = re.compile(r"(?:query|mutation|subscription)\s+([_A-Za-z]\w*)")
_RUN_NAMES = ("run", "runName", "run_name")
_BY_NAME = frozenset({"upsertbucket", "runresumestatus", "runstoppedstatus"})  # whose variable `name` is a run's
_EITHER = 32 + zlib.MAX_WBITS  # gzip or zlib, by its head


class Routes:
    """The templates of an app's paths."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = [route for route in routes if isinstance(route, Route)]

    def of(self, method: str, path: str) -> tuple[str, Mapping[str, str]]:
        """The template that this path has, and its parts; of the path itself where there is none."""
        for route in self._routes:
            found = route.path_regex.match(path)
            if found is not None and (route.methods is None or method in route.methods):
                return route.path, found.groupdict()
        return "", {}


def question(body: str) -> tuple[str | None, dict[str, Any]]:
    """Operation and variables of a GraphQL body; of one that was cut, its operation."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _named(body), {}
    if not isinstance(found, dict):
        return None, {}
    name, text, variables = found.get("operationName"), found.get("query"), found.get("variables")
    if not isinstance(name, str) or not name:  # the public API of the SDK sends "" (docs/protocol/graphql.md)
        name = _named(text) if isinstance(text, str) else None
    return name, variables if isinstance(variables, dict) else {}


def _named(text: str) -> str | None:
    found = _OPERATION.search(text)
    return found[1] if found is not None else None


def run_of(operation: str | None, variables: Mapping[str, Any], parts: Mapping[str, str]) -> str | None:
    """The name of the run that a request names, in its path or its variables."""
    named = [parts.get("run"), *(variables.get(name) for name in _RUN_NAMES)]
    if operation is not None and operation.lower() in _BY_NAME:
        named.append(variables.get("name"))
        inside = variables.get("input")
        named.append(inside.get("name") if isinstance(inside, dict) else None)
    return next((name for name in named if isinstance(name, str) and name), None)


def unpacked(body: bytes, encoding: str, limit: int) -> tuple[bytes, bool]:
    """At most `limit` bytes of what a body holds, and whether there is more or it cannot be unpacked."""
    if encoding not in {"gzip", "deflate"}:
        return body[:limit], len(body) > limit
    unpacker = zlib.decompressobj(_EITHER)
    try:
        plain = unpacker.decompress(body, limit)
    except zlib.error:
        return b"", True
    return plain, not unpacker.eof
