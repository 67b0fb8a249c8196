"""What was acknowledged survives the server's sudden end."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from pathlib import Path

from support.server import Server, start_server
from support.wire import Client

ROUNDS = 20
WRITERS = 3
ROWS = 20


def log_until_killed(server: Server, run: str, acknowledged: dict[str, int]) -> None:
    client = Client(server)
    try:
        while True:
            first = acknowledged.get(run, 0)
            rows = [json.dumps({"_step": first + at, "value": (first + at) * 2}) for at in range(ROWS)]
            client.post(f"/files/local/kill/{run}/file_stream",
                        {"files": {"wandb-history.jsonl": {"offset": first, "content": rows}}})
            acknowledged[run] = first + ROWS
    except (OSError, http.client.HTTPException):
        pass  # the server was killed, as it was meant to be
    finally:
        client.close()


def check(server: Server, acknowledged: dict[str, int]) -> None:
    """Every acknowledged row is there, once; at most the one POST that got no answer may be there besides."""
    client = Client(server)
    for run, lines in acknowledged.items():
        found = client.ask(f'{{ project(name: "kill") {{ run(name: "{run}") {{ historyLineCount'
                           " history(minStep: 0, maxStep: 10000000, samples: 10000000) } } }")["project"]["run"]
        steps = [json.loads(row)["_step"] for row in found["history"]]
        assert steps == list(range(len(steps)))
        assert len(steps) == found["historyLineCount"]
        assert lines <= len(steps) <= lines + ROWS
    client.close()


def test_acknowledged_rows_survive_kill_nine(tmp_path: Path) -> None:
    acknowledged: dict[str, int] = {}
    chance = random.Random(7)
    for _ in range(ROUNDS):
        with start_server(tmp_path) as server:
            check(server, acknowledged)
            client = Client(server)
            names = [f"run{number}" for number in range(WRITERS)]
            for name in names:
                client.ask(f'mutation {{ upsertBucket(input: {{modelName: "kill", name: "{name}"}}) {{ inserted }} }}')
            client.close()
            threads = [threading.Thread(target=log_until_killed, args=(server, name, acknowledged)) for name in names]
            for thread in threads:
                thread.start()
            time.sleep(chance.uniform(0.05, 0.5))
            server.kill()
            for thread in threads:
                thread.join()
    with start_server(tmp_path) as server:
        check(server, acknowledged)
    assert min(acknowledged.values()) > ROUNDS * ROWS / 2
