"""Which fixtures a server loads before it serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from dumbbell_server.errors import StartupError
from dumbbell_server.seeding.at_start import fixtures_at_start
from dumbbell_server.settings import Settings


def at_start(seed: str | None, folder: Path | None) -> list[str]:
    return fixtures_at_start(Settings(seed=seed, seed_dir=folder))


@pytest.mark.parametrize(("seed", "names"), [
    (None, []), ("", []), (" , ", []), ("demo", ["demo"]), ("demo,empty", ["demo", "empty"]),
    (" demo , ./mine.dumbbell.yaml,", ["demo", "./mine.dumbbell.yaml"]),
])
def test_names_have_commas_between(seed: str | None, names: list[str]) -> None:
    assert at_start(seed, None) == names


def test_each_file_and_folder_of_the_folder_is_one(tmp_path: Path) -> None:
    assert at_start(None, tmp_path) == []
    for name in ("b.dumbbell.yaml", "a.dumbbell.json", "README.md", ".hidden.yaml"):
        (tmp_path / name).touch()
    for name in ("c", "..2026_01_05"):  # as Kubernetes mounts what it has
        (tmp_path / name).mkdir()
    (tmp_path / "d.dumbbell.yml").symlink_to(tmp_path / "..2026_01_05")
    found = [str(tmp_path / name) for name in ("a.dumbbell.json", "b.dumbbell.yaml", "c", "d.dumbbell.yml")]
    assert at_start("demo", tmp_path) == ["demo", *found]


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("absent", "file"):
        with pytest.raises(StartupError, match="check DUMBBELL_SEED_DIR"):
            at_start(None, tmp_path / name)
