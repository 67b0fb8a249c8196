"""Registries: found without saying where, filtered, and in the order that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dumbbell
from dumbbell.registries.search import named
from support.world import World

NEW = "mutation($name: String!) { createOrganization(input: {name: $name}) { organization { id } } }"


@pytest.fixture
def run(world: World, api: dumbbell.Api) -> dumbbell.Run:
    world.gql(NEW, {"name": "Club"})
    world.upsert("r")
    return api.run("local/p/r")


@pytest.fixture
def version(run: dumbbell.Run, tmp_path: Path) -> dumbbell.Artifact:
    (tmp_path / "w").write_text("x")
    draft = dumbbell.Artifact("net", "model")
    draft.add_file(str(tmp_path / "w"))
    return run.log_artifact(draft)


@pytest.mark.parametrize(("query", "sent"), [
    ({}, {}), ({"name": "a"}, {"name": "wandb-registry-a"}),
    ({"name": "wandb-registry-a"}, {"name": "wandb-registry-a"}),
    ({"name": {"$regex": "a"}}, {"name": {"$regex": "a"}}),
    ({"name": {"$in": ["a", "b"]}}, {"name": {"$in": ["wandb-registry-a", "wandb-registry-b"]}}),
    ({"$or": [{"name": "a"}, {"description": "a"}]}, {"$or": [{"name": "wandb-registry-a"}, {"description": "a"}]}),
    ({"$and": [{"name": {"$not": {"$eq": "a"}}}]}, {"$and": [{"name": {"$not": {"$eq": "wandb-registry-a"}}}]})])
def test_names_in_filters_are_those_of_paths(query: dict[str, Any], sent: dict[str, Any]) -> None:
    assert named(query) == sent


def test_the_organization_is_that_of_the_default_entity(version: dumbbell.Artifact, api: dumbbell.Api,
                                                        new_api: Callable[..., dumbbell.Api], world: World) -> None:
    api.create_registry("models", "organization")
    assert version.link("wandb-registry-models/nets").project == "wandb-registry-models"
    assert api.artifact("wandb-registry-models/nets:v0").source_qualified_name == "local/p/net:v0"
    assert api.artifact_exists("Club/wandb-registry-models/nets:latest")
    assert [each.name for each in api.artifacts("model", "wandb-registry-models/nets")] == ["nets:v0"]
    world.gql(NEW, {"name": "Other"})
    with pytest.raises(ValueError, match="belongs to several: Club, Other"):
        api.registry("models")
    assert new_api(organization="Club").registry("models").name == "models"


def test_registries_in_an_order_keep_it(version: dumbbell.Artifact, api: dumbbell.Api) -> None:
    for name in ("a", "b"):
        api.create_registry(name, "organization", "Club")
        for collection in ("x", "y"):
            version.link(f"Club/wandb-registry-{name}/{collection}")
    found = api.registries("Club", order="-name")
    assert [each.name for each in found] == ["b", "a"]
    places = [f"{each.project[-1]}{each.name}" for each in found.collections(order="-name")]
    assert places == ["by", "bx", "ay", "ax"]
    assert [f"{each.project[-1]}{each.name}" for each in found.collections(order="name").versions()] == [
        "bx:v0", "by:v0", "ax:v0", "ay:v0"]
    assert len(list(found.versions())) == len(list(found.versions({"alias": "latest"}))) == 4
    with pytest.raises(ValueError, match="start='x' cannot be"):
        found.collections(start="x")
    assert len(api.registries("Club").collections()) == 4


@pytest.mark.usefixtures("run")
def test_what_is_not_there_is_named(api: dumbbell.Api) -> None:
    with pytest.raises(dumbbell.NotFoundError, match="no registry 'nothing' in organization 'Club'"):
        api.registry("nothing")
    with pytest.raises(dumbbell.NotFoundError, match="no organization 'None of'"):
        list(api.registries("None of"))
    made = api.create_registry("models", "restricted")
    made.delete()
    with pytest.raises(dumbbell.NotFoundError, match="gone already"):
        made.delete()


@pytest.mark.usefixtures("run")
def test_types_are_added_and_stay(api: dumbbell.Api) -> None:
    made = api.create_registry("models", "organization")
    made.artifact_types.append("model")
    with pytest.raises(ValueError, match="all types are allowed"):
        made.save()
    made.allow_all_artifact_types = False
    made.save()
    made.artifact_types.clear()
    with pytest.raises(ValueError, match="'model' was saved"):
        made.save()
    made.load()
    assert made.artifact_types == ["model"]


@pytest.mark.usefixtures("run")
def test_a_registry_in_a_notebook(api: dumbbell.Api) -> None:
    made = api.create_registry("models", "restricted", description="<good>")
    assert repr(made) == "<Registry Club/models>"
    assert "&lt;good&gt;" in made._repr_html_()
    assert "restricted" in api.registries()._repr_html_()
    assert repr(api.registries()) == "<Registries Club>"
    assert made.collections()._repr_html_() == "<i>nothing</i>"


def test_an_organization_is_made_and_found(api: dumbbell.Api) -> None:
    with pytest.raises(ValueError, match="belongs to none"):
        api.organization()
    made = api.create_organization("Our Lab")
    assert (made.name, made.org_entity.name) == ("Our Lab", "Our-Lab-org")
    assert api.organization() == api.organization("Our Lab") == made
    assert api.create_registry("models", "organization").organization == "Our Lab"
    with pytest.raises(dumbbell.CommError, match="exists; choose another name"):
        api.create_organization("Our Lab")
    with pytest.raises(ValueError, match="there is no organization 'Theirs'"):
        api.organization("Theirs")
    api.create_organization("Another")
    with pytest.raises(ValueError, match=r"belongs to several: Another, Our Lab|belongs to several: Our Lab, Another"):
        api.organization()
