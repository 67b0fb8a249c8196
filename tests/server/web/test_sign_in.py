"""Who sees a page, and how they sign in."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from dumbbell_server.accounts.keys import add_key
from dumbbell_server.accounts.queries import user_by_name
from dumbbell_server.http.credentials import PUBLIC_KEY
from dumbbell_server.web.attempts import MOST
from dumbbell_server.web.sign_in import COOKIE_LIFETIME, LINK_LIFETIME, SignIn
from support.repository import ROOT
from support.world import KEY, World, open_world

PAGE = "/local/p/runs/r"
HERE = {"host": "localhost:8080"}
BROWSER = {"accept": "text/html,application/xhtml+xml", **HERE}
ABSENT = ["/local/p/runs/absent", "/local/absent", "/absent/p", "/local/absent/runs/r", "/local/p/sweeps/absent",
          "/local/p/reports/absent--x", "/orgs/absent/registry/x", "/local/p/artifacts/a/b/v0"]


def get(world: World, path: str = PAGE, **headers: str) -> Any:
    sent = {**BROWSER, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return world.client.get(path, headers=sent, follow_redirects=False)


def post(world: World, path: str, form: dict[str, str] | None = None, **headers: str) -> Any:
    sent = {**BROWSER, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return world.client.post(path, data=form or {}, headers=sent, follow_redirects=False)


def make_public(world: World, user: str = "local") -> None:
    """The key that README prints is this user's."""
    def give(unit: Any) -> None:
        found = user_by_name(unit.session, user)
        assert found is not None
        add_key(unit, found.id, PUBLIC_KEY)
    world.backend.write(None, give)


def sign_in_of(world: World) -> SignIn:
    found: SignIn = world.client.app.state.sign_in  # type: ignore[attr-defined]
    return found


def test_the_public_key_is_the_one_that_is_printed() -> None:
    for name in ("README.md", "Makefile", "docker-compose.yml"):
        assert PUBLIC_KEY in (ROOT / name).read_text()


# Without signing in


def test_pages_are_open_at_this_machine_where_the_key_is_public_and_nowhere_else(world: World) -> None:
    assert get(world).status_code == 303
    make_public(world)
    for host in ("localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "LocalHost:8080"):
        assert get(world, host=host).status_code == 200, host
    for host in ("10.0.0.1", "[::2]:80", "dumbbell:8080"):
        assert get(world, host=host).status_code == 303, host
    for host in ("localhost.example.com", "example.com", "127.0.0.1.nip.io"):  # which are somebody's, and not allowed
        assert get(world, host=host).status_code == 403, host


@pytest.mark.parametrize("header", [
    {"forwarded": "for=10.0.0.1"}, {"x_forwarded_for": "127.0.0.1"}, {"x_forwarded_host": "localhost"},
    {"x_forwarded_proto": "https"}, {"x_real_ip": "127.0.0.1"}, {"via": "1.1 proxy"},
    {"origin": "https://example.com"}, {"origin": "null"}, {"origin": "http://localhost:9999"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"},
    {"sec_fetch_site": "same-site", "sec_fetch_mode": "cors"}], ids=str)
def test_a_proxy_or_the_script_of_another_page_sees_nothing(world: World, header: dict[str, str]) -> None:
    make_public(world)
    assert get(world, **header).status_code == 303


@pytest.mark.parametrize("header", [
    {"sec_fetch_site": "none", "sec_fetch_mode": "navigate"}, {"origin": "http://localhost:8080"},
    {"sec_fetch_site": "same-origin", "sec_fetch_mode": "cors"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}], ids=str)
def test_people_follow_links_from_elsewhere(world: World, header: dict[str, str]) -> None:
    make_public(world)
    assert get(world, **header).status_code == 200


def test_who_is_not_signed_in_cannot_tell_what_is_there(world: World) -> None:
    there = get(world)
    assert there.headers["location"] == f"/login?next={PAGE}"
    for path in ABSENT:
        answer = get(world, path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")
    plain = [get(world, path, accept="*/*") for path in (PAGE, *ABSENT)]
    assert {(answer.status_code, answer.text) for answer in plain} == {(404, plain[0].text)}


def test_who_is_signed_in_cannot_tell_what_they_may_not_see(world: World) -> None:
    world.add_user("ann", "a" * 40)
    answers = [get(world, path, authorization=f"Bearer {'a' * 40}") for path in (PAGE, *ABSENT)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(404, answers[0].text)}


# By a key


def test_a_key_signs_in_and_the_cookie_is_careful(world: World) -> None:
    form = world.client.get("/login?next=/local/p", headers=BROWSER)
    assert 'name=next value="/local/p"' in form.text
    assert form.headers["cache-control"] == "no-store"
    answer = post(world, "/login", {"key": f" {KEY} ", "next": PAGE}, origin="http://localhost:8080")
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=lax", f"Max-Age={COOKIE_LIFETIME}"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert KEY not in cookie
    assert get(world).status_code == 200
    assert get(world, host="dumbbell").status_code in {200, 303}  # the jar's matter
    assert post(world, "/logout").headers["location"] == "/login"
    assert get(world).status_code == 303


def test_the_cookie_is_secure_behind_tls_and_under_the_prefix(world: World) -> None:
    answer = world.client.post("https://localhost/login", data={"key": KEY}, headers={"host": "localhost"},
                               follow_redirects=False)
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("key", ["", "x", "x" * 40, "x" * 600, KEY[:-1], "\0" * 40, "ü" * 40, "\ud800".encode(
    "utf-8", "surrogatepass").decode("latin-1")])
def test_wrong_keys_get_one_answer(world: World, key: str) -> None:
    answer = post(world, "/login", {"key": key, "next": "/local/p"})
    assert answer.status_code == 403
    assert "This key is not known here." in answer.text
    assert "set-cookie" not in answer.headers


def test_keys_cannot_be_tried_without_end_and_nobody_else_waits_for_it(world: World) -> None:
    app: Any = world.client.app
    proxy = TestClient(app, client=("127.0.0.1", 1), headers=HERE, follow_redirects=False)

    def enter(key: str, via: str) -> int:
        return proxy.post("/login", data={"key": key}, headers={"x-forwarded-for": via}).status_code
    assert [enter(f"{number:040}", "192.0.2.1") for number in range(MOST + 1)] == [403] * MOST + [429]
    assert enter(KEY, "192.0.2.1") == 429
    assert enter(KEY, "192.0.2.1, 198.51.100.7") == 303
    assert post(world, "/login", {"key": KEY}).status_code == 303


@pytest.mark.parametrize("header", [{"origin": "https://example.com"}, {"origin": "null"},
                                    {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}], ids=str)
@pytest.mark.parametrize("path", ["/login", "/logout", "/authorize"])
def test_forms_of_other_websites_are_refused(world: World, path: str, header: dict[str, str]) -> None:
    make_public(world)
    before = world.count("api_keys")
    answer = post(world, path, {"key": KEY}, **header)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert world.count("api_keys") == before


@pytest.mark.parametrize("target", ["//example.com", "https://example.com/", "/\\example.com", "\\\\example.com",
                                    "javascript:alert(1)", "", "https://[", "//[",
                                    "local/p", "/a\r\nset-cookie: x=1", "/\texample.com"])
def test_nobody_is_led_to_another_site(world: World, target: str) -> None:
    answer = post(world, "/login", {"key": KEY, "next": target})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "set-cookie: x" not in str(answer.headers).lower()


def test_a_name_with_odd_letters_is_come_back_to(world: World) -> None:
    path = "/local/p/runs/50%25%20%C3%BC%3Fc"
    asked = get(world, f"{path}?a=%26&b=%25").headers["location"]
    form = world.client.get(asked, headers=BROWSER).text
    target = unescape(re.findall(r'name=next value="([^"]*)"', form)[0])
    assert target == f"{path}?a=%26&b=%25"
    assert post(world, "/login", {"key": KEY, "next": target}).headers["location"] == target


@pytest.mark.parametrize("settings", [{"public_url": "https://box.test/wandb/"}, {}], ids=["public URL", "header"])
def test_a_prefix_stands_before_all_of_it(tmp_path: Path, settings: dict[str, str]) -> None:
    """Whether the proxy leaves it on the path or takes it away."""
    with open_world(tmp_path, **settings) as world:
        app: Any = world.client.app
        client = TestClient(app, base_url="https://box.test", client=("127.0.0.1", 1), follow_redirects=False,
                            headers={"accept": "text/html", **({} if settings else {"x-forwarded-prefix": "/wandb"})})
        left = "/wandb" if settings else ""
        to_login = "/wandb/login?next=/local/p"
        assert client.get(f"{left}/local/p").headers["location"] == to_login
        assert 'action="/wandb/login"' in client.get(to_login.removeprefix("" if left else "/wandb")).text
        answer = client.post(f"{left}/login", data={"key": KEY, "next": "/local/p"})
        assert answer.headers["location"] == "/wandb/local/p"
        assert "Path=/wandb/" in answer.headers["set-cookie"]
        sent = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
        page = client.get(f"{left}/authorize", headers=sent).text
        assert re.findall('action="([^"]*)"', page) == ["/wandb/authorize", "/wandb/logout"]
        ended = client.post(f"{left}/logout", headers=sent)
        assert (ended.headers["location"], "Path=/wandb/" in ended.headers["set-cookie"]) == ("/wandb/login", True)


def test_browsers_send_the_forms_with_their_origin(world: World) -> None:
    """With no-referrer Chromium 156 sends `Origin: null`, and to plain HTTP elsewhere no Sec-Fetch-Site."""
    post(world, "/login", {"key": KEY})
    for path in ("/login", "/login?token=x", "/authorize"):
        assert get(world, path).headers["referrer-policy"] == "same-origin"


def test_a_form_through_a_proxy_that_says_nothing_of_itself_is_ours(tmp_path: Path) -> None:
    with open_world(tmp_path, public_url="https://wandb.example.com") as world:
        for origin, status in (("https://wandb.example.com", 303), ("http://localhost:8080", 303),
                               ("http://wandb.example.com", 403), ("https://example.com", 403)):
            assert post(world, "/login", {"key": KEY}, origin=origin).status_code == status, origin
    with open_world(tmp_path / "other") as world:
        assert post(world, "/login", {"key": KEY}, origin="null", sec_fetch_site="same-origin").status_code == 303


def test_the_form_shows_what_it_was_given_as_text(world: World) -> None:
    shown = world.client.get('/login?next="><script>alert(1)</script>', headers=BROWSER).text
    assert "<script>" not in shown


def test_a_long_form_is_refused(world: World) -> None:
    assert post(world, "/login", {"key": "x" * 10_000}).status_code == 413
    many = post(world, "/login", {f"key{number}": "x" for number in range(17)})
    assert (many.status_code, "more than 16 fields" in many.text) == (400, True)


# The cookie


def cookie_of(world: World) -> tuple[str, str]:
    post(world, "/login", {"key": KEY})
    name = sign_in_of(world).cookie
    value = world.client.cookies[name]
    world.client.cookies.clear()
    return name, value


def test_a_cookie_expires_and_cannot_be_changed(world: World) -> None:
    name, value = cookie_of(world)
    number, expires, signature = value.split(".")
    assert get(world, cookie=f"{name}={value}").status_code == 200
    for other in (f"{number}.{int(expires) + 1}.{signature}", f"{int(number) + 1}.{expires}.{signature}",
                  f"{number}.{expires}.{signature[:-1]}", f"{number}.{expires}.", "..", "", "x", f"٣.{expires}.x",
                  f"{'9' * 30}.{expires}.x"):
        sent = {**BROWSER, "cookie": f"{name}={other}".encode()}
        assert world.client.get(PAGE, headers=sent, follow_redirects=False).status_code == 303
    world.clock.move(COOKIE_LIFETIME + 1)
    assert get(world, cookie=f"{name}={value}").status_code == 303


def test_a_cookie_ends_with_its_key_and_is_not_that_of_the_next(world: World) -> None:
    name, value = cookie_of(world)
    with world.backend.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM api_keys"))
    assert get(world, cookie=f"{name}={value}").status_code == 303
    number = value.split(".")[0]
    world.add_user("ann", "a" * 40)
    with world.backend.database.engine.begin() as connection:
        connection.execute(text("UPDATE api_keys SET id = :id"), {"id": int(number)})
    assert get(world, cookie=f"{name}={value}").status_code == 303


def test_a_cookie_ends_when_its_key_is_deleted_or_its_user_is_gone(world: World) -> None:
    name, value = cookie_of(world)
    cookie = f"{name}={value}"
    other = world.gql("mutation { generateApiKey(input: {}) { apiKey { id name } } }")["generateApiKey"]["apiKey"]
    post(world, "/login", {"key": other["name"]})
    assert get(world).status_code == 200
    world.gql(f'mutation {{ deleteApiKey(input: {{ id: "{other["id"]}" }}) {{ success }} }}')
    assert get(world).status_code == 303
    assert get(world, cookie=cookie).status_code == 200
    with world.backend.database.engine.begin() as connection:
        connection.execute(text("UPDATE users SET deleted_at = 'now'"))
    assert get(world, cookie=cookie).status_code == 303


def test_a_cookie_is_good_for_pages_only(world: World) -> None:
    name, value = cookie_of(world)
    sent = {"cookie": f"{name}={value}", **HERE}
    answer = world.client.post("/graphql", json={"query": "{ viewer { username } }"}, headers=sent)
    assert answer.json()["data"] == {"viewer": None}
    stream = world.client.post("/files/local/p/r/file_stream", json={}, headers=sent)
    assert stream.status_code == 401


# The link


def test_a_link_signs_in_once_and_for_an_hour(world: World) -> None:
    link = sign_in_of(world).link("http://localhost:8080")
    assert re.fullmatch(r"http://localhost:8080/login\?token=[\w-]{43}", link)
    path = link.removeprefix("http://localhost:8080")
    assert world.client.head(path, headers=BROWSER).status_code == 200  # who shows a preview of it
    answer = get(world, path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert get(world).status_code == 200
    world.client.cookies.clear()
    assert get(world, path).status_code == 403
    late = sign_in_of(world).link("")
    world.clock.move(LINK_LIFETIME + 1)
    assert get(world, late).status_code == 403
    assert get(world, "/login?token=").status_code == 403


# The page of the key


def test_the_page_of_the_key_makes_one_for_who_is_signed_in(world: World) -> None:
    assert get(world, "/authorize?ref=models").headers["location"] == "/login?next=/authorize%3Fref%3Dmodels"
    assert post(world, "/authorize").status_code == 303
    post(world, "/login", {"key": KEY})
    page = get(world, "/authorize")
    assert "Signed in as local" in page.text
    made = post(world, "/authorize", origin="http://localhost:8080")
    assert made.headers["cache-control"] == "no-store"
    key = re.findall(r"<pre>([0-9a-f]{40})</pre>", made.text)[0]
    assert world.gql("{ viewer { username } }", key=key) == {"viewer": {"username": "local"}}


def test_who_is_signed_in_as_another_does_not_get_the_public_key(world: World) -> None:
    make_public(world)
    world.add_user("ann", "a" * 40)
    post(world, "/login", {"key": "a" * 40})
    page = get(world, "/authorize").text
    assert ("Signed in as ann" in page, PUBLIC_KEY in page) == (True, False)


def test_with_open_the_public_key_is_as_good_as_any(tmp_path: Path) -> None:
    with open_world(tmp_path, open=True) as world:
        world.upsert("r")
        assert get(world).status_code == 200
        assert PUBLIC_KEY in get(world, "/authorize").text
        assert get(world, x_forwarded_for="127.0.0.1").status_code == 303
        assert get(world, host="box.test").status_code == 303


def test_what_somebody_may_see_is_in_no_cache_of_others(world: World) -> None:
    assert get(world, accept="*/*").headers["cache-control"] == "no-store"
    post(world, "/login", {"key": KEY})
    assert get(world).headers["cache-control"] == "no-store"


def test_the_public_key_is_shown_where_it_is_one(world: World) -> None:
    assert PUBLIC_KEY not in get(world, "/authorize").text
    make_public(world)
    assert PUBLIC_KEY in get(world, "/authorize").text
    assert PUBLIC_KEY not in get(world, "/authorize", host="example.com").text
