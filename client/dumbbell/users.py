"""Users and teams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dumbbell import _html
from dumbbell._attrs import Attrs
from dumbbell._client import Client
from dumbbell._documents import accounts as documents
from dumbbell._retry import StatusError
from dumbbell.errors import CommError, NotFoundError, UsageError, normalized

if TYPE_CHECKING:
    from dumbbell.api import Api

_REFUSED = frozenset({400, 404, 409})  # whom there is not, or who is there already


class _Keyed(Attrs):
    """What the server may have sent keys with: they do not go along into pickles."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_attrs": _without_keys(self._attrs)}


def _without_keys(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_keys(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_keys(item) for name, item in value.items() if name not in {"apiKey", "apiKeys"}}
    return value


class User(_Keyed):
    """A user of the server. `str(user)` is the username.

    Attributes:
        name: the full name.
        username: the name in paths and URLs.
        email: the address, where this key may see it.
        admin: whether it administrates the server.
        entity: the entity that its runs go to by default.
    """

    id: str
    name: str
    username: str
    email: str | None
    admin: bool
    entity: str | None

    def __init__(self, client: Client, attrs: Mapping[str, Any]) -> None:
        super().__init__(client, attrs)

    @property
    def teams(self) -> list[str]:
        """Names of the teams that it belongs to."""
        return [edge["node"]["name"] for edge in (self._attrs.get("teams") or {}).get("edges", [])]

    @property
    def api_keys(self) -> list[str]:
        """Names of its API keys, where this key may see them."""
        return [edge["node"]["name"] for edge in (self._attrs.get("apiKeys") or {}).get("edges", [])]

    @classmethod
    @normalized
    def create(cls, api: Api, email: str, admin: bool | None = False) -> User:
        """Make a user; takes the key of an administrator of the server."""
        return cls(api.client, api.client.execute(documents.CREATE_USER, {"email": email, "admin": admin})[
            "createUser"]["user"])

    @normalized
    def generate_api_key(self, description: str | None = None) -> str:
        """Make another key for the user of the key that is used; returns the whole of it, this once.

        Raises:
            UsageError: this is another user.
        """
        own = viewer(self.client)
        if own is None or own.id != self.id:
            raise UsageError(f"keys are made by who uses them: this key is {own}'s, not {self}'s")
        made = self.client.execute(documents.GENERATE_KEY, {"description": description})["generateApiKey"]["apiKey"]
        self._attrs["apiKeys"] = self.client.execute(documents.VIEWER)["viewer"]["apiKeys"]
        return str(made["name"])

    @normalized
    def delete_api_key(self, api_key: str) -> bool:
        """Delete a key.

        Args:
            api_key: one of the names in `api_keys`, or the whole key.

        Raises:
            NotFoundError: (a ValueError) the user has no such key.
        """
        edges = (self._attrs.get("apiKeys") or {}).get("edges", [])
        found = [edge for edge in edges if edge["node"]["name"] and api_key.startswith(edge["node"]["name"])]
        if len(found) != 1:
            raise NotFoundError(f"{self} has no API key {api_key[:8]!r}...; its keys are {', '.join(self.api_keys)}")
        self.client.execute(documents.DELETE_KEY, {"id": found[0]["node"]["id"]})
        edges.remove(found[0])
        return True

    def __getitem__(self, key: str) -> Any:
        return self._attrs[key]

    def __str__(self) -> str:
        return str(self._attrs.get("username") or self._attrs.get("name") or "")

    def __repr__(self) -> str:
        return f"<User {self}>"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return str(self) == other
        return isinstance(other, User) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


class Member(_Keyed):
    """A member of a team.

    Attributes:
        username: the name in paths and URLs.
        name: the full name.
        role: admin, member or viewer.
    """

    id: str
    name: str
    username: str
    role: str

    def __init__(self, client: Client, team: str, attrs: Mapping[str, Any]) -> None:
        super().__init__(client, attrs)
        self.team = team

    @normalized
    def delete(self) -> bool:
        """Take the member out of the team."""
        done = self.client.execute(documents.DELETE_INVITE, {"id": self.id, "entity": self.team})["deleteInvite"]
        return bool(done and done["success"])

    def __repr__(self) -> str:
        return f"<Member {self._attrs.get('name')} ({self._attrs.get('accountType') or self._attrs.get('role')})>"


class Team(_Keyed):
    """A team, with its members.

    Attributes:
        name: the name in paths and URLs.
    """

    id: str
    name: str

    @normalized
    def __init__(self, client: Client, name: str, attrs: Mapping[str, Any] | None = None) -> None:
        super().__init__(client, attrs or {})
        self._name = name
        if not attrs:
            self.load(force=True)

    @classmethod
    @normalized
    def create(cls, api: Api, team: str, admin_username: str | None = None) -> Team:
        """Make a team.

        Args:
            api: an Api.
            team: its name.
            admin_username: who administrates it; the user of the key if it is missing.

        Raises:
            CommError: the server refused it, such as for a name that is taken.
        """
        api.client.execute(documents.CREATE_TEAM, {"team": team, "admin": admin_username})
        return cls(api.client, team)

    @normalized
    def load(self, force: bool = False) -> dict[str, Any]:
        """Ask for the team again if forced. Returns its fields."""
        if force:
            found = self.client.execute(documents.TEAM, {"name": self._name})["entity"]
            if found is None:
                raise NotFoundError(f"there is no team {self._name!r}, or this key may not see it")
            self._attrs = found
        return self._attrs

    @property
    def members(self) -> list[Member]:
        """Its members, service accounts among them."""
        return [Member(self.client, self._name, member) for member in self._attrs.get("members") or []]

    @normalized
    def invite(self, username_or_email: str, admin: bool = False) -> bool:
        """Invite a user.

        Args:
            username_or_email: who is invited.
            admin: whether to administrate the team.

        Returns:
            False if the server refused it: the user is there already, or is not known.

        Raises:
            PermissionDeniedError: this key may not invite.
        """
        kind = "email" if "@" in username_or_email else "username"
        try:
            self.client.execute(documents.INVITE, {"entity": self._name, "admin": admin, kind: username_or_email})
        except CommError as error:
            if isinstance(error.exc, StatusError) and error.exc.status in _REFUSED:
                return False
            raise
        return True

    @normalized
    def create_service_account(self, description: str) -> Member:
        """Make a service account, for what runs without a person; its key is the `api_key` of the member.

        Args:
            description: what it is for.

        Raises:
            PermissionDeniedError: this key may not do that.
        """
        before = {member.id for member in self.members}
        self.client.execute(documents.CREATE_SERVICE_ACCOUNT, {"entity": self._name, "description": description})
        self.load(force=True)
        return next(member for member in self.members if member.id not in before)

    def __repr__(self) -> str:
        return f"<Team {self._attrs.get('name')}>"

    def _repr_html_(self) -> str:
        return _html.table({"member": member.name, "username": member.username, "role": member.role}
                           for member in self.members)


def viewer(client: Client) -> User | None:
    """The user whose key this is."""
    found = client.execute(documents.VIEWER).get("viewer")
    return None if found is None else User(client, found)


def find_users(client: Client, text: str) -> list[User]:
    """Users whose username or email begins so."""
    found = client.execute(documents.USERS, {"query": text}).get("users") or {}
    return [User(client, edge["node"]) for edge in found.get("edges", []) if edge.get("node")]
