"""Users and teams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dumbbell import _html
from dumbbell._attrs import Attrs
from dumbbell._client import Client
from dumbbell._documents import accounts as documents
from dumbbell.errors import NotFoundError, normalized


class User(Attrs):
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


class Member(Attrs):
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

    def __repr__(self) -> str:
        return f"<Member {self._attrs.get('name')} ({self._attrs.get('accountType') or self._attrs.get('role')})>"


class Team(Attrs):
    """A team, with its members.

    Attributes:
        name: the name in paths and URLs.
        members: a list of `Member`.
    """

    id: str
    name: str

    @normalized
    def __init__(self, client: Client, name: str, attrs: Mapping[str, Any] | None = None) -> None:
        super().__init__(client, attrs or {})
        if not attrs:
            found = client.execute(documents.TEAM, {"name": name})["entity"]
            if found is None:
                raise NotFoundError(f"there is no team {name!r}, or this key may not see it")
            self._attrs = found
        self.members = [Member(client, name, member) for member in self._attrs.get("members") or []]

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
