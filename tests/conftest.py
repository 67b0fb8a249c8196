"""What every test may ask for; the work is in support/."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.postgres import Postgres, find_binaries, start_postgres


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--backends", choices=["sqlite", "all"], default="sqlite", help="databases to test on")
    parser.addoption("--compose", action="store_true", help="run the tests that need a Docker engine")
    parser.addoption("--soak", action="store_true", help="run the long tests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reasons = {"compose": "needs a Docker engine; run with --compose", "soak": "takes long; run with --soak"}
    for item in items:
        for mark, reason in reasons.items():
            if mark in item.keywords and not config.getoption(f"--{mark}"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    if request.config.getoption("--backends") != "all":
        pytest.skip("needs Postgres; run with --backends=all")
    if find_binaries() is None:
        pytest.skip("Postgres is not installed: no initdb in $PG_BIN, PATH or /usr/lib/postgresql")
    with start_postgres() as server:
        yield server
