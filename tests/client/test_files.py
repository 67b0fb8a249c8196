"""Files of runs, down and up."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

import dumbbell
from dumbbell import errors
from dumbbell._download import within
from support.faulty_transport import Once, RecordingTransport, answering, cut, failing
from support.world import World

BYTES = bytes(range(256)) * 500


@pytest.fixture
def run(world: World, api: dumbbell.Api, tmp_path: Path) -> dumbbell.Run:
    world.upsert("r")
    found = api.run("local/p/r")
    (tmp_path / "up" / "deep").mkdir(parents=True)
    for name, content in {"deep/a b#1.bin": BYTES, "note.txt": b"hello", "empty": b""}.items():
        (tmp_path / "up" / name).write_bytes(content)
        found.upload_file(str(tmp_path / "up" / name), str(tmp_path / "up"))
    return found


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_what_was_uploaded_is_listed(run: dumbbell.Run) -> None:
    assert sorted(file.name for file in run.files()) == ["deep/a b#1.bin", "empty", "note.txt"]
    assert len(run.files()) == 3
    note = run.file("note.txt")
    assert (note.size, note.mimetype, note.md5) == (5, "text/plain", "XUFAKrxLKna5cZ2REBfFkg==")
    assert note.updated_at
    assert note.url.startswith("http://testserver/")


def test_names_and_patterns_choose(run: dumbbell.Run) -> None:
    chosen = run.files(["note.txt", "./empty", "none"])
    assert [(file.name, file.size, file.md5 == "0") for file in chosen] == [
        ("note.txt", run.file("note.txt").size, False), ("empty", 0, False), ("none", 0, True)]
    assert len(run.files(["note.txt"])) == 1
    assert [file.name for file in run.files(pattern="deep/%")] == ["deep/a b#1.bin"]
    with pytest.raises(ValueError, match="not by both"):
        run.files(["a"], pattern="b")
    with pytest.raises(ValueError, match="has no file 'none'"):
        run.file("none")


def test_download_gives_the_bytes_and_an_open_file(run: dumbbell.Run, tmp_path: Path) -> None:
    with run.file("deep/a b#1.bin").download(str(tmp_path / "down")) as file:
        assert file.name == str(tmp_path / "down" / "deep" / "a b#1.bin")
        assert file.buffer.read() == BYTES
    with run.file("deep/a b#1.bin").download(str(tmp_path / "again")) as file:
        assert "\ufffd" in file.read()
    with run.file("empty").download(str(tmp_path / "down")) as file:
        assert file.read() == ""


def test_a_file_that_exists_is_kept_unless_told(run: dumbbell.Run, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    note = run.file("note.txt")
    for error in (ValueError, dumbbell.CommError):
        with pytest.raises(error, match="replace=True"):
            note.download(str(tmp_path))
    with note.download(str(tmp_path), exist_ok=True) as file:
        assert file.read() == "mine"
    with note.download(str(tmp_path), replace=True) as file:
        assert file.read() == "hello"


def test_a_cut_body_is_resumed_where_it_ended(run: dumbbell.Run, wire: RecordingTransport, tmp_path: Path) -> None:
    lengths = [1000, 5000]
    wire.mangle = lambda request, answer: (
        cut(answer, lengths.pop(0)) if lengths and request.method == "GET" else answer)
    wire.clear()
    with run.file("deep/a b#1.bin").download(str(tmp_path / "down")) as file:
        assert file.buffer.read() == BYTES
    assert [request.headers.get("range") for request in wire.requests if request.method == "GET"] == [
        None, "bytes=1000-", "bytes=6000-"]


@pytest.mark.parametrize("status", [200, 416])
def test_a_server_without_ranges_sends_all_again(run: dumbbell.Run, wire: RecordingTransport, tmp_path: Path,
                                                 status: int) -> None:
    lengths = [1000]
    wire.mangle = lambda request, answer: (
        cut(answer, lengths.pop()) if lengths and request.method == "GET" else answer)
    wire.faults.append(lambda request: answering(status, BYTES)(request) if "range" in request.headers else None)
    with run.file("deep/a b#1.bin").download(str(tmp_path / "down")) as file:
        assert file.buffer.read() == BYTES


def test_wrong_bytes_are_asked_for_again_and_then_refused(run: dumbbell.Run, wire: RecordingTransport,
                                                          tmp_path: Path) -> None:
    wire.faults.append(answering(200, b"wrong", path="/storage/"))
    with run.file("note.txt").download(str(tmp_path / "one")) as file:
        assert file.read() == "hello"
    wire.faults += [answering(200, b"wrong", path="/storage/")] * 2
    with pytest.raises(errors.DigestError, match="MD5"):
        run.file("note.txt").download(str(tmp_path / "two"))
    assert left_over(tmp_path / "two") == []


@pytest.mark.parametrize("fault", [answering(503, b"", path="/storage/"),
                                   Once(failing(httpx2.ReadTimeout, "/storage/"))])
def test_faults_on_the_way_are_survived(run: dumbbell.Run, wire: RecordingTransport, tmp_path: Path,
                                        fault: Once) -> None:
    note = run.file("note.txt")
    wire.faults.append(fault)
    with note.download(str(tmp_path / "down")) as file:
        assert file.read() == "hello"


@pytest.mark.parametrize("fault", [answering(403, b"", path="/storage/"), failing(httpx2.ConnectError, "/storage/")])
def test_what_cannot_be_had_leaves_nothing(run: dumbbell.Run, wire: RecordingTransport, tmp_path: Path,
                                           fault: Once) -> None:
    note = run.file("note.txt")
    wire.faults += [fault] * 4
    with pytest.raises(dumbbell.CommError):
        note.download(str(tmp_path / "down"))
    assert left_over(tmp_path / "down") == []


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/etc/out", "..", "", ".", "a\0b", "//x"])
def test_a_name_that_leaves_the_folder_is_refused(api: dumbbell.Api, tmp_path: Path, name: str) -> None:
    file = dumbbell.File(api.client, {"name": name, "url": "http://testserver/x"})
    with pytest.raises(errors.UnsafePathError, match="refused"):
        file.download(str(tmp_path / "down"))
    assert left_over(tmp_path / "down") == []


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    with pytest.raises(errors.UnsafePathError, match="link"):
        within(tmp_path / "in", "link/file")
    assert within(tmp_path / "in", "a/./b") == tmp_path / "in" / "a" / "b"


def test_an_upload_needs_a_file_below_its_root(run: dumbbell.Run, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a file"):
        run.upload_file(str(tmp_path / "none"))
    with pytest.raises(ValueError, match="not below root"):
        run.upload_file(str(tmp_path / "up" / "note.txt"), str(tmp_path / "up" / "deep"))


def test_an_upload_survives_a_fault(run: dumbbell.Run, wire: RecordingTransport, tmp_path: Path) -> None:
    (tmp_path / "up" / "note.txt").write_text("changed")
    wire.faults.append(lambda request: answering(500)(request) if request.method == "PUT" else None)
    assert run.upload_file(str(tmp_path / "up" / "note.txt"), str(tmp_path / "up")).size == 7


def test_delete_removes_a_file(run: dumbbell.Run) -> None:
    run.file("note.txt").delete()
    assert "note.txt" not in [file.name for file in run.files()]
    assert run.files(["note.txt"])[0].md5 == "0"


def test_metadata_is_read_where_there_is_any(run: dumbbell.Run, tmp_path: Path) -> None:
    assert run.metadata is None
    (tmp_path / "wandb-metadata.json").write_text('{"os": "Linux"}')
    run.upload_file(str(tmp_path / "wandb-metadata.json"), str(tmp_path))
    assert run.metadata == {"os": "Linux"}
