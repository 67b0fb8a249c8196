"""Collections and versions, looked for in the registries of an organization."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic

from dumbbell import _html, _json
from dumbbell._client import Client
from dumbbell._documents import registries as documents
from dumbbell._organizations import PREFIX
from dumbbell._paginator import Page, Paginator, T, page_of
from dumbbell.artifacts import Artifact, ArtifactCollection, place_of_membership
from dumbbell.errors import InvalidValueError, NotFoundError


class Search(Paginator[T]):
    """What all lists of an organization have in common."""

    _document = ""
    _connection = ""

    def __init__(self, client: Client, organization: str, variables: Mapping[str, Any], order: str | None,
                 per_page: int | None, start: str | None) -> None:
        super().__init__(client, {"organization": organization, "order": order, **{
            name: _json.dumps(value) if value else None for name, value in variables.items()}}, per_page, start)
        self.organization = organization

    def _fetch(self, cursor: str | None) -> tuple[dict[str, Any], Page]:
        data = self.client.execute(self._document, {
            **self.variables, "cursor": cursor, "perPage": self.per_page})
        found = (data.get("organization") or {}).get("orgEntity")
        if found is None:
            raise NotFoundError(f"there is no organization {self.organization!r}, or this key may not see it")
        return data, page_of(found[self._connection] or {})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.organization}{self._described()}>"


class Chained(Generic[T]):
    """Lists one after the other, in the order of what they belong to. Each loop starts again."""

    def __init__(self, lists: Callable[[], Iterable[Iterable[T]]]) -> None:
        self._lists = lists

    def __iter__(self) -> Iterator[T]:
        for each in self._lists():
            yield from each


class ChainedCollections(Chained[ArtifactCollection]):
    """The collections of registries that are in an order."""

    def __init__(self, lists: Callable[[], Iterable[Collections]]) -> None:
        super().__init__(lists)
        self._collections = lists

    def versions(self, filter: Mapping[str, Any] | None = None, order: str | None = None,  # noqa: A002
                 per_page: int | None = 100, start: str | None = None) -> Chained[Artifact]:
        """The versions in these collections; see `Registry.versions`."""
        unordered(start, "registries")
        return Chained(lambda: (each.versions(filter, order, per_page) for each in self._collections()))


def unordered(start: str | None, what: str) -> None:
    """InvalidValueError (a ValueError) for a cursor into what is several lists."""
    if start is not None:
        raise InvalidValueError(f"start={start!r} cannot be where the {what} have an order; leave one of them out")


class Collections(Search[ArtifactCollection]):
    """Collections of registries."""

    _document = documents.COLLECTIONS
    _connection = "artifactCollections"

    def __init__(self, client: Client, organization: str, registry_filter: Mapping[str, Any] | None = None,
                 collection_filter: Mapping[str, Any] | None = None, order: str | None = None,
                 per_page: int | None = 100, start: str | None = None) -> None:
        self.registry_filter, self.collection_filter = registry_filter or {}, collection_filter or {}
        self.order = order
        super().__init__(client, organization, {
            "registryFilter": self.registry_filter, "collectionFilter": self.collection_filter}, order, per_page, start)

    def _converted(self, row: Any) -> ArtifactCollection:
        node = row["node"]
        kind = (node.get("defaultArtifactType") or {}).get("name", "")
        return ArtifactCollection(self.client, node["project"]["entityName"], node["project"]["name"], node["name"],
                                  kind, node)

    def versions(self, filter: Mapping[str, Any] | None = None, order: str | None = None,  # noqa: A002
                 per_page: int | None = 100, start: str | None = None) -> Versions | Chained[Artifact]:
        """The versions in these collections, in the order of those if they have one; see `Registry.versions`."""
        if self.order is not None:
            unordered(start, "collections")
            return Chained(lambda: (
                Versions(self.client, self.organization, {"name": each.project}, {"name": each.name}, filter, order,
                         per_page) for each in self))
        return Versions(self.client, self.organization, self.registry_filter, self.collection_filter, filter, order,
                        per_page, start)

    def _repr_html_(self) -> str:
        return _html.table(({"name": each.name, "registry": each.project.removeprefix(PREFIX), "type": each.type}
                            for each in self), None, self._known())


class Versions(Search[Artifact]):
    """Versions of artifacts in registries. The server tells no total, so `len()` raises ValueError."""

    _document = documents.VERSIONS
    _connection = "artifactMemberships"

    def __init__(self, client: Client, organization: str, registry_filter: Mapping[str, Any] | None = None,
                 collection_filter: Mapping[str, Any] | None = None, artifact_filter: Mapping[str, Any] | None = None,
                 order: str | None = None, per_page: int | None = 100, start: str | None = None) -> None:
        super().__init__(client, organization, {
            "registryFilter": registry_filter, "collectionFilter": collection_filter,
            "artifactFilter": artifact_filter}, order, per_page, start)

    def _converted(self, row: Any) -> Artifact:
        node = row["node"]
        return Artifact.of(self.client, place_of_membership(node), node["artifact"], node["versionIndex"])

    def _repr_html_(self) -> str:
        return _html.table({"name": each.qualified_name, "aliases": ", ".join(each.aliases), "bytes": each.size}
                           for each in self)


def named(query: Any, key: str = "") -> Any:
    """A filter of registries, whose names get what paths have in front; regular expressions stay."""
    if isinstance(query, Mapping):
        return {name: value if name == "$regex" else named(value, key if name.startswith("$") else name)
                for name, value in query.items()}
    if isinstance(query, list | tuple):
        return [named(each, key) for each in query]
    return f"{PREFIX}{query.removeprefix(PREFIX)}" if key == "name" and isinstance(query, str) else query
