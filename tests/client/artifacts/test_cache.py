"""The cache: shared with `wandb`, not to be written to, and never believed blindly."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

import dumbbell
from dumbbell.artifacts import cache
from support.faulty_transport import RecordingTransport
from support.made_files import FILES, tree


def kept(tmp_path: Path) -> list[Path]:
    return sorted(path for path in (tmp_path / "home" / "cache" / "artifacts" / "obj").rglob("*") if path.is_file())


@pytest.fixture
def filled(logged: dumbbell.Artifact, tmp_path: Path) -> dumbbell.Artifact:
    logged.download(str(tmp_path / "first"))
    assert len(kept(tmp_path)) == len(set(FILES.values()))
    return logged


def test_its_files_are_read_only_and_copies_are_not(filled: dumbbell.Artifact, tmp_path: Path) -> None:
    filled.download(str(tmp_path / "second"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept(tmp_path)} == {0o444}
    for folder in ("first", "second"):
        assert all(path.stat().st_mode & stat.S_IWUSR for path in (tmp_path / folder).rglob("*"))


@pytest.mark.parametrize("size", ["same", "other"])
def test_a_changed_file_is_noticed(filled: dumbbell.Artifact, tmp_path: Path, wire: RecordingTransport,
                                   size: str) -> None:
    for path in kept(tmp_path):
        content = path.read_bytes()
        path.chmod(0o600)
        path.write_bytes(content[:0] + bytes(len(content)) if size == "same" else b"something else")
    wire.clear()
    filled.download(str(tmp_path / "second"))
    assert tree(tmp_path / "second") == FILES
    assert any(request.method == "GET" for request in wire.requests)
    wire.clear()
    filled.download(str(tmp_path / "third"))
    assert tree(tmp_path / "third") == FILES
    assert wire.requests == []


def test_a_file_that_wandb_put_there_is_read_once(filled: dumbbell.Artifact, tmp_path: Path,
                                                  wire: RecordingTransport) -> None:
    for path in kept(tmp_path):
        path.chmod(0o600)
        os.utime(path, ns=(0, 1_700_000_000_000_000_000))
    wire.clear()
    filled.download(str(tmp_path / "second"))
    assert wire.requests == []
    assert tree(tmp_path / "second") == FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept(tmp_path)} == {0o444}


def test_a_changed_copy_of_the_web_is_fetched_again() -> None:
    """Nothing says what its bytes should be: a file without its seal is not taken."""
    place = cache.place_of("ab" * 16, "etag")
    place.parent.mkdir(parents=True)
    place.write_bytes(b"web")
    assert not cache.cached(place, 3, None)
    cache.seal(place, place)
    assert cache.cached(place, 3, None)
    place.chmod(0o600)
    place.write_bytes(b"bew")
    assert not cache.cached(place, 3, None)
