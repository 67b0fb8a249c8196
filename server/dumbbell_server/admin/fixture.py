"""The fixture service: accounts for test suites, as W&B's container has them (docs/protocol/http.md#fixture-service).

It asks for no key, so it listens on loopback unless told otherwise, and takes nothing that a page in a browser could
send. Every command may be sent twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dumbbell_server.accounts import organizations, queries, service, teams
from dumbbell_server.accounts.first_user import first_user
from dumbbell_server.accounts.keys import add_key, digest, well_formed
from dumbbell_server.accounts.tables import UserRow
from dumbbell_server.backend import Backend
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Conflict, DumbbellError
from dumbbell_server.http.bodies import json_object, read_body
from dumbbell_server.http.memory import LARGE, Memory
from dumbbell_server.http.middleware import refusal
from dumbbell_server.json_text import UNSTORABLE, storable
from dumbbell_server.settings import Settings

Arguments = dict[str, Any]
Command = Callable[[Unit, Settings, Arguments], Arguments]

_MEMORY = 16 << 20  # bytes of bodies at once


def fixture_routes(backend: Backend) -> list[Route]:
    """Its paths on the admin port, which ask for no key."""
    return [
        Route("/health", _health),
        Route("/db/user", _route(backend, _USER), methods=["POST"]),
        Route("/db/organization", _route(backend, _ORGANIZATION), methods=["POST"]),
        Route("/db/team", _route(backend, _TEAM), methods=["POST"]),
    ]


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


def _route(backend: Backend, commands: dict[str, Command]) -> Callable[[Request], Awaitable[Response]]:
    memory = Memory(_MEMORY)

    async def answer(request: Request) -> Response:
        try:
            with memory.lease(known=True) as lease:
                arguments = json_object(await read_body(request, LARGE, "a command is short", lease))
            name = _text(arguments, "command")
            command = commands.get(name)
            if command is None:
                raise BadInput(f"command {name[:40]!r} is not known; it is one of {', '.join(commands)}")
            result = await backend.write_soon(None, command, backend.settings, arguments)
        except DumbbellError as error:
            return refusal(error)
        return JSONResponse(result)
    return answer


def _text(arguments: Arguments, field: str, where: str = "") -> str:
    value = arguments.get(field)
    if not isinstance(value, str) or not value:
        raise BadInput(f"{where}{field} must be a string that is not empty, not {str(value)[:80]!r}")
    if not storable(value):
        raise BadInput(f"{where}{field} {UNSTORABLE}")
    return value


def _part(arguments: Arguments, field: str, where: str = "") -> Arguments:
    value = arguments.get(field)
    if not isinstance(value, dict):
        raise BadInput(f"{where}{field} must be an object, not {str(value)[:80]!r}")
    return value


def _user_up(unit: Unit, _: Settings, arguments: Arguments) -> Arguments:
    """The user exists, with a key equal to the name where that can be a key."""
    username = _text(arguments, "username")
    admin = arguments.get("admin")
    if admin is not None and not isinstance(admin, bool):
        raise BadInput(f"admin must be true or false, not {str(admin)[:80]!r}")
    user = queries.user_by_name(unit.session, username)
    if user is None:
        user = service.create_user(unit, username, admin=bool(admin))
    return _with_key(unit, user)


def _with_key(unit: Unit, user: UserRow) -> Arguments:
    if not well_formed(user.username):
        return {"username": user.username, "key": None,
                "message": "no key was made: the username is no API key, which has at least 40 characters, "
                           "all of them letters, digits, '_' or '-'"}
    key = queries.key_by_digest(unit.session, digest(user.username))
    if key is not None and key.user_id != user.id:
        raise Conflict(f"another user has the API key {user.username!r}")
    if key is None:
        add_key(unit, user.id, user.username, "fixture")
    return {"username": user.username, "key": user.username}


def _user_password(unit: Unit, _: Settings, arguments: Arguments) -> Arguments:
    """A key equal to the name works; there are no passwords here."""
    return _with_key(unit, teams.user_named(unit.session, _text(arguments, "username")))


def _user_exists(unit: Unit, _: Settings, arguments: Arguments) -> Arguments:
    """Nothing happens: there are no browser sessions here."""
    return {"username": teams.user_named(unit.session, _text(arguments, "username")).username}


def _user_down(unit: Unit, _: Settings, arguments: Arguments) -> Arguments:
    username = _text(arguments, "username")
    user = queries.user_by_name(unit.session, username)
    if user is not None:
        service.delete_user(unit, user)
    return {"username": username, "deleted": user is not None}


def _user_down_all(unit: Unit, settings: Settings, _: Arguments) -> Arguments:
    """All users are gone but the server's own first one."""
    first = first_user(unit.session, settings.user)
    going = [user for user in queries.living_users(unit.session) if first is None or user.id != first.id]
    for user in going:
        service.delete_user(unit, user)
    return {"deleted": len(going)}


def _organization_up(unit: Unit, _: Settings, arguments: Arguments) -> Arguments:
    name = _text(arguments, "orgName")
    user = teams.user_named(unit.session, _text(arguments, "username"))
    organization = queries.organization_by_name(unit.session, name)
    if organization is None:
        organizations.make_organization(unit, name, user)
    elif queries.organization_member(unit.session, organization.id, user.id) is None:
        organizations.set_role(unit, organization, user, "admin")
    return {"orgName": name}


def _organization_down(unit: Unit, _: Settings, arguments: Arguments) -> Arguments:
    name = _text(arguments, "orgName")
    organization = queries.organization_by_name(unit.session, name)
    if organization is not None:
        organizations.delete_organization(unit, organization)
    return {"orgName": name, "deleted": organization is not None}


def _organization_add_members(unit: Unit, _: Settings, arguments: Arguments) -> Arguments:
    """All that are named are members with their roles, or, after an error, none."""
    organization = organizations.organization_named(unit.session, _text(arguments, "orgName"))
    members = _part(arguments, "fixtureData").get("members")
    if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
        raise BadInput("fixtureData.members must be a list of objects with username and role")
    for member in members:
        user = teams.user_named(unit.session, _text(member, "username", "fixtureData.members: "))
        organizations.set_role(unit, organization, user, _text(member, "role", "fixtureData.members: "))
    return {"orgName": organization.name, "members": len(members)}


def _team_up(unit: Unit, _: Settings, arguments: Arguments) -> Arguments:
    """The team is part of the organization, which must be there, and the user its admin."""
    user = teams.user_named(unit.session, _text(arguments, "username"))
    data = _part(arguments, "fixtureData")
    name = _text(_part(data, "team", "fixtureData."), "name", "fixtureData.team.")
    organization_name = _text(_part(data, "organization", "fixtureData."), "name", "fixtureData.organization.")
    organization = organizations.organization_named(unit.session, organization_name)
    team = queries.entity_by_name(unit.session, name)
    if team is None:
        teams.make_team(unit, name, user, organization.id)
    elif team.kind != "team" or team.organization_id != organization.id:
        raise Conflict(f"the name {name!r} is taken, though not by a team of {organization_name!r}; choose another")
    else:
        teams.set_role(unit, team, user, "admin")
    return {"team": name, "organization": organization_name}


def _team_down(unit: Unit, _: Settings, arguments: Arguments) -> Arguments:
    name = _text(_part(_part(arguments, "fixtureData"), "team", "fixtureData."), "name", "fixtureData.team.")
    team = queries.entity_by_name(unit.session, name)
    if team is not None and team.kind != "team":
        raise BadInput(f"{name!r} is no team but of kind {team.kind}")
    if team is not None:
        teams.delete_team(unit, team)
    return {"team": name, "deleted": team is not None}


_USER: dict[str, Command] = {
    "up": _user_up, "down": _user_down, "down_all": _user_down_all,
    "logout": _user_exists, "login": _user_exists, "password": _user_password,
}
_ORGANIZATION: dict[str, Command] = {
    "up": _organization_up, "down": _organization_down, "add_members": _organization_add_members,
}
_TEAM: dict[str, Command] = {"up": _team_up, "down": _team_down}
