"""Scripts of pages elsewhere may read what a signed URL leads to, and no more."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from support.routes import KEYED, OPEN_ROUTES, SIGNED
from support.world import KEY, World

ORIGIN = {"origin": "https://elsewhere.example"}
PREFLIGHT = {**ORIGIN, "access-control-request-method": "GET", "access-control-request-headers": "range"}
UPLOAD = """mutation { createRunFiles(input: {entityName: "local", projectName: "p", runName: "r", files: ["a.txt"]}) {
  files { uploadUrl } } }"""
FILE = '{ project(name: "p", entityName: "local") { run(name: "r") { files { edges { node { url } } } } } }'
ALLOWED = "access-control-allow-origin"


def test_a_signed_download_is_for_pages_elsewhere_too(world: World) -> None:
    world.upsert("r")
    upload = world.gql(UPLOAD)["createRunFiles"]["files"][0]["uploadUrl"]
    assert world.client.put(upload, content=b"0123456789").status_code == 200
    url = world.gql(FILE)["project"]["run"]["files"]["edges"][0]["node"]["url"]
    preflight = world.client.options(url, headers=PREFLIGHT)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-headers"].lower().split(", ")[0] == "range"
    assert "PUT" not in preflight.headers["access-control-allow-methods"]
    part = world.client.get(url, headers={**ORIGIN, "range": "bytes=2-3"})
    assert (part.status_code, part.content, part.headers[ALLOWED]) == (206, b"23", "*")
    assert "Content-Range" in part.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in part.headers
    assert ALLOWED not in world.client.get(url).headers
    refused = world.client.get(urlsplit(url).path, headers=ORIGIN)
    assert (refused.status_code, refused.headers[ALLOWED]) == (403, "*")


def test_nothing_else_is(world: World) -> None:
    others = {*KEYED, *OPEN_ROUTES}
    assert all(route.startswith("/storage/") for _, route in SIGNED)
    for method, route in others:
        path = re.sub(r"{\w+(:path)?}", "1", route)
        assert not path.startswith("/storage/")
        preflight = world.client.options(path, headers=PREFLIGHT)
        assert preflight.status_code >= 400, route
        answer = world.client.request(method, path, headers={**ORIGIN, "authorization": f"Bearer {KEY}"})
        for seen in (preflight, answer):
            assert [name for name in seen.headers if name.startswith("access-control-")] == []
