"""Exports by the admin port: what one server sends, another loads, and sends again as the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from dumbbell_server.accounts.keys import digest
from dumbbell_server.admin.api import admin_app
from dumbbell_server.admin.client import AdminClient, AdminError
from support.removals import hold
from support.server import STILL, start_server
from support.world import KEY, World, open_world

TOKEN = "the-token-of-this-port.1"
RIGHT = {"authorization": f"Bearer {TOKEN}"}
TAR = RIGHT | {"content-type": "application/x-tar"}


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "empty") as opened:
        yield opened


def port_of(world: World) -> TestClient:
    return TestClient(admin_app(world.backend, TOKEN), base_url="http://localhost:8081")


def exported(world: World, query: str = "") -> bytes:
    with port_of(world) as port:
        answer = port.get(f"/admin/export{query}", headers=RIGHT)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-tar"), answer.text
    assert [*(world.backend.settings.data_dir / "moving").iterdir()] == []
    return answer.content


def test_what_is_exported_is_loaded_elsewhere_and_exported_again_as_the_same(world: World, empty: World) -> None:
    hold(world)
    sent = exported(world)
    assert sent == exported(world)
    with port_of(empty) as port:
        made = port.post("/admin/seed", content=sent, headers=TAR)
        assert (made.status_code, made.json()["runs"], made.json()["artifacts"]) == (200, 2, 2), made.text
        assert set(port.post("/admin/seed", content=sent, headers=TAR).json().values()) == {0}
    assert exported(empty) == sent


def test_keys_are_in_it_only_where_they_are_asked_for(world: World) -> None:
    hold(world)
    assert digest(KEY).encode() not in exported(world)
    assert digest(KEY).encode() in exported(world, "?with_keys=true")
    assert KEY.encode() not in exported(world, "?with_keys=true")


def test_a_scope_leaves_the_rest_out(world: World) -> None:
    hold(world)
    assert b"local/q/" in exported(world)
    assert b"local/q/" not in exported(world, "?scope=local/p")
    assert b"local/q/" in exported(world, "?scope=local")


@pytest.mark.parametrize("scope", ["a%00b", "local/a%00b", "nobody", "local/none"])
def test_what_is_not_there_is_not_found(world: World, scope: str) -> None:
    with port_of(world) as port:
        assert port.get(f"/admin/export?scope={scope}", headers=RIGHT).status_code == 404


def test_the_client_writes_a_folder_whole_or_not_at_all(tmp_path: Path) -> None:
    with start_server(tmp_path, DUMBBELL_ADMIN_PORT="0", DUMBBELL_SEED="demo", **STILL) as server, \
            AdminClient(server.admin_url or "", server.admin_token or "") as client:
        before = client.info()["counts"]
        assert client.export(tmp_path / "new" / "saved") == []
        with pytest.raises(AdminError, match="not empty"):
            client.export(tmp_path / "new" / "saved")
        with pytest.raises(AdminError, match="nobody"):
            client.export(tmp_path / "new" / "other", "nobody")
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["saved"]
        client.reset()
        assert client.seed(tmp_path / "new" / "saved")["runs"] == before["runs"]
        assert client.info()["counts"] == before
        client.export(tmp_path / "new" / "again", "gym")
        assert (tmp_path / "new" / "again" / "gym").is_dir()


class _Cut(httpx2.BaseTransport):
    """A server that sends the beginning of a stream."""

    def handle_request(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=bytes(512))


def test_a_stream_that_is_cut_leaves_nothing(tmp_path: Path) -> None:
    client = AdminClient("http://localhost:1", TOKEN)
    client._client = httpx2.Client(transport=_Cut())
    with client, pytest.raises(AdminError, match="no fixture"):
        client.export(tmp_path / "saved")
    assert [*tmp_path.iterdir()] == []
