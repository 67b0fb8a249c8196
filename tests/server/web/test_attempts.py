"""Wrong keys by address."""

from __future__ import annotations

import pytest

from dumbbell_server.clock import StillClock
from dumbbell_server.web.attempts import MOST, WINDOW, Attempts


def test_thirty_a_minute() -> None:
    clock = StillClock()
    tried = Attempts(clock)
    for _ in range(MOST):
        assert not tried.too_many("192.0.2.1")
        tried.wrong("192.0.2.1")
    assert tried.too_many("192.0.2.1")
    assert not tried.too_many("192.0.2.2")
    clock.move(WINDOW - 1)
    assert tried.too_many("192.0.2.1")
    clock.move(1)
    assert not tried.too_many("192.0.2.1")
    tried.wrong("192.0.2.1")
    assert not tried.too_many("192.0.2.1")


@pytest.mark.parametrize(("one", "other", "same"), [
    ("2001:db8::1", "2001:db8::ffff:1", True), ("2001:db8::1", "2001:db8:0:1::1", False),
    ("::ffff:192.0.2.1", "192.0.2.1", True), ("192.0.2.1", "192.0.2.2", False), ("unknown", "unknown", True),
    ("", "192.0.2.1", False)])
def test_what_one_place_is(one: str, other: str, same: bool) -> None:
    tried = Attempts(StillClock())
    for _ in range(MOST):
        tried.wrong(one)
    assert tried.too_many(other) is same


def test_places_are_bounded() -> None:
    tried = Attempts(StillClock())
    for _ in range(MOST):
        tried.wrong("first")
    for number in range(998):
        tried.wrong(f"{number}")
    tried.wrong("first")
    for number in range(500):
        tried.wrong(f"more {number}")
    assert tried.too_many("first")
    for number in range(500):
        tried.wrong(f"other {number}")
    assert not tried.too_many("first")


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    clock = StillClock()
    tried = Attempts(clock)
    for _ in range(MOST):
        tried.wrong("192.0.2.1")
    clock.move(-10 * WINDOW)
    assert not tried.too_many("192.0.2.1")
