"""What browsers are told of pages: no scripts, no referrers, and who may show them in a frame."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dumbbell_server.settings import Settings
from support.routes import KEYED, OPEN_ROUTES
from support.world import KEY, World, open_world

PAGES = [route for method, route in KEYED if method == "GET" and route.startswith(("/{entity}", "/orgs"))]
OWN = ["/", "/login", "/authorize", "/settings"]  # keys are typed or shown there
LOOPBACK = {"http://localhost:*", "https://localhost:*", "http://127.0.0.1:*", "https://127.0.0.1:*", "'self'"}
HTML = {"accept": "text/html"}


def page(world: World, path: str, *, key: str | None = KEY) -> Any:
    headers = {**HTML, "host": "dumbbell:8080", **({"authorization": f"Bearer {key}"} if key else {})}
    return world.client.get(path, headers=headers, follow_redirects=False)


def policy(answer: Any) -> dict[str, list[str]]:
    directives = (part.split() for part in answer.headers["content-security-policy"].split("; "))
    return {name: values for name, *values in directives}


def test_every_page_is_told_of() -> None:
    text = {route for _, route in {*KEYED, *OPEN_ROUTES}}
    assert {*PAGES, *OWN} <= text
    assert len(PAGES) == 7


def test_what_every_page_says(world: World) -> None:
    world.upsert("r")
    found = [page(world, path) for path in ("/local/p", "/local/p/workspace", "/local/p/runs/r", *OWN)]
    absent = [page(world, re.sub(r"{\w+}", "absent", route)) for route in PAGES]
    assert {answer.status_code for answer in found} == {200}
    assert ["<form" in answer.text for answer in found] == [False, False, False, False, True, True, True]
    assert {answer.status_code for answer in absent} == {404}
    for answer in (*found, *absent):
        assert answer.headers["x-content-type-options"] == "nosniff"
        # with no-referrer, browsers send a form with `Origin: null`, as they do for pages elsewhere
        assert answer.headers["referrer-policy"] == ("same-origin" if "<form" in answer.text else "no-referrer")
        assert answer.headers["cache-control"] == "no-store"
        said = policy(answer)
        assert (said["default-src"], said["base-uri"], said["form-action"]) == (["'none'"], ["'none'"], ["'self'"])
        assert "script-src" not in said  # so default-src holds
        style = re.search(r"<style>(.*?)</style>", answer.text)
        assert style is not None
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        assert said["style-src"] == [f"'sha256-{digest}'"]
        assert not re.search(r"<script|<[^>]*\s(on\w+|style)=", answer.text)
    framed = [*found[:3], *absent]
    assert all(set(policy(answer)["frame-ancestors"]) == LOOPBACK for answer in framed)
    assert all(policy(answer)["frame-ancestors"] == ["'none'"] for answer in found[3:])


@pytest.mark.parametrize("query", ["jupyter=true", "kfp=true"])
def test_in_a_frame_it_is_read_only(world: World, query: str) -> None:
    world.upsert("r")
    for path in ("/local/p", "/local/p/runs/r"):
        assert "sandbox" not in policy(page(world, path))
        assert "<base" not in page(world, path).text
        answer = page(world, f"{path}?{query}")
        allowed = policy(answer)["sandbox"]
        assert not {"allow-forms", "allow-scripts", "allow-same-origin", "allow-top-navigation"} & set(allowed)
        assert "<base target=_blank>" in answer.text
        assert "<form" not in answer.text


def test_nobody_signs_in_in_a_frame(world: World) -> None:
    """A link leads to the form, whether there is a run or not."""
    world.upsert("r")
    texts = set()
    for path in ("/local/p/runs/r", "/local/p/runs/s"):
        assert page(world, path, key=None).status_code == 303
        answer = page(world, f"{path}?jupyter=true", key=None)
        assert answer.status_code == 401
        assert f'href="/login?next={path}"' in answer.text
        assert set(policy(answer)["frame-ancestors"]) == LOOPBACK
        texts.add(answer.text.replace(path, ""))
    assert len(texts) == 1


def test_a_setting_lets_others_show_pages(tmp_path: Path) -> None:
    given = ["https://jupyter.example.com", "https://*.example.com:8443", "vscode-webview:"]
    with open_world(tmp_path, frame_ancestors=", ".join(given)) as world:
        world.upsert("r")
        assert set(policy(page(world, "/local/p/runs/r"))["frame-ancestors"]) == LOOPBACK | set(given)
        assert policy(page(world, "/login"))["frame-ancestors"] == ["'none'"]


@pytest.mark.parametrize("value", ["*", "'none'", "jupyter.example.com", "https://a.example; script-src *",
                                   "https://a.example/path", "https://a b"])
def test_an_origin_that_is_none_is_refused_at_start(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUMBBELL_FRAME_ANCESTORS", value)
    with pytest.raises(ValidationError, match="frame_ancestors"):
        Settings()
