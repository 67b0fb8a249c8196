"""Who asks, and what they may."""

from __future__ import annotations

from dumbbell_server.identity import Actor, Role


def test_roles_may_what_those_before_them_may() -> None:
    assert sorted(Role) == [Role.NONE, Role.RESTRICTED, Role.VIEWER, Role.MEMBER, Role.ADMIN]


def test_an_actor_has_a_role_in_an_entity_or_none() -> None:
    actor = Actor(1, "ann", admin=False, entity_id=1, entity_name="ann", roles={1: Role.ADMIN, 2: Role.VIEWER})
    assert [actor.role(entity) for entity in (1, 2, 3)] == [Role.ADMIN, Role.VIEWER, Role.NONE]


def test_an_instance_admin_is_admin_everywhere() -> None:
    admin = Actor(1, "root", admin=True, entity_id=1, entity_name="root", roles={2: Role.VIEWER})
    assert [admin.role(entity) for entity in (1, 2, 3)] == [Role.ADMIN] * 3
