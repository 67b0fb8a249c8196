"""The admin port of a running server: how it is asked for, where it says that it is, and its commands."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from dumbbell_server.admin.client import AdminClient, AdminError
from support.server import Server, start_server

TOKEN = "t0ken_of.the~port+/=-"
FIXTURE = """created: 2026-01-05T10:00:00Z
users: [{name: first, first: true}]
projects: [{entity: first, name: mine, user: first, runs: [{id: one, user: first}]}]
"""


def command(folder: Path, *arguments: str, **env: str) -> tuple[int, str]:
    """The exit code, and what was printed or said of an error."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("DUMBBELL_")}
    done = subprocess.run([sys.executable, "-m", "dumbbell", *arguments], cwd=folder, text=True, capture_output=True,
                          env=outer | env, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def refused(folder: Path, *arguments: str, **env: str) -> str:
    code, said = command(folder, *arguments, **env)
    assert (code, said.count("\n"), said[:10]) == (2, 1, "dumbbell: "), said
    return said


def test_the_commands_by_folder_by_url_and_by_environment(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.dumbbell.yaml").write_text(FIXTURE)
    with start_server(tmp_path, DUMBBELL_ADMIN_PORT="0") as server:
        by_folder = ("--data-dir", str(server.data_dir))
        by_url = ("--url", str(server.admin_url), "--token", str(server.admin_token))
        by_env = {"DUMBBELL_ADMIN_URL": str(server.admin_url), "DUMBBELL_ADMIN_TOKEN": str(server.admin_token)}
        seeded = command(tmp_path, "admin", "seed", "demo", "mine", *by_folder)[1].splitlines()
        assert (" runs, " in seeded[0], seeded[1]) == (True, "Made 1 projects, 1 runs.")
        assert command(tmp_path, "admin", "seed", "mine", *by_folder)[1] == "Made nothing.\n"
        assert "Wrote saved.\n" in command(tmp_path, "admin", "export", "saved", "gym", *by_folder)[1]
        assert (tmp_path / "saved" / "gym").is_dir()
        assert "not empty" in refused(tmp_path, "admin", "export", "saved", *by_folder)
        assert "runs " in command(tmp_path, "admin", "info", *by_url)[1]
        assert " projects." in command(tmp_path, "admin", "reset", "gym", **by_env)[1]
        assert "mine" in refused(tmp_path, "admin", "reset", "mine", *by_folder)
        assert "say --all" in refused(tmp_path, "admin", "reset", *by_folder)
        assert "say --all" in refused(tmp_path, "admin", "reset", "gym", "--all", *by_folder)
        assert " teams" in command(tmp_path, "admin", "reset", "--all", *by_folder)[1]
        assert "runs 0\n" in command(tmp_path, "admin", "info", *by_folder)[1]
        assert "asks for a token" in refused(tmp_path, "admin", "info", *by_url[:2])
        wrong = (*by_url[:2], "--token", "another")
        assert "the admin port takes its own token" in refused(tmp_path, "admin", "info", *wrong)
        url = str(server.admin_url)
    assert "does not answer" in refused(tmp_path, "admin", "info", "--url", url, "--token", "x")
    assert "--admin-port writes it" in refused(tmp_path, "admin", "info", *by_folder)


def test_where_it_is_is_said_to_its_owner_while_it_runs(tmp_path: Path) -> None:
    with start_server(tmp_path, DUMBBELL_ADMIN_PORT="0", DUMBBELL_LOG_LEVEL="debug") as server:
        file = server.data_dir / "admin.json"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        facts = json.loads((tmp_path / "ready.json").read_text())
        assert json.loads(file.read_text()) == {name: facts[name] for name in ("admin_url", "admin_token")}
        assert facts["admin_url"] == facts["fixture_url"]
        assert len(facts["admin_token"]) >= 40
        with AdminClient.of_folder(server.data_dir) as client:
            assert client.info()["counts"]["users"] == 1
        assert server.stop() == 0
        assert not file.exists()
    assert str(facts["admin_token"]) not in server.log.read_text()
    with start_server(tmp_path, DUMBBELL_ADMIN_PORT="0") as server:
        assert server.admin_token != facts["admin_token"]
        server.kill()
        assert (server.data_dir / "admin.json").exists()
        (server.data_dir / "moving" / "left").mkdir(parents=True)
    with start_server(tmp_path) as server:  # without the port
        assert not (server.data_dir / "admin.json").exists()
        assert not (server.data_dir / "moving").exists()
        assert (server.admin_url, server.fixture_url, server.admin_token) == (None, None, None)
        with pytest.raises(AdminError, match="a server that runs with --admin-port writes it"):
            AdminClient.of_folder(server.data_dir)


def test_a_token_of_ones_own(tmp_path: Path) -> None:
    with start_server(tmp_path, DUMBBELL_ADMIN_PORT="0", DUMBBELL_ADMIN_TOKEN=TOKEN) as server:
        assert server.admin_token == TOKEN
        with AdminClient(str(server.admin_url) + "/", TOKEN) as client:
            assert client.reset()["projects"] == 0
        with AdminClient(str(server.admin_url), TOKEN[:-1]) as client, pytest.raises(AdminError) as refusal:
            client.info()
        assert refusal.value.status == 401


@pytest.mark.parametrize("token", ["short", "x" * 19, "with a space in it 1234", "a" * 20 + "\n", "x" * 513,
                                   "\N{LATIN SMALL LETTER E WITH ACUTE}" * 20])
def test_a_token_that_cannot_be_one_is_refused_and_not_shown(tmp_path: Path, token: str) -> None:
    said = refused(tmp_path, "serve", "--admin-port", "0", DUMBBELL_ADMIN_TOKEN=token)
    assert "setting admin_token" in said
    assert token.strip() not in said


def serves(tmp_path: Path, *arguments: str, **env: str) -> str | None:
    """Where the admin port is, of a server with these options."""
    import support.server as servers  # noqa: PLC0415 - its command is extended here

    class Extended(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **more: object) -> None:
            super().__init__([*command, *arguments], **more)  # type: ignore[call-overload]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(servers.subprocess, "Popen", Extended)
        with start_server(tmp_path, **env) as server:
            return port_of(server)


def port_of(server: Server) -> str | None:
    if server.admin_url is None:
        return None
    assert httpx2.get(f"{server.admin_url}/health").status_code == 200
    return server.admin_url.rpartition(":")[2]


def free_ports() -> tuple[str, str]:
    import socket  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return str(one.getsockname()[1]), str(two.getsockname()[1])


def test_either_name_gives_the_port_and_an_option_is_over_the_environment(tmp_path: Path) -> None:
    one, two = free_ports()
    env = {"DUMBBELL_ADMIN_PORT": two, "DUMBBELL_FIXTURE_PORT": two}
    assert serves(tmp_path, DUMBBELL_FIXTURE_PORT=one) == one
    assert serves(tmp_path, **env) == two
    for option in ("--admin-port", "--fixture-port"):
        assert serves(tmp_path, option, one, **env) == one
    assert serves(tmp_path) is None


def test_two_names_that_say_two_ports_are_an_error(tmp_path: Path) -> None:
    said = "two names of one port, and say 1 and 2"
    assert said in refused(tmp_path, "serve", DUMBBELL_ADMIN_PORT="1", DUMBBELL_FIXTURE_PORT="2")
    assert said in refused(tmp_path, "serve", "--admin-port", "1", "--fixture-port", "2")


AT_ITS_END = """if True:
    import atexit, sys
    from dumbbell_server.cli import main
    names = ("fastapi", "dumbbell_server.seeding.form.documents")
    atexit.register(lambda: print([name in sys.modules for name in names]))
    main(sys.argv[1:])
"""


@pytest.mark.parametrize("asked", [False, True])
def test_a_start_brings_fastapi_and_fixtures_only_where_the_port_is_asked_for(tmp_path: Path, asked: bool) -> None:
    ready, more = tmp_path / "ready.json", ["--admin-port", "0"] if asked else []
    process = subprocess.Popen([sys.executable, "-c", AT_ITS_END, "serve", "--port", "0", "--data-dir", str(tmp_path),
                                "--ready-file", str(ready), *more], stdout=subprocess.PIPE, text=True)
    while not ready.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    assert process.communicate(timeout=20)[0].splitlines()[-1] == str([asked, asked])


def test_what_goes_over_the_main_port_is_recorded_by_command_and_client(tmp_path: Path) -> None:
    with start_server(tmp_path, DUMBBELL_ADMIN_PORT="0") as server, AdminClient.of_folder(server.data_dir) as client:
        by_folder = ("--data-dir", str(server.data_dir))
        assert command(tmp_path, "admin", "record", *by_folder) == (0, "Records; 0 exchanges are stored.\n")
        query = {"query": "query Viewer { viewer { username } }"}
        key = {"authorization": f"Bearer {server.api_key}"}
        httpx2.post(f"{server.base_url}/graphql", json=query, headers=key)
        (found,) = client.wait_for(operation="Viewer", timeout=20)
        assert (found["user"], found["status"], client.recorder()["exchanges"]) == ("local", 200, 1)
        with pytest.raises(AdminError, match="Viewer 200: status is 200, not 500"):
            client.wait_for(operation="Viewer", status=500, timeout=0.05)
        assert "1 POST Viewer 200 " in command(tmp_path, "admin", "exchanges", "--status", "200", *by_folder)[1]
        assert command(tmp_path, "admin", "exchanges", "--har", "x.har", *by_folder) == (0, "Wrote x.har.\n")
        assert (tmp_path / "x.har").read_text() == json.dumps(client.har())
        assert command(tmp_path, "admin", "record", "--off", *by_folder)[0] == 0
        assert (client.recorder()["on"], client.forget(), client.exchanges()) == (False, 1, [])


def test_a_server_can_record_from_its_start(tmp_path: Path) -> None:
    with start_server(tmp_path, DUMBBELL_ADMIN_PORT="0", DUMBBELL_RECORD="true") as server, \
            AdminClient.of_folder(server.data_dir) as client:
        assert client.recorder()["on"]


def test_faults_are_made_and_listed_by_command(tmp_path: Path) -> None:
    with start_server(tmp_path, DUMBBELL_ADMIN_PORT="0") as server:
        by_folder = ("--data-dir", str(server.data_dir))
        rule = '{"path": "^/healthz", "effect": {"kind": "status"}}'
        made = command(tmp_path, "admin", "faults", rule, *by_folder)
        assert made == (0, f"1 matched 0 fired 0 {rule}\n")
        assert httpx2.get(f"{server.base_url}/healthz").status_code == 503
        assert command(tmp_path, "admin", "faults", *by_folder)[1].startswith("1 matched 1 fired 1 ")
        assert "is not JSON" in refused(tmp_path, "admin", "faults", "{", *by_folder)
        assert "no JSON object" in refused(tmp_path, "admin", "faults", "[]", *by_folder)
        assert "either an effect" in refused(tmp_path, "admin", "faults", "{}", *by_folder)
        assert command(tmp_path, "admin", "faults", "--clear", *by_folder) == (0, "")
