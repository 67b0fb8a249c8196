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
    back = pathlib.Path(found.download("back", skip_cache=True))
    before, after = ({{path.name: digest_of(path) for path in place.iterdir()}} for place in (folder, back))
    said = [found.version, before == after, len(after), found.file_count]
    print("READ " + json.dumps(said))
"""


def test_empty_and_tiny_files_and_five_hundred_others(tmp_path: Path) -> None:
    script = SIZES.format(sizes={"none": 0, "one": 1, "many": 3_000_000}, small=500, number=0)
    with start_server(tmp_path) as server:
        assert read_of(run_script("0.31.0", server, tmp_path, script)) == ["v0", True, 503, 503]


# wandb 0.31 opens every file of a version, and a connection for it, at once: the 20 000 come from four processes
@pytest.mark.soak
@pytest.mark.timeout(2000)
@pytest.mark.parametrize(("sizes", "small", "versions"), [({"sparse": 3 << 30}, 0, 1), ({}, 5000, 4)],
                         ids=["3 GiB", "20 000"])
def test_very_large_and_very_many(sizes: dict[str, int], small: int, versions: int, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        for number in range(versions):
            script = SIZES.format(sizes=sizes, small=small, number=number)
            said = read_of(run_script("0.31.0", server, tmp_path, script, timeout=1800))
            assert said == [f"v{number}", True, len(sizes) + small, len(sizes) + small]
