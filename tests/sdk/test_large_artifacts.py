"""Files of every size, and very many of them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from support.sdk import read_of, run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

SIZES = """
    import hashlib
    import json
    import pathlib
    import wandb

    def digest_of(path):
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()

    def make(folder, number):
        folder.mkdir()
        for name, size in {sizes}.items():
            with open(folder / name, "wb") as file:
                file.write(b"x" if size else b"")
                file.truncate(size)
        for at in range({small}):
            (folder / f"small-{{at}}").write_text(f"{{number}} {{at}}")

    make(folder := pathlib.Path("data"), {number})
    with wandb.init(project="large") as run:
        artifact = wandb.Artifact("set", type="dataset")
        artifact.add_dir(str(folder), policy="immutable", skip_cache=True)
        run.log_artifact(artifact).wait(timeout=1500)
    found = wandb.Api().artifact("local/large/set:latest")
    # not skip_cache: threads of 0.31 then take the path of a file from each other, and now and then one is missing
    back = pathlib.Path(found.download("back"))
    before, after = ({{path.name: digest_of(path) for path in place.iterdir()}} for place in (folder, back))
    said = [found.version, before == after, len(after), found.file_count]
    print("READ " + json.dumps(said))
"""


def test_empty_and_tiny_files_and_five_hundred_others(tmp_path: Path) -> None:
    script = SIZES.format(sizes={"none": 0, "one": 1, "many": 3_000_000}, small=500, number=0)
    with start_server(tmp_path) as server:
        assert read_of(run_script("0.31.0", server, tmp_path, script)) == ["v0", True, 503, 503]


@pytest.mark.soak
@pytest.mark.timeout(2000)
@pytest.mark.parametrize(("sizes", "small"), [({"sparse": 3 << 30}, 0), ({}, 20_000)], ids=["3 GiB", "20 000"])
def test_very_large_and_very_many(sizes: dict[str, int], small: int, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        script = SIZES.format(sizes=sizes, small=small, number=0)
        said = read_of(run_script("0.31.0", server, tmp_path, script, timeout=1800))
        assert said == ["v0", True, len(sizes) + small, len(sizes) + small]


# Answers to uploads have no body: wandb 0.31 does not read one, and uses the connection for nothing else.
def test_uploads_share_connections(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        process = psutil.Process(server.pid)
        most = []
        with ThreadPoolExecutor(1) as pool:
            script = SIZES.format(sizes={}, small=1500, number=0)
            done = pool.submit(run_script, "0.31.0", server, tmp_path, script)
            while not done.done():
                most.append(process.num_fds())
                time.sleep(0.05)
        assert read_of(done.result())[1] is True
    assert max(most) < 500
