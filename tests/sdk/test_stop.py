"""A run is stopped from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.sdk import run_script
from support.server import start_server

STOPPED_SCRIPT = """
    import base64, json, os, signal, time, urllib.request
    import wandb

    signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background ignores it

    def ask(query):
        key = base64.b64encode(("api:" + os.environ["WANDB_API_KEY"]).encode()).decode()
        request = urllib.request.Request(
            os.environ["WANDB_BASE_URL"] + "/graphql", data=json.dumps({"query": query}).encode(),
            headers={"Authorization": "Basic " + key})
        return json.loads(urllib.request.urlopen(request).read())["data"]

    wandb.init(project="stopped", id="long")
    node = ask('{ project(name: "stopped") { run(name: "long") { id } } }')["project"]["run"]["id"]
    assert ask('mutation { stopRun(input: {id: "%s"}) { success } }' % node)["stopRun"]["success"]
    try:
        for step in range(900):
            wandb.log({"step": step})
            time.sleep(0.1)
    except KeyboardInterrupt:  # not left to the interpreter's end, where the SDK now and then waits for itself
        print("interrupted")
        wandb.finish(exit_code=255)
"""


@pytest.mark.sdk
def test_a_stopped_run_interrupts_its_script(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        finished = run_script("0.31.0", server, tmp_path, STOPPED_SCRIPT)
        assert finished.line("interrupted"), finished
        state = run_script("0.31.0", server, tmp_path, """
            import wandb
            print("state", wandb.Api().run("stopped/long").state)
        """)
    assert state.line("state") in {"state killed", "state failed"}, state
