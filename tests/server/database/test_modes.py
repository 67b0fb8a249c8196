"""On a machine that others use too, nobody else reads what is stored."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from dumbbell_server.blobs.folder import FolderBlobs
from dumbbell_server.database.lock import private, take_folder
from dumbbell_server.database.opening import open_database
from dumbbell_server.errors import StartupError
from support.blob_stores import receive
from support.server import start_server


@pytest.fixture
def open_to_all() -> Iterator[None]:
    """Whatever is made now is for everybody, unless its maker says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    paths = [folder, *(path for path in folder.iterdir() if path.name != "server.log")]
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in paths}


def private_modes(folder: Path) -> dict[str, int]:
    return {folder.name: 0o700, "dumbbell.db": 0o600, "dumbbell.db-wal": 0o600, "dumbbell.db-shm": 0o600,
            ".lock": 0o600, "blobs": 0o700, "exporting": 0o700}


@pytest.mark.usefixtures("open_to_all")
def test_what_a_server_writes_is_for_its_owner_only(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        assert modes(server.data_dir) == private_modes(server.data_dir)
        assert modes(tmp_path)["ready.json"] == 0o600
        server.stop()
        for path in [server.data_dir, *server.data_dir.iterdir()]:
            path.chmod(0o777)
    (tmp_path / "ready.json.tmp").write_text("of a server that was killed")
    with start_server(tmp_path) as server:
        assert modes(server.data_dir) == private_modes(server.data_dir)
        assert modes(tmp_path)["ready.json"] == 0o600


@pytest.mark.usefixtures("open_to_all")
def test_stored_files_are_for_the_owner_from_the_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    blobs = FolderBlobs(tmp_path / "blobs", durable=True)
    blobs.store("files/ab/abcd", b"some")
    receive(blobs, b"arriving")
    assert stat.S_IMODE((tmp_path / "blobs").stat().st_mode) == 0o700
    found = [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_file()]
    assert found == [0o600, 0o600]


@pytest.mark.usefixtures("open_to_all")
def test_it_is_so_from_the_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fchmod", None)  # a mode that is mended afterwards was wrong before
    os.close(private(str(tmp_path / "made"), os.O_RDWR | os.O_CREAT))
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o600
    monkeypatch.setattr(Path, "chmod", None)
    take_folder(tmp_path / "data").close()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_a_folder_that_others_use_too_stays_as_it_is(tmp_path: Path, mode: int) -> None:
    if mode == 0o755:
        (tmp_path / "thesis.tex").write_text("")
    tmp_path.chmod(mode)
    take_folder(tmp_path).close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / ".lock").stat().st_mode) == 0o600


def test_a_database_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "dumbbell.db").mkdir()
    with pytest.raises(StartupError, match=r"cannot open .*dumbbell.db: Is a directory; check --data-dir"):
        open_database(None, tmp_path)
