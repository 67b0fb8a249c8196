"""The key in a request's header."""

from __future__ import annotations

import base64

import pytest
from starlette.requests import Request

from dumbbell_server.errors import Unauthenticated
from dumbbell_server.http.credentials import key_of


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def read(header: str | None) -> str | None:
    headers = [] if header is None else [(b"authorization", header.encode())]
    return key_of(Request({"type": "http", "headers": headers}))


@pytest.mark.parametrize(("header", "key"), [
    (None, None), ("Bearer abc", "abc"), ("bearer abc", "abc"), ("BEARER  abc ", "abc"), (basic("api:abc"), "abc"),
    (basic("api:abc").replace("Basic", "bAsIc"), "abc"), (basic(":abc"), "abc"), (basic("api:a:b"), "a:b"),
])
def test_a_key(header: str | None, key: str | None) -> None:
    assert read(header) == key


@pytest.mark.parametrize("header", [
    "", "Bearer", "Bearer ", "Basic", "Basic ", "Basic !!!", basic("api"), basic("api:"), "Basic /w==", "Digest abc",
    "abc", basic("api:abc").replace("Basic ", ""), "Basic YXBpOmFi\u00e9"])
def test_a_header_without_a_key_is_refused(header: str) -> None:
    with pytest.raises(Unauthenticated, match="send Basic"):
        read(header)
