"""What the client does when the way to the server is bad."""

from __future__ import annotations

import base64
import datetime as dt
import pickle

import httpx2
import pytest
import stamina

import dumbbell
from dumbbell import _retry, errors
from dumbbell._transport import Transport
from support.faulty_transport import Once, RecordingTransport, answering, failing
from support.world import KEY

QUERY = "query Q { viewer { username } }"
VIEWER = {"viewer": {"username": "local"}}


def test_a_call_carries_the_key_and_the_client_s_name(api: dumbbell.Api, wire: RecordingTransport) -> None:
    assert api.client.execute(QUERY) == VIEWER
    sent = wire.requests[0].headers
    assert sent["authorization"] == "Basic " + base64.b64encode(f"api:{KEY}".encode()).decode()
    assert sent["user-agent"].startswith("W&B Public Client ")
    assert sent["use-admin-privileges"] == "true"
    assert "operationName" not in wire.bodies[0]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_two_faults_of_the_server_are_survived(api: dumbbell.Api, wire: RecordingTransport, status: int) -> None:
    wire.faults += [answering(status, b"<html>"), answering(status, b"")]
    assert api.client.execute(QUERY) == VIEWER
    assert len(wire.requests) == 3


@pytest.mark.parametrize("error", [httpx2.ConnectError, httpx2.ReadTimeout, httpx2.RemoteProtocolError])
def test_a_broken_connection_is_tried_again(api: dumbbell.Api, wire: RecordingTransport,
                                            error: type[httpx2.TransportError]) -> None:
    wire.faults.append(Once(failing(error)))
    assert api.client.execute(QUERY) == VIEWER
    assert len(wire.requests) == 2


def test_a_cut_body_is_tried_again(api: dumbbell.Api, wire: RecordingTransport) -> None:
    wire.faults.append(answering(200, b'{"data": {"viewer'))
    assert api.client.execute(QUERY) == VIEWER


@pytest.mark.parametrize(("status", "error"), [
    (400, errors.CommError), (401, errors.AuthenticationError), (403, errors.PermissionDeniedError),
    (404, errors.PermissionDeniedError), (405, errors.CommError), (409, errors.CommError), (413, errors.CommError),
    (415, errors.CommError), (451, errors.CommError), (501, errors.CommError)])
def test_a_refusal_is_final_and_says_what_the_server_said(api: dumbbell.Api, wire: RecordingTransport, status: int,
                                                          error: type[errors.CommError]) -> None:
    wire.faults.append(answering(status, {"errors": [{"message": "not this one"}]}))
    with pytest.raises(error, match=r"^not this one$") as caught:
        api.client.execute(QUERY)
    assert len(wire.requests) == 1
    assert isinstance(caught.value.exc, _retry.StatusError)


def test_a_refusal_without_words_is_told_by_its_status(api: dumbbell.Api, wire: RecordingTransport) -> None:
    wire.faults += [answering(502, b"<html>bad</html>")] * 4
    with pytest.raises(errors.CommError, match=r"^testserver: HTTP 502 Bad Gateway$"):
        api.client.execute(QUERY)


def test_errors_of_a_document_reach_the_exception(api: dumbbell.Api, wire: RecordingTransport) -> None:
    with pytest.raises(errors.CommError, match="Cannot query field"):
        api.client.execute("{ nothing }")
    assert len(wire.requests) == 1


def test_without_retries_a_fault_is_told_at_once(api: dumbbell.Api, wire: RecordingTransport,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    stamina.set_testing(False)
    monkeypatch.setenv("WANDB_TEST", "1")
    wire.faults.append(answering(500, b""))
    with pytest.raises(errors.CommError, match="HTTP 500"):
        api.client.execute(QUERY)
    assert len(wire.requests) == 1


def test_retry_after_is_seconds_or_a_date() -> None:
    assert _retry.retry_after("7") == 7
    assert _retry.retry_after("-3") == 0
    assert _retry.retry_after("nonsense") is None
    assert _retry.retry_after(None) is None
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)
    found = _retry.retry_after(soon.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    assert found is not None
    assert 50 < found <= 60
    assert _retry._again(_retry.StatusError(429, "", "", "2")) == 2.0
    assert _retry._again(_retry.StatusError(503, "", "", None)) is True
    assert _retry._again(ValueError()) is False


def test_the_key_goes_to_its_own_server_only() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, content=b"x")
    api = dumbbell.Api({"base_url": "http://one:8080/wandb/"}, api_key="s" * 40, transport=httpx2.MockTransport(answer))
    for url in ("http://one:8080/wandb/f", "/wandb/f", "http://one:8080/other", "http://one/wandb/f",
                "https://one:8080/wandb/f", "http://evil/wandb/f", "http://one.evil:8080/wandb/f"):
        with api.client.transport.stream(url):
            pass
    assert ["authorization" in request.headers for request in seen] == [True, True, *[False] * 5]
    assert api.client.transport.base_url == "http://one:8080/wandb"


def test_a_redirect_elsewhere_leaves_the_key_behind() -> None:
    seen: dict[str, bool] = {}

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen[request.url.host] = "authorization" in request.headers
        if request.url.host == "one":
            return httpx2.Response(302, headers={"location": "http://bucket/f"})
        return httpx2.Response(200, content=b"x")
    api = dumbbell.Api({"base_url": "http://one"}, api_key="s" * 40, transport=httpx2.MockTransport(answer))
    with api.client.transport.stream("http://one/f"):
        pass
    assert seen == {"one": True, "bucket": False}


def test_two_apis_do_not_mix_their_keys() -> None:
    seen: list[tuple[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append((request.url.host, base64.b64decode(request.headers["authorization"].split()[1]).decode()))
        return httpx2.Response(200, json={"data": {}})
    transport = httpx2.MockTransport(answer)
    apis = [dumbbell.Api({"base_url": f"http://{name}"}, api_key=f"key-{name * 14}", transport=transport)
            for name in ("one", "two")]
    for each in [*apis, *apis]:
        each.client.execute("{ x }")
    assert seen == [("one", f"api:key-{'one' * 14}"), ("two", f"api:key-{'two' * 14}")] * 2


def test_a_parsed_document_is_sent_as_its_text(api: dumbbell.Api) -> None:
    from graphql import parse  # noqa: PLC0415 - only here, to be sure that the client does without
    assert api.client.execute(parse(QUERY)) == VIEWER
    with pytest.raises(TypeError, match="not int"):
        api.client.execute(3)


def test_an_error_is_one_of_the_tree_and_survives_pickling() -> None:
    error = errors.InvalidValueError("no")
    assert isinstance(error, ValueError)
    assert isinstance(error.exc, ValueError)
    copied = pickle.loads(pickle.dumps(errors.MissingEntryError("gone")))
    assert isinstance(copied, KeyError)
    assert isinstance(copied, ValueError)
    assert str(copied) == "gone"


@pytest.mark.parametrize(("raised", "wanted"), [
    (ValueError("v"), errors.InvalidValueError), (KeyError("k"), errors.CommError), (TypeError(), errors.CommError)])
def test_a_normalized_function_raises_nothing_else(raised: Exception, wanted: type[errors.CommError],
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    @errors.normalized
    def function() -> None:
        raise raised
    with pytest.raises(wanted) as caught:
        function()
    assert caught.value.exc is raised
    assert str(caught.value)
    monkeypatch.setenv("WANDB_DEBUG", "true")
    with pytest.raises(type(raised)) as plain:
        function()
    assert plain.value is raised


def test_debugging_shows_the_plain_error(api: dumbbell.Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_DEBUG", "1")
    with pytest.raises(ValueError, match="could not find run") as caught:
        api.run("local/p/none")
    assert not isinstance(caught.value, errors.CommError)


@pytest.mark.parametrize(("base", "url", "absolute"), [
    ("http://a.example", "/storage/x", "http://a.example/storage/x"),
    ("http://a.example/wandb", "/storage/x", "http://a.example/wandb/storage/x"),
    ("http://a.example/wandb", "https://b.example/x", "https://b.example/x"),
])
def test_urls_without_a_host_are_below_the_base(base: str, url: str, absolute: str) -> None:
    """As the real client has it (wandb 0.31.0 apis/public/runs.py:Run.upload_file)."""
    assert Transport(base, 1.0).absolute(url) == absolute
