"""Every route that gives or takes bytes: by people of each role, and by URLs that are not, or no longer, good."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from starlette.routing import Match
from starlette.routing import Route as AppRoute

from support.artifact_driver import ArtifactDriver
from support.owned_resources import OWNER, SECRET, STRANGER, OwnedResources, restore, send, tables
from support.routes import KEYED, NEW, OPEN_ROUTES, SIGNED, Route, Way, path_of
from support.shared_resources import REGISTRY, TEAM, SharedResources
from support.world import World

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH")
WAYS = [pytest.param(route, way, id=f"{route[0]}-{route[1].split('/')[2]}-{number}")
        for route, ways in SIGNED.items() for number, way in enumerate(ways)]
PATHS = [pytest.param(route, way, id=f"{route[0]}-{way.text}") for route, ways in KEYED.items() for way in ways]


def test_every_route_is_here(world: World) -> None:
    app: Any = world.client.app
    there = {(method, route.path) for route in app.routes for method in route.methods - {"HEAD"}}
    listed = [*SIGNED, *KEYED, *OPEN_ROUTES]
    assert there == set(listed)
    assert len(listed) == len(set(listed))
    assert all(isinstance(route, AppRoute) for route in app.routes)


def owner_of(way: Way, shared: SharedResources) -> tuple[OwnedResources, dict[str, str | None], list[str]]:
    """Whose it is, who there is, and who of them may."""
    people = TEAM if way.shared == "team" else REGISTRY
    own = shared.team if way.shared == "team" else shared.registry
    return own, people, [*people][:[*people].index(way.lowest) + 1]


def urls_in(answer: Any) -> Iterator[str]:
    if isinstance(answer, str) and answer.startswith("http"):
        yield answer
    elif isinstance(answer, dict | list):
        for value in answer.values() if isinstance(answer, dict) else answer:
            yield from urls_in(value)


def given(world: World, way: Way, own: OwnedResources, key: str | None) -> list[str]:
    """URLs, none where the question is refused."""
    status, body = send(world, way.text, way.variables(own), key)
    assert status < 500, body
    assert (status, "errors" in body) == (200, False) or not [*urls_in(body)]
    return [*urls_in(body)]


def is_of(world: World, route: Route, url: str) -> bool:
    """Whether it is this route that answers there."""
    app: Any = world.client.app
    scope = {"type": "http", "method": route[0], "path": urlsplit(url).path, "headers": []}
    first = next(one for one in app.routes if one.matches(scope)[0] == Match.FULL)
    return (first.path, route[0] in first.methods) == (route[1], True)


def ask(world: World, method: str, url: str, key: str | None = None) -> int:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    answer = world.client.request(method, url, content=NEW if method == "PUT" else None, headers=headers)
    assert "Traceback" not in answer.text
    return answer.status_code


@pytest.mark.parametrize(("route", "way"), WAYS)
def test_who_is_given_a_url(route: Route, way: Way, world: World, shared: SharedResources) -> None:
    own, people, may = owner_of(way, shared)
    before = tables(world)
    for role, key in people.items():
        urls = given(world, way, own, key)
        assert bool(urls) == (role in may), role
        assert all(is_of(world, route, url) for url in urls)
        for url in urls:
            assert ask(world, route[0], url) == 200, role
        if urls:
            restore(world, before)
        assert tables(world) == before


@pytest.mark.parametrize(("route", "way"), WAYS)
def test_what_a_url_is_good_for(route: Route, way: Way, world: World, shared: SharedResources) -> None:
    own, _, _ = owner_of(way, shared)
    url = given(world, way, own, OWNER)[0]
    elsewhere = [*others(world, shared, route, url)]
    before = tables(world)
    for method in METHODS:
        if method not in {route[0], "HEAD" if route[0] == "GET" else route[0]}:
            assert ask(world, method, url, OWNER) in {403, 405}, method
    for bad in spoiled(url):
        assert ask(world, route[0], bad) == 403, bad
        assert ask(world, route[0], bad, OWNER) == 403, bad  # a key does not help
    for other in elsewhere:
        assert ask(world, route[0], other) == 403, other
    assert tables(world) == before
    world.clock.move(world.backend.settings.url_lifetime)
    assert ask(world, route[0], url, STRANGER) == 200  # nor is one needed, or in the way
    world.clock.move(1)
    before = tables(world)
    assert ask(world, route[0], url) == 403
    assert tables(world) == before


def spoiled(url: str) -> Iterator[str]:
    """The URL with something else in its query."""
    path, _, query = url.partition("?")
    expires, signature = (part.partition("=")[2] for part in query.split("&"))
    yield path
    for moment in ("", "0", "-1", str(int(expires) + 1), "9" * 400, "1e9", "%00", "%F0%9F%99%82", f"{expires}%00"):
        yield f"{path}?expires={moment}&signature={signature}"
    for sign in ("", "0" * 64, signature[:-1], signature.upper(), "%00", "%F0%9F%99%82", "x" * 10_000):
        yield f"{path}?expires={expires}&signature={sign}"
    yield f"{path}?signature={signature}"
    yield f"{path}?expires={expires}"


def others(world: World, shared: SharedResources, route: Route, url: str) -> Iterator[str]:
    """Other places with this signature: every other URL that there is, and the same in another project or file."""
    query = urlsplit(url).query
    for one, ways in SIGNED.items():
        for way in ways:
            own, _, _ = owner_of(way, shared)
            for found in given(world, way, own, OWNER)[:1]:
                path = urlsplit(found).path
                if one[0] == route[0] and path != urlsplit(url).path:
                    yield f"{path}?{query}"
    path = urlsplit(url).path
    for at, number in itertools.product(range(len(path)), "19"):
        if path[at].isdigit() and path[at] != number and path[at - 1] == "/":
            yield f"{path[:at]}{number}{path[at + 1:]}?{query}"


@pytest.mark.parametrize(("route", "way"), PATHS)
def test_who_may_with_a_key(route: Route, way: Way, world: World, shared: SharedResources) -> None:
    own, people, may = owner_of(way, shared)
    url = path_of(way, own)
    before = tables(world)
    for role, key in people.items():
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        answer = world.client.request(route[0], url, headers=headers, content="{}" if route[0] == "POST" else None)
        if role in may:
            assert answer.status_code == 200, (role, answer.text)
            assert not url.startswith("/artifacts") or answer.text == SECRET
        else:
            assert answer.status_code in {401, 403, 404}, (role, answer.text)
            assert SECRET not in answer.text
            assert tables(world) == before
        restore(world, before)
    assert ask(world, route[0], url, "unknown" + "0" * 33) == 401


def test_a_restricted_viewer_reads_no_names_of_files(world: World, shared: SharedResources) -> None:
    page = f"/{shared.registry.entity}/{shared.registry.project}/artifacts/dataset/set/v0"
    texts = {role: world.client.get(page, headers={"authorization": f"Bearer {key}"}).text
             for role, key in REGISTRY.items() if role in {"viewer", "restricted"}}
    assert f"{SECRET}.txt" in texts["viewer"]
    assert f"{SECRET}.txt" not in texts["restricted"]


def test_a_path_of_the_team_does_not_lead_to_other_bytes(world: World, owned: OwnedResources,
                                                         shared: SharedResources) -> None:
    """Ann's own version and digest, in a path that names what its reader may read."""
    driver = ArtifactDriver(world)
    made = driver.log({"own.txt": b"ann's alone"}, "set", entityName=owned.entity, projectName=owned.project)
    digest = hashlib.md5(b"ann's alone").hexdigest()
    node = quote(made["id"], safe="")
    for own, key in ((shared.team, TEAM["member"]), (shared.registry, REGISTRY["member"])):
        for ids in (node, f"{node}/{node}", f"{node}/", f"/{node}", ""):
            path = f"/artifactsV2/default/{own.entity}/{own.project}/set/{ids}/{digest}/own.txt"
            assert world.client.get(path, headers={"authorization": f"Bearer {key}"}).status_code == 404, path
    path = f"/artifactsV2/default/{owned.entity}/{owned.project}/set/{node}/{digest}/own.txt"
    assert world.client.get(path, headers={"authorization": f"Bearer {OWNER}"}).status_code == 200
