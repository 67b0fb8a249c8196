"""Runs, files and artifacts of the real wandb through nginx, as docs/proxy.md sets it up, with TLS."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from support.nginx import KEEPS_PREFIX, TAKES_PREFIX, WHOLE_HOST, Nginx, listening, require_nginx, start_nginx
from support.sdk import read_of, run_script
from support.server import API_KEY, Server, start_server

pytestmark = pytest.mark.sdk

CLIENT = Path(__file__).parents[2] / "client"
PACKAGES = ("httpx2", "stamina", "orjson")
LOG = """
    import json
    import pathlib
    import wandb

    NAMES = ["plain.txt", "deep/a b#c%zz.txt", "gro\\u00df+\\u4e16.bin"]
    SIZES = {"plain.txt": 3, "deep/a b#c%zz.txt": 0, "gro\\u00df+\\u4e16.bin": 24 << 20}
    for name, size in SIZES.items():
        path = pathlib.Path("files", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))

    with wandb.init(project="behind", id="r", config={"long": "x" * (2 << 20)}) as run:
        for step in range(50):
            run.log({"loss": 1 / (step + 1), "text": "y" * 20000})
        for name in NAMES:
            run.save(f"files/{name}", base_path="files")
        artifact = wandb.Artifact("set", "data")
        artifact.add_dir("files")
        run.log_artifact(artifact).wait()
    with wandb.init(project="behind", id="r", resume="must") as run:
        run.log({"loss": 0.0})
    api = wandb.Api()
    read = api.run("local/behind/r")
    pathlib.Path("later").mkdir()
    pathlib.Path("later/added.txt").write_text("later")
    read.upload_file("later/added.txt", root="later")
    got = {}
    for name in [*NAMES, "added.txt"]:
        with read.file(name).download(root="back", replace=True) as opened:
            got[name] = len(pathlib.Path(opened.name).read_bytes())
    fetched = pathlib.Path(api.artifact("local/behind/set:latest").download(root="artifact"))
    print("READ " + json.dumps({
        "rows": sum(1 for _ in read.scan_history()), "state": read.state, "long": len(read.config["long"]), "got": got,
        "artifact": {name: (fetched / name).stat().st_size for name in NAMES}, "url": read.url}))
"""
READ = """
    import json
    import dumbbell

    api = dumbbell.Api()
    read = api.run("local/behind/r")
    run_by_page = api.run(read.url)
    read.upload_file("script.py")
    folder = api.artifact("local/behind/set:latest").download(root="artifact")
    print("READ " + json.dumps({
        "rows": sum(1 for _ in read.scan_history()), "same": run_by_page.id == read.id, "url": read.url,
        "uploaded": len(read.file("script.py").download(root="back").read()) > 0}))
"""


@dataclass(frozen=True)
class Setup:
    """One of the ways in which the page sets a proxy up."""

    fragment: int
    prefix: str
    public: bool  # by DUMBBELL_PUBLIC_URL, else by headers


SETUPS = [
    pytest.param(Setup(WHOLE_HOST, "", False), id="host"),
    pytest.param(Setup(KEEPS_PREFIX, "/wandb", True), id="prefix-kept"),
    pytest.param(Setup(TAKES_PREFIX, "/wandb", False), id="prefix-taken"),
]


@dataclass(frozen=True)
class Behind:
    """A server as it is reached through a proxy."""

    base_url: str
    api_key: str
    nginx: Nginx
    server: Server


@contextmanager
def behind(setup: Setup, folder: Path) -> Iterator[Behind]:
    require_nginx()
    with listening() as listener:
        base_url = f"https://localhost:{listener.getsockname()[1]}{setup.prefix}"
        more = {"DUMBBELL_PUBLIC_URL": base_url} if setup.public else {}
        with start_server(folder, **more) as server, \
                start_nginx(folder / "nginx", setup.fragment, listener, server.base_url) as nginx:
            yield Behind(base_url, API_KEY, nginx, server)


@pytest.mark.parametrize("version", ["0.31.0", "0.22.3"])
@pytest.mark.parametrize("setup", SETUPS)
def test_wandb_through_nginx(setup: Setup, version: str, tmp_path: Path) -> None:
    with behind(setup, tmp_path) as there:
        env = there.nginx.environment
        read = read_of(run_script(version, there, tmp_path, LOG, timeout=240, env=env))
        sizes = {"plain.txt": 3, "deep/a b#c%zz.txt": 0, "groß+世.bin": 24 << 20}
        assert read == {"rows": 51, "state": "finished", "long": 2 << 20, "got": sizes | {"added.txt": 5},
                        "artifact": sizes, "url": f"{there.base_url}/local/behind/runs/r"}
        lines = there.nginx.requests()
        # 499 is nginx's word for a client that left: at its end wandb-core drops what it still asks for
        assert not [line for line in lines if ('" 4' in line or '" 5' in line) and '" 499 ' not in line]
        # every byte came through the proxy: the server has handed out no other address
        assert {line.split('"')[1].split()[0] for line in lines} >= {"GET", "POST", "PUT"}
        assert all(line.split('"')[1].split()[1].startswith(f"{setup.prefix}/") for line in lines)
        if version == "0.31.0":
            own = read_of(run_script(version, there, tmp_path, READ, packages=PACKAGES,
                                     env=env | {"PYTHONPATH": str(CLIENT)}))
            assert own == {"rows": 51, "same": True, "url": read["url"], "uploaded": True}


@pytest.mark.parametrize("setup", SETUPS)
def test_what_nginx_passes_on(setup: Setup, tmp_path: Path) -> None:
    """Pages and their links, answers in gzip, and escapes in paths."""
    with behind(setup, tmp_path) as there:
        context = ssl.create_default_context(cafile=str(there.nginx.certificate))
        headers = {"authorization": f"Bearer {API_KEY}", "accept-encoding": "gzip"}
        with httpx2.Client(base_url=there.base_url, headers=headers, verify=context, timeout=60) as client:
            made = client.post("/graphql", json={
                "query": 'mutation { upsertBucket(input: {modelName: "p", name: "r"}) { bucket { id } } }'})
            assert made.status_code == 200
            assert f'href="{setup.prefix}/local/p/runs/r"' in client.get("/local/p").text
            # the last segment is one name that holds a slash, and the empty one before it is no id
            missing = client.get(f"/artifactsV2/default/local/p/set//{'0' * 32}/deep%2Fname.txt")
            assert (missing.status_code, missing.json()["errors"][0]["message"]) == (
                404, "file 'deep/name.txt' is not here, or you may not see it")
            if setup.fragment == WHOLE_HOST:
                answer = client.post("/graphql", json={"query": "{ __schema { types { name fields { name } } } }"})
                assert answer.headers["content-encoding"] == "gzip"
                assert len(answer.json()["data"]["__schema"]["types"]) > 100
        with httpx2.Client(base_url=there.base_url, headers={"accept": "text/html"}, verify=context, timeout=60,
                           follow_redirects=True) as browser:
            form = browser.get("/local/p/runs/r")
            assert str(form.url) == f"{there.base_url}/login?next=/local/p/runs/r"
            origin = there.base_url.removesuffix(setup.prefix)
            shown = browser.post("/login", data={"key": API_KEY, "next": "/local/p/runs/r"}, headers={"origin": origin})
            assert (str(shown.url), shown.status_code) == (f"{there.base_url}/local/p/runs/r", 200)
            (cookie,) = browser.cookies.jar
            assert (cookie.path, cookie.secure) == (f"{setup.prefix}/", True)
