"""How registries are found from an Api."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from dumbbell import _paths
from dumbbell._client import Client
from dumbbell._documents import registries as documents
from dumbbell._organizations import org_entity, organization_named, organization_of
from dumbbell.errors import normalized
from dumbbell.organizations import Organization
from dumbbell.registries import Registries, Registry, Visibility

if TYPE_CHECKING:
    from dumbbell.api import Api


class ApiRegistries:
    """The part of `Api` that is about registries."""

    client: Client
    settings: dict[str, Any]

    @abstractmethod
    def _default_entity(self) -> str | None:
        """The entity that paths leave out."""

    @normalized
    def organization(self, name: str | None = None) -> Organization:
        """An organization.

        Args:
            name: its name; if it is missing, the one that the default entity belongs to.

        Raises:
            NotFoundError: (a ValueError) there is none, or the key may not see it.
        """
        return organization_named(self.client, self._organization(name))

    @normalized
    def create_organization(self, name: str) -> Organization:
        """Make an organization, with the user of the key as its admin. Registries and teams belong to one.

        Args:
            name: once on the server.

        Raises:
            CommError: the server refused it, such as for a name that is taken.
        """
        made = self.client.execute(documents.CREATE_ORGANIZATION, {"organization": name})
        return Organization.of(made["createOrganization"]["organization"])

    @normalized
    def registries(self, organization: str | None = None, filter: Mapping[str, Any] | None = None,  # noqa: A002
                   order: str | None = None, per_page: int | None = 100, start: str | None = None) -> Registries:
        """The registries of an organization.

        Examples:
            Registries whose names hold "model":

                api.registries(filter={"name": {"$regex": "model"}})

            Versions in them that have the tag "prod" or the alias "best":

                api.registries(filter={"name": {"$regex": "model"}}).versions(
                    filter={"$or": [{"tag": "prod"}, {"alias": "best"}]})

        Args:
            organization: its name; if it is missing, the one that the default entity belongs to.
            filter: MongoDB's query language, by name, description, created_at, updated_at.
            order: such as `+name` or `-created_at`.
            per_page: number of results per page.
            start: the cursor after which to begin.

        Raises:
            InvalidValueError: (a ValueError) the default entity belongs to none, or to several.
        """
        return Registries(self.client, self._organization(organization), filter, order, per_page, start)

    @normalized
    def registry(self, name: str, organization: str | None = None) -> Registry:
        """A registry by its name.

        Args:
            name: with or without the `wandb-registry-` that paths have.
            organization: its name; if it is missing, the one that the default entity belongs to.

        Raises:
            NotFoundError: (a ValueError) there is none, or the key may not see it.
        """
        place = self._organization(organization)
        return Registry(self.client, place, org_entity(self.client, place), name)

    @normalized
    def create_registry(self, name: str, visibility: Visibility, organization: str | None = None,
                        description: str | None = None, artifact_types: Iterable[str] | None = None) -> Registry:
        """Make a registry.

        Args:
            name: once within the organization.
            visibility: "organization", or "restricted" to those who are invited.
            organization: its name; if it is missing, the one that the default entity belongs to.
            description: what people should know of it.
            artifact_types: the types that may be linked; any if they are missing.

        Raises:
            InvalidValueError: (a ValueError) there is one of this name, or the visibility is none.
        """
        return Registry.create(cast("Api", self), self._organization(organization), name, visibility, description,
                               artifact_types)

    def _organization(self, name: str | None) -> str:
        if name or self.settings.get("organization"):
            return str(name or self.settings["organization"])
        return organization_of(self.client, _paths.needed_entity(self._default_entity, "a registry"))
