"""The link that `serve` prints, and cookies over restarts, over real connections."""

from __future__ import annotations

import contextlib
import http.client
import re
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.postgres import create_database
from support.server import API_KEY, Server, start_server
from support.wire import Client

OWN = {"DUMBBELL_API_KEY": "own" + "1" * 37, "DUMBBELL_LOG_LEVEL": "debug"}
PAGE = "/local/p"


def get(server: Server, path: str, cookie: str = "", method: str = "GET") -> http.client.HTTPResponse:
    target = urlsplit(server.base_url)
    with contextlib.closing(http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)) as connection:
        connection.request(method, path, headers={"Accept": "text/html", **({"Cookie": cookie} if cookie else {})})
        answer = connection.getresponse()
        answer.read()
        return answer


def link_of(server: Server) -> str:
    """The path of the newest link."""
    found = re.findall(r"^To see its pages.*: (http\S+)$", server.log.read_text(), re.MULTILINE)[-1]
    assert found.startswith(f"{server.base_url}/login?token=")
    return str(found.removeprefix(server.base_url))


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_link_once_and_a_cookie_for_longer_than_the_process(tmp_path: Path, database: str,
                                                             request: pytest.FixtureRequest) -> None:
    settings = dict(OWN)
    if database == "postgres":
        settings["DUMBBELL_DATABASE_URL"] = create_database(
            request.getfixturevalue("postgres"), f"link_{uuid.uuid4().hex}")
    with start_server(tmp_path, **settings) as server:
        with contextlib.closing(Client(server)) as client:
            client.ask('mutation { upsertModel(input: { name: "p", entityName: "local" }) { inserted } }')
        assert get(server, PAGE).status == 303
        used = link_of(server)
        answer = get(server, used)
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        assert get(server, PAGE, cookie).status == 200
        assert get(server, used).status == 403
        assert get(server, f"{used}{'x' * 20_000}").status == 414
    with start_server(tmp_path, **settings) as server:
        assert get(server, PAGE, cookie).status == 200
        unused = link_of(server)
        assert unused != used
        assert get(server, used).status == 403
    with start_server(tmp_path, **settings) as server:
        assert get(server, unused).status == 403
        assert get(server, link_of(server)).status == 303
    log = server.log.read_text()
    assert "path=/login" in log
    assert all(log.count(link.partition("=")[2]) == 1 for link in (used, unused))  # the printed line, and no other


def test_no_link_where_pages_are_open(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        assert server.api_key == API_KEY
        assert "token" not in server.log.read_text()


def test_the_link_is_one_of_the_public_url(tmp_path: Path) -> None:
    with start_server(tmp_path, DUMBBELL_PUBLIC_URL="https://example.com/wandb/", **OWN) as server:
        assert ": https://example.com/wandb/login?token=" in server.log.read_text()
