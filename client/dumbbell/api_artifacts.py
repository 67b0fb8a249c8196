"""How artifacts are found from an Api."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from dumbbell import _paths
from dumbbell._attrs import NOTHING
from dumbbell._client import Client
from dumbbell._organizations import home_of
from dumbbell.artifacts import (
    Artifact,
    ArtifactCollection,
    ArtifactCollections,
    ArtifactType,
    ArtifactTypes,
    ArtifactVersions,
    find,
)
from dumbbell.errors import InvalidValueError, NotFoundError, normalized


class ApiArtifacts:
    """The part of `Api` that is about artifacts."""

    client: Client
    settings: dict[str, Any]

    @property
    @abstractmethod
    def default_entity(self) -> str | None:
        """The entity that paths leave out."""

    def _default_entity(self) -> str | None:
        return self.default_entity

    @normalized
    def artifact(self, name: str, type: str | None = None) -> Artifact:  # noqa: A002 - its name of old
        """Returns a single artifact by parsing path in the form entity/project/name.

        Args:
            name: An artifact name. May be prefixed with entity/project. Valid names can be in the following forms:
                name:version, name:alias, digest.
            type: The type of artifact to fetch.

        Returns:
            An `Artifact` object.

        Raises:
            NotFoundError: (a ValueError) there is none, or the key may not see it.
            InvalidValueError: (a ValueError) it is of another type.
        """
        found = find(self.client, *self._artifact_path(name))
        if type is not None and found.type != type:
            raise InvalidValueError(f"artifact {name!r} is of type {found.type!r}, not {type!r}")
        return found

    @normalized
    def artifact_types(self, project: str | None = None, *, start: str | None = None) -> ArtifactTypes:
        """The types of artifacts in a project, "entity/project"; after the cursor `start` if one is given."""
        return ArtifactTypes(self.client, *self._project_path(project), start=start)

    @normalized
    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """A type of artifacts in a project. NotFoundError if there is none."""
        return ArtifactType(self.client, *self._project_path(project), type_name)

    @normalized
    def artifact_collections(self, project_name: str, type_name: str, per_page: int | None = 50, *,
                             filters: Mapping[str, Any] = NOTHING, order: str | None = None,
                             start: str | None = None) -> ArtifactCollections:
        """The collections of a type.

        Args:
            project_name: "entity/project".
            type_name: such as "dataset".
            per_page: number of results per page.
            filters: MongoDB's query language, by name and tag.
            order: such as `+name` or `-created_at`.
            start: the cursor after which to begin.
        """
        return ArtifactCollections(self.client, *self._project_path(project_name), type_name, per_page,
                                   filters=filters, order=order, start=start)

    @normalized
    def artifact_collection(self, type_name: str, name: str) -> ArtifactCollection:
        """A collection, by a path without alias. NotFoundError if there is none."""
        entity, project, collection = self._artifact_path(name)
        found = ArtifactCollection(self.client, entity, project, collection, type_name)
        _ = found.id  # asks
        return found

    def artifacts(self, type_name: str, name: str, order: str | None = None, per_page: int | None = 50,
                  tags: list[str] | None = None, start: str | None = None) -> ArtifactVersions:
        """The versions of a collection, newest first.

        Args:
            type_name: such as "dataset".
            name: path of a collection, without alias.
            order: such as `+created_at`.
            per_page: number of results per page.
            tags: only versions that have one of these.
            start: the cursor after which to begin.
        """
        entity, project, collection = self._artifact_path(name)
        filters = {"tags": {"$in": tags}} if tags else NOTHING
        return ArtifactVersions(self.client, entity, project, collection, type_name, filters, order, per_page,
                                start=start)

    @normalized
    def artifact_versions(self, type_name: str, name: str, per_page: int | None = 50) -> ArtifactVersions:
        """The versions of a collection, newest first; today's name of it is `artifacts`.

        Raises:
            NotFoundError: (a ValueError) there is no such type.
        """
        entity, project, collection = self._artifact_path(name)
        return ArtifactType(self.client, entity, project, type_name).collection(collection).versions(per_page)

    @normalized
    def artifact_exists(self, name: str, type: str | None = None) -> bool:  # noqa: A002 - its name in wandb
        """Whether there is such an artifact, of this type if one is given."""
        try:
            self.artifact(name, type)
        except (NotFoundError, InvalidValueError):
            return False
        return True

    @normalized
    def artifact_collection_exists(self, name: str, type: str) -> bool:  # noqa: A002 - its name in wandb
        """Whether there is such a collection of this type."""
        try:
            self.artifact_collection(type, name)
        except NotFoundError:
            return False
        return True

    def _project_path(self, path: str | None) -> tuple[str, str]:
        return _paths.project_path(path, self.settings, self._default_entity, fallback=True)

    def _artifact_path(self, path: str) -> tuple[str, str, str]:
        path = _paths.plain(path, self.settings) or ""
        entity, project, name = _paths.artifact_path(path, self.settings, self._default_entity)
        given = path.strip("/").count("/") > 1
        return home_of(self.client, entity, project, given=given), project, name
