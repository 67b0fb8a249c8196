"""Registries as the real client makes, fills, searches and changes them."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import dumbbell
from support.sdk import run_script
from support.server import Server, start_server

pytestmark = pytest.mark.sdk

BOSS, MIA, VIC, OUT = (name.ljust(40, "0") for name in ("boss", "mia", "vic", "out"))
MADE = """
    import wandb

    api = wandb.Api()
    registry = api.create_registry("models", organization="Club", visibility="organization", description="d",
                                   artifact_types=["model"])
    assert (registry.full_name, registry.entity, registry.organization) == (
        "wandb-registry-models", "Club-org", "Club"), registry.path
    assert (registry.visibility, registry.description) == ("organization", "d")
    assert registry.allow_all_artifact_types is False
    assert list(registry.artifact_types) == ["model"], registry.artifact_types
    try:
        api.create_registry("models", organization="Club", visibility="organization")
    except ValueError as error:
        assert "already exists" in str(error), error
    else:
        raise AssertionError("the same registry twice")
    api.create_registry("any", organization="Club", visibility="restricted")

    with wandb.init(entity="crew", project="p") as run:
        for number in range(3):
            artifact = wandb.Artifact("net", type="model", metadata={"acc": number / 10})
            with artifact.new_file("weights.txt") as file:
                file.write(f"version {number}")
            run.log_artifact(artifact).wait()
            run.link_artifact(artifact, "wandb-registry-models/nets", aliases=[f"try-{number}"])
        data = wandb.Artifact("rows", type="dataset")
        with data.new_file("rows.csv") as file:
            file.write("a,b")
        run.log_artifact(data).wait()
        linked = run.link_artifact(data, "Club-org/wandb-registry-any/rows")
    linked = api.artifact("wandb-registry-models/nets:latest")
    assert (linked.version, linked.project, linked.entity, linked.collection.name) == (
        "v2", "wandb-registry-models", "Club-org", "nets"), linked.qualified_name
    assert set(linked.aliases) == {"latest", "try-2"}, linked.aliases
    assert (linked.source_entity, linked.source_project, linked.source_name) == ("crew", "p", "net:v2")
    folder = api.artifact("wandb-registry-models/nets:try-1").download()
    assert open(f"{folder}/weights.txt").read() == "version 1"
    try:
        data.link("wandb-registry-models/sets")
    except Exception as error:
        assert "dataset" in str(error), error
    else:
        raise AssertionError("a type that the registry does not take")

    registry = api.registry("models", organization="Club")
    registry.description = "new words"
    registry.artifact_types.append("dataset")
    registry.save()
    registry = api.registry("models", organization="Club")
    assert (registry.description, sorted(registry.artifact_types)) == ("new words", ["dataset", "model"])
    data.link("wandb-registry-models/sets")
    assert list(api.registry("any", organization="Club").artifact_types) == []
    registry.name = "nets"
    registry.save()
    try:
        api.registry("models", organization="Club")
    except ValueError:
        print("renamed")
    assert api.artifact("wandb-registry-nets/nets:v0").metadata == {"acc": 0.0}
"""

SEARCH = """
    import wandb

    api = wandb.Api()
    names = lambda found: [item.name for item in found]
    assert names(api.registries(organization="Club")) == ["nets", "any"]
    assert names(api.registries(organization="Club", order="name")) == ["any", "nets"]
    assert names(api.registries(organization="Club", filter={"name": {"$regex": "net"}})) == ["nets"]
    assert names(api.registries(organization="Club", filter={"name": "any"})) == ["any"]
    every = api.registries(organization="Club")
    assert names(every.collections()) == ["nets", "sets", "rows"], names(every.collections())
    assert names(every.collections(order="-name")) == ["sets", "rows", "nets"]
    assert names(every.collections(filter={"name": {"$in": ["nets", "rows"]}})) == ["nets", "rows"]
    assert len(every.collections()) == 3
    assert [c.type for c in every.collections()] == ["model", "dataset", "dataset"]
    assert names(every.versions(per_page=1)) == ["nets:v0", "nets:v1", "nets:v2", "sets:v0", "rows:v0"]
    if wandb.__version__ != "0.28.2":  # which cannot order them
        assert names(every.versions(order="-linked_at"))[0] == "sets:v0"
    assert names(every.versions(filter={"alias": "latest"})) == ["nets:v2", "sets:v0", "rows:v0"]
    assert [sorted(v.aliases) for v in every.collections(filter={"name": "nets"}).versions()] == [
        ["try-0"], ["try-1"], ["latest", "try-2"]]
    assert names(every.versions(filter={"metadata.acc": {"$gte": 0.1}})) == ["nets:v1", "nets:v2"]
    assert names(api.registry("nets", organization="Club").versions(filter={"version": "v1"})) == ["nets:v1"]
    assert names(api.registries(organization="Club", order="name").collections(order="name")) == [
        "rows", "nets", "sets"]
    found = next(iter(every.versions()))
    assert (found.source_project, found.is_link) == ("p", True)
    found.tags.append("fine")
    found.save()
    assert names(every.versions(filter={"tag": "fine"})) == ["nets:v0"]
    try:
        list(api.registries(organization="Nothing"))
    except ValueError as error:
        print("missing", error)
"""

MEMBERS = """
    import wandb

    api = wandb.Api()
    registry = api.registry("any", organization="Club")
    vic, crew = api.user("vic".ljust(40, "0")), api.team("crew")
    show = lambda: {**{m.user.username.rstrip("0"): m.role for m in registry.user_members()},
                    **{m.team.name: m.role for m in registry.team_members()}}
    assert show() == {"boss": "admin"}, show()
    registry.add_members(vic, crew)
    assert show() == {"boss": "admin", "vic": "member", "crew": "member"}, show()
    assert next(m.user for m in registry.user_members() if m.user.username == vic.username).email == vic.email
    for role in ("admin", "viewer", "restricted_viewer"):
        registry.update_member(vic, role).update_member(crew.id, role)
        assert show() == {"boss": "admin", "vic": role, "crew": role}, show()
    registry.remove_members(vic.id).remove_members(vic.id, crew)
    registry.add_members(vic)
    registry.update_member(vic, "viewer")
    print("members", len(registry.members()))
"""

VIEWER = """
    import pathlib
    import wandb

    api = wandb.Api()
    assert [r.name for r in api.registries(organization="Club")] == ["nets", "any"]
    found = api.artifact("Club-org/wandb-registry-nets/nets:v1")
    assert (found.source_entity, found.source_project) in {("", ""), (None, None)}, found.source_project
    assert (pathlib.Path(found.download()) / "weights.txt").read_text() == "version 1"
    for refused in (lambda: found.link("Club-org/wandb-registry-any/mine"),
                    lambda: api.registry("nets", organization="Club").delete(),
                    lambda: api.registry("nets", organization="Club").add_members(api.viewer),
                    lambda: api.create_registry("mine", organization="Club", visibility="organization")):
        try:
            refused()
        except Exception as error:
            print("refused", type(error).__name__, str(error)[:200])
        else:
            raise AssertionError("a viewer may not")
"""

OUTSIDER = """
    import wandb

    api = wandb.Api()
    for refused in (lambda: list(api.registries(organization="Club")),
                    lambda: api.artifact("Club-org/wandb-registry-nets/nets:v1")):
        try:
            refused()
        except Exception as error:
            print("refused", error)
        else:
            raise AssertionError("an outsider may not")
"""

OWN = """
    import wandb

    api = wandb.Api()
    made = api.create_registry("fresh", "restricted", description="d", artifact_types=["model"])
    assert (made.path, made.visibility, made.artifact_types) == (
        ["Club-org", "wandb-registry-fresh"], "restricted", ["model"])
    for twice in (lambda: api.create_registry("fresh", "organization"),
                  lambda: api.create_registry("x", "secret"), made.add_members, lambda: made.add_members("x")):
        try:
            twice()
        except ValueError as error:
            print("refused", error)
        else:
            raise AssertionError("it cannot be")
    version = api.artifact("crew/p/net:v1")
    for path in ("wandb-registry-fresh/nets", "Club/wandb-registry-fresh/nets", "Club-org/wandb-registry-fresh/more"):
        linked = version.link(path, aliases=["best"])
        assert (linked.entity, linked.version, sorted(linked.aliases)) == ("Club-org", "v0", ["best", "latest"]), path
    assert api.artifact("Club/wandb-registry-fresh/nets:best").source_qualified_name == "crew/p/net:v1"
    assert [each.name for each in made.collections(order="-name")] == ["nets", "more"]
    made.artifact_types.append("dataset")
    made.name, made.description, made.visibility = "fresher", None, "organization"
    made.save()
    again = api.registry("wandb-registry-fresher")
    assert (again.visibility, sorted(again.artifact_types)) == ("organization", ["dataset", "model"])
    again.artifact_types.remove("model")
    try:
        again.save()
    except ValueError as error:
        assert "stay" in str(error)
    again.load()
    assert "model" in again.artifact_types
    assert "fresher" in repr(again) and "Club" in again._repr_html_()
    again.delete()
    assert [each.name for each in api.registries()] == ["nets", "any"]
"""

END = """
    import wandb

    api = wandb.Api()
    linked = api.artifact("wandb-registry-nets/nets:v0")
    linked.unlink()
    assert [v.name for v in api.registry("nets", organization="Club").collections(
        filter={"name": "nets"}).versions()] == ["nets:v1", "nets:v2"]
    registry = api.registry("nets", organization="Club")
    registry.delete()
    try:
        registry.delete()
    except ValueError:
        print("gone")
    assert [r.name for r in api.registries(organization="Club")] == ["any"]
    assert api.artifact("crew/p/net:v1").version == "v1"
"""


@pytest.mark.parametrize("version", ["0.31.0", "0.28.2"])
def test_registries_from_end_to_end(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path, DUMBBELL_FIXTURE_PORT="0") as server:
        _found_club(server)
        for key, script in ((BOSS, MADE), (BOSS, SEARCH), (BOSS, MEMBERS), (VIC, VIEWER), (OUT, OUTSIDER),
                            (BOSS, END)):
            entity = {} if key in {VIC, OUT} else {"WANDB_ENTITY": "crew"}
            done = run_script(version, server, tmp_path, script, env={"WANDB_API_KEY": key, **entity})
            assert done.returncode == 0, done


def test_the_same_from_dumbbell(tmp_path: Path) -> None:
    packages, place = ["httpx2", "stamina", "orjson"], {"PYTHONPATH": str(Path(dumbbell.__file__).parent.parent)}
    with start_server(tmp_path, DUMBBELL_FIXTURE_PORT="0") as server:
        _found_club(server)
        made = run_script("0.31.0", server, tmp_path, MADE, env={"WANDB_API_KEY": BOSS, "WANDB_ENTITY": "crew"})
        assert made.returncode == 0, made
        for key, script in ((BOSS, SEARCH), (BOSS, MEMBERS), (VIC, VIEWER), (OUT, OUTSIDER), (BOSS, OWN), (BOSS, END)):
            entity = {} if key in {VIC, OUT} else {"WANDB_ENTITY": "crew"}
            done = run_script("0.31.0", server, tmp_path, script.replace("import wandb", "import dumbbell as wandb"),
                              env={"WANDB_API_KEY": key, **entity, **place}, packages=packages)
            assert done.returncode == 0, done


def _found_club(server: Server) -> None:
    """boss, mia and vic are in the organization Club, boss and mia in its team crew; out is in neither."""
    for name in (BOSS, MIA, VIC, OUT):
        _fixture(server, "user", {"command": "up", "username": name})
    _fixture(server, "organization", {"command": "up", "orgName": "Club", "username": BOSS})
    _fixture(server, "organization", {"command": "add_members", "orgName": "Club", "fixtureData": {
        "members": [{"username": MIA, "role": "member"}, {"username": VIC, "role": "viewer"}]}})
    _fixture(server, "team", {"command": "up", "username": BOSS, "fixtureData": {
        "planName": "free", "team": {"name": "crew"}, "organization": {"name": "Club"}}})


def _fixture(server: Server, what: str, asked: dict[str, Any]) -> None:
    request = urllib.request.Request(f"{server.fixture_url}/db/{what}", data=json.dumps(asked).encode(),
                                     headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
