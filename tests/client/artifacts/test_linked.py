"""Entries that are files of other artifacts."""

from __future__ import annotations

from pathlib import Path

import pytest

import dumbbell
from support.faulty_transport import RecordingTransport
from support.made_files import BIG

BOTH = {"big": BIG, "same": BIG, "t.table.json": b'{"columns": ["a"], "data": [[1]]}'}


@pytest.fixture
def joined(run: dumbbell.Run, logged: dumbbell.Artifact) -> dumbbell.Artifact:
    """One of entries of two others, one of them twice, and a file of its own."""
    tables = dumbbell.Artifact("tables", "t")
    with tables.new_file("t.table.json") as file:
        file.write(BOTH["t.table.json"].decode())
    run.log_artifact(tables)
    made = dumbbell.Artifact("joined", "t")
    made.add_reference(logged.get_entry("deep/b #%1.bin"), "big")
    made.add_reference(logged.get_entry("deep/b #%1.bin").ref_url(), "same")
    made.add_reference(tables.get_entry("t.table.json"))
    return run.log_artifact(made)


def test_they_come_from_where_they_are(api: dumbbell.Api, joined: dumbbell.Artifact, tmp_path: Path) -> None:
    found = api.artifact(joined.qualified_name)
    found.download(str(tmp_path / "down"))
    found.verify(str(tmp_path / "down"), strict=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "down").iterdir()} == BOTH
    assert found.get("t").data == [[1]]
    assert found.get_entry("big").download(str(tmp_path / "one")) == str(tmp_path / "one" / "big")


def test_without_the_cache_too(joined: dumbbell.Artifact, tmp_path: Path) -> None:
    joined.download(str(tmp_path / "down"), skip_cache=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "down").iterdir()} == BOTH


def test_the_digest_is_that_of_the_file(logged: dumbbell.Artifact, joined: dumbbell.Artifact) -> None:
    """So that the same files give the same artifact, whoever logs it: as wandb has it."""
    assert joined.manifest.entries["same"].digest == logged.manifest.entries["deep/b #%1.bin"].digest
    assert joined.manifest.entries["same"].size == 0


def test_a_way_over_several_artifacts(run: dumbbell.Run, joined: dumbbell.Artifact, tmp_path: Path) -> None:
    further = dumbbell.Artifact("further", "t")
    further.add_reference(joined.get_entry("big"), "there")
    run.log_artifact(further).download(str(tmp_path))
    assert (tmp_path / "there").read_bytes() == BIG


def test_by_the_id_that_the_client_gave(wire: RecordingTransport, run: dumbbell.Run, folder: Path,
                                        tmp_path: Path) -> None:
    first = dumbbell.Artifact("first", "t")
    first.add_file(str(folder / "a.txt"))
    run.log_artifact(first)
    client_id = next(found["clientID"] for body in wire.bodies if isinstance(body, dict)
                     for found in [(body.get("variables") or {}).get("input") or {}] if "clientID" in found)
    made = dumbbell.Artifact("by-client", "t")
    made.add_reference(f"wandb-client-artifact://{client_id}/a.txt", "a")
    run.log_artifact(made).download(str(tmp_path))
    assert (tmp_path / "a").read_bytes() == b"hello"


@pytest.mark.parametrize("uri", ["wandb-artifact://7a7a/x", "wandb-artifact://nonsense/x",
                                 "wandb-client-artifact://nobody/x"])
def test_what_leads_nowhere_is_named(run: dumbbell.Run, uri: str) -> None:
    made = dumbbell.Artifact("lost", "t")
    made.add_reference(uri, "x")
    with pytest.raises(ValueError, match=f"x refers to {uri}: there is no such artifact"):
        run.log_artifact(made)


def test_a_file_that_is_not_there_is_named(run: dumbbell.Run, logged: dumbbell.Artifact) -> None:
    made = dumbbell.Artifact("lost", "t")
    made.add_reference(logged.get_entry("a.txt").ref_url().replace("a.txt", "b.txt"), "x")
    with pytest.raises(KeyError, match=r"has no 'b\.txt'"):
        run.log_artifact(made)


def test_what_is_gone_can_be_left_out(logged: dumbbell.Artifact, joined: dumbbell.Artifact, tmp_path: Path) -> None:
    logged.delete(delete_aliases=True)
    with pytest.raises(ValueError, match="refers to"):
        joined.download(str(tmp_path / "down"), skip_cache=True)
    joined.download(str(tmp_path / "rest"), skip_cache=True, allow_missing_references=True)
    assert [path.name for path in (tmp_path / "rest").iterdir()] == ["t.table.json"]


def test_entries_of_drafts_are_refused(folder: Path) -> None:
    draft = dumbbell.Artifact("draft", "t")
    entry = draft.add_file(str(folder / "a.txt"))
    with pytest.raises(ValueError, match="no entry of an artifact that is logged"):
        dumbbell.Artifact("other", "t").add_reference(entry)
