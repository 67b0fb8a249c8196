"""All threads that execute queries are taken: probes are answered, and what nobody waits for any more is dropped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.live import Live
from support.raw import LIMITLESS, UPSERT, answered, ask, bomb, live_on, make_runs
from support.server import Server, start_server


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Live, Server]]:
    with start_server(tmp_path, **LIMITLESS) as started, live_on(started) as live:
        make_runs(live)
        yield live, started


def test_four_bombs_leave_probes_answering_and_are_dropped_with_their_clients(served: tuple[Live, Server]) -> None:
    live, server = served
    # a mutation beside it makes it look like one
    bombs = [ask(server, bomb(), before=before) for before in ("", "mutation M { __typename } ") for _ in range(4)]
    for _ in range(10):
        for probe in ("/ready", "/healthz"):
            assert live.client.get(probe).status_code == 200
        assert not any(map(answered, bombs))
    # what writes has threads of its own
    assert live.gql(UPSERT.format(0)) == {"upsertBucket": {"inserted": False}}
    waiting = ask(server, "query Q { viewer { username } }")
    assert not answered(waiting, 0.5)
    for line in bombs:
        line.close()
    assert answered(waiting, 60)
    assert waiting.recv(4096).startswith(b"HTTP/1.1 200")
    waiting.close()


def test_what_is_to_be_written_is_written_though_nobody_waits(served: tuple[Live, Server]) -> None:
    live, server = served
    ask(server, UPSERT.format("-left")).close()
    query = '{ project(name: "p") { run(name: "r-left") { name } } }'
    end = time.monotonic() + 60
    while live.gql(query) != {"project": {"run": {"name": "r-left"}}}:
        assert time.monotonic() < end
        time.sleep(0.05)
