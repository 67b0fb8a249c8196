"""A project of a running server as the folder of a fixture."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dumbbell.errors import NotFoundError
from dumbbell_server.artifact_files.digests import hex_of
from dumbbell_server.errors import BadInput, Conflict
from dumbbell_server.moving.options import Options
from dumbbell_server.moving.pull import Pulled, pull
from dumbbell_server.seeding.form.reading import read_fixture
from support import moving
from support.moving import PATH, collection_document, command, document, run_document, tree, twisted
from support.server import STILL, Server, start_server

_ALL = Options()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("pulled")
    with start_server(folder, **STILL) as started:
        moving.rich(started, folder / "made")
        yield started


@pytest.fixture(scope="module")
def whole(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of the project; not to be changed."""
    root = tmp_path_factory.mktemp("whole") / "out"
    assert pulled(server, root).left_out == []
    return root


def pulled(server: Server, root: Path, options: Options = _ALL) -> Pulled:
    with moving.api_of(server) as api:
        return pull(api, *PATH.split("/"), root, options)


def test_a_folder_is_a_fixture_with_all_there_is(whole: Path) -> None:
    projects = [project for read in read_fixture(whole).documents for project in read.document.projects]
    runs = {run.id for project in projects for run in project.runs}
    assert runs == {*(f"r{number}" for number in range(8)), "s0", "s1", "s2", "nan", "forked"}
    views = [(view.type, view.name) for project in projects for view in project.reports]
    assert sorted(views) == [("project-view", "w"), *(("runs", f"report {n}") for n in range(3)), ("runs/draft", "w")]
    names = {collection.name: len(collection.versions) for project in projects for collection in project.artifacts}
    assert names == {"data": 3, "weights": 1, "pointing": 1, "tables": 1, "joined": 1, "large": 1, "picked": 0}
    assert [user.name for read in read_fixture(whole).documents for user in read.document.users] == ["local"]


def test_lines_are_those_that_were_sent(whole: Path) -> None:
    assert (whole / PATH / "runs/nan/history.jsonl").read_text().splitlines() == moving.NAN_ROWS
    own = (whole / PATH / "runs/forked/history.jsonl").read_text().splitlines()
    assert [json.loads(line)["_step"] for line in own] == [11, 12, 13]
    assert run_document(whole, "forked")["fork"] == {"run": "r0", "step": 10}
    console = (whole / PATH / "runs/nan/output.log").read_text().splitlines()
    assert console[1] == moving.CONSOLE[1]
    assert [json.loads(console[number]) for number in (0, 2)] == [json.loads(moving.CONSOLE[n]) for n in (0, 2)]
    assert len((whole / PATH / "runs/r0/system.jsonl").read_text().splitlines()) == 6


def test_facts_of_runs(whole: Path) -> None:
    run = run_document(whole, "nan")
    assert {name: run.get(name) for name in ("state", "exitcode", "host", "commit", "tags", "user", "notes")} == {
        "state": "failed", "exitcode": 3, "host": "box", "commit": "c0ffee", "tags": ["ü"], "user": "local",
        "notes": None}
    reader = run_document(whole, "r1")
    assert [use["artifact"] for use in reader["uses"]] == [f"{PATH}/data:v{number}" for number in range(3)]
    assert run_document(whole, "s0")["sweep"] == document(
        whole / PATH / "project.dumbbell.json", "projects", 0, "sweeps", 0, "name")
    assert '"desc": null' in run_document(whole, "r0")["config_json"]


def test_bytes_lie_by_their_digest(whole: Path) -> None:
    files = run_document(whole, "r0")["files"]
    assert set(files) == {"empty.txt", "media/images/a b#1.bin", "note.txt", "wandb-metadata.json"}
    blob = files["note.txt"]["blob"]
    assert (whole / "blobs" / blob[:2] / blob).read_bytes() == b"hello"
    manifest = document(whole / PATH / "artifacts/data/v1.manifest.json", "contents")
    for path, entry in manifest.items():
        digest = hex_of(entry["digest"])
        assert digest is not None
        assert (whole / "blobs" / digest[:2] / digest).stat().st_size == entry["size"], path


def test_facts_of_artifacts(whole: Path) -> None:
    data = collection_document(whole, "data")
    assert (data["description"], data["tags"]) == ("what we have", ["curated"])
    second = data["versions"][1]
    assert (second["index"], second["aliases"], second["ttl_seconds"], second["run"]) == (
        1, ["was1"], 30 * 86400, "r0")
    assert [(link["version"], link["index"], link["aliases"]) for link in collection_document(whole, "picked")[
        "links"]] == [(f"{PATH}/data:v1", 0, ["chosen"]), (f"{PATH}/data:v2", 1, ["latest"])]
    joined = (whole / PATH / "artifacts/joined/v0.manifest.json").read_text()
    number = data["versions"][2]["row"]
    assert f"wandb-artifact://{f'Artifact:{number}'.encode().hex()}/a.txt" in joined


def test_again_changes_nothing_and_asks_for_no_history(server: Server, tmp_path: Path) -> None:
    pulled(server, tmp_path / "out")
    before = tree(tmp_path / "out")
    with twisted(server) as (api, way):
        pull(api, *PATH.split("/"), tmp_path / "out", _ALL)
    assert tree(tmp_path / "out") == before
    assert not {"PulledRun", "PulledHistory", "PulledContent", "PulledFiles"} & set(way.asked)
    assert "PulledRuns" in way.asked


def test_what_changed_is_fetched_again_and_what_is_gone_goes(tmp_path: Path) -> None:
    with start_server(tmp_path, **STILL) as server, moving.api_of(server) as api:
        for name in ("a", "b", "gone"):
            moving.upsert(api, name)
            moving.stream(server, name, moving.lines("wandb-history.jsonl", ['{"_step":0}']))
        pulled(server, tmp_path / "out")
        moving.stream(server, "b", {"files": {"wandb-history.jsonl": {"offset": 1, "content": ['{"_step":1}']}}})
        api.run(f"{PATH}/gone").delete()
        with twisted(server) as (watched, way):
            pull(watched, *PATH.split("/"), tmp_path / "out", _ALL)
        assert {variables["name"] for name, variables in way.variables if name == "PulledRun"} == {"b"}
        assert (tmp_path / "out" / PATH / "runs/b/history.jsonl").read_text() == '{"_step":0}\n{"_step":1}\n'
        pulled(server, tmp_path / "fresh")
        assert tree(tmp_path / "out") == tree(tmp_path / "fresh")


def test_a_folder_is_of_one_pull(server: Server, tmp_path: Path) -> None:
    pulled(server, tmp_path / "out", Options(max_runs=1))
    with pytest.raises(Conflict, match="with other options: --max-runs, --samples"):
        pulled(server, tmp_path / "out", Options(max_runs=2, samples=3))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(Conflict, match="holds no pull that could go on"):
        pulled(server, tmp_path / "mine")
    assert tree(tmp_path / "mine") == {"letter.txt": b"dear"}
    with moving.api_of(server) as api, pytest.raises(NotFoundError, match="there is no project local/none"):
        pull(api, "local", "none", tmp_path / "none", _ALL)
    with pytest.raises(BadInput, match=r"--filters '\[\]' is no JSON object"):
        pulled(server, tmp_path / "other", Options(filters="[]"))


def test_only_what_is_wanted(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "out"
    wanted = Options(filters='{"jobType": "train"}', order="+created_at", max_runs=2, samples=7)
    done = pulled(server, root, wanted)
    assert done.runs == 2
    assert {path.name for path in (root / PATH / "runs").iterdir()} == {"r0", "r1"}
    assert len((root / PATH / "runs/r0/history.jsonl").read_text().splitlines()) == 7
    assert "run" not in collection_document(root, "large")["versions"][0]  # r2 logged it
    read_fixture(root)


@pytest.mark.parametrize(("wanted", "gone"), [
    (Options(history=False), "history system"), (Options(files=False), "files"), (Options(console=False), "console"),
    (Options(artifacts=False), "uses")])
def test_without(server: Server, whole: Path, tmp_path: Path, wanted: Options, gone: str) -> None:
    pulled(server, tmp_path / "out", wanted)
    for name in ("r0", "r1"):
        rest = {key: value for key, value in run_document(whole, name).items() if key not in gone.split()}
        assert run_document(tmp_path / "out", name) == rest


def test_large_versions_are_left_out_with_what_names_them(server: Server, tmp_path: Path) -> None:
    done = pulled(server, tmp_path / "out", Options(max_artifact_size=11_000))
    assert [line for line in done.left_out if "large" in line] == [
        "artifact large:v0 is left out: it has 2097152 bytes, more than --max-artifact-size 11000"]
    done = pulled(server, tmp_path / "least", Options(max_artifact_size=10_245))
    assert f"run r1: that it used {PATH}/data:v0 is left out, since that is not in the folder" in done.left_out
    assert f"artifact picked: the link to {PATH}/data:v1 is left out, since that is not in the folder" in done.left_out
    read_fixture(tmp_path / "least")
    assert pulled(server, tmp_path / "least", Options(max_artifact_size=10_245)).left_out == done.left_out


def test_a_pull_that_is_killed_goes_on(server: Server, whole: Path, tmp_path: Path,
                                       request: pytest.FixtureRequest) -> None:
    chance = random.Random(13)
    wanted = tree(whole)
    kills = 20 if request.config.getoption("--soak") else 2
    began = time.monotonic()
    _ended(command("pull", "--from", server.base_url, PATH, str(tmp_path / "timed"), key=server.api_key))
    whole_time = time.monotonic() - began
    root = tmp_path / "out"
    for _ in range(kills):
        process = command("pull", "--from", server.base_url, PATH, str(root), key=server.api_key)
        time.sleep(whole_time * chance.uniform(0.3, 0.95))
        process.kill()
        process.communicate()
    _ended(command("pull", "--from", server.base_url, PATH, str(root), key=server.api_key))
    assert tree(root) == wanted


def _ended(process: Any) -> None:
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said.decode()


def test_a_cut_within_any_part_is_mended(server: Server, whole: Path, tmp_path: Path) -> None:
    """The way breaks after each number of requests."""
    root, wanted, cuts = tmp_path / "out", tree(whole), 0
    for number in range(5, 2000, 9):
        with twisted(server) as (api, way):
            way.bytes = way.data = _breaking(number)
            try:
                pull(api, *PATH.split("/"), root, _ALL)
            except ZeroDivisionError:
                cuts += 1
                continue
        break
    assert cuts > 3
    assert tree(root) == wanted


def _breaking(number: int) -> Callable[[str, Any], Any]:
    left = [number]

    def told(_: str, what: Any) -> Any:
        left[0] -= 1
        return what if left[0] > 0 else 1 // 0
    return told


LACKING = ("updatedAt access isPublished views repo framework dockerImage description group jobType sweepName commit "
           "host exitcode stopped historyKeys eventsLineCount logLineCount fileCount logLines events email allViews "
           "controller scheduler heartbeatAt agents createdBy artifactMemberships historyStep ttlDurationSeconds "
           "labels mimetype url inputArtifacts outputArtifacts md5 historyLineCount").split()


def test_a_server_that_lacks_fields_gives_the_rest(server: Server, whole: Path, tmp_path: Path) -> None:
    with twisted(server) as (api, way):
        way.unknown = set(LACKING) - {"description", "heartbeatAt", "createdAt"}
        done = pull(api, *PATH.split("/"), tmp_path / "out", _ALL)
    assert done.runs == 13
    assert done.left_out == []
    rows = tree(tmp_path / "out")[f"{PATH}/runs/nan/history.jsonl"]
    assert rows == tree(whole)[f"{PATH}/runs/nan/history.jsonl"]
    assert "uses" not in run_document(tmp_path / "out", "r1")
    assert run_document(tmp_path / "out", "r0")["files"]["note.txt"] == {
        "blob": run_document(whole, "r0")["files"]["note.txt"]["blob"]}
    read_fixture(tmp_path / "out")


def _renamed(operation: str, old: str, new: str) -> Callable[[str, Any], Any]:
    def change(asked: str, data: Any) -> Any:
        return json.loads(json.dumps(data).replace(f'"{old}"', f'"{new}"')) if asked == operation else data
    return change


@pytest.mark.parametrize(("operation", "old", "new", "said"), [
    ("PulledFiles", "note.txt", "../../note.txt", "run r0: file '../../note.txt'"),
    ("PulledFiles", "note.txt", "/etc/passwd", "run r0: file '/etc/passwd'"),
    ("PulledRuns", "r3", "../r3", "run ../r3"),
    ("PulledRuns", "r3", "r?3", "run r?3"),
    ("PulledCollections", "large", "../up", "artifact ../up"),
    ("PulledRun", "r0", "r9", "run r0 is left out: the server answers with 'r9'"),
])
def test_names_that_lead_elsewhere_are_refused(server: Server, tmp_path: Path, operation: str, old: str, new: str,
                                               said: str) -> None:
    with twisted(server) as (api, way):
        way.data = _renamed(operation, old, new)
        try:
            lines = pull(api, *PATH.split("/"), tmp_path / "deep" / "out", _ALL).left_out
        except NotFoundError as error:
            lines = [str(error).replace("there is no run ", "run ").replace("'", "")]
    assert any(line.startswith(said) for line in lines), lines
    assert {path.name for path in tmp_path.iterdir()} == {"deep"}
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"out"}
    assert not any(".." in name.split("/") for name in tree(tmp_path))


def test_bytes_that_are_not_those_announced_are_refused(server: Server, tmp_path: Path) -> None:
    with twisted(server) as (api, way):
        way.bytes = lambda _, content: b"jello" if content == b"hello" else content
        done = pull(api, *PATH.split("/"), tmp_path / "out", _ALL)
    assert any(line.startswith("run r0: file 'note.txt' is left out: ") for line in done.left_out)
    assert any(line.startswith("artifact data:v0 is left out: 'a.txt'") for line in done.left_out), done.left_out
    assert b"jello" not in tree(tmp_path / "out").values()
    read_fixture(tmp_path / "out")


def test_sizes_that_lie_are_refused(server: Server, tmp_path: Path) -> None:
    def lying(asked: str, data: Any) -> Any:
        if asked == "PulledFiles":
            for edge in data["project"]["run"]["files"]["edges"]:
                edge["node"]["sizeBytes"] = 3
        return data
    with twisted(server) as (api, way):
        way.data = lying
        done = pull(api, *PATH.split("/"), tmp_path / "out", Options(artifacts=False))
    assert any("file 'note.txt' is left out: " in line for line in done.left_out)
    assert "files" not in run_document(tmp_path / "out", "r0")


def test_manifests_that_lead_out_or_say_nonsense_are_refused(server: Server, tmp_path: Path) -> None:
    with twisted(server) as (api, way):
        way.bytes = lambda _, content: content.replace(b'"w.bin"', b'"../w.bin"').replace(
            b'"preds.table.json":{"digest":"', b'"preds.table.json":{"digest":"no')
        done = pull(api, *PATH.split("/"), tmp_path / "out", _ALL)
    said = "\n".join(done.left_out)
    assert "artifact weights:v0 is left out: manifest entry '../w.bin': its path leads out of the artifact" in said
    assert "artifact tables:v0 is left out: manifest entry 'preds.table.json': its digest is no base64 MD5" in said


def test_a_list_without_end_ends(server: Server, tmp_path: Path) -> None:
    cursors: list[str] = []

    def endless(asked: str, data: Any) -> Any:
        if asked == "PulledRuns":
            cursors.append(data["project"]["runs"]["pageInfo"]["endCursor"])
            data["project"]["runs"]["pageInfo"] = {"endCursor": cursors[0], "hasNextPage": True}
        return data
    with twisted(server) as (api, way):
        way.data = endless
        assert pull(api, *PATH.split("/"), tmp_path / "out", _ALL).runs == 13
        assert way.asked.count("PulledRuns") == 2


def test_the_command(server: Server, tmp_path: Path) -> None:
    process = command("pull", "--from", server.base_url, PATH, str(tmp_path / "out"), "--max-artifact-size", "11kB",
                      key=server.api_key)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out.decode() == f"{tmp_path / 'out'} has 13 runs and 7 artifact versions of {PATH}.\n"
    assert "artifact large:v0 is left out" in err.decode()
    process = command("pull", "--from", server.base_url, "seeded", str(tmp_path / "out"), key=server.api_key)
    assert process.communicate(timeout=60)[1] == b"dumbbell: 'seeded' is no project; write ENTITY/PROJECT\n"
    assert process.returncode == 2
