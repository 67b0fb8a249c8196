"""Who belongs to a registry."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from dumbbell.errors import InvalidValueError
from dumbbell.users import Team, User


@dataclass(frozen=True)
class UserMember:
    """A user of a registry, and the role there: admin, member, viewer or restricted_viewer."""

    user: User
    role: str


@dataclass(frozen=True)
class TeamMember:
    """A team of a registry, and the role there."""

    team: Team
    role: str


Member = User | Team | UserMember | TeamMember | str


def id_of(member: Member) -> tuple[str, str]:
    """The kind of a member, User or Entity, and its id."""
    owner = member.user if isinstance(member, UserMember) else member.team if isinstance(member, TeamMember) else member
    number = owner if isinstance(owner, str) else str(getattr(owner, "id", ""))
    try:
        kind = base64.b64decode(number, validate=True).decode().partition(":")[0]
    except ValueError:
        kind = ""
    if kind not in {"User", "Entity"}:
        raise InvalidValueError(f"{member!r} is no user or team: use api.user(name), api.team(name), or an id of one")
    return kind, number


def ids_of(members: Iterable[Member]) -> dict[str, list[str]]:
    found = [id_of(member) for member in members]
    if not found:
        raise InvalidValueError("no members are given")
    return {"userIds": [number for kind, number in found if kind == "User"],
            "teamIds": [number for kind, number in found if kind == "Entity"]}
