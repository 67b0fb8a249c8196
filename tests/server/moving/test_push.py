"""A folder into a server over the protocol alone."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dumbbell_server.errors import BadInput
from dumbbell_server.moving.options import Options
from dumbbell_server.moving.pull import Pulled, pull
from dumbbell_server.moving.push import push
from support import moving
from support.moving import PATH, collection_document, command, document, run_document, tree, twisted
from support.server import STILL, Server, start_server

PLACE = ("local", "seeded")
# what is the server's own to say: times, numbers in ids, ids of sweeps, hashes of commits
OWN = {"created", "updated", "heartbeat", "joined", "row", "member_row", "commit"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pull of the project; not to be changed."""
    folder = tmp_path_factory.mktemp("first")
    with start_server(folder, **STILL) as started:
        moving.rich(started, folder / "made")
        pulled(started, folder / "out")
    return folder / "out"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "server").mkdir()
    with start_server(tmp_path / "server", **STILL) as started:
        yield started


def pulled(server: Server, root: Path) -> Path:
    with moving.api_of(server) as api:
        assert pull(api, *PLACE, root, Options()).left_out == []
    return root


def pushed(server: Server, root: Path) -> Pulled:
    with moving.api_of(server) as api:
        return push(api, root, None, *PLACE)


def without_own(found: Any, sweeps: dict[str, str]) -> Any:
    """A document without what is the server's own; sweeps go by their title."""
    if isinstance(found, list):
        return [without_own(each, sweeps) for each in found]
    if not isinstance(found, dict):
        return sweeps.get(found, found) if isinstance(found, str) else found
    return {key: without_own(value, sweeps) for key, value in found.items() if key not in OWN}


def content(root: Path) -> dict[str, Any]:
    """All of a folder, without what is the server's own."""
    sweeps = {sweep["name"]: json.loads(sweep["config_yaml"])["name"]
              for sweep in document(root / PATH / "project.dumbbell.json", "projects", 0, "sweeps")}
    found: dict[str, Any] = {}
    for name, data in tree(root).items():
        if name.endswith(".dumbbell.json"):
            found[name] = without_own(json.loads(data), sweeps)
        elif name.endswith(".manifest.json"):
            entries = json.loads(data)["contents"].items()
            found[name] = {path: {key: value for key, value in entry.items() if key in {"digest", "size"}}
                           for path, entry in entries}
        elif not name.endswith((".pulled", ".pull.json")):
            found[name] = data
    return found


def test_what_is_pushed_is_what_was_pulled(server: Server, whole: Path, tmp_path: Path) -> None:
    done = pushed(server, whole)
    assert (done.runs, done.versions, done.left_out) == (13, 8, [])
    assert content(pulled(server, tmp_path / "back")) == content(whole)


def test_twice_changes_nothing(server: Server, whole: Path, tmp_path: Path) -> None:
    pushed(server, whole)
    before = tree(pulled(server, tmp_path / "once"))
    with twisted(server) as (api, way):
        assert push(api, whole, None, *PLACE).left_out == []
    after = tree(pulled(server, tmp_path / "twice"))
    changed = {name for name in before if before[name] != after.get(name)}
    assert changed <= {name for name in before if "/artifacts/" in name or name.endswith("project.dumbbell.json")}
    assert content(tmp_path / "once") == content(tmp_path / "twice")
    assert not {"UpsertBucket", "UpsertSweep", "UpsertView", "CreateRunFiles", "CreateArtifactFiles"} & set(way.asked)


def test_references_lead_to_the_new_ids(server: Server, whole: Path, tmp_path: Path) -> None:
    with moving.api_of(server) as api:  # takes numbers, so that the new ones differ
        moving.upsert(api, "other")
        run = api.run(f"{PATH}/other")
        for name in ("x", "y"):
            run.log_artifact(_small(name))
        push(api, whole, None, *PLACE)
        joined = api.artifact(f"{PATH}/joined:v0")
        data = api.artifact(f"{PATH}/data:v2")
        place = Path(joined.get_entry("linked/a.txt").download(str(tmp_path / "files")))
        assert place.read_text() == "hello"
        number = collection_document(whole, "data")["versions"][2]["row"]
        old = f"wandb-artifact://{f'Artifact:{number}'.encode().hex()}/"
        assert not any(str(entry.ref).startswith(old) for entry in joined.manifest.entries.values())
        assert [used.name for used in data.used_by()] == ["run 1"] or [used.id for used in data.used_by()] == ["r1"]


def _small(name: str) -> Any:
    import dumbbell  # noqa: PLC0415 - only here

    artifact = dumbbell.Artifact(name, "other")
    with artifact.new_file("a.txt") as file:
        file.write(name)
    return artifact


def test_a_push_that_was_cut_goes_on(server: Server, whole: Path, tmp_path: Path) -> None:
    cuts = 0
    for number in itertools.count(4, 11):
        left = [number]

        def told(_: str, what: Any, left: list[int] = left) -> Any:
            left[0] -= 1
            return what if left[0] > 0 else 1 // 0
        with twisted(server) as (api, way):
            way.data = way.bytes = told
            try:
                done = push(api, whole, None, *PLACE)
            except ZeroDivisionError:
                cuts += 1
                continue
        break
    assert cuts > 5
    assert done.left_out == []
    assert content(pulled(server, tmp_path / "back")) == content(whole)


def test_states_exit_codes_and_sweeps(server: Server, tmp_path: Path) -> None:
    states = {"finished": 0, "failed": 7, "crashed": None, "killed": None, "running": None, "pending": None}
    runs = [{"id": f"run-{state}", "state": state} | ({"exitcode": code} if code is not None else {})
            for state, code in states.items()]
    sweeps = [{"name": f"s{number}", "state": state, "config": {"method": "grid", "name": state, "parameters": {
        "x": {"values": [1]}}}} for number, state in enumerate(["PENDING", "RUNNING", "PAUSED", "FINISHED",
                                                                "CANCELED"])]
    folder = tmp_path / "hand.dumbbell.json"
    folder.write_text(json.dumps({"projects": [{"entity": "local", "name": "p", "runs": runs, "sweeps": sweeps}]}))
    for time in range(2):
        pushed(server, folder)
        back = pulled(server, tmp_path / f"back{time}")
        found = {name: run_document(back, f"run-{name}") for name in states}
        assert {name: (run["state"], run.get("exitcode")) for name, run in found.items()} == {
            name: (name, code) for name, code in states.items()}
        there = document(back / PATH / "project.dumbbell.json", "projects", 0, "sweeps")
        assert {json.loads(sweep["config_yaml"])["name"]: sweep["state"] for sweep in there} == {
            sweep["config"]["name"]: sweep["state"] for sweep in sweeps}


def test_a_fixture_by_hand(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "hand.dumbbell.json"
    run = {"id": "a", "config": {"lr": 0.1}, "summary": {"loss": 1}, "history": [{"loss": 2}, {"loss": 1}],
           "console": ["hello"], "files": {"a.txt": "text", "b.json": {"json": [1]}, "c.bin": {"random": 10}}}
    drawn = {"id": "b", "history": {"rows": 3, "keys": {"loss": "step"}}}
    folder.write_text(json.dumps({"projects": [{"entity": "e", "name": "p", "runs": [run, drawn]}]}))
    assert pushed(server, folder).left_out == [
        "run a: file 'c.bin' is left out: it is made as a fixture is seeded; push an export",
        "run b: its history is left out: it is made as a fixture is seeded; push an export"]
    with moving.api_of(server) as api:
        found = api.run(f"{PATH}/a")
        assert (found.config, found.summary["loss"], found.state) == ({"lr": 0.1}, 1, "finished")
        assert [row["loss"] for row in found.scan_history()] == [2, 1]
        assert {file.name for file in found.files()} == {"a.txt", "b.json"}


def test_the_command(server: Server, whole: Path, tmp_path: Path) -> None:
    process = command("push", str(whole), PATH, "--to", server.base_url, key=server.api_key)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out.decode()) == (0, f"{PATH} has 13 runs and 8 artifact versions of {whole}.\n"), err
    process = command("push", str(tmp_path / "none"), PATH, "--to", server.base_url, key=server.api_key)
    assert b"neither a fixture that is shipped" in process.communicate(timeout=60)[1]
    with moving.api_of(server) as api, pytest.raises(BadInput, match="holds no project a/b; it holds local/seeded"):
        push(api, whole, ("a", "b"), *PLACE)
