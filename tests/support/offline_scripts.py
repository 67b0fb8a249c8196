"""What runs log offline with the real wandb, and what a server answers of them afterwards."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support.sdk import Finished, run_script
from support.server import API_KEY, Server
from support.wire import Client

EVERYTHING = """
    import math
    import os
    import pathlib
    import sys
    import time
    import wandb

    old = wandb.__version__.startswith("0.12.")
    run = wandb.init(project="offline", id="all", name="Shown", notes="some notes", group="g", job_type="train",
                     tags=["a", "b"], mode="offline",
                     config={"lr": 0.1, "deep": {"x": 1, "y": [1, 2]}, "big": 2**70, "nan": math.nan})
    run.config.update({"later": "yes"})
    run.config.update({"lr": 0.2}, allow_val_change=True)
    run.define_metric("epoch", summary="none")
    run.define_metric("val/*", step_metric="epoch")
    run.define_metric("acc", summary="max,min,mean")
    print("hello out")
    print("hello err", file=sys.stderr)
    for step in range(5):
        row = {"loss": 1 / (step + 1), "acc": (0.1, 0.5, 0.3, 0.9, 0.2)[step], "val/x": step * 2, "epoch": step,
               "nested": {"a": step, "b": {"c": str(step)}}}
        if step == 2:
            row |= {"nan": math.nan, "inf": math.inf, "text": "\\u00e9\\u2028\\u2713", "none": None, "a.b": 3}
            row["yes"] = True
            if not old:  # whose engine breaks over it
                row["big"] = 2**70
        if step == 3:
            row |= {"hist": wandb.Histogram(np_histogram=([1, 2], [0, 1, 2])), "html": wandb.Html("<b>hi</b>"),
                    "table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])}
        run.log(row)
        print("line", step)
        time.sleep(0.05)
    for percent in range(0, 101, 10):
        sys.stderr.write(f"\\rprogress {percent}%")
        sys.stderr.flush()
        time.sleep(0.02)
    sys.stderr.write("\\n")
    print("multi\\nline")
    run.summary["best"] = {"v": 1, "w": {"z": 2}}
    run.summary["loss"] = 0.05
    pathlib.Path("saved.txt").write_text("saved content")
    pathlib.Path("sub").mkdir()
    pathlib.Path("sub/deep.bin").write_bytes(bytes(range(256)))
    run.save("saved.txt", policy="now")
    run.save("sub/deep.bin", base_path=".", policy="end")
    for number in range(2):
        artifact = wandb.Artifact("data", type="dataset", description="words",
                                  metadata={"k": [1, {"z": None}], "n": 1.5})
        artifact.add_file("saved.txt", name="dir/saved.txt")
        pathlib.Path("number.txt").write_text(str(number))
        artifact.add_file("number.txt")
        artifact.add_reference("http://localhost:9/none.bin", name="ref.bin", checksum=False)
        run.log_artifact(artifact, aliases=["best", f"number-{number}"])
    try:
        run.use_artifact("data:best")
    except (TypeError, wandb.Error):
        print("nothing is used offline")
    run.alert("title", "text")
    run.log({"last": 1}, step=20)
    time.sleep(1)
    run.finish(exit_code=int(os.environ["EXIT"]))
"""
# enough rows for some blocks of the log, of which the last is lost
KILLED = """
    import glob
    import os
    import signal
    import time
    import wandb

    run = wandb.init(project="offline", id="all", name="Shown", mode="offline", config={"a": 1})
    print("began")
    for step in range(2000):
        run.log({f"key{number}": step * number for number in range(10)})
    size, quiet = -1, 0
    while quiet < 20:  # until all is in the log: where it is cut is the machine's affair
        time.sleep(0.1)
        now = sum(os.path.getsize(path) for path in glob.glob("../dir/wandb/*run-*/run-*.wandb"))
        size, quiet = now, quiet + 1 if now == size else 0
    os.killpg(0, signal.SIGKILL)
"""
# two processes of one run
PARTS = """
    import time
    import wandb

    for part in range(2):
        with wandb.init(project="offline", id="all", mode="offline", resume="allow", name=f"name{part}",
                        config={"part": part, f"only{part}": 1}, tags=[f"tag{part}"]) as run:
            for step in range(3):
                run.log({"x": part * 100 + step}, step=part * 2 + step)
            print("part", part)
            run.summary[f"of{part}"] = part
        time.sleep(1.1)  # folders are named by the second
"""
MANY = """
    import wandb

    for number in range(20):
        with wandb.init(project="offline", mode="offline") as run:
            for step in range(1000):
                run.log({f"key{key}": step * key + 0.5 for key in range(5)})
"""
_SYNC = """
    import subprocess
    import sys

    subprocess.run([sys.executable, "-m", "wandb", "sync", *{folders}], check=True)
"""
_RUN = """{ project(name: "offline", entityName: "local") { run(name: "all") {
  displayName notes tags group jobType host state exitcode sweepName commit createdAt heartbeatAt
  config summaryMetrics systemMetrics historyLineCount eventsLineCount logLineCount
  history(samples: 100000) events(samples: 100000) historyKeys
  logLines(first: 10000) { edges { node { line level timestamp } } }
  files(first: 1000) { edges { node { name md5 sizeBytes mimetype } } }
  outputArtifacts(first: 100) { edges { node { digest description metadata state size fileCount versionIndex
    artifactType { name } artifactSequence { name } aliases { alias } files(first: 100) { edges { node {
      name digest sizeBytes } } } } } } } } }"""
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def folders_of(finished: Finished) -> list[Path]:
    return sorted((finished.folder / "dir" / "wandb").glob("offline-run-*"))


def sync(version: str, server: Server, tmp_path: Path, folders: Sequence[Path]) -> None:
    """By the wandb of this version, in the order of their names."""
    done = run_script(version, server, tmp_path, _SYNC.replace("{folders}", repr([str(folder) for folder in folders])))
    assert done.returncode == 0, str(done)


def dumbbell(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    """A command of the server, with the key of tests."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("DUMBBELL_")}
    return subprocess.run([sys.executable, "-m", "dumbbell_server", *map(str, arguments)], check=False, timeout=120,
                          capture_output=True, text=True, env=outer | {"DUMBBELL_API_KEY": API_KEY} | env)


def answers(server: Server) -> dict[str, Any]:
    """All that clients read of the run, its texts parsed."""
    client = Client(server)
    answer = client.post("/graphql", {"query": _RUN})
    assert "errors" not in answer, answer
    run: dict[str, Any] = answer["data"]["project"]["run"]
    client.close()
    for name in ("config", "summaryMetrics", "systemMetrics"):
        run[name] = json.loads(run[name])
    run |= {name: [json.loads(line) for line in run[name]] for name in ("history", "events")}
    nodes = {name: [edge["node"] for edge in run[name]["edges"]] for name in ("logLines", "files", "outputArtifacts")}
    run["logLines"] = [(line["level"], _ESCAPES.sub("", line["line"]).rstrip()) for line in nodes["logLines"]]
    run["files"] = {file.pop("name"): file for file in nodes["files"]}
    for version in nodes["outputArtifacts"]:
        version["files"] = {edge["node"].pop("name"): edge["node"] for edge in version["files"]["edges"]}
        version["aliases"] = sorted(alias["alias"] for alias in version["aliases"])
    run["outputArtifacts"] = sorted(nodes["outputArtifacts"], key=lambda version: str(version["digest"]))
    return run
