"""Users, teams and organizations of an export."""

from __future__ import annotations

from typing import Any

from sqlmodel import col, select

from dumbbell_server.accounts import queries
from dumbbell_server.accounts.first_user import first_user
from dumbbell_server.accounts.tables import EntityRow, FormerNameRow, OrganizationRow, UserRow
from dumbbell_server.seeding.exporting.writing import Writing
from dumbbell_server.seeding.form.folder import ACCOUNTS, described, write_document


def export_accounts(writing: Writing, *, with_keys: bool) -> None:
    """Whoever the rest names, and the entities themselves: to be called last."""
    entities = writing.scope.entities.values()
    teams = [_team(writing, entity) for entity in entities if entity.kind == "team"]
    organizations = [_organization(writing, row) for row in writing.scope.organizations.values()]
    writing.users |= {entity.user_id for entity in entities if entity.kind == "user" and entity.user_id}
    rows = [row for row in writing.session.execute(select(UserRow).order_by(col(UserRow.id))).scalars()
            if writing.scope.everything or row.id in writing.users]
    first = first_user(writing.session, writing.backend.settings.user)
    users = [_user(writing, row, first=first is not None and row.id == first.id, with_keys=with_keys) for row in rows]
    write_document(writing.folder.root / ACCOUNTS, described(users=users, teams=teams, organizations=organizations))


def _user(writing: Writing, row: UserRow, *, first: bool, with_keys: bool) -> dict[str, Any]:
    session = writing.session
    personal = queries.entity_of_user(session, row.id)
    default = session.get(EntityRow, row.default_entity_id) if row.default_entity_id else None
    told = default is not None and personal is not None and default.id != personal.id
    known = default is not None and default.id in writing.scope.entities
    if told and not known:
        writing.leave_out("the default entity of a user, which is not exported")
    keys = queries.keys_of(session, row.id) if with_keys else ()
    return described(
        name=row.username, first=first, full_name=row.name, email=row.email, admin=row.admin, service=row.service,
        default_entity=default.name if default is not None and told and known else None,
        former_names=_former(writing, personal) if personal is not None else None,
        keys=[described(prefix=key.prefix, digest=key.digest, description=key.description, created=key.created_at)
              for key in keys],
        **({} if first else _numbered(row, personal)))


def _numbered(row: UserRow, personal: EntityRow | None) -> dict[str, Any]:
    """What a server says of its first user by itself."""
    return {"created": row.created_at, "deleted": row.deleted_at, "row": row.id,
            "entity_row": personal.id if personal is not None else None}


def _team(writing: Writing, row: EntityRow) -> dict[str, Any]:
    session = writing.session
    organization = session.get(OrganizationRow, row.organization_id) if row.organization_id else None
    if organization is not None and organization.id not in writing.scope.organizations:
        writing.leave_out("the organization of a team, which is not exported")
        organization = None
    members = queries.members_of(session, row.id)
    writing.users |= {user.id for user, _ in members}
    return described(
        name=row.name, members={user.username: role for user, role in members},
        organization=organization.name if organization is not None else None,
        invites=[described(email=invite.email, role=invite.role, created=invite.created_at)
                 for invite in queries.invites_of(session, row.id)],
        former_names=_former(writing, row), created=row.created_at, row=row.id)


def _organization(writing: Writing, row: OrganizationRow) -> dict[str, Any]:
    entity = writing.session.get_one(EntityRow, row.entity_id)
    members = queries.organization_members_of(writing.session, row.id)
    writing.users |= {user.id for user, _ in members}
    return described(
        name=row.name, members={user.username: role for user, role in members}, entity=entity.name,
        former_names=_former(writing, entity), created=row.created_at, row=row.id, entity_row=entity.id)


def _former(writing: Writing, entity: EntityRow) -> list[str]:
    return list(writing.session.execute(select(FormerNameRow.name).where(
        FormerNameRow.kind == "entity", FormerNameRow.target_id == entity.id).order_by(
            col(FormerNameRow.name))).scalars())
