"""Users, their keys, and teams with their members."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import dumbbell
from dumbbell import errors
from support.world import KEY


def test_keys_are_made_and_deleted(api: dumbbell.Api, new_api: Callable[..., dumbbell.Api]) -> None:
    user = api.viewer
    made = user.generate_api_key("for the nightly job")
    assert len(made) == 40
    assert len(user.api_keys) == 2
    other = dumbbell.Api({"base_url": "http://testserver"}, api_key=made, transport=api.client.transport._inner)
    assert other.viewer == user
    assert user.delete_api_key(made)
    assert len(user.api_keys) == len(new_api().viewer.api_keys) == 1
    with pytest.raises(errors.AuthenticationError):
        other.client.execute("{ viewer { id } }")
    with pytest.raises(ValueError, match="local has no API key 'zzzzzzzz'") as caught:
        user.delete_api_key("z" * 40)
    assert "z" * 9 not in str(caught.value)
    assert KEY not in str(caught.value)


def test_keys_of_others_are_not_made(api: dumbbell.Api) -> None:
    ada = api.create_user("ada@example.test")
    assert "ada@example.test" in {ada.email, ada.username}
    with pytest.raises(dumbbell.UsageError, match="this key is local's"):
        ada.generate_api_key()


def test_a_team_and_its_members(api: dumbbell.Api) -> None:
    ada = api.create_user("ada@example.test")
    team = api.create_team("crew")
    assert [member.username for member in team.members] == ["local"]
    assert team.invite(ada.username)
    assert not team.invite("nobody-at-all")
    robot = team.create_service_account("nightly")
    assert robot.team == "crew"
    team.load(force=True)
    assert len(team.members) == 3
    assert "local" in team._repr_html_()
    for member in team.members:
        if member.username == ada.username:
            assert member.delete()
    assert ada.username not in {member.username for member in api.team("crew").members}
    with pytest.raises(dumbbell.CommError, match="crew"):
        api.create_team("crew")
