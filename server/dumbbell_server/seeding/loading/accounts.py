"""Users, teams and organizations of a fixture, as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dumbbell_server.accounts import queries
from dumbbell_server.accounts.access import changed
from dumbbell_server.accounts.first_user import first_user
from dumbbell_server.accounts.service import free_name, slug
from dumbbell_server.accounts.tables import (
    ApiKeyRow,
    EntityRow,
    FormerNameRow,
    InviteRow,
    MemberRow,
    OrganizationMemberRow,
    OrganizationRow,
    UserRow,
)
from dumbbell_server.errors import BadInput
from dumbbell_server.seeding.form.documents import Key, Organization, Team, User
from dumbbell_server.seeding.form.reading import Read
from dumbbell_server.seeding.loading.state import Loading


def load_accounts(loading: Loading) -> None:
    """Users first, then what they belong to, in the order in which one needs the other."""
    documents = loading.fixture.documents
    for read in documents:
        for at, user in enumerate(read.document.users):
            with read.at("users", at):
                _user(loading, read, user)
    for read in documents:
        for at, organization in enumerate(read.document.organizations):
            with read.at("organizations", at):
                _organization(loading, read, organization)
    for read in documents:
        for at, team in enumerate(read.document.teams):
            with read.at("teams", at):
                _team(loading, read, team)
    for read in documents:
        for at, user in enumerate(read.document.users):
            if user.default_entity is not None:
                with read.at("users", at, "default_entity"):
                    _default_entity(loading, user.name, user.default_entity)
    changed(loading.unit)


def _user(loading: Loading, read: Read, form: User) -> None:
    session, name = loading.session, loading.name(form.name)
    if form.first and form.name != loading.fixture.first_user:
        raise BadInput("only one user can be the first")
    if form.first and first_user(session, loading.backend.settings.user) is None:
        raise BadInput(f"the first user {name!r} is not there yet; start the server once, or say its name by "
                       "DUMBBELL_USER")
    there = queries.user_by_name(session, name)
    if there is not None and form.first:
        _tell_first(there, form)
    if there is not None or _is_there(loading, name):
        return
    _check_free(loading, name, "user")
    made = loading.at(read, form.created or read.document.created) or ""
    user = UserRow(**loading.numbers.kept(UserRow, form.row), username=name, name=form.full_name or name,
                   email="" if form.deleted else form.email or f"{name}@localhost", admin=form.admin,
                   service=form.service, created_at=made, deleted_at=loading.at(read, form.deleted))
    session.add(user)
    session.flush()
    loading.counts.users += 1
    loading.new_users.add(user.id)
    if form.deleted:
        return
    entity = EntityRow(**loading.numbers.kept(EntityRow, form.entity_row), name=name, kind="user", user_id=user.id,
                       created_at=made)
    session.add(entity)
    session.flush()
    user.default_entity_id = entity.id
    _former(loading, entity, form.former_names)
    for key in form.keys:
        _key(loading, read, user, key)


def _tell_first(row: UserRow, form: User) -> None:
    """What is said of the first user holds where nobody has said anything else: they are there on every server."""
    if form.full_name is not None and row.name == row.username:
        row.name = row.username if form.full_name == form.name else form.full_name
    if form.email is not None and row.email == f"{row.username}@localhost" and form.email != f"{form.name}@localhost":
        row.email = form.email


def _is_there(loading: Loading, name: str) -> bool:
    """Also who is deleted."""
    return loading.session.query(UserRow).filter_by(username=name).first() is not None


def _check_free(loading: Loading, name: str, what: str) -> None:
    there = queries.entity_by_name(loading.session, name)
    if there is not None:
        raise BadInput(f"the name {name!r} is taken by a {there.kind}; choose another for the {what}")


def _former(loading: Loading, entity: EntityRow, names: Sequence[str]) -> None:
    for name in names:
        if queries.former(loading.session, "entity", name) is None:
            loading.session.add(FormerNameRow(kind="entity", name=name, target_id=entity.id))


def _key(loading: Loading, read: Read, user: UserRow, form: Key) -> None:
    if queries.key_by_digest(loading.session, form.digest) is None:
        loading.session.add(ApiKeyRow(user_id=user.id, prefix=form.prefix, digest=form.digest,
                                      description=form.description,
                                      created_at=loading.at(read, form.created or read.document.created) or ""))


def _default_entity(loading: Loading, name: str, entity: str) -> None:
    user = loading.session.get_one(UserRow, loading.user(name))
    personal = queries.entity_of_user(loading.session, user.id)
    unsaid = personal is not None and user.default_entity_id == personal.id
    if user.id in loading.new_users or (unsaid and name == loading.fixture.first_user):
        user.default_entity_id = loading.entity(entity).id


def _team(loading: Loading, read: Read, form: Team) -> None:
    session = loading.session
    there = queries.entity_by_name(session, form.name)
    if there is not None and there.kind == "team":
        return
    _check_free(loading, form.name, "team")
    organization = None
    if form.organization is not None:
        organization = queries.organization_by_name(session, form.organization)
        if organization is None:
            raise BadInput(f"organization {form.organization!r} is neither in the fixture nor on the server")
    made = loading.at(read, form.created or read.document.created) or ""
    team = EntityRow(**loading.numbers.kept(EntityRow, form.row), name=form.name, kind="team", created_at=made,
                     organization_id=organization.id if organization else None)
    session.add(team)
    session.flush()
    for user, role in _numbers(loading, form.members).items():
        session.add(MemberRow(entity_id=team.id, user_id=user, role=role))
    _former(loading, team, form.former_names)
    for invite in form.invites:
        session.add(InviteRow(entity_id=team.id, email=invite.email, role=invite.role,
                              created_at=loading.at(read, invite.created) or made))
    session.flush()
    loading.counts.teams += 1


def _numbers(loading: Loading, members: Mapping[str, str]) -> dict[int, str]:
    return {loading.user(name): role for name, role in members.items()}


def _organization(loading: Loading, read: Read, form: Organization) -> None:
    session = loading.session
    if queries.organization_by_name(session, form.name) is not None:
        return
    made = loading.at(read, form.created or read.document.created) or ""
    if form.entity is not None:
        _check_free(loading, form.entity, "organization")
    entity = EntityRow(**loading.numbers.kept(EntityRow, form.entity_row), kind="organization", created_at=made,
                       name=form.entity or free_name(session, f"{slug(form.name)}-org"))
    session.add(entity)
    session.flush()
    organization = OrganizationRow(**loading.numbers.kept(OrganizationRow, form.row), name=form.name,
                                   entity_id=entity.id, created_at=made)
    session.add(organization)
    session.flush()
    entity.organization_id = organization.id
    for user, role in _numbers(loading, form.members).items():
        session.add(OrganizationMemberRow(organization_id=organization.id, user_id=user, role=role))
    _former(loading, entity, form.former_names)
    session.flush()
    loading.counts.organizations += 1
