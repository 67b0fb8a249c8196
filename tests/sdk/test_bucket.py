"""With an S3 bucket behind the server, the real client sends and fetches bytes there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.s3 import S3
from support.sdk import run_script
from support.server import start_server

SAVE_AND_READ = """
    import json
    import pathlib
    import wandb

    run = wandb.init(project="bucket")
    pathlib.Path("a b#1.txt").write_text("kept")
    wandb.save("a b#1.txt")
    path = f"{run.entity}/{run.project}/{run.id}"
    run.finish()

    file = wandb.Api().run(path).file("a b#1.txt")
    with file.download(root="read", replace=True) as opened:
        print(json.dumps({"url": file.direct_url, "size": file.size, "text": opened.read()}))
"""


@pytest.mark.sdk
@pytest.mark.parametrize("version", ["0.31.0", "0.18.7"])
def test_files_go_through_the_bucket(version: str, s3: S3, tmp_path: Path) -> None:
    bucket = s3.new_bucket()
    with start_server(tmp_path, **s3.environment, DUMBBELL_BLOB_URL=f"s3://{bucket}") as server:
        finished = run_script(version, server, tmp_path, SAVE_AND_READ)
    assert finished.returncode == 0, finished
    read = json.loads(finished.line("{"))
    assert (read["size"], read["text"]) == (4, "kept")
    assert not list((tmp_path / "data").rglob("blobs/runs/*")), "the bytes lie in the data folder"


LOG_AND_DOWNLOAD = """
    import json
    import pathlib
    import wandb

    for number in range(20):
        path = pathlib.Path("data") / f"{number} #.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"text {number}")
    with wandb.init(project="bucket") as run:
        artifact = wandb.Artifact("texts", "dataset")
        artifact.add_dir("data")
        run.log_artifact(artifact).wait()
    found = wandb.Api().artifact("bucket/texts:latest")
    folder = pathlib.Path(found.download("read"))
    found.verify(str(folder))
    print(json.dumps({path.name: path.read_text() for path in folder.iterdir()}))
"""


@pytest.mark.sdk
def test_artifacts_go_through_the_bucket(s3: S3, tmp_path: Path) -> None:
    with start_server(tmp_path, **s3.environment, DUMBBELL_BLOB_URL=f"s3://{s3.new_bucket()}") as server:
        finished = run_script("0.31.0", server, tmp_path, LOG_AND_DOWNLOAD)
    assert finished.returncode == 0, finished
    assert json.loads(finished.line("{")) == {f"{number} #.txt": f"text {number}" for number in range(20)}
    assert not list((tmp_path / "data").rglob("blobs/artifacts/*")), "the bytes lie in the data folder"
