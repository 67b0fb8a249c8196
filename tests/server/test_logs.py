"""The log goes on whatever standard error does."""

from __future__ import annotations

import errno
import io
import sys
from collections.abc import Iterator

import pytest
import structlog

from dumbbell_server.logs import set_up


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_a_line_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("info")
    structlog.get_logger().info("something happened", name="r")
    assert 'level=info event="something happened" name=r\n' in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPIPE])
@pytest.mark.parametrize("method", ["write", "flush"])
def test_a_line_that_cannot_be_written_stops_nobody(monkeypatch: pytest.MonkeyPatch, method: str, number: int) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, "as the system says it")

    broken = io.StringIO()
    setattr(broken, method, fail)
    set_up("info")
    monkeypatch.setattr(sys, "stderr", broken)
    structlog.get_logger().error("the disk is full")
