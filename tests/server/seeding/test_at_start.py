"""Which fixtures a server loads before it serves."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from dumbbell_server.errors import StartupError
from dumbbell_server.seeding.at_start import fixtures_at_start
from dumbbell_server.settings import Settings
from support.server import start_server
from support.wire import Client


def at_start(seed: str | None, folder: Path | None) -> list[list[str]]:
    return fixtures_at_start(Settings(seed=seed, seed_dir=folder))


@pytest.mark.parametrize(("seed", "names"), [
    (None, []), ("", []), (" , ", []), ("demo", ["demo"]), ("demo,empty", ["demo", "empty"]),
    (" demo , ./mine.dumbbell.yaml,", ["demo", "./mine.dumbbell.yaml"]),
])
def test_names_have_commas_between(seed: str | None, names: list[str]) -> None:
    assert at_start(seed, None) == ([names] if names else [])


def test_each_file_and_folder_of_the_folder_is_one(tmp_path: Path) -> None:
    assert at_start(None, tmp_path) == []
    for name in ("b.dumbbell.yaml", "a.dumbbell.json", "README.md", ".hidden.yaml"):
        (tmp_path / name).touch()
    for name in ("c", "..2026_01_05"):  # as Kubernetes mounts what it has
        (tmp_path / name).mkdir()
    (tmp_path / "d.dumbbell.yml").symlink_to(tmp_path / "..2026_01_05")
    found = [str(tmp_path / name) for name in ("a.dumbbell.json", "b.dumbbell.yaml", "c", "d.dumbbell.yml")]
    assert at_start("demo,empty", tmp_path) == [["demo", "empty"], *([path] for path in found)]


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("absent", "file"):
        with pytest.raises(StartupError, match="check DUMBBELL_SEED_DIR"):
            at_start(None, tmp_path / name)


def test_fixtures_of_the_folder_need_not_agree_on_who_is_first(tmp_path: Path) -> None:
    (tmp_path / "seed").mkdir()
    for name in ("one", "two"):
        (tmp_path / "seed" / f"{name}.dumbbell.yaml").write_text(
            f"users: [{{name: {name}, first: true}}]\nprojects: [{{entity: {name}, name: p-{name}, user: {name}}}]\n")
    look = '{ models(entityName: "local") { edges { node { name } } } }'
    with start_server(tmp_path, DUMBBELL_SEED="empty", DUMBBELL_SEED_DIR=str(tmp_path / "seed")) as server, \
            contextlib.closing(Client(server)) as client:
        names = {edge["node"]["name"] for edge in client.ask(look)["models"]["edges"]}
    assert names == {"p-one", "p-two"}
