"""What every test may ask for; the work is in support/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.postgres import Postgres, find_binaries, start_postgres
from support.s3 import S3, start_s3
from support.server import STILL, Server, start_server

collect_ignore = ["downstream"]  # a project of its own: tests/sdk/test_downstream.py runs it


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--backends", choices=["sqlite", "all"], default="sqlite",
                     help="databases and stores to test on")
    parser.addoption("--blobs", choices=["folder", "s3"], default="folder",
                     help="where every world keeps its bytes; those that ask for a bucket have one anyway")
    parser.addoption("--compose", action="store_true", help="run the tests that need a Docker engine")
    parser.addoption("--access-steps", type=int, default=2000,
                     help="steps of the two users who try to reach each other's things")
    parser.addoption("--access-seed", type=int, default=None,
                     help="other steps than the ones that are always taken")
    parser.addoption("--soak", action="store_true", help="run the long tests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reasons = {"compose": "needs a Docker engine; run with --compose", "soak": "takes long; run with --soak"}
    for item in items:
        for mark, reason in reasons.items():
            if item.get_closest_marker(mark) is not None and not config.getoption(f"--{mark}"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    if request.config.getoption("--backends") != "all":
        pytest.skip("needs Postgres; run with --backends=all")
    if find_binaries() is None:
        pytest.skip("Postgres is not installed: no initdb in $PG_BIN, PATH or /usr/lib/postgresql")
    with start_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def s3(request: pytest.FixtureRequest) -> Iterator[S3]:
    if (request.config.getoption("--backends"), request.config.getoption("--blobs")) == ("sqlite", "folder"):
        pytest.skip("needs a bucket; run with --backends=all or --blobs=s3")
    with start_s3() as server:
        yield server


@pytest.fixture
def still_server(tmp_path: Path) -> Iterator[Server]:
    """A server that does nothing in the background until it is asked, by `wire.Client.compact`."""
    (tmp_path / "still").mkdir()
    with start_server(tmp_path / "still", **STILL) as started:
        yield started


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty bucket, with the environment that leads to it."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3.new_bucket()}/some/prefix"
