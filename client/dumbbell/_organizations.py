"""Which organization a registry belongs to: paths need not say."""

from __future__ import annotations

from dumbbell._client import Client
from dumbbell._documents import registries as documents
from dumbbell.errors import InvalidValueError, NotFoundError
from dumbbell.organizations import Organization

PREFIX = "wandb-registry-"  # of the project that is a registry


def organization_named(client: Client, name: str) -> Organization:
    """The organization. NotFoundError if there is none of this name."""
    found = client.execute(documents.ORGANIZATION, {"organization": name})["organization"]
    if found is None:
        raise NotFoundError(f"there is no organization {name!r}, or this key may not see it")
    return Organization.of(found)


def org_entity(client: Client, organization: str) -> str:
    """The entity of an organization. NotFoundError if there is no such organization."""
    return organization_named(client, organization).org_entity.name


def _entity(client: Client, organization: str) -> str | None:
    try:
        return org_entity(client, organization)
    except NotFoundError:
        return None


def organization_of(client: Client, entity: str) -> str:
    """The one organization of a team or of a user. InvalidValueError (a ValueError) for none or several."""
    found = client.execute(documents.ORGANIZATIONS, {"entity": entity})["entity"] or {}
    own = [found["organization"]] if found.get("organization") else (found.get("user") or {}).get("organizations")
    names = [str(each["name"]) for each in own or []]
    if len(names) != 1:
        there = f"belongs to several: {', '.join(names)}" if names else "belongs to none"
        raise InvalidValueError(f"name the organization of the registry: {entity!r} {there}")
    return names[0]


def home_of(client: Client, entity: str, project: str, *, given: bool) -> str:
    """The entity of a project: as it is, but for a registry that of the organization.

    Args:
        client: the way to the server.
        entity: as the path names it, or the default one.
        project: as the path names it.
        given: whether the path names the entity, by the name of the organization or by that of its entity.
    """
    if not project.startswith(PREFIX):
        return entity
    return _entity(client, entity) or entity if given else org_entity(client, organization_of(client, entity))
