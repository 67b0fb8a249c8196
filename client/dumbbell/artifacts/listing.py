"""Types, collections and versions: where artifacts are found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from dumbbell import _html, _json
from dumbbell._attrs import NOTHING, Attrs
from dumbbell._client import Client
from dumbbell._documents import artifacts as documents
from dumbbell._paginator import Page, Paginator, page_of
from dumbbell.artifacts.artifact import Artifact
from dumbbell.errors import InvalidValueError, NotFoundError, normalized

if TYPE_CHECKING:
    from dumbbell.run_core import RunCore

_EMPTY = Page((), None, more=False, total=0)


def _project(data: Mapping[str, Any], entity: str, project: str) -> Mapping[str, Any]:
    found = data.get("project")
    if found is None:
        raise NotFoundError(f"could not find project {entity}/{project}: there is none, or this key may not see it")
    answer: Mapping[str, Any] = found
    return answer


class ProjectArtifactTypes(Paginator["ArtifactType"]):
    """The types of artifacts in a project. The server tells no total, so `len()` raises ValueError."""

    def __init__(self, client: Client, entity: str, project: str, name: str | None = None,
                 per_page: int | None = 50, start: str | None = None) -> None:
        super().__init__(client, {"entity": entity, "project": project}, per_page, start)
        self.entity, self.project, self.name = entity, project, name

    def _fetch(self, cursor: str | None) -> tuple[dict[str, Any], Page]:
        data = self.client.execute(documents.TYPES, {**self.variables, "cursor": cursor, "perPage": self.per_page})
        return data, page_of(_project(data, self.entity, self.project)["artifactTypes"])

    def _converted(self, row: Any) -> ArtifactType:
        return ArtifactType(self.client, self.entity, self.project, row["node"]["name"], row["node"])

    def __repr__(self) -> str:
        return f"<ProjectArtifactTypes {self.entity}/{self.project}>"

    def _repr_html_(self) -> str:
        return _html.table({"name": each.name, "description": each.description} for each in self)


class ArtifactType(Attrs):
    """A type of artifacts in a project.

    Attributes:
        id: the server's id.
        name: such as "dataset".
        description: what people should know of it.
        created_at: ISO time at which it was made.
    """

    id: str
    name: str
    description: str | None
    created_at: str

    @normalized
    def __init__(self, client: Client, entity: str, project: str, type_name: str,
                 attrs: Mapping[str, Any] | None = None) -> None:
        super().__init__(client, attrs or NOTHING)
        self.entity, self.project, self.type = entity, project, type_name
        if not attrs:
            data = client.execute(documents.TYPE, {"entity": entity, "project": project, "type": type_name})
            found = _project(data, entity, project)["artifactType"]
            if found is None:
                raise NotFoundError(f"could not find artifact type {type_name!r} in {entity}/{project}")
            self._attrs = found

    @normalized
    def collections(self, per_page: int | None = 50, *, filters: Mapping[str, Any] = NOTHING,
                    order: str | None = None, start: str | None = None) -> ProjectArtifactCollections:
        """Artifact collections.

        Args:
            per_page: number of results per page.
            filters: MongoDB's query language, by name and tag.
            order: such as `+name` or `-created_at`.
            start: the cursor after which to begin.
        """
        return ProjectArtifactCollections(self.client, self.entity, self.project, self.type, per_page,
                                          filters=filters, order=order, start=start)

    def load(self) -> dict[str, Any]:
        """Its fields."""
        return self._attrs

    def collection(self, name: str) -> ArtifactCollection:
        """A collection by its name; it is asked for when a field is needed."""
        return ArtifactCollection(self.client, self.entity, self.project, name, self.type)

    def __repr__(self) -> str:
        return f"<ArtifactType {self.type}>"


class ProjectArtifactCollections(Paginator["ArtifactCollection"]):
    """The collections of a type, or of all types of a project."""

    def __init__(self, client: Client, entity: str, project: str, type_name: str | None = None,
                 per_page: int | None = 50, *, filters: Mapping[str, Any] = NOTHING,
                 order: str | None = None, start: str | None = None) -> None:
        super().__init__(client, {"entity": entity, "project": project, "order": order,
                                  "filters": _json.dumps(dict(filters), "filters") if filters else None}, per_page,
                         start)
        self.entity, self.project, self.type_name = entity, project, type_name
        if type_name is not None:
            self.variables["type"] = type_name

    def _fetch(self, cursor: str | None) -> tuple[dict[str, Any], Page]:
        document = documents.PROJECT_COLLECTIONS if self.type_name is None else documents.TYPE_COLLECTIONS
        data = self.client.execute(document, {**self.variables, "cursor": cursor, "perPage": self.per_page})
        found = _project(data, self.entity, self.project)
        if self.type_name is not None:
            found = found["artifactType"] or {}
        connection = found.get("artifactCollections")
        return data, _EMPTY if connection is None else page_of(connection)

    def _converted(self, row: Any) -> ArtifactCollection:
        node = row["node"]
        kind = self.type_name or (node.get("defaultArtifactType") or {}).get("name", "")
        return ArtifactCollection(self.client, self.entity, self.project, node["name"], kind, node)

    def __repr__(self) -> str:
        return f"<ProjectArtifactCollections {self.type_name or self.project}{self._described()}>"

    def _repr_html_(self) -> str:
        return _html.table({"name": each.name, "type": each.type, "description": each.description} for each in self)


class ArtifactCollection(Attrs):
    """A name, and the versions of artifacts that were logged or linked under it.

    Attributes:
        id: the server's id.
        name: in paths, without a version.
        type: the name of the type.
        description: what people should know of it; saved by `save`.
        created_at: ISO time at which it was made.
    """

    id: str
    description: str | None
    created_at: str
    updated_at: str | None

    def __init__(self, client: Client, entity: str, project: str, name: str, type: str,  # noqa: A002 - its name of old
                 attrs: Mapping[str, Any] | None = None) -> None:
        super().__init__(client, attrs or NOTHING)
        self.entity, self.project = entity, project
        self.name, self.type = name, type
        self._saved_name, self._saved_type = name, type
        self._loaded = bool(attrs)
        self._tags: list[str] | None = None

    def _more(self, key: str) -> bool:
        if self._loaded:
            return False
        data = self.client.execute(documents.COLLECTION, {
            "entity": self.entity, "project": self.project, "type": self._saved_type, "name": self._saved_name})
        kind = _project(data, self.entity, self.project)["artifactType"] or {}
        if kind.get("artifactCollection") is None:
            raise NotFoundError(f"could not find artifact collection {self.entity}/{self.project}/{self.name} of type "
                                f"{self.type!r}")
        self._attrs, self._loaded = kind["artifactCollection"], True
        return key in self._attrs

    def _field(self, key: str) -> Any:
        if key not in self._attrs:
            self._more(key)
        return self._attrs.get(key)

    @normalized
    def versions(self, per_page: int | None = 50, *, start: str | None = None) -> ArtifactVersions:
        """Artifact versions, newest first; after the cursor `start` if one is given."""
        return ArtifactVersions(self.client, self.entity, self.project, self._saved_name, self._saved_type,
                                per_page=per_page, start=start)

    artifacts = versions

    @property
    def aliases(self) -> list[str]:
        """All aliases of its versions."""
        found: list[str] = []
        cursor: str | None = None
        while True:
            data = self.client.execute(documents.COLLECTION_ALIASES, {"id": self._field("id"), "cursor": cursor})
            page = page_of((data["artifactCollection"] or {})["aliases"])
            found += [edge["node"]["alias"] for edge in page.rows]
            cursor = page.cursor
            if not page.more:
                return found

    @property
    def tags(self) -> list[str]:
        """Tags of the collection, saved by `save`."""
        if self._tags is None:
            self._tags = self._saved_tags()
        return self._tags

    @tags.setter
    def tags(self, names: Iterable[str]) -> None:
        self._tags = list(dict.fromkeys(names))

    def _saved_tags(self) -> list[str]:
        return [edge["node"]["name"] for edge in (self._field("tags") or {}).get("edges", [])]

    @property
    def project_id(self) -> str:
        """The server's id of its project."""
        return str((self._field("project") or {}).get("id"))

    @property
    def project_internal_id(self) -> str | None:
        """The server's internal id of its project."""
        found: str | None = (self._field("project") or {}).get("internalId")
        return found

    def is_sequence(self) -> bool:
        """Whether versions are logged here; otherwise they are linked."""
        return bool(self._field("__typename") == "ArtifactSequence")

    @property
    def _kind(self) -> str:
        return "ArtifactSequence" if self.is_sequence() else "ArtifactPortfolio"

    @normalized
    def save(self) -> None:
        """Save name, description, tags and type."""
        self.change_type(self.type)
        kind = self._kind
        argument = f"{kind[0].lower()}{kind[1:]}ID"
        self.client.execute(documents.UPDATE_COLLECTION % {"kind": kind}, {"input": {
            argument: self._field("id"), "name": self.name, "description": self.description}})
        self._saved_name = self.name
        saved = self._saved_tags()
        for document, names in ((documents.ADD_TAGS, [tag for tag in self.tags if tag not in saved]),
                                (documents.DELETE_TAGS, [tag for tag in saved if tag not in self.tags])):
            if names:
                self.client.execute(document, {"input": {
                    "entityName": self.entity, "projectName": self.project, "artifactCollectionName": self.name,
                    "tags": [{"tagName": tag} for tag in names]}})
        self._attrs["tags"] = {"edges": [{"node": {"name": tag}} for tag in self.tags]}

    @normalized
    def change_type(self, new_type: str) -> None:
        """Make it a collection of another type."""
        if new_type == self._saved_type:
            return
        if not self.is_sequence():
            raise InvalidValueError(f"{self.name} holds links, and their type is their sources'")
        self.client.execute(documents.MOVE, {"input": {
            "artifactSequenceID": self._field("id"), "destinationArtifactTypeName": new_type}})
        self.type = self._saved_type = new_type

    @normalized
    def delete(self) -> None:
        """Delete it with all its versions; a collection of links, without what they point to."""
        kind = self._kind
        self.client.execute(documents.DELETE_COLLECTION % {
            "kind": kind, "argument": f"{kind[0].lower()}{kind[1:]}ID"}, {"id": self._field("id")})

    def load(self) -> None:
        """Ask for its fields again; what was set here and not saved is dropped."""
        self._loaded, self._tags = False, None
        self._more("id")
        self.__dict__.pop("description", None)
        self.name, self.type = self._saved_name, self._saved_type

    def _repr_html_(self) -> str:
        return _html.facts(self.name, None, {"type": self.type, "tags": ", ".join(self.tags),
                                             "description": self.description, "created": self.created_at})

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self.name} ({self.type})>"


class ArtifactVersions(Paginator[Artifact]):
    """An iterable collection of artifact versions associated with a project and optional filter.

    This is generally used indirectly via the `Api`.artifact_versions method. Newest first unless ordered otherwise.
    """

    def __init__(self, client: Client, entity: str, project: str, collection_name: str, type: str,  # noqa: A002
                 filters: Mapping[str, Any] = NOTHING, order: str | None = None, per_page: int | None = 50, *,
                 start: str | None = None) -> None:
        asked = {"state": "COMMITTED", **filters}
        super().__init__(client, {"entity": entity, "project": project, "type": type, "collection": collection_name,
                                  "order": order, "filters": _json.dumps(asked, "filters")}, per_page, start)
        self.entity, self.project, self.collection_name, self.type = entity, project, collection_name, type
        self.filters, self.order = dict(filters), order

    def _fetch(self, cursor: str | None) -> tuple[dict[str, Any], Page]:
        data = self.client.execute(documents.VERSIONS, {
            **self.variables, "cursor": cursor, "perPage": self.per_page})
        kind = _project(data, self.entity, self.project)["artifactType"] or {}
        found = (kind.get("artifactCollection") or {}).get("artifacts")
        return data, _EMPTY if found is None else page_of(found)

    def _converted(self, row: Any) -> Artifact:
        index = int(str(row["version"]).removeprefix("v"))
        return Artifact.of(self.client, (self.entity, self.project, self.collection_name), row["node"], index)

    def __repr__(self) -> str:
        return f"<ArtifactVersions {self.entity}/{self.project}/{self.collection_name}{self._described()}>"

    def _repr_html_(self) -> str:
        return _html.table({"name": each.name, "aliases": ", ".join(each.aliases), "bytes": each.size,
                            "created": each.created_at} for each in self)


class RunArtifacts(Paginator[Artifact]):
    """The artifacts that a run logged or used."""

    def __init__(self, client: Client, run: RunCore, mode: Literal["logged", "used"] = "logged",
                 per_page: int | None = 50) -> None:
        if mode not in {"logged", "used"}:
            raise InvalidValueError(f"mode {mode!r} is none of logged, used")
        super().__init__(client, {"entity": run.entity, "project": run.project, "run": run.id}, per_page)
        self.run, self.mode = run, mode
        self._document = documents.RUN_ARTIFACTS % (
            ("Output", "outputArtifacts") if mode == "logged" else ("Input", "inputArtifacts"))

    def _fetch(self, cursor: str | None) -> tuple[dict[str, Any], Page]:
        data = self.client.execute(self._document, {**self.variables, "cursor": cursor, "perPage": self.per_page})
        run = _project(data, self.run.entity, self.run.project)["run"]
        if run is None:
            raise NotFoundError(f"could not find run {'/'.join(self.run.path)}")
        return data, _EMPTY if run["artifacts"] is None else page_of(run["artifacts"])

    def _converted(self, row: Any) -> Artifact:
        return Artifact.listed(self.client, row["node"])

    def __repr__(self) -> str:
        return f"<RunArtifacts {'/'.join(self.run.path)} {self.mode}{self._described()}>"

    def _repr_html_(self) -> str:
        return _html.table({"name": each.name, "type": each.type, "bytes": each.size} for each in self)


# Today's names of the same lists.
ArtifactTypes = ProjectArtifactTypes
ArtifactCollections = ProjectArtifactCollections
Artifacts = ArtifactVersions
