"""SIGTERM: requests have a second, then they are cut and the process goes. What was acknowledged is there after."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text

from dumbbell_server import serving
from dumbbell_server.database.engine import SqliteDatabase, reading
from support.raw import LIMITLESS, answered, ask, bomb, live_on, make_runs, send
from support.server import Server, start_server

FILES = """mutation { createRunFiles(input: {entityName: "local", projectName: "p", runName: "r0",
  files: ["large", "cut"]}) { files { name uploadUrl } } }"""
STORED = """{ project(name: "p") { run(name: "r0") { historyLineCount
  files { edges { node { name sizeBytes directUrl } } } } } }"""
LARGE = 64 << 20  # bytes: more than what the kernel holds for who does not read


class Logging(threading.Thread):
    """A client that logs a row a request, until it cannot."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server
        self.acknowledged = 0

    def run(self) -> None:
        with live_on(self._server) as live, contextlib.suppress(httpx2.TransportError):
            while True:
                row = json.dumps({"_step": self.acknowledged})
                body = {"files": {"wandb-history.jsonl": {"offset": self.acknowledged, "content": [row]}}}
                live.client.post("/files/local/p/r0/file_stream", json=body, headers=live.headers).raise_for_status()
                self.acknowledged += 1


def test_it_ends_whatever_runs(tmp_path: Path) -> None:
    with start_server(tmp_path, **LIMITLESS) as server, live_on(server) as live:
        make_runs(live)
        urls = {file["name"]: file["uploadUrl"] for file in live.gql(FILES)["createRunFiles"]["files"]}
        live.client.put(urls["large"], content=bytes(LARGE)).raise_for_status()
        stored = live.gql(STORED)["project"]["run"]["files"]["edges"][0]["node"]
        logging = Logging(server)
        logging.start()
        download = send(server, "GET", stored["directUrl"].removeprefix(server.base_url))
        assert answered(download, 60)
        upload = send(server, "PUT", urls["cut"].removeprefix(server.base_url), bytes(1 << 20), length=2 << 20)
        bombs = [ask(server, bomb()) for _ in range(4)]
        assert not any(answered(line, 0.1) for line in (upload, *bombs))
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        logging.join()
        for line in (download, upload, *bombs):
            line.close()
        assert "error" not in server.log.read_text()
    assert logging.acknowledged > 0
    with start_server(tmp_path) as server, live_on(server) as live:
        run = live.gql(STORED)["project"]["run"]
    assert run["historyLineCount"] >= logging.acknowledged
    assert [(edge["node"]["name"], edge["node"]["sizeBytes"]) for edge in run["files"]["edges"]] == [("large", LARGE)]


def test_the_process_goes_though_the_writer_does_not_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = threading.Event()
    never = threading.Event()
    calls: list[str] = []

    def stuck(name: str) -> None:
        calls.append(name)
        never.wait(60)

    monkeypatch.setattr(serving, "_COMMIT", 0.05)
    monkeypatch.setattr(serving, "_GONE", 0.1)
    monkeypatch.setattr(os, "_exit", lambda status: (calls.append(f"exit {status}"), gone.set()))
    serving.Ending([lambda: stuck("worker"), lambda: stuck("upkeep")], lambda: stuck("writer")).begin()
    assert gone.wait(60)
    never.set()
    assert sorted(calls[:2]) == ["upkeep", "worker"]
    assert calls[2:] == ["writer", "exit 0"]


def test_whoever_closes_a_database_waits_for_what_was_handed_to_it(tmp_path: Path) -> None:
    database = SqliteDatabase(str(tmp_path / "db"))
    database.write(lambda session: session.execute(text("CREATE TABLE t (a)")))
    begun, let_go = threading.Event(), threading.Event()

    def unit(session: object) -> None:
        begun.set()
        assert let_go.wait(60)
        session.execute(text("INSERT INTO t VALUES (1)"))  # type: ignore[attr-defined]

    writing = threading.Thread(target=database.write, args=(unit,))
    writing.start()
    assert begun.wait(60)
    closing = [threading.Thread(target=database.close) for _ in range(2)]
    for thread in closing:
        thread.start()
    closing[1].join(0.2)
    assert all(thread.is_alive() for thread in closing)
    let_go.set()
    for thread in (writing, *closing):
        thread.join(60)
    again = SqliteDatabase(str(tmp_path / "db"))
    with reading(again) as session:
        assert session.execute(text("SELECT a FROM t")).scalars().all() == [1]
    again.close()
