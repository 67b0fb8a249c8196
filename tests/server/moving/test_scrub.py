"""Nothing of what a scrub was told of is left in any byte of a folder, and the folder is still a fixture."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from dumbbell_server.artifact_files import manifests
from dumbbell_server.errors import BadInput, Conflict
from dumbbell_server.moving.options import Options
from dumbbell_server.moving.scrub import pseudonyms
from dumbbell_server.moving.scrub.folders import scrub_folder
from dumbbell_server.moving.scrub.pseudonyms import Pseudonyms, tree_pattern
from dumbbell_server.moving.scrub.words import wanted
from dumbbell_server.moving.scrubbed_pull import scrubbed_pull
from dumbbell_server.seeding.form.folder import Folder, write_document
from dumbbell_server.seeding.form.reading import read_fixture
from support import moving
from support.moving import PATH, command, tree
from support.server import STILL, start_server

ALL = wanted("names,hosts,emails,paths", ["wb_user", "opt.owner", "secret_number"], ["Project Zeus"])
GONE = ["marieke", "Marieke", "vandenberg", "VANDENBERG", "jürgen", "J\\u00fcrgen", "gpu-box-7",
        "gpu-box-7.lab.example", "marieke@lab.example", "someone.else@corp.example", "/home/mvdb", "mvdb",
        "/data/secret/train.py",
        "hunter2hunter2", "keeper-of-keys", "zeus", "424242", "Users\\\\marieke", "otherhome"]
METADATA = {"os": "Linux", "host": "gpu-box-7.lab.example", "username": "mvdb",
            "executable": "/home/mvdb/env/bin/python",
            "root": "/home/mvdb/work", "program": "/data/secret/train.py", "email": "marieke@lab.example",
            "args": ["--user=hunter2hunter2", "--out=/home/mvdb/work/out"], "wb_user": "hunter2hunter2",
            "git": {"remote": "https://github.com/mvandenberg/zoo.git", "commit": "abc"}}
CONFIG = {"wb_user": {"value": "hunter2hunter2"}, "opt": {"value": {"owner": "keeper-of-keys", "lr": 0.1}},
          "secret_number": {"desc": None, "value": 424242}, "_wandb": {"value": {"t": {"1": [1]}}}}
YAML = "wb_user:\n  desc: null\n  value: hunter2hunter2\nsecret_number:\n  value: 424242\nlr:\n  value: 0.1\n"
ROWS = ['{"_step": 0, "_timestamp": 1.7e9, "loss": NaN, "who": "J\\u00fcrgen", "marieke/loss": 1}',
        '{"_step": 1, "path": "C:\\\\Users\\\\marieke\\\\x", "note": "a\\nmarieke@lab.example", "n": "a\\nora"}']


class Made:
    """A folder with people in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = Folder(root)

    def blob(self, data: bytes) -> str:
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        place = self.folder.blob(md5)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return md5


def b64(md5: str) -> str:
    return base64.b64encode(bytes.fromhex(md5)).decode()


@pytest.fixture
def made(tmp_path: Path) -> Made:
    made = Made(tmp_path / "out")
    picture = b"\x89PNG\x00\xffmade by Marieke\x00\xff"
    table = json.dumps({"columns": ["who", "image"], "data": [["jürgen", {
        "_type": "image-file", "sha256": hashlib.sha256(picture).hexdigest(), "size": len(picture),
        "path": "media/marieke.png"}]]}).encode()
    _accounts(made)
    _run(made, picture)
    _artifacts(made, picture, table)
    return made


def _accounts(made: Made) -> None:
    write_document(made.root / "accounts.dumbbell.json", {
        "users": [{"name": "marieke", "full_name": "Marieke Vandenberg", "email": "marieke@lab.example"},
                  {"name": "juergen", "full_name": "Jürgen Li"}],
        "teams": [{"name": "lab", "members": {"marieke": "admin", "juergen": "member"}}]})


def _run(made: Made, picture: bytes) -> None:
    place = made.folder.run_file("lab", "p", "marieke-1")
    files = {"config.yaml": YAML.encode(), "wandb-metadata.json": json.dumps(METADATA).encode(),
             "media/marieke.png": picture, "plain.txt": b"nothing to see",
             "log.txt": b"[see] C:\\nora\\x /Users/otherhome/y someone.else@corp.example"}
    run = {"id": "marieke-1", "user": "marieke", "name": "by Marieke", "host": "gpu-box-7", "state": "finished",
           "program": "/data/secret/train.py", "repo": "git@github.com:mvandenberg/zoo.git", "group": "Project Zeus",
           "config_json": json.dumps(CONFIG), "summary_json": json.dumps({"who": "Jürgen", "loss": 1}),
           "history": {"lines": "history.jsonl"}, "console": {"lines": "output.log"},
           "uses": [{"artifact": "lab/p/marieke-data:v0"}],
           "files": {name: {"blob": made.blob(data)} for name, data in files.items()}}
    write_document(place, {"projects": [{"entity": "lab", "name": "p", "runs": [run]}]})
    (place.parent / "history.jsonl").write_text("\n".join(ROWS) + "\n")
    (place.parent / "output.log").write_text('{"content":"hello\\nmarieke"}\n[x] C:\\nora and Vandenberg\n')
    (place.parent / ".pulled").write_text("marieke")


def _artifacts(made: Made, picture: bytes, table: bytes) -> None:
    place = made.folder.collection_file("lab", "p", "marieke-data")
    entries = {"t.table.json": table, "media/marieke.png": picture, "plain.txt": b"nothing to see"}
    contents: dict[str, Any] = {name: {"digest": b64(made.blob(data)), "size": len(data)}
                                for name, data in entries.items()}
    contents["ref"] = {"digest": "s3://marieke/x", "ref": "s3://marieke/x"}
    contents["same"] = {"digest": contents["t.table.json"]["digest"], "ref": "wandb-artifact://41/t.table.json",
                        "size": len(table)}
    manifest = {"version": 1, "storagePolicy": "wandb-storage-policy-v1",
                "storagePolicyConfig": {"storageLayout": "V2"}, "contents": contents}
    text = json.dumps(manifest).encode()
    version = {"index": 0, "run": "marieke-1", "manifest": "v0.manifest.json",
               "metadata_json": json.dumps({"wb_user": "hunter2hunter2", "secret_number": 424242}),
               "digest": manifests.digest(manifests.entries(manifests.parse(text)))}
    write_document(place, {"projects": [{"entity": "lab", "name": "p", "artifacts": [
        {"name": "marieke-data", "type": "dataset", "user": "juergen", "versions": [version]}]}]})
    (place.parent / "v0.manifest.json").write_bytes(text)


def left(root: Path, words: list[str]) -> list[tuple[str, str]]:
    """Where a word still stands, in any letter case: in bytes and in names."""
    return [(word, name) for name, data in tree(root).items() for word in words
            if word.lower().encode() in data.lower() or word.lower() in name.lower()]


def test_every_word_is_there_before(made: Made) -> None:
    found = {word for word, _ in left(made.root, GONE)}
    assert found == set(GONE)


def test_no_byte_and_no_name_holds_them(made: Made) -> None:
    assert scrub_folder(made.root, ALL) > 10
    assert left(made.root, GONE) == []
    assert {path.name for path in made.root.parent.iterdir()} == {"out"}
    assert not [name for name in tree(made.root) if name.endswith((".pulled", ".pull.json"))]


def test_it_is_a_fixture_as_before(made: Made) -> None:
    before = tree(made.root)
    scrub_folder(made.root, ALL)
    after = tree(made.root)
    assert len([name for name in after if name.startswith("blobs/")]) == len(
        [name for name in before if name.startswith("blobs/")])
    for name, data in after.items():
        if name.startswith("blobs/"):
            assert Path(name).name == hashlib.md5(data, usedforsecurity=False).hexdigest()
    documents = read_fixture(made.root).documents
    [run] = [run for read in documents for part in read.document.projects for run in part.runs]
    users = {user.name for read in documents for user in read.document.users}
    [team] = [team for read in documents for team in read.document.teams]
    assert run.user in users
    assert set(team.members) == users
    assert set(team.members.values()) == {"admin", "member"}
    assert (run.state, len(run.id), run.id[-2:]) == ("finished", len("marieke-1"), "-1")
    assert run.id.startswith(str(run.user))  # the same pseudonym everywhere
    config = json.loads(str(run.config_json))
    assert (config["secret_number"]["value"], config["opt"]["value"]["lr"]) == (None, 0.1)
    assert len(config["wb_user"]["value"]) == len("hunter2hunter2")


def test_manifests_digests_and_tables_follow(made: Made) -> None:
    scrub_folder(made.root, ALL)
    [(read, version)] = [(read, version) for read in read_fixture(made.root).documents
                         for part in read.document.projects for collection in part.artifacts
                         for version in collection.versions]
    data = read.file(str(version.manifest)).read_bytes()
    entries = {entry.path: entry for entry in manifests.entries(manifests.parse(data))}
    assert version.digest == manifests.digest(entries.values())
    content = {}
    for path, entry in entries.items():
        if entry.ref is None:
            content[path] = read.blob(base64.b64decode(entry.digest).hex()).read_bytes()
            assert len(content[path]) == entry.size
    [picture] = [path for path in content if path.endswith(".png")]
    cell = json.loads(content["t.table.json"])["data"][0][1]
    assert cell["sha256"] == hashlib.sha256(content[picture]).hexdigest()
    assert cell["path"] == picture
    assert entries["same"].digest == entries["t.table.json"].digest
    assert entries["ref"].digest == entries["ref"].ref


def test_rows_are_rows(made: Made) -> None:
    scrub_folder(made.root, ALL)
    [name] = [name for name in tree(made.root) if name.endswith("history.jsonl")]
    lines = (made.root / name).read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["_step"] for row in rows] == [0, 1]
    assert list(map(len, lines)) == list(map(len, ROWS))
    assert rows[1]["n"] == "a\nora"
    assert rows[1]["note"].startswith("a\n")
    [log] = [name for name in tree(made.root) if name.endswith("output.log")]
    assert json.loads((made.root / log).read_text().splitlines()[0])["content"].startswith("hello\n")


def test_only_what_was_asked_for(made: Made) -> None:
    scrub_folder(made.root, wanted("hosts", [], []))
    assert left(made.root, ["gpu-box-7", "gpu-box-7.lab.example"]) == []
    assert {"marieke", "mvdb", "someone.else@corp.example", "424242", "zeus"} <= {
        word for word, _ in left(made.root, GONE)}


def test_bytes_without_words_stay(made: Made) -> None:
    scrub_folder(made.root, ALL)
    assert b"nothing to see" in tree(made.root).values()


def test_a_word_that_the_form_needs_goes_only_by_itself(made: Made) -> None:
    scrub_folder(made.root, wanted(None, [], ["step", "runs", "contents", "state"]))
    documents = read_fixture(made.root).documents
    assert [run.id for read in documents for part in read.document.projects for run in part.runs] == ["marieke-1"]
    rows = next(data for name, data in tree(made.root).items() if name.endswith("history.jsonl"))
    assert b'"_step": 0' in rows


@pytest.mark.parametrize(("what", "keys", "words", "problem"), [
    ("faces", [], [], "--scrub 'faces' is not known; it is any of names, hosts, emails, paths"),
    (None, [], ["x"], "'x' is too short"), (None, [""], [], "'' is too short")])
def test_what_cannot_be_asked_for(what: str | None, keys: list[str], words: list[str], problem: str) -> None:
    with pytest.raises(BadInput, match=re.escape(problem)):
        wanted(what, keys, words)


def test_what_is_no_folder_of_a_fixture_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("marieke")
    for name in ("mine", "none"):
        with pytest.raises(BadInput, match="is no folder of a fixture"):
            scrub_folder(tmp_path / name, ALL)
    assert tree(tmp_path) == {"mine/a.txt": b"marieke"}


def test_a_folder_that_cannot_be_scrubbed_stays_as_it_is(made: Made) -> None:
    place = made.root / "wrong.dumbbell.json"
    place.write_text('{"users": [{"name": 3}]}')
    before = tree(made.root)
    with pytest.raises(BadInput, match=re.escape("wrong.dumbbell.json: with pseudonyms it is no document")):
        scrub_folder(made.root, wanted(None, [], ["zeus"]))
    assert tree(made.root) == before
    assert {path.name for path in made.root.parent.iterdir()} == {"out"}


@pytest.mark.parametrize("piece", [1, 2, 7, 64, 1 << 20])
def test_words_are_found_across_pieces(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(pseudonyms, "PIECE", piece)
    names = Pseudonyms(["marieke", "ann"], emails=True)
    text = b"x" * 3000 + b" Marieke; ann annual bob@lab.example " + b"y" * 3000 + b"MARIEKE" + b"z" * 100
    target = io.BytesIO()
    names.stream(io.BytesIO(text), target)
    found = target.getvalue()
    assert len(found) == len(text)
    assert not re.search(rb"marieke|\bann\b|bob@lab", found, re.IGNORECASE)
    assert b" annual " in found
    assert found[3001:3008].lower() == found[-107:-100].lower()
    assert (found[3001:3008].istitle(), found[-107:-100].isupper()) == (True, True)


def test_the_longest_of_many_words_is_found() -> None:
    words = [b"/home/ann", b"/home/ann/work", b"/home/annabel", b"/data", b"a.b", b"a"]
    pattern = re.compile(tree_pattern(words))
    assert [pattern.match(word)[0] for word in words] == words  # type: ignore[index]
    assert pattern.match(b"/home/ann/wo")[0] == b"/home/ann"  # type: ignore[index]
    assert pattern.match(b"axb")[0] == b"a"  # type: ignore[index]
    assert [pattern.match(word) for word in (b"/home/an", b"", b"/dat")] == [None] * 3


def test_a_thousand_words_cost_little_more_than_ten() -> None:
    data = b'{"_step": 12, "loss": 0.123456789, "acc": 0.5, "name": "machine"}\n' * 4000
    times = []
    for count in (10, 1000):
        names = Pseudonyms([f"node-{number}.cluster-{number % 7}.example" for number in range(count)])
        began = time.perf_counter()
        assert names.data(data, as_json=True) == data
        times.append(time.perf_counter() - began)
    assert times[1] < 10 * times[0]


def test_a_pull_with_pseudonyms(tmp_path: Path) -> None:
    with start_server(tmp_path, **STILL) as server, moving.api_of(server) as api:
        moving.upsert(api, "r", host="gpu-box-7", config=json.dumps(CONFIG))
        moving.stream(server, "r", moving.lines("wandb-history.jsonl", ROWS))
        done = scrubbed_pull(api, *PATH.split("/"), tmp_path / "out", Options(), ALL)
        assert done.runs == 1
        assert left(tmp_path / "out", ["gpu-box-7", "hunter2hunter2", "424242", "marieke@lab.example"]) == []
        read_fixture(tmp_path / "out")
        with pytest.raises(Conflict, match="is there already"):
            scrubbed_pull(api, *PATH.split("/"), tmp_path / "out", Options(), ALL)
        process = command("pull", "--from", server.base_url, PATH, str(tmp_path / "again"), "--scrub", "names,hosts",
                          "--scrub-config", "wb_user", "--scrub-word", "zoo", key=server.api_key)
        assert process.communicate(timeout=60)[1] == b""
        assert left(tmp_path / "again", ["gpu-box-7", "hunter2hunter2"]) == []
        process = command("scrub", str(tmp_path / "again"), "--scrub-word", "_timestampx", key="")
        assert b"pseudonyms for" in process.communicate(timeout=60)[0]
        assert {path.name for path in tmp_path.iterdir()} == {"data", "again", "out", "ready.json", "server.log"}
