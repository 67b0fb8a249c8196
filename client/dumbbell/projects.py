"""Projects, and the list of an entity's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dumbbell import _html
from dumbbell._attrs import NOTHING, Attrs
from dumbbell._client import Client
from dumbbell._documents import accounts as documents
from dumbbell._paginator import Page, Paginator, page_of
from dumbbell._paths import quoted
from dumbbell.errors import NotFoundError, normalized
from dumbbell.users import User

if TYPE_CHECKING:
    from dumbbell.artifacts import ArtifactCollections, ArtifactTypes
    from dumbbell.runs import Runs
    from dumbbell.sweeps import Sweeps


class Projects(Paginator["Project"]):
    """An iterable collection of `Project` objects. The server tells no total, so `len()` raises ValueError."""

    def __init__(self, client: Client, entity: str, per_page: int | None = 50) -> None:
        super().__init__(client, {"entity": entity}, per_page)
        self.entity = entity

    def _fetch(self, cursor: str | None) -> tuple[dict[str, Any], Page]:
        data = self.client.execute(documents.PROJECTS, {**self.variables, "cursor": cursor, "perPage": self.per_page})
        if data.get("models") is None:
            raise NotFoundError(f"there is no entity {self.entity!r}, or this key may not see it")
        return data, page_of(data["models"])

    def _converted(self, row: Any) -> Project:
        return Project(self.client, self.entity, row["node"]["name"], row["node"])

    def __repr__(self) -> str:
        return f"<Projects {self.entity}>"

    def _repr_html_(self) -> str:
        return _html.table({"name": project.name, "created": project.created_at} for project in self)


class Project(Attrs, _html.Framed):
    """A project is a namespace for runs.

    Attributes:
        id: the server's id.
        name: the name in paths and URLs.
        entity: the entity that it belongs to.
        created_at: ISO time at which it was made.
        is_benchmark: whether it is a public benchmark.
    """

    id: str
    name: str
    entity_name: str
    created_at: str
    is_benchmark: bool
    description: str | None

    def __init__(self, client: Client, entity: str, project: str, attrs: Mapping[str, Any] = NOTHING) -> None:
        super().__init__(client, {"name": project, "entityName": entity, **attrs})
        self.entity = entity
        self._loaded = False

    def _more(self, key: str) -> bool:
        if self._loaded:
            return False
        found = self.client.execute(documents.PROJECT, {"name": self.name, "entity": self.entity})["project"]
        if found is None:
            raise NotFoundError(f"there is no project {self.entity}/{self.name}, or this key may not see it")
        self._attrs.update(found)
        self._loaded = True
        return key in self._attrs

    @property
    def path(self) -> list[str]:
        """[entity, project]."""
        return [self.entity, self.name]

    @property
    def url(self) -> str:
        """The page of the project."""
        return "/".join([self.client.app_url, *quoted(self.entity, self.name), "workspace"])

    @property
    def owner(self) -> User | None:
        """The user who made it."""
        if "user" not in self._attrs and not self._more("user"):
            return None
        return User(self.client, self._attrs["user"]) if self._attrs["user"] else None

    def runs(self, filters: Mapping[str, Any] = NOTHING, order: str = "-created_at", per_page: int = 50) -> Runs:
        """Its runs, as `Api.runs` gives them."""
        return self.client.classes.runs(self.client, self.entity, self.name, filters, order, per_page)

    @normalized
    def sweeps(self, per_page: int | None = 50, filters: Mapping[str, Any] | None = None,
               order: str | None = None) -> Sweeps:
        """Its sweeps, newest first.

        Args:
            per_page: number of results per page.
            filters: MongoDB's query language, such as `{"state": "RUNNING"}`.
            order: a field with + (upwards) or - in front, such as `+name`.

        Raises:
            UnsupportedError: there are filters, and the server cannot filter sweeps.
        """
        return self.client.classes.sweeps(self.client, self.entity, self.name, per_page, filters, order=order)

    @normalized
    def artifacts_types(self, per_page: int | None = 50) -> ArtifactTypes:
        """The types of its artifacts."""
        return self.client.classes.artifact_types(self.client, self.entity, self.name, per_page=per_page)

    @normalized
    def collections(self, filters: Mapping[str, Any] = NOTHING, order: str | None = None,
                    per_page: int | None = 50) -> ArtifactCollections:
        """The collections of its artifacts, of all types.

        Args:
            filters: MongoDB's query language, by name and tag.
            order: such as `+name` or `-created_at`.
            per_page: number of results per page.
        """
        return self.client.classes.artifact_collections(self.client, self.entity, self.name, None, per_page,
                                                        filters=filters, order=order)

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """The page of the project in a frame.

        Args:
            height: of the frame, in pixels.
            hidden: show it only after a click.
        """
        return _html.frame(self.url, height, hidden=hidden, title="Show project")

    def _repr_html_(self) -> str:
        return _html.facts("/".join(self.path), self.url, {"created": self.created_at,
                                                           "description": self._attrs.get("description")})

    def __repr__(self) -> str:
        return f"<Project {'/'.join(self.path)}>"
