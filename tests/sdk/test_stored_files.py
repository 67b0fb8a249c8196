"""Files that a script keeps beside its run, and runs written without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.sdk import Finished, run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

SAVE = """
    import json
    import pathlib
    import time
    import wandb

    run = wandb.init(project="kept")
    for policy in ("live", "now", "end"):
        pathlib.Path(f"{policy}.txt").write_text("first")
        run.save(f"{policy}.txt", policy=policy)
    read = wandb.Api().run(f"{run.entity}/{run.project}/{run.id}")
    deadline = time.monotonic() + 20
    early = set()
    while not {"live.txt", "now.txt"} <= early and time.monotonic() < deadline:
        early = {file.name for file in read.files()}
        time.sleep(0.1)
    for policy in ("live", "end"):
        pathlib.Path(f"{policy}.txt").write_text("second, longer")
    run.finish()
    texts = {}
    for policy in ("live", "now", "end"):
        with read.file(f"{policy}.txt").download(root="read", replace=True) as opened:
            texts[policy] = opened.read()
    print("READ " + json.dumps({"early": sorted(name for name in early if name[:-4] in texts), "texts": texts}))
"""
RESTORE = """
    import json
    import pathlib
    import wandb

    with wandb.init(project="kept", id="source") as run:
        pathlib.Path("deep").mkdir()
        pathlib.Path("deep/model.bin").write_bytes(bytes(range(256)))
        run.save("deep/model.bin", base_path=".")
    with wandb.init(project="kept", id="target") as run:
        with wandb.restore("deep/model.bin", run_path="local/kept/source", root="back"):
            back = pathlib.Path("back/deep/model.bin").read_bytes()
    print("READ " + json.dumps(back == bytes(range(256))))
"""
RESTORE_MISSING = """
    import json
    import os
    import pathlib
    import wandb

    with wandb.init(project="kept", id="source") as run:
        pathlib.Path("other.txt").write_text("other")
        run.save("other.txt")
    said = ""
    try:
        wandb.restore("none.txt", run_path="local/kept/source", root="back")
    except ValueError as error:
        said = str(error)
    names = {file.name for file in wandb.Api().run("local/kept/source").files()}
    print("READ " + json.dumps([said, sorted(names & {"other.txt", "none.txt"}), os.path.exists("back/none.txt")]))
"""
MEDIA = """
    import json
    import pathlib
    import wandb

    with wandb.init(project="media", id="shown") as run:
        run.log({"page": wandb.Html("<p>kept</p>", inject=False)})
    read = wandb.Api().run("local/media/shown")
    files = {file.name: file for file in read.files() if file.name.startswith("media/")}
    values = {key: value for row in read.scan_history() for key, value in row.items() if key in {"page", "dot"}}
    texts = {}
    for key, value in values.items():
        with files[value["path"]].download(root="read", replace=True) as opened:
            texts[key] = pathlib.Path(opened.name).read_bytes()
    print("READ " + json.dumps({
        "types": {key: value["_type"] for key, value in values.items()},
        "page": texts["page"].decode(),
        "files": len(files),
    }))
"""
IMAGE = """
    import json
    import pathlib
    import PIL.Image
    import wandb

    PIL.Image.frombytes("RGB", (16, 16), bytes(range(256)) * 3).save("dot.png")
    drawn = PIL.Image.new("L", (4, 2), 128)
    with wandb.init(project="media", id="drawn") as run:
        run.log({"dot": wandb.Image("dot.png", caption="a dot"), "both": [wandb.Image(drawn), wandb.Image(drawn)]})
    read = wandb.Api().run("local/media/drawn")
    [row] = list(read.scan_history())
    with read.file(row["dot"]["path"]).download(root="read") as opened:
        same = pathlib.Path(opened.name).read_bytes() == pathlib.Path("dot.png").read_bytes()
    shown = []
    for name in row["both"]["filenames"]:
        with read.file(name).download(root="read", replace=True) as opened:
            shown.append(PIL.Image.open(opened.name).tobytes() == drawn.tobytes())
    print("READ " + json.dumps([same, shown, row["dot"]["caption"], row["dot"]["width"], row["both"]["count"],
                                read.summary["dot"]["path"] == row["dot"]["path"]]))
"""
OFFLINE = """
    import glob
    import json
    import os
    import subprocess
    import sys
    import wandb

    with wandb.init(project="offline", id="later", mode="offline", config={"lr": 1}) as run:
        for step in range(5):
            run.log({"value": step})
    [folder] = glob.glob(os.path.join(os.environ["WANDB_DIR"], "wandb", "offline-run-*"))
    subprocess.run([sys.executable, "-m", "wandb", "sync", folder], check=True)
    read = wandb.Api().run("local/offline/later")
    print("READ " + json.dumps({
        "rows": [[row["_step"], row["value"]] for row in read.scan_history()],
        "config": dict(read.config),
        "value": read.summary["value"],
        "state": read.state,
    }))
"""


def reads_of(finished: Finished) -> list[Any]:
    """What a script said it read; the SDK may print after it."""
    assert finished.returncode == 0, finished
    return [json.loads(line.removeprefix("READ ")) for line in finished.stdout.splitlines() if line.startswith("READ ")]


@pytest.mark.parametrize("version", ["0.31.0", "0.28.2"])
def test_saved_files_follow_their_policy(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        [read] = reads_of(run_script(version, server, tmp_path, SAVE))
    assert read == {
        "early": ["live.txt", "now.txt"],
        "texts": {"live": "second, longer", "now": "first", "end": "second, longer"},
    }


def test_file_of_another_run_is_restored(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        [same] = reads_of(run_script("0.31.0", server, tmp_path, RESTORE))
    assert same


@pytest.mark.parametrize("version", ["0.31.0", "0.22.3"])
def test_restoring_a_file_that_the_run_does_not_have_is_a_value_error(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        [said] = reads_of(run_script(version, server, tmp_path, RESTORE_MISSING))
    assert said == ["File none.txt not found in local/kept/source.", ["other.txt"], False]


def test_media_are_files_of_the_run(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        [read] = reads_of(run_script("0.31.0", server, tmp_path, MEDIA))
    assert read == {"types": {"page": "html-file"}, "page": "<p>kept</p>", "files": 1}


def test_images_are_downloaded_as_they_were_logged(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        [read] = reads_of(run_script("0.31.0", server, tmp_path, IMAGE, packages=["pillow"]))
    assert read == [True, [True, True], "a dot", 16, 2, True]


@pytest.mark.parametrize("version", ["0.31.0", "0.18.7"])
def test_offline_run_is_synced(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        [read] = reads_of(run_script(version, server, tmp_path, OFFLINE))
    assert read == {
        "rows": [[step, step] for step in range(5)],
        "config": {"lr": 1},
        "value": 4,
        "state": "finished",
    }
