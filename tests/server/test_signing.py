"""URLs that need no key: for one method and path, and a while."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from dumbbell_server.clock import StillClock
from dumbbell_server.errors import Forbidden
from dumbbell_server.signing import Signer

PATH = "/storage/runs/1/a b#%?&ü.txt"


def signed(signer: Signer, method: str = "GET", path: str = PATH) -> tuple[str, str]:
    query = parse_qs(urlsplit(signer.url("http://here", method, path)).query)
    return query["expires"][0], query["signature"][0]


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def signer(clock: StillClock) -> Signer:
    return Signer("secret", clock, 60)


def test_the_url_leads_to_the_path(signer: Signer) -> None:
    address = urlsplit(signer.url("http://here:1/base", "GET", PATH))
    assert (address.scheme, address.netloc, unquote(address.path)) == ("http", "here:1", f"/base{PATH}")
    assert address.path.isascii()
    assert not address.fragment


def test_it_is_good_until_it_expires(signer: Signer, clock: StillClock) -> None:
    expires, signature = signed(signer)
    assert int(expires) == int(clock.seconds()) + 60
    signer.check("GET", PATH, expires, signature)
    clock.move(60)
    signer.check("GET", PATH, expires, signature)
    clock.move(0.5)
    with pytest.raises(Forbidden, match="expired"):
        signer.check("GET", PATH, expires, signature)


@pytest.mark.parametrize(("signed_for", "used"), [
    ("GET", "PUT"), ("PUT", "GET"), ("PUT", "HEAD"), ("GET", "POST"), ("GET", "get"), ("HEAD", "HEAD")])
def test_it_is_good_for_one_method(signer: Signer, signed_for: str, used: str) -> None:
    with pytest.raises(Forbidden, match="wrong"):
        signer.check(used, PATH, *signed(signer, signed_for))


def test_head_is_as_good_as_get(signer: Signer) -> None:
    signer.check("HEAD", PATH, *signed(signer))


@pytest.mark.parametrize("path", [PATH + "x", PATH[:-1], PATH.upper(), PATH.replace("/1/", "/2/"), f"{PATH}/", ""])
def test_it_is_good_for_one_path(signer: Signer, path: str) -> None:
    with pytest.raises(Forbidden, match="wrong"):
        signer.check("GET", path, *signed(signer))


def test_nothing_moves_from_one_field_into_another(signer: Signer) -> None:
    expires, signature = signed(signer, path="/a")
    for method, path, moment in (("GET\n/a", "", expires), ("GET", "/a\n" + expires, ""), ("GE", "T\n/a", expires)):
        with pytest.raises(Forbidden):
            signer.check(method, path, moment, signature)


def test_what_was_changed_is_no_signature(signer: Signer, clock: StillClock) -> None:
    expires, signature = signed(signer)
    for moment in ("", "0", "-1", f"+{expires}", str(int(expires) + 1), f"{expires}.0", "1e9", "9" * 400, "\u00b2"):
        with pytest.raises(Forbidden):
            signer.check("GET", PATH, moment, signature)
    for sign in ("", "0" * 64, signature[:-1], signature.upper(), f"{signature}0", "\U0001f642"):
        with pytest.raises(Forbidden):
            signer.check("GET", PATH, expires, sign)
    with pytest.raises(Forbidden):
        Signer("other secret", clock, 60).check("GET", PATH, expires, signature)


def test_a_path_that_is_no_text_can_be_signed(signer: Signer) -> None:
    with pytest.raises(Forbidden):
        signer.check("GET", "/a\udcff", "1", "x")


def test_derived_texts_are_of_one_secret_and_purpose(signer: Signer, clock: StillClock) -> None:
    assert signer.derive("a") == Signer("secret", clock, 1).derive("a")
    assert len({signer.derive("a"), signer.derive("b"), Signer("other", clock, 60).derive("a")}) == 3
    assert len(signer.derive("a")) == 40
