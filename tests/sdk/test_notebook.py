"""Runs shown in a real notebook: what the frames that wandb makes lead to."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from support.sdk import Finished, run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

PACKAGES = ("nbclient", "ipykernel")
# What a person writes, cell by cell; a kernel of Jupyter runs it and keeps what each cell shows.
CELLS = [
    """import wandb
run = wandb.init(project="shown", id="r")
run.log({"loss": 0.5})
run""",
    "run.finish()",
    """%%wandb
with wandb.init(project="shown", id="of a cell".replace(" ", "-")) as inner:
    inner.log({"loss": 0.25})""",
    'wandb.Api().run("local/shown/r")',
    'wandb.Api().project("shown", "local")',
    "%wandb local/shown/runs/r",
]
NOTEBOOK = f"""
    import json
    import pathlib
    import jupyter_client
    import nbclient
    import nbformat

    # by its name wandb knows Jupyter: wandb 0.31.0 sdk/lib/ipython.py:_get_python_type
    folder = pathlib.Path("jupyter").absolute()
    folder.mkdir()
    kernel = jupyter_client.AsyncKernelManager(kernel_name="python3", connection_file=str(folder / "kernel.json"))
    cells = {CELLS!r}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, km=kernel, timeout=120).execute()
    print("READ " + json.dumps([
        "".join(str(output.get("data", {{}}).get("text/html", "")) for output in cell.outputs)
        for cell in notebook.cells]))
"""
FRAME = re.compile(r"<iframe src=['\"]([^'\"]+)['\"]")


def shown(finished: Finished) -> list[list[str]]:
    """The addresses of the frames of each cell."""
    assert finished.returncode == 0, str(finished)
    return [FRAME.findall(html) for html in json.loads(finished.line("READ ").removeprefix("READ "))]


def get(url: str) -> Any:
    """As a browser asks for a frame in a page of Jupyter, which has another port of the same host."""
    request = urllib.request.Request(url, headers={
        "accept": "text/html", "sec-fetch-dest": "iframe", "sec-fetch-mode": "navigate", "sec-fetch-site": "same-site"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status, answer.headers, answer.read().decode()


def test_a_run_is_shown_in_a_notebook(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        frames = shown(run_script("0.31.0", server, tmp_path, NOTEBOOK, timeout=240, packages=PACKAGES))
        run, inner = (f"{server.base_url}/local/shown/runs/{name}?jupyter=true" for name in ("r", "of-a-cell"))
        project = f"{server.base_url}/local/shown/workspace?jupyter=true"
        assert frames == [[run], [], [inner], [run], [project], [run]]
        for url, said in ((run, "0.5"), (inner, "0.25"), (project, "/local/shown/runs/r")):
            status, headers, text = get(url)
            assert (status, said in text) == (200, True)
            policy = headers["content-security-policy"]
            assert "http://localhost:*" in policy.partition("frame-ancestors")[2]
            assert "; sandbox allow-popups" in policy
            assert headers["x-frame-options"] is None  # it would outvote the policy in old browsers
