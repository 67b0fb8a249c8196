"""A process that uses the client prints nothing that its user did not ask for."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

BROKEN = """
    import logging
    import httpx2, stamina
    import dumbbell

    class Broken(httpx2.BaseTransport):
        asked = 0
        def handle_request(self, request):
            self.asked += 1
            if self.asked % 2:
                raise httpx2.ConnectError("the line is dead")
            return httpx2.Response(200, json={"data": {"viewer": {"username": "me", "entity": "me"}}})

    stamina.set_testing(True, attempts=3)
    BEFORE
    line = Broken()
    assert dumbbell.Api({"base_url": "http://nowhere.test"}, api_key="k" * 40, transport=line).viewer.username == "me"
    assert line.asked == 2
    AFTER
"""
OTHER = """
    @stamina.retry(on=ValueError)
    def other():
        raise ValueError("of somebody else")
    try:
        other()
    except ValueError:
        pass
"""


def ran(before: str = "", after: str = "") -> tuple[str, str]:
    source = textwrap.dedent(BROKEN).replace("BEFORE", before).replace("AFTER", textwrap.dedent(after))
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False, timeout=60,
                          env={name: value for name, value in os.environ.items() if not name.startswith("WANDB_")})
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_a_retry_is_silent() -> None:
    assert ran() == ("", "")


def test_who_asks_for_logs_is_told() -> None:
    said, logged = ran("logging.basicConfig(level=logging.INFO, format='%(name)s %(message)s')")
    assert said == ""
    assert [line for line in logged.splitlines() if line.startswith("dumbbell ")] == [
        "dumbbell failed, and may be tried again: the line is dead"]


def test_retries_of_others_are_told_as_before() -> None:
    said, logged = ran(after=OTHER)
    assert "of somebody else" in said + logged
    assert "the line is dead" not in said + logged


def test_a_hook_that_somebody_chose_is_told_of_all() -> None:
    said, _ = ran("stamina.instrumentation.set_on_retry_hooks([lambda details: print(details.caused_by)])")
    assert said == "the line is dead\n"
