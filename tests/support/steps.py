"""Which rows a step may change: those of projects in which its sender may write, and of memberships by explicit grants.

The rules say what may happen and leave open whether it does: what a role is enough for is in access_matrix.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from dumbbell_server import ids
from support.ledger import ADMIN, MEMBER, NONE, NOWHERE, PLACES, PUBLIC, ROLES, Change, Ledger, Tables, changes

# What lists and pages are read again by, and counts of what a step may remove.
BOOKKEEPING = {"revision", "removal", "updated_at", "version_count"}
ROOT = 1  # the first user, an instance admin


@dataclass(frozen=True)
class Step:
    """What somebody sent, and the tables after it; `action` is a mutation, or what a route does."""

    sender: int | None
    action: str
    arguments: dict[str, Any]
    ledger: Ledger  # as before
    after: Tables

    @cached_property
    def changes(self) -> list[Change]:
        return [*changes(self.ledger.tables, self.after)]

    @cached_property
    def later(self) -> Ledger:
        return replace(self.ledger, tables=self.after)

    def violations(self) -> list[Change]:
        """Changes that the sender had no right to."""
        return [change for change in self.changes if not self.allows(change)]

    def allows(self, change: Change) -> bool:
        rule = RULES.get(change.table)
        if rule is not None:
            return rule(self, change)
        return change.columns <= BOOKKEEPING or self.may_write(change)

    def take_down(self) -> None:
        """The ledger is that of the tables after the step."""
        changes = self.changes  # while the ledger has the tables before it
        self.ledger.tables = self.after
        for change in changes:
            if change.table in {"projects", "entities", "organizations"} and change.after is None:
                self._forget(change)
        for change in changes:
            self.ledger.write_down(change)

    def _forget(self, change: Change) -> None:
        """The number of what is gone may be given out again, and what was written there is nowhere."""
        number = change.row["id"]
        kind = {"projects": "project", "organizations": "organization", "entities": "team"}[change.table]
        for places in self.ledger.places.values():
            places.discard((kind, number))

    # what the rules ask

    def is_gone(self, table: str, number: int | None) -> bool:
        return number is None or (number,) not in self.after[table]

    def is_new(self, table: str, number: int) -> bool:
        return (number,) not in self.ledger.tables[table] and (number,) in self.after[table]

    def user_is_gone(self, number: int) -> bool:
        row = self.after["users"].get((number,))
        return row is None or row["deleted_at"] is not None

    def is_admin(self, entity: int) -> bool:
        return self.ledger.in_entity(self.sender, entity) == ADMIN

    def is_called(self, user: int, argument: str = "username") -> bool:
        """Whether the step names this user."""
        row = self.ledger.tables["users"].get((user,))
        name = self.arguments.get(argument)
        if row is None:
            return False
        return bool(row["username"] == name) if name else row["email"] == self.arguments.get("email")

    def lists(self, argument: str, kind: str, number: int) -> bool:
        named = self.arguments.get(argument) or []
        return ids.encode(kind, number) in (named if isinstance(named, list) else [named])

    def is_own_service(self, user: int, organization: int | None) -> bool:
        """A person, or a service account of a team of this organization."""
        if not self.ledger.tables["users"][user,]["service"]:
            return True
        team = self.ledger.team_of_service(user)
        return team is not None and self.ledger.organization_of(team) == organization

    def may_write(self, change: Change) -> bool:
        """Whether the sender is a member of the project in which the row is, or of the one whose version it names."""
        ledger = self.ledger if change.after is None else self.later
        place = PLACES[change.table](ledger.tables, change.row)
        if place in {NOWHERE, PUBLIC}:
            return True
        projects = [_project_of(ledger, place)]
        if change.after is None and change.table in {"artifact_memberships", "artifact_aliases", "artifact_uses"}:
            projects.append(_project_of_version(self.ledger.tables, change.row))
        return any(self.is_gone("projects", project) or self.is_new("projects", project or 0)
                   or self.ledger.role(self.sender, project or 0) >= MEMBER for project in projects)


def _project_of(ledger: Ledger, place: tuple[str, int]) -> int | None:
    kind, number = place
    if kind == "project":
        return number
    assert kind == "version", place
    row = ledger.tables["artifacts"].get((number,))
    return row["project_id"] if row else None


def _project_of_version(tables: Tables, row: dict[str, Any]) -> int | None:
    membership = tables["artifact_memberships"].get((row.get("membership_id"),), row)
    version = tables["artifacts"].get((membership.get("artifact_id"),))
    return version["project_id"] if version else None


def _member(step: Step, change: Change) -> bool:
    team, user = change.row["entity_id"], change.row["user_id"]
    if change.after is None:
        return step.is_gone("entities", team) or step.user_is_gone(user) or (
            step.action == "deleteInvite" and (step.is_admin(team) or user == step.sender)
            and step.lists("id", "User", user))
    if step.is_new("entities", team):
        return (step.action, user, change.row["role"]) == ("createTeam", step.sender, "admin")
    if step.is_new("users", user):
        return (step.action == "createServiceAccount" and step.is_admin(team)) or _was_invited(step, team, user)
    return (step.action == "createInvite" and step.is_admin(team) and step.is_called(user)
            and (change.before is not None or not step.after["users"][user,]["service"]))


def _was_invited(step: Step, team: int, user: int) -> bool:
    email = step.after["users"][user,]["email"]
    return step.action == "createUser" and any(
        invite["entity_id"] == team and invite["email"] == email for invite in step.ledger.tables["invites"].values())


def _seat(step: Step, change: Change) -> bool:
    organization, user = change.row["organization_id"], change.row["user_id"]
    is_admin = step.ledger.seats.get(organization, {}).get(step.sender or 0) == ADMIN
    if change.after is None:
        return step.is_gone("organizations", organization) or step.user_is_gone(user) or (
            step.action == "deleteOrganizationMember" and (is_admin or user == step.sender) and step.is_called(user))
    if step.is_new("organizations", organization):
        return (step.action, user, change.row["role"]) == ("createOrganization", step.sender, "admin")
    return (step.action == "upsertOrganizationMember" and is_admin and step.is_called(user)
            and step.is_own_service(user, organization))


def _named_in_registry(step: Step, change: Change) -> bool:
    registry, user = change.row["project_id"], change.row["user_id"]
    organization = step.later.organization_of(change.row["entity_id"]) or 0
    if change.after is None:
        unseated = user not in {row["user_id"] for row in step.after["organization_members"].values()
                                if row["organization_id"] == organization}
        return step.is_gone("projects", registry) or step.user_is_gone(user) or unseated or (
            step.action == "deleteProjectMembers" and _rules_registry(step, registry)
            and step.lists("userIds", "User", user))
    if step.is_new("projects", registry):
        return step.action == "upsertModel" and user == step.sender
    action, argument = ("createProjectMembers", "userIds") if change.before is None else \
        ("updateProjectMember", "userId")
    return (step.action == action and _rules_registry(step, registry) and step.lists(argument, "User", user)
            and user in step.ledger.seats.get(organization, {}))


def _team_in_registry(step: Step, change: Change) -> bool:
    registry, team = change.row["project_id"], change.row["team_id"]
    if change.after is None:
        return step.is_gone("projects", registry) or step.is_gone("entities", team) or (
            step.action == "deleteProjectMembers" and _rules_registry(step, registry)
            and step.lists("teamIds", "Entity", team))
    action, argument = ("createProjectMembers", "teamIds") if change.before is None else \
        ("updateProjectTeamMember", "teamId")
    return (step.action == action and _rules_registry(step, registry) and step.lists(argument, "Entity", team)
            and step.ledger.organization_of(team) == step.ledger.organization_of(change.row["entity_id"]))


def _rules_registry(step: Step, registry: int) -> bool:
    return step.ledger.role(step.sender, registry) == ADMIN


def _project(step: Step, change: Change) -> bool:
    project, entity = change.row["id"], change.row["entity_id"]
    if change.before is None:
        return (step.ledger.in_entity(step.sender, entity) >= MEMBER and change.row["user_id"] == step.sender
                and change.row["access"] in {"PRIVATE", step.arguments.get("access")})
    role = step.ledger.role(step.sender, project)
    if change.after is None:
        return role == ADMIN or step.is_gone("entities", entity)
    if change.columns <= BOOKKEEPING:
        return role >= MEMBER
    if change.columns & {"access", "name"} or step.ledger.is_organizations(entity):
        return role == ADMIN
    return role >= MEMBER and "entity_id" not in change.columns


def _entity(step: Step, change: Change) -> bool:
    entity, kind = change.row["id"], change.row["kind"]
    if change.before is None:
        parent = change.row["organization_id"]
        if kind == "team":
            return step.action == "createTeam" and (
                parent is None or step.ledger.seats.get(parent, {}).get(step.sender or 0) == ADMIN)
        return step.action == "createOrganization" if kind == "organization" else \
            step.is_new("users", change.row["user_id"])
    if change.after is None:
        return step.user_is_gone(change.row["user_id"]) if kind == "user" else \
            step.is_gone("organizations", change.row["organization_id"])
    return step.action == "renameEntity" and step.is_admin(entity) and change.columns == {"name"}


def _organization(step: Step, change: Change) -> bool:
    if change.before is None:
        return step.action == "createOrganization"
    return (change.after is None and step.action == "deleteOrganization"
            and step.ledger.seats.get(change.row["id"], {}).get(step.sender or 0) == ADMIN)


def _user(step: Step, change: Change) -> bool:
    user = change.row["id"]
    if change.before is None:
        return step.action == ("createServiceAccount" if change.row["service"] else "createUser")
    if step.user_is_gone(user):
        return _ends_service(step, user)
    if step.action == "renameEntity":
        return user == step.sender and change.columns <= {"username", "name", "email"}
    if step.action == "updateUser":
        return user == step.sender and change.columns <= {"name", "default_entity_id"}
    default = change.before["default_entity_id"]
    lost = step.is_gone("entities", default) or step.action == "deleteInvite"
    return change.columns == {"default_entity_id"} and lost and step.later.owner(
        change.row["default_entity_id"]) == user


def _ends_service(step: Step, user: int) -> bool:
    team = step.ledger.team_of_service(user)
    if team is None:
        return False
    return step.is_gone("entities", team) or (step.action == "deleteInvite" and step.is_admin(team)
                                              and step.lists("id", "User", user))


def _key(step: Step, change: Change) -> bool:
    user = change.row["user_id"]
    if change.after is None:
        return step.user_is_gone(user) or (step.action == "deleteApiKey" and user == step.sender)
    return change.before is None and (step.is_new("users", user) or (
        step.action == "generateApiKey" and user == step.sender))


def _invite(step: Step, change: Change) -> bool:
    team = change.row["entity_id"]
    if change.after is not None:
        return step.action == "createInvite" and step.is_admin(team)
    return step.is_gone("entities", team) or (step.action == "deleteInvite" and step.is_admin(team)) or (
        step.action == "createUser" and step.sender == ROOT)


RULES: dict[str, Callable[[Step, Change], bool]] = {
    "members": _member, "organization_members": _seat, "registry_members": _named_in_registry,
    "registry_teams": _team_in_registry, "projects": _project, "entities": _entity, "organizations": _organization,
    "users": _user, "api_keys": _key, "invites": _invite,
}
__all__ = ["NONE", "ROLES", "ROOT", "Step"]
