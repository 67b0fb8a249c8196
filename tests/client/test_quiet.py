"""A process that uses the client prints nothing but why it waits."""

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
            if self.asked % 3:
                raise httpx2.ConnectError("the line is dead")
            return httpx2.Response(200, json={"data": {"viewer": {"username": "me", "entity": "me"}}})

    stamina.set_testing(True, attempts=4)
    BEFORE
    line = Broken()
    assert dumbbell.Api({"base_url": "http://nowhere.test"}, api_key="k" * 40, transport=line).viewer.username == "me"
    assert line.asked == 3
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


DEAD = "failed, and may be tried again: nowhere.test: the line is dead"


def test_only_the_first_of_retries_is_told() -> None:
    assert ran() == ("", f"{DEAD}\n")
    assert ran("logging.getLogger('dumbbell').setLevel(logging.ERROR)") == ("", "")


def test_who_asks_for_logs_is_told() -> None:
    said, logged = ran("logging.basicConfig(level=logging.INFO, format='%(name)s %(levelname)s %(message)s')")
    assert said == ""
    assert [line for line in logged.splitlines() if line.startswith("dumbbell ")] == [
        f"dumbbell WARNING {DEAD}", f"dumbbell INFO {DEAD}"]


def test_retries_of_others_are_told_as_before() -> None:
    said, logged = ran(after=OTHER)
    assert "of somebody else" in said + logged
    assert (said + logged).count("the line is dead") == 1


def test_a_hook_that_somebody_chose_is_told_of_all() -> None:
    said, _ = ran("stamina.instrumentation.set_on_retry_hooks([lambda details: print(details.caused_by)])")
    assert said == "the line is dead\n" * 2
