"""Rules of faults: which requests they meet, what they do to them, and what is refused."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from dumbbell_server.admin.client import AdminClient
from dumbbell_server.exchanges.faults import MOST_RULES
from support.server import Server, start_server
from support.world import KEY, World

QUERY = "query Viewer { viewer { username } }"
BODY = b'{"data":{"viewer":{"username":"local"}}}'


def add(port: TestClient, **rule: Any) -> int:
    answer = port.post("/admin/faults", json=rule)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


def ask(world: World, query: str = QUERY, **headers: str) -> Any:
    return world.client.post("/graphql", json={"query": query},
                             headers={"authorization": f"Bearer {KEY}"} | headers)


def statuses(world: World, count: int) -> list[int]:
    return [ask(world).status_code for _ in range(count)]


def test_a_sequence_is_done_once_and_then_the_answer_is_right(world: World, port: TestClient) -> None:
    add(port, operation="viewer", sequence=[{"kind": "status"}, {"kind": "none"}, {"kind": "status", "status": 500}])
    assert statuses(world, 5) == [503, 200, 500, 200, 200]


def test_the_nth_request_alone(world: World, port: TestClient) -> None:
    number = add(port, route="/graphql", after=2, times=1, effect={"kind": "status", "status": 500})
    assert statuses(world, 4) == [200, 200, 500, 200]
    (rule,) = port.get("/admin/faults").json()["rules"]
    assert (rule["id"], rule["matched"], rule["fired"]) == (number, 4, 1)
    assert rule["rule"]["after"] == 2


def test_chance_is_the_seeds(world: World, port: TestClient) -> None:
    found = []
    for seed in (1, 1, 2):
        port.delete("/admin/faults")
        add(port, probability=0.5, seed=seed, effect={"kind": "status"})
        found.append(statuses(world, 20))
    assert found[0] == found[1] != found[2]
    assert {200, 503} == set(found[0])


@pytest.mark.parametrize(("rule", "matches"), [
    ({"operation": "VIEWER"}, True), ({"operation": "Other"}, False),
    ({"method": "post"}, True), ({"method": "GET"}, False),
    ({"path": "^/graph"}, True), ({"path": "^graph"}, False),
    ({"headers": {"User-Agent": "^wandb"}}, True), ({"headers": {"user-agent": "^other"}}, False),
    ({"headers": {"x-none": ".*"}}, False), ({"run": "one"}, False), ({"route": "/files/{x}"}, False),
])
def test_a_rule_meets_what_it_names(world: World, port: TestClient, rule: dict[str, Any], matches: bool) -> None:
    add(port, **rule, effect={"kind": "status", "status": 500})
    assert ask(world, **{"user-agent": "wandb-core"}).status_code == (500 if matches else 200)
    assert port.get("/admin/faults").json()["unmatched"] == ([] if matches else [1])


def test_a_rule_of_a_run_meets_its_paths_and_its_mutations(world: World, port: TestClient) -> None:
    world.upsert("one")
    world.upsert("two")
    add(port, run="one", effect={"kind": "status", "status": 500})
    world.stream("two", {"files": {}})
    world.stream("one", {"files": {}}, status=500)
    text = "query RunResumeStatus($name: String) { viewer { username } }"
    for name, status in (("one", 500), ("two", 200)):
        body = {"query": text, "operationName": "", "variables": {"name": name}}
        assert world.client.post("/graphql", json=body, headers={"authorization": f"Bearer {KEY}"}).status_code == \
            status


def test_the_answers_that_stand_instead(world: World, port: TestClient) -> None:
    add(port, sequence=[
        {"kind": "status", "status": 418, "headers": {"X-Odd": "1", "Content-Type": "text/plain"}, "body": "tea"},
        {"kind": "rate_limit", "limit": 50, "reset": 2.5}, {"kind": "expired"}])
    odd, limited, expired = ask(world), ask(world), ask(world)
    assert (odd.status_code, odd.text, odd.headers["x-odd"], odd.headers["content-type"]) == \
        (418, "tea", "1", "text/plain")
    names = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
    assert (limited.status_code, [limited.headers[name] for name in names]) == (429, ["50", "0", "2.5"])
    assert (expired.status_code, "has expired" in expired.text) == (403, True)


def test_what_goes_wrong_with_a_body(world: World, port: TestClient) -> None:
    add(port, sequence=[{"kind": "truncate"}, {"kind": "damage"}])
    short, damaged, right = ask(world), ask(world), ask(world)
    assert (right.content, short.content) == (BODY, BODY[:len(BODY) // 2])
    assert int(short.headers["content-length"]) == len(short.content)
    assert sum(one != other for one, other in zip(damaged.content, BODY, strict=True)) == 1


def test_answers_can_be_late_and_slow(world: World, port: TestClient) -> None:
    ask(world)
    add(port, sequence=[{"delay": 0.2, "jitter": 0.1}, {"bytes_per_second": len(BODY) * 4, "slice": 10}])
    for least in (0.2, 0.25):
        begin = time.monotonic()
        assert ask(world).content == BODY
        assert time.monotonic() - begin >= least


def test_what_was_done_wrong_stands_in_the_record(world: World, port: TestClient) -> None:
    port.post("/admin/recorder", json={"on": True})
    add(port, effect={"kind": "status"})
    ask(world)
    (found,) = port.get("/admin/exchanges", params={"status": 503}).json()["exchanges"]
    assert (found["fault"], found["operation"]) == ("rule 1: status", "Viewer")


def test_rules_are_removed_one_by_one_or_together(world: World, port: TestClient) -> None:
    first, second, _ = (add(port, effect={"kind": "status", "status": status}) for status in (500, 501, 502))
    assert port.delete(f"/admin/faults/{first}").json() == {"removed": 1}
    assert ask(world).status_code == 501
    assert port.delete(f"/admin/faults/{first}").status_code == 404
    assert port.delete("/admin/faults").json() == {"removed": 2}
    assert ask(world).status_code == 200
    assert add(port, effect={"kind": "none"}) > second


@pytest.mark.parametrize(("rule", "message"), [
    ({}, "either an effect or a sequence"),
    ({"effect": {}, "sequence": [{}]}, "either an effect or a sequence"),
    ({"sequence": [{}], "times": 2}, "its own length"),
    ({"effect": {"kind": "explode"}}, "effect.kind"),
    ({"effect": {"status": 99}}, "effect.status"),
    ({"effect": {"delay": 1e9}}, "effect.delay"),
    ({"effect": {"delay": "1"}}, "effect.delay"),
    ({"effect": {"headers": {"a b": "c"}}}, "no header"),
    ({"effect": {"headers": {"a": "b\r\nc: d"}}}, "no header"),
    ({"effect": {"headers": {"Content-Length": "7"}}}, "truncate or cut"),
    ({"effect": {}, "probability": 0}, "probability"),
    ({"effect": {}, "after": -1}, "after"),
    ({"effect": {}, "other": 1}, "other"),
    ({"effect": {}, "path": "("}, "RE2"),
    ({"effect": {}, "path": "(a)\\1"}, "RE2"),
    ({"effect": {}, "path": "x" * 1001}, "path"),
    ({"effect": {}, "path": "((a{1,100}){1,100}){1,100}"}, "RE2"),
    ({"effect": {}, "headers": {"a": "(?=b)"}}, "headers.a"),
])
def test_wrong_rules_are_refused_by_name(world: World, port: TestClient, rule: dict[str, Any], message: str) -> None:
    answer = port.post("/admin/faults", json=rule)
    assert (answer.status_code, message in answer.text) == (400, True), answer.text
    assert port.get("/admin/faults").json()["rules"] == []
    assert ask(world).status_code == 200


def test_there_is_a_bound_on_rules(port: TestClient) -> None:
    for _ in range(MOST_RULES):
        add(port, effect={})
    assert port.post("/admin/faults", json={"effect": {}}).status_code == 400


def test_patterns_that_explode_elsewhere_cost_nothing(world: World, port: TestClient) -> None:
    add(port, path="^(a+)+$", effect={"kind": "status"})
    begin = time.monotonic()
    assert world.client.get(f"/{'a' * 5000}!").status_code == 404
    assert time.monotonic() - begin < 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("cut"), DUMBBELL_ADMIN_PORT="0") as started:
        yield started


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(("when", "done"), [("before", False), ("unanswered", True), ("middle", True)])
def test_a_connection_is_cut(server: Server, how: str, when: str, done: bool) -> None:
    name = f"{how}-{when}"
    make = 'mutation M($name: String) { upsertBucket(input: {name: $name, modelName: "p"}) { inserted } }'
    body = {"query": make, "variables": {"name": name}}
    with AdminClient.of_folder(server.data_dir) as admin, httpx2.Client() as client:
        admin.remove_faults()
        admin.add_fault(operation="M", times=1, effect={"kind": "cut", "when": when, "how": how})
        sent = {"json": body, "headers": {"authorization": f"Bearer {server.api_key}"}}
        with pytest.raises((httpx2.NetworkError, httpx2.RemoteProtocolError)):
            client.post(f"{server.base_url}/graphql", **sent)
        again = client.post(f"{server.base_url}/graphql", **sent)
        assert again.json()["data"]["upsertBucket"]["inserted"] is not done
    assert "without returning" not in server.log.read_text()


def test_a_connection_ends_after_its_answer(server: Server) -> None:
    parts = urlsplit(server.base_url)
    with AdminClient.of_folder(server.data_dir) as admin:
        admin.remove_faults()
        admin.add_fault(path="^/healthz", times=1, effect={"kind": "cut", "when": "after"})
        with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with connection.makefile("rb") as file:
                answer = file.read()  # to the end, though the connection would stay open
        assert answer.startswith(b"HTTP/1.1 200")
