"""What is recorded of the main port, what is not, and how it is asked for."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from dumbbell_server.exchanges import recorder as recording
from dumbbell_server.exchanges.recorder import LONGEST_BODY, RECORDER
from dumbbell_server.exchanges.redaction import REMOVED, cut_text, without_secrets
from support.world import KEY, World

QUERY = "query Viewer { viewer { username } }"


def switch(port: TestClient, *, on: bool = True) -> None:
    assert port.post("/admin/recorder", json={"on": on}).json()["on"] is on


def recorded(port: TestClient, **wanted: Any) -> list[dict[str, Any]]:
    answer = port.get("/admin/exchanges", params=wanted)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["exchanges"]
    return found


def test_nothing_is_recorded_until_it_is_asked_for(world: World, port: TestClient) -> None:
    world.gql(QUERY)
    assert recorded(port) == []
    switch(port)
    world.gql(QUERY)
    switch(port, on=False)
    world.gql(QUERY)
    assert len(recorded(port)) == 1


def test_an_exchange_says_what_was_asked_and_answered(world: World, port: TestClient) -> None:
    switch(port)
    world.upsert("one")
    world.stream("one", {"files": {"wandb-history.jsonl": {"offset": 0, "content": ['{"_step":0,"a":7}']}}},
                 gzipped=True)
    made, streamed = recorded(port)
    assert (made["operation"], made["route"], made["method"], made["status"], made["user"], made["run"]) == \
        ("Upsert", "/graphql", "POST", 200, "local", None)
    assert made["variables"]["input"]["name"] == "one"
    assert json.loads(made["answer"]["body"])["data"]["upsertBucket"]["bucket"]["name"] == "one"
    assert (streamed["route"], streamed["run"]) == ("/files/{entity}/{project}/{run}/file_stream", "one")
    assert '\\"a\\":7' in streamed["request"]["body"]
    assert (streamed["duration"] > 0, streamed["fault"], made["number"] < streamed["number"]) == (True, None, True)


def test_no_secret_is_stored(world: World, port: TestClient) -> None:
    switch(port)
    odd = "anything_that_is_a-key-" + "x" * 30  # known only because it was sent
    secrets = {"key": KEY, "basic": base64.b64encode(f"api:{KEY}".encode()).decode(), "odd": odd,
               "cookie": "the-value-of-a-cookie", "signature": "5e" * 32, "amazon": "AKIAIOSFODNN7EXAMPLE",
               "password": "correct-horse", "made": "0123456789abcdef" * 2 + "01234567"}
    made = world.gql("mutation M { generateApiKey(input: {}) { apiKey { name } } }")["generateApiKey"]["apiKey"]
    secrets["new"] = made["name"]
    switch(port, on=True)
    made = world.gql("mutation M { generateApiKey(input: {}) { apiKey { name } } }")["generateApiKey"]["apiKey"]
    secrets["newer"] = made["name"]
    world.upsert("one", config=json.dumps({"note": {"value": KEY}, "api_key": {"value": secrets["password"]}}))
    url = f"/storage/x?expires=1&signature={secrets['signature']}&X-Amz-Credential={secrets['amazon']}%2F1"
    world.client.get(url, headers={"authorization": f"Basic {secrets['basic']}",
                                   "cookie": f"dumbbell_1={secrets['cookie']}", "referer": f"http://x{url}"})
    world.client.post("/login", data={"key": secrets["made"], "password": secrets["password"]})
    world.client.post("/graphql", headers={"authorization": f"Bearer {odd}"},
                      json={"query": QUERY, "variables": {
                          "a": odd, "url": f"http://x{url}", "secret": secrets["password"]}})
    world.client.get(f"/{odd}", headers={"authorization": f"Bearer {odd}"})
    stored = repr(world.backend.provided(RECORDER).exchanges())  # type: ignore[union-attr]
    shown = json.dumps(recorded(port)) + json.dumps(port.get("/admin/exchanges.har").json())
    assert stored.count("Exchange(") == 7
    for name, secret in secrets.items():
        assert secret not in stored, name
        assert secret not in shown, name


@pytest.mark.parametrize("text", [
    f"Bearer {KEY}", f'{{"apiKey": "{KEY}"}}', f'{{\\"password\\": \\"{KEY}\\"}}', f"?token={KEY}#",
    f"a=1&Signature={KEY}", f"a%26X-Amz-Signature%3D{KEY}", f"x {KEY}.", f'"name":"{KEY}"', "local" + "0" * 35,
    "wandb_v1_" + "Ab3_" * 12,
])
def test_secrets_are_known_by_their_form(text: str) -> None:
    assert REMOVED in without_secrets(text)
    assert KEY not in without_secrets(text)


def test_half_of_a_secret_at_a_cut_is_not_stored() -> None:
    assert cut_text(f"a word {KEY[:20]}") == "a word "
    assert cut_text("?signature=0123") == ""
    assert cut_text(f'"{"x" * 5000}') == '"'


def test_texts_without_secrets_stay_as_they_are() -> None:
    text = '{"query": "query Q { viewer { username } }", "key_metric": "loss", "keys": ["a"], "sha256": "' + "ab" * 32
    assert without_secrets(text) == text


def test_long_bodies_are_cut_and_bytes_are_left_out(world: World, port: TestClient) -> None:
    switch(port)
    world.client.post("/graphql", content=b'{"query": "query Long { viewer { username } }", "x": "' + b"ab " * 20_000
                      + b'"}', headers={"authorization": f"Bearer {KEY}"})
    world.client.post("/graphql", content=b"\xff\xfe\x00binary", headers={"authorization": f"Bearer {KEY}"})
    long, binary = recorded(port)
    assert (long["request"]["cut"], long["operation"]) == (True, "Long")
    assert len(long["request"]["body"]) <= LONGEST_BODY < long["request"]["size"]
    assert (binary["request"]["body"], binary["request"]["size"]) == (None, 9)


def test_the_oldest_go_where_there_are_too_many(world: World, port: TestClient,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST", 3)
    switch(port)
    for _ in range(5):
        world.gql(QUERY)
    assert [each["number"] for each in recorded(port)] == [3, 4, 5]
    monkeypatch.setattr(recording, "MOST_BYTES", 10)
    world.gql(QUERY)
    assert recorded(port) == []
    state = port.get("/admin/recorder").json()
    assert (state["bytes"], state["exchanges"], state["dropped"], state["last"]) == (0, 0, 6, 6)


def test_where_nothing_matches_the_nearest_are_shown_with_their_differences(world: World, port: TestClient) -> None:
    switch(port)
    for _ in range(4):
        world.gql(QUERY)
    world.upsert("one")
    assert len(recorded(port, operation="viewer", status=200, limit=2)) == 2
    assert recorded(port, since=4)[0]["operation"] == "Upsert"
    found = port.get("/admin/exchanges", params={"operation": "Upsert", "status": 503}).json()
    assert found["exchanges"] == []
    assert found["nearest"][0]["differences"] == ["status is 200, not 503"]
    assert len(found["nearest"]) == 3


def test_an_exchange_can_be_waited_for(world: World, port: TestClient) -> None:
    switch(port)
    later = threading.Timer(0.2, lambda: world.gql(QUERY))
    later.start()
    found = port.get("/admin/exchanges/wait", params={"operation": "Viewer", "timeout": 20}).json()
    later.join()
    assert len(found["exchanges"]) == 1
    begin = time.monotonic()
    none = port.get("/admin/exchanges/wait", params={"operation": "None", "timeout": 0.1}).json()
    assert (none["exchanges"], len(none["nearest"]), time.monotonic() - begin >= 0.1) == ([], 1, True)
    assert port.get("/admin/exchanges/wait", params={"timeout": 1e9}).status_code == 400


def test_what_was_recorded_can_be_removed(world: World, port: TestClient) -> None:
    switch(port)
    world.gql(QUERY)
    assert port.delete("/admin/exchanges").json() == {"removed": 1}
    assert recorded(port) == []
    world.gql(QUERY)
    assert [each["number"] for each in recorded(port)] == [2]


def test_an_archive_has_what_the_format_asks_for(world: World, port: TestClient) -> None:
    switch(port)
    world.gql(QUERY)
    log = port.get("/admin/exchanges.har").json()["log"]
    (entry,) = log["entries"]
    assert log["version"] == "1.2"
    assert entry["request"]["postData"]["mimeType"] == "application/json"
    assert QUERY in entry["request"]["postData"]["text"]
    assert (entry["response"]["status"], entry["response"]["statusText"]) == (200, "OK")
    assert {"httpVersion", "cookies", "headers", "headersSize", "bodySize", "content"} <= entry["response"].keys()
    assert entry["startedDateTime"].endswith("Z")


@pytest.mark.parametrize("body", ["{}", '{"on": 1}', '{"on": true, "off": false}', "[]", '{"on": "yes"}'])
def test_a_wrong_switch_changes_nothing(port: TestClient, body: str) -> None:
    assert port.post("/admin/recorder", content=body).status_code == 400
    assert port.get("/admin/recorder").json()["on"] is False


