"""The names by which other containers and machines reach a server, with the real wandb."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from dumbbell_server.http.credentials import PUBLIC_KEY
from support.sdk import Finished, read_of, run_script
from support.server import Server, start_server

pytestmark = pytest.mark.sdk

OWN_KEY = "own" + "k" * 37
LOG = """
    import json
    import pathlib
    import wandb

    pathlib.Path("note.txt").write_text("of the run")
    pathlib.Path("part.txt").write_text("of the version")
    with wandb.init(project="named", id="r", settings=wandb.Settings(init_timeout=20)) as run:
        run.log({"loss": 1.0})
        run.save("note.txt")
        artifact = wandb.Artifact("set", "data")
        artifact.add_file("part.txt")
        run.log_artifact(artifact).wait()
    api = wandb.Api()
    read = api.run("local/named/r")
    with read.file("note.txt").download(root="back") as opened:
        note = opened.read()
    folder = pathlib.Path(api.artifact("local/named/set:latest").download(root="artifact"))
    print("READ " + json.dumps({"rows": [row["loss"] for row in read.scan_history()], "note": note,
                                "part": (folder / "part.txt").read_text(), "url": read.url}))
"""


@dataclass(frozen=True)
class Named:
    """A server by a name that leads nowhere here: what is asked of it goes to a proxy, which is the server itself."""

    server: Server
    host: str
    api_key: str

    @property
    def base_url(self) -> str:
        return f"http://{self.host}"

    def run(self, version: str, folder: Path) -> Finished:
        proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY"), self.server.base_url)
        return run_script(version, self, folder, LOG, env=proxies)


NAMES = ["dumbbell:8080", "192.0.2.7:8080", "host.docker.internal:8080"]  # of a container, by address, of its host


@pytest.mark.parametrize(("version", "host", "key"), [
    *(("0.31.0", name, PUBLIC_KEY) for name in NAMES), ("0.31.0", "wandb.example.com", OWN_KEY),
    ("0.22.3", NAMES[0], PUBLIC_KEY), ("0.22.3", "wandb.example.com", OWN_KEY)])
def test_a_run_and_its_files_by_each_name(version: str, host: str, key: str, tmp_path: Path) -> None:
    with start_server(tmp_path, DUMBBELL_API_KEY=key) as server:
        named = Named(server, host, key)
        assert read_of(named.run(version, tmp_path)) == {
            "rows": [1.0], "note": "of the run", "part": "of the version", "url": f"http://{host}/local/named/runs/r"}


@pytest.mark.parametrize("version", ["0.31.0", "0.22.3"])
def test_the_public_key_at_a_public_name_is_told_what_to_do(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path, DUMBBELL_API_KEY=PUBLIC_KEY) as server:
        finished = Named(server, "wandb.example.com", PUBLIC_KEY).run(version, tmp_path)
        assert finished.returncode != 0
        assert "add it to DUMBBELL_ALLOWED_HOSTS" in finished.stderr
