"""Questions to any server of the protocol: what one of them does not know is left out, and the rest asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from dumbbell import Api
from dumbbell._client import Client
from dumbbell._retry import StatusError
from dumbbell.errors import CommError, NotFoundError

_PART = re.compile(r"\[\[(\w+)(.*?)\]\]", re.DOTALL)
_NAMED = re.compile(r"[\"'`](\w+)[\"'`]")
_UNKNOWN = re.compile(r"cannot query field|unknown (argument|type|field|fragment)|is not defined|doesn't exist on|"
                      r"must not have a selection|has no field|no such field", re.IGNORECASE)
_PAGE = 50
_SECONDS = 60.0


@dataclass(frozen=True)
class Document:
    """A question. Parts in `[[…]]`, which begin with the name of a field, are left out where that is not known."""

    source: str

    def without(self, unknown: AbstractSet[str]) -> str:
        """The text of the question."""
        return _PART.sub(lambda part: "" if part[1] in unknown else part[1] + part[2], self.source)

    def named(self, message: str, unknown: AbstractSet[str]) -> set[str]:
        """The parts that this refusal is about: those of a field that it names, else those that have one inside."""
        asked = {part[1]: part[2] for part in _PART.finditer(self.source) if part[1] not in unknown}
        names = set(_NAMED.findall(message))
        return {name for name in asked if name in names} or {
            name for name, rest in asked.items() if names & set(re.findall(r"\w+", rest))}


def opened(base_url: str, api_key: str | None) -> Api:
    """The server; its key is that of the environment or the netrc unless given."""
    return Api({"base_url": base_url}, api_key=api_key, timeout=_SECONDS)


def not_understood(error: CommError) -> bool:
    """Whether the server refused the question itself, as one that lacks a field does."""
    status = error.exc.status if isinstance(error.exc, StatusError) else None
    return status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, None} \
        and _UNKNOWN.search(str(error)) is not None


class Wire:
    """One project on one server."""

    def __init__(self, api: Api, entity: str, project: str) -> None:
        self.api = api
        self.entity = entity
        self.project = project
        self._unknown: dict[Document, frozenset[str]] = {}  # parts that this server has refused

    @property
    def client(self) -> Client:
        return self.api.client

    def ask(self, document: Document, **variables: Any) -> dict[str, Any]:
        """The data of an answer."""
        while True:
            unknown = self._unknown.get(document, frozenset())
            try:
                return self.client.execute(document.without(unknown), {
                    "entity": self.entity, "project": self.project, **variables})
            except CommError as error:
                more = document.named(str(error), unknown) if not_understood(error) else None
                if not more:
                    raise
                self._unknown[document] = self._unknown.get(document, frozenset()) | more

    def maybe(self, document: Document, **variables: Any) -> dict[str, Any] | None:
        """The same; None from a server that does not understand it."""
        try:
            return self.ask(document, **variables)
        except CommError as error:
            if not not_understood(error):
                raise
            return None

    def edges(self, document: Document, *path: str, needed: bool = False,
              **variables: Any) -> Iterator[dict[str, Any]]:
        """All edges of the connection at this path, page by page; unless needed, none where it is not known."""
        cursor: str | None = None
        ask = self.ask if needed else self.maybe
        while True:
            data = ask(document, **{"perPage": _PAGE, **variables}, cursor=cursor)
            found = at(data, *path)
            if not found:
                return
            yield from found.get("edges") or ()
            page = found.get("pageInfo") or {}
            before, cursor = cursor, page.get("endCursor")
            if not page.get("hasNextPage") or cursor in {None, before}:
                return

    def nodes(self, document: Document, *path: str, **variables: Any) -> Iterator[dict[str, Any]]:
        """The nodes of all edges."""
        return (edge["node"] for edge in self.edges(document, *path, **variables) if edge.get("node"))


def at(data: Mapping[str, Any] | None, *path: str) -> Any:
    """What is at a path of an answer; None where it ends before."""
    found: Any = data
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def run_of(data: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    """The run of an answer. NotFoundError where it is gone."""
    found = at(data, "project", "run")
    if not isinstance(found, dict):
        raise NotFoundError(f"there is no run {name!r} any more, or this key may not see it")
    return found
