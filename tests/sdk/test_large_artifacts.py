"""Files of every size, and very many of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.sdk import read_of, run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

SIZES = """
    import hashlib
    import json
    import os
    import pathlib
    import shutil
    import wandb

    def digest_of(path):
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()

    pathlib.Path("data").mkdir()
    for name, size in {sizes}.items():
        with open(f"data/{{name}}", "wb") as file:
            file.write(b"x" if size else b"")
            file.truncate(size)
    for number in range({small}):
        pathlib.Path(f"data/small-{{number}}").write_text(str(number))
    with wandb.init(project="large", id="maker") as run:
        artifact = wandb.Artifact("set", type="dataset")
        artifact.add_dir("data", policy="immutable", skip_cache=True)
        run.log_artifact(artifact).wait(timeout=1500)
    before = {{path.name: digest_of(path) for path in pathlib.Path("data").iterdir()}}
    shutil.rmtree("data")
    found = wandb.Api().artifact("local/large/set:v0")
    folder = pathlib.Path(found.download("back", skip_cache=True))
    after = {{path.name: digest_of(path) for path in folder.iterdir()}}
    print("READ " + json.dumps([before == after, len(after), found.file_count]))
"""


def test_empty_and_tiny_files_and_five_hundred_others(tmp_path: Path) -> None:
    script = SIZES.format(sizes={"none": 0, "one": 1, "many": 3_000_000}, small=500)
    with start_server(tmp_path) as server:
        assert read_of(run_script("0.31.0", server, tmp_path, script)) == [True, 503, 503]


@pytest.mark.soak
@pytest.mark.timeout(2000)
@pytest.mark.parametrize(("sizes", "small"), [({"sparse": 3 << 30}, 0), ({}, 20_000)], ids=["3 GiB", "20 000"])
def test_very_large_and_very_many(sizes: dict[str, int], small: int, tmp_path: Path) -> None:
    script = SIZES.format(sizes=sizes, small=small)
    with start_server(tmp_path) as server:
        said = read_of(run_script("0.31.0", server, tmp_path, script, timeout=1800))
    assert said == [True, len(sizes) + small, len(sizes) + small]
