"""A project or an entity gets another name while processes go on under the old one."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from support.owned_resources import SWEEP
from support.world import World

EVE = "e" * 40
RENAME = """mutation M($entity: String!, $old: String!, $new: String!) { renameProject(input: {
  entityName: $entity, oldProjectName: $old, newProjectName: $new}) { project { name } } }"""
RENAME_ENTITY = """mutation M($old: String!, $new: String!) {
  renameEntity(input: {entityName: $old, newName: $new}) { entity { name } } }"""
DELETE = """mutation M($name: String, $entity: String) {
  deleteModel(input: {projectName: $name, entityName: $entity}) { success } }"""
FILES = """mutation M($entity: String!, $files: [String!]!) {
  createRunFiles(input: {entityName: $entity, projectName: "p",
  runName: "r", files: $files}) { files { uploadUrl } } }"""
OLD_FILES = """query Q($entity: String, $files: [String]) { model(name: "p", entityName: $entity) {
  bucket(name: "r") { id
  files(names: $files) { edges { node { name url } } } } } }"""
ARTIFACT = """mutation M($entity: String!) { createArtifact(input: {entityName: $entity, projectName: "p", runName: "r",
  artifactTypeName: "dataset", artifactCollectionNames: ["set"], digest: "1", digestAlgorithm: MANIFEST_MD5}) {
  artifact { artifactSequence { project { name } } } } }"""
TYPE = """mutation M($entity: String!) { createArtifactType(input: {entityName: $entity, projectName: "p",
  name: "dataset"}) { artifactType { id } } }"""
SWEEPS = """mutation M($config: String) { upsertSweep(input: {entityName: "local", projectName: "p", config: $config}) {
  sweep { name } } }"""


def rename(world: World, old: str = "p", new: str = "q", entity: str = "local") -> None:
    world.gql(RENAME, {"old": old, "new": new, "entity": entity})


def project_renamed(world: World) -> tuple[str, str]:
    rename(world)
    return "local", "q"


def entity_renamed(world: World) -> tuple[str, str]:
    world.gql(RENAME_ENTITY, {"old": "local", "new": "other"})
    return "other", "p"


def both_renamed(world: World) -> tuple[str, str]:
    rename(world)
    world.gql(RENAME_ENTITY, {"old": "local", "new": "other"})
    return "other", "q"


def name_taken(world: World) -> tuple[str, str]:
    rename(world)
    assert world.upsert("s")["bucket"]["project"]["name"] == "p"
    return "local", "q"


def twice(world: World) -> tuple[str, str]:
    rename(world)
    rename(world, "q", "s")
    return "local", "s"


def and_entity_taken(world: World) -> tuple[str, str]:
    world.gql(RENAME_ENTITY, {"old": "local", "new": "other"})
    world.add_user("local", EVE)
    world.upsert("s", entityName="local", key=EVE)
    return "other", "p"


CASES = [project_renamed, entity_renamed, both_renamed, name_taken, twice, and_entity_taken]
Renaming = Callable[[World], tuple[str, str]]


@pytest.mark.parametrize("renamed", CASES)
def test_a_run_goes_on_under_the_old_name(world: World, renamed: Renaming) -> None:
    run = world.upsert("r", entityName="local")["bucket"]["id"]
    world.history("r", [{"_step": 0, "a": 1}])
    entity, project = renamed(world)
    world.history("r", [{"_step": 1, "a": 2}], 1)
    again = world.upsert("r", entityName="local", summaryMetrics='{"a": 2}')
    assert (again["inserted"], again["bucket"]["project"]) == (False, {"name": project, "entity": {"name": entity}})
    assert world.upsert(id=run, notes="by id")["bucket"]["project"]["name"] == project
    world.stream("r", {"complete": True, "exitcode": 0})
    found = world.run("state notes historyLineCount summaryMetrics", project=project, entity=entity)
    assert found == {"state": "finished", "notes": "by id", "historyLineCount": 2, "summaryMetrics": '{"a": 2}'}


@pytest.mark.parametrize("renamed", CASES)
def test_its_files_and_artifacts_go_along(world: World, renamed: Renaming) -> None:
    world.upsert("r", entityName="local")
    entity, project = renamed(world)
    [file] = world.gql(FILES, {"entity": "local", "files": ["a.txt"]})["createRunFiles"]["files"]
    assert world.client.put(file["uploadUrl"], content=b"text").is_success
    [edge] = world.gql(OLD_FILES, {"entity": "local", "files": ["a.txt"]})["model"]["bucket"]["files"]["edges"]
    assert world.client.get(edge["node"]["url"]).text == "text"
    made = world.gql(ARTIFACT, {"entity": "local"})["createArtifact"]["artifact"]
    assert made == {"artifactSequence": {"project": {"name": project}}}
    stored = world.run('files(names: ["a.txt"]) { edges { node { md5 } } }', project=project, entity=entity)
    assert stored["files"]["edges"][0]["node"]["md5"] == base64.b64encode(hashlib.md5(b"text").digest()).decode()


def test_artifact_types_of_a_running_process_are_those_of_its_project(world: World) -> None:
    world.upsert("r")
    rename(world)
    world.gql(TYPE, {"entity": "local"})
    assert world.count("projects") == 1


def test_agents_of_a_sweep_go_on_where_it_is(world: World) -> None:
    sweep = world.gql(SWEEPS, {"config": SWEEP})["upsertSweep"]["sweep"]["name"]
    rename(world)
    assert world.upsert("r", sweep=sweep)["bucket"]["project"]["name"] == "q"


def test_a_new_run_makes_a_project_of_the_old_name(world: World) -> None:
    world.upsert("r")
    rename(world)
    assert world.upsert("s")["bucket"]["project"]["name"] == "p"


def test_a_run_that_ended_does_not_stand_in_for_one_of_a_project_that_took_the_name(world: World) -> None:
    world.upsert("r")
    world.stream("r", {"complete": True, "exitcode": 0})
    rename(world)
    assert world.run("name") == {"name": "r"}  # an old link
    world.upsert("s")
    assert world.run("name") is None
    assert world.upsert("r")["inserted"]


def test_an_old_name_lets_nobody_in(world: World) -> None:
    world.add_user("eve", EVE)
    world.upsert("r", entityName="local")
    rename(world)
    world.stream("r", {"complete": True}, key=EVE, status=404)
    world.refused_upsert("r", entityName="local", key=EVE, status=404)
    assert world.run("name", entity="local", key=EVE) is None
    assert world.errors(ARTIFACT, {"entity": "local"}, key=EVE, status=404)
    assert world.errors(TYPE, {"entity": "local"}, key=EVE, status=404)


def test_whoever_takes_the_name_of_an_entity_gets_nothing_of_it(world: World) -> None:
    world.upsert("r", entityName="local")
    entity_renamed(world)
    world.add_user("local", EVE)
    world.stream("r", {"complete": True}, key=EVE, status=404)
    made = world.upsert("r", entityName="local", key=EVE)
    assert (made["inserted"], made["bucket"]["project"]["entity"]) == (True, {"name": "local"})
    assert world.run("state", entity="other") == {"state": "running"}


@pytest.mark.parametrize("gone", ["q", "local"])
def test_names_of_what_is_gone_lead_nowhere(world: World, gone: str) -> None:
    """Numbers are given out again."""
    world.upsert("r", entityName="local")
    rename(world)
    world.gql(DELETE, {"name": "q", "entity": "local"})
    rest: Any = {"modelName": "z", "entityName": "local"}
    world.upsert("r", **rest)
    world.stream("r", {"complete": True}, status=404)
    assert world.run("name", project=gone) is None
    assert world.run("name", entity="local") is None
