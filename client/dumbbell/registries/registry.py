"""Registries: where an organization collects the versions that count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from dumbbell import _html
from dumbbell._attrs import NOTHING, Attrs
from dumbbell._client import Client
from dumbbell._documents import registries as documents
from dumbbell._organizations import PREFIX, org_entity
from dumbbell._retry import StatusError
from dumbbell.artifacts import Artifact
from dumbbell.errors import InvalidValueError, NotFoundError, PermissionDeniedError, normalized
from dumbbell.registries.members import Member, TeamMember, UserMember, id_of, ids_of
from dumbbell.registries.search import Chained, ChainedCollections, Collections, Search, Versions, named, unordered
from dumbbell.users import Team, User

if TYPE_CHECKING:
    from dumbbell.api import Api

Visibility = Literal["organization", "restricted"]
_GONE = 404
_ACCESS = {"organization": "PRIVATE", "restricted": "RESTRICTED"}


class Registries(Search["Registry"]):
    """The registries of an organization. The server tells no total, so `len()` raises ValueError."""

    _document = documents.REGISTRIES
    _connection = "projects"

    def __init__(self, client: Client, organization: str, filter: Mapping[str, Any] | None = None,  # noqa: A002
                 order: str | None = None, per_page: int | None = 100, start: str | None = None) -> None:
        self.filter, self.order = named(filter or {}), order
        super().__init__(client, organization, {"filters": self.filter}, order, per_page, start)

    def _converted(self, row: Any) -> Registry:
        return Registry(self.client, self.organization, row["node"]["entity"]["name"], row["node"]["name"], row["node"])

    def collections(self, filter: Mapping[str, Any] | None = None, order: str | None = None,  # noqa: A002
                    per_page: int | None = 100, start: str | None = None) -> Collections | ChainedCollections:
        """The collections of these registries, in the order of those if they have one; see `Registry.collections`."""
        if self.order is not None:
            unordered(start, "registries")
            return ChainedCollections(lambda: (each.collections(filter, order, per_page) for each in self))
        return Collections(self.client, self.organization, self.filter, filter, order, per_page, start)

    def versions(self, filter: Mapping[str, Any] | None = None, order: str | None = None,  # noqa: A002
                 per_page: int | None = 100, start: str | None = None) -> Versions | Chained[Artifact]:
        """The versions in these registries, in the order of those if they have one; see `Registry.versions`."""
        if self.order is not None:
            unordered(start, "registries")
            return Chained(lambda: (each.versions(filter, order, per_page) for each in self))
        return Versions(self.client, self.organization, self.filter, None, filter, order, per_page, start)

    def _repr_html_(self) -> str:
        return _html.table({"name": each.name, "visibility": each.visibility, "description": each.description}
                           for each in self)


class Registry(Attrs):
    """A registry of an organization; what is changed here is saved by `save`.

    Attributes:
        id: the server's id.
        name: without the `wandb-registry-` in front that paths have.
        organization: the name of the organization.
        entity: the organization's own entity, with which paths begin.
        description: what people should know of it.
        visibility: "organization", or "restricted" to those who were invited.
        allow_all_artifact_types: whether any type may be linked.
        artifact_types: the types that may, or those that are there. A type that was saved stays.
        created_at: ISO time at which it was made.
        updated_at: ISO time of the last change.
    """

    id: str
    internal_id: str
    created_at: str
    updated_at: str | None

    @normalized
    def __init__(self, client: Client, organization: str, entity: str, name: str,
                 attrs: Mapping[str, Any] = NOTHING) -> None:
        super().__init__(client, attrs)
        self.organization, self.entity, self._saved_name = organization, entity, name.removeprefix(PREFIX)
        self.load() if not attrs else self._accept(attrs)

    def _accept(self, attrs: Mapping[str, Any]) -> None:
        self._attrs = dict(attrs)
        self._saved_name = str(attrs["name"]).removeprefix(PREFIX)
        self.name: str = self._saved_name
        self.description: str | None = attrs.get("description")
        self.allow_all_artifact_types = bool(attrs.get("allowAllArtifactTypes"))
        self.visibility: Visibility = "restricted" if attrs.get("access") == _ACCESS["restricted"] else "organization"
        self.artifact_types: list[str] = self._saved_types()

    def _saved_types(self) -> list[str]:
        return [edge["node"]["name"] for edge in (self._attrs.get("artifactTypes") or {}).get("edges", [])]

    @property
    def full_name(self) -> str:
        """The name in paths."""
        return f"{PREFIX}{self.name}"

    @property
    def path(self) -> list[str]:
        """[entity, full name]."""
        return [self.entity, self.full_name]

    @normalized
    def load(self) -> None:
        """Ask for it again; what was changed here and not saved is dropped. NotFoundError if there is none."""
        found = (self.client.execute(documents.REGISTRY, {
            "name": f"{PREFIX}{self._saved_name}", "entity": self.entity})["entity"] or {}).get("project")
        if found is None:
            raise NotFoundError(f"there is no registry {self._saved_name!r} in organization {self.organization!r}, or "
                                "this key may not see it")
        self._accept(found)

    @classmethod
    @normalized
    def create(cls, api: Api, organization: str, name: str, visibility: Visibility, description: str | None = None,
               artifact_types: Iterable[str] | None = None) -> Registry:
        """Make a registry; `api.create_registry` finds the organization.

        Raises:
            InvalidValueError: (a ValueError) there is one of this name, or the visibility is none.
        """
        entity, types = org_entity(api.client, organization), list(artifact_types or ())
        answer = api.client.execute(documents.UPSERT, {"input": _input(
            entity, name, description, visibility, allow_all=not types, types=types)})["upsertModel"]
        if not answer["inserted"]:
            raise InvalidValueError(f"organization {organization!r} has a registry {name!r} already")
        return cls(api.client, organization, entity, name, answer["project"])

    @normalized
    def save(self) -> None:
        """Save name, description, visibility and types.

        Raises:
            InvalidValueError: (a ValueError) types are given while all are allowed, or one that was saved is missing.
        """
        saved = self._saved_types()
        gone, new = ([each for each in one if each not in other] for one, other in (
            (saved, self.artifact_types), (self.artifact_types, saved)))
        if gone:
            raise InvalidValueError(f"type {gone[0]!r} was saved, and types of a registry stay")
        if new and self.allow_all_artifact_types:
            raise InvalidValueError("all types are allowed; set allow_all_artifact_types to False to name some")
        answer = self.client.execute(documents.UPSERT, {"input": _input(
            self.entity, self._saved_name, self.description, self.visibility,
            allow_all=self.allow_all_artifact_types, types=new)})["upsertModel"]["project"]
        if self.name != self._saved_name:
            answer = self.client.execute(documents.RENAME, {"input": {
                "entityName": self.entity, "oldProjectName": f"{PREFIX}{self._saved_name}",
                "newProjectName": self.full_name}})["renameProject"]["project"]
        self._accept(answer)

    @normalized
    def delete(self) -> None:
        """Delete it, with its collections; the versions that were linked stay where they were logged.

        Raises:
            NotFoundError: (a ValueError) it is gone already.
            PermissionDeniedError: the key may not do this.
        """
        try:
            self.client.execute(documents.DELETE, {"id": self.id})
        except PermissionDeniedError as error:
            if isinstance(error.exc, StatusError) and error.exc.status == _GONE:
                raise NotFoundError(f"registry {self._saved_name!r} is gone already", error.exc) from error
            raise

    def collections(self, filter: Mapping[str, Any] | None = None, order: str | None = None,  # noqa: A002
                    per_page: int | None = 100, start: str | None = None) -> Collections:
        """Its collections.

        Args:
            filter: MongoDB's query language, by name, tag, description, created_at, updated_at.
            order: such as `+name` or `-created_at`.
            per_page: number of results per page.
            start: the cursor after which to begin.
        """
        return Collections(self.client, self.organization, self._itself(), filter, order, per_page, start)

    def versions(self, filter: Mapping[str, Any] | None = None, order: str | None = None,  # noqa: A002
                 per_page: int | None = 100, start: str | None = None) -> Versions:
        """The versions that were linked to its collections.

        Args:
            filter: MongoDB's query language, by version, tag, alias, metadata, created_at, updated_at.
            order: such as `-created_at`.
            per_page: number of results per page.
            start: the cursor after which to begin.
        """
        return Versions(self.client, self.organization, self._itself(), None, filter, order, per_page, start)

    def _itself(self) -> dict[str, str]:
        return {"name": f"{PREFIX}{self._saved_name}"}

    def members(self) -> list[UserMember | TeamMember]:
        """Its users and its teams."""
        return [*self.user_members(), *self.team_members()]

    @normalized
    def user_members(self) -> list[UserMember]:
        """Its users, with their roles."""
        return [UserMember(User(self.client, each), each["role"]["name"])
                for each in self._asked(documents.USERS)["members"]]

    @normalized
    def team_members(self) -> list[TeamMember]:
        """Its teams, with their roles."""
        return [TeamMember(Team(self.client, each["team"]["name"], each["team"]), each["role"]["name"])
                for each in self._asked(documents.TEAMS)["teamMembers"]]

    def _asked(self, document: str) -> dict[str, Any]:
        found = self.client.execute(document, {"project": f"{PREFIX}{self._saved_name}", "entity": self.entity})
        if found["project"] is None:
            raise NotFoundError(f"registry {self._saved_name!r} is gone")
        answer: dict[str, Any] = found["project"]
        return answer

    @normalized
    def add_members(self, *members: Member) -> Registry:
        """Add users and teams; returns the registry.

        Args:
            members: users, teams, members, or their ids.

        Raises:
            InvalidValueError: (a ValueError) none is given, or one is no user and no team.
        """
        self.client.execute(documents.ADD_MEMBERS, {"input": {"projectId": self.id, **ids_of(members)}})
        return self

    @normalized
    def remove_members(self, *members: Member) -> Registry:
        """Take users and teams out; see `add_members`."""
        self.client.execute(documents.REMOVE_MEMBERS, {"input": {"projectId": self.id, **ids_of(members)}})
        return self

    @normalized
    def update_member(self, member: Member, role: str) -> Registry:
        """Give a user or a team another role: admin, member, viewer or restricted_viewer; returns the registry."""
        kind, number = id_of(member)
        document, fields = (documents.UPDATE_USER, ("userId", "userProjectRole")) if kind == "User" else (
            documents.UPDATE_TEAM, ("teamId", "teamProjectRole"))
        self.client.execute(document, {"input": {"projectId": self.id, fields[0]: number, fields[1]: role}})
        return self

    def _repr_html_(self) -> str:
        return _html.facts(self.name, f"{self.client.app_url}/orgs/{self.organization}/registry/{self.name}", {
            "organization": self.organization, "visibility": self.visibility, "description": self.description,
            "types": "all" if self.allow_all_artifact_types else ", ".join(self.artifact_types)})

    def __repr__(self) -> str:
        return f"<Registry {self.organization}/{self._saved_name}>"


def _input(entity: str, name: str, description: str | None, visibility: str, *, allow_all: bool,
           types: list[str]) -> dict[str, Any]:
    if visibility not in _ACCESS:
        raise InvalidValueError(f"visibility {visibility!r} is none of {', '.join(_ACCESS)}")
    return {"entityName": entity, "name": f"{PREFIX}{name}", "description": description,
            "access": _ACCESS[visibility], "allowAllArtifactTypesInRegistry": allow_all,
            "artifactTypes": [{"name": each} for each in types] or None}
