"""Looking through all registries of an organization."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

if TYPE_CHECKING:
    from conftest import Club

COLLECTIONS = """query Q($registries: JSONString, $filters: JSONString, $kinds: [ArtifactCollectionType!] = [PORTFOLIO],
  $first: Int, $after: String, $order: String) { organization(name: "Club") { orgEntity {
  artifactCollections(projectFilters: $registries, filters: $filters, collectionTypes: $kinds, first: $first,
    after: $after, order: $order) { totalCount pageInfo { endCursor hasNextPage }
    edges { node { __typename id name type: defaultArtifactType { name } project { name } } } } } } }"""
VERSIONS = """query Q($registries: JSONString, $collections: JSONString, $filters: JSONString, $first: Int,
  $after: String, $order: String) { organization(name: "Club") { orgEntity {
  artifactMemberships(projectFilters: $registries, collectionFilters: $collections, filters: $filters, first: $first,
    after: $after, order: $order) { pageInfo { endCursor hasNextPage }
    edges { node { id versionIndex aliases { alias } artifactCollection { name project { name } }
      artifact { id } } } } } } }"""
TAG = """mutation M($project: String!, $name: String!) { createArtifactCollectionTagAssignments(input: {
  entityName: "Club-org", projectName: $project, artifactCollectionName: $name, tags: [{tagName: "fine"}]}) {
  tags { name } } }"""
TAG_VERSION = """mutation M($id: ID!) { updateArtifact(input: {artifactID: $id, tagsToAdd: [{tagName: "good"}]}) {
  artifact { id } } }"""


@pytest.fixture
def shelf(club: Club) -> dict[str, str]:
    """Registries b and a; b/nets with two versions, b/sets and a/nets with one. Versions by their text."""
    club.make("boss", "b")
    club.make("boss", "a", access="RESTRICTED")
    versions = {}
    for content, collection, kind, where in (("one", "net", "model", "b/nets"), ("two", "net", "model", "b/nets"),
                                          ("rows", "set", "dataset", "b/sets"), ("x", "y", "model", "a/nets")):
        club.world.clock.move(60)
        versions[content] = club.log("boss", collection, content, kind=kind,
                                     metadata=json.dumps({"deep": {"n": len(content)}}))
        club.world.clock.move(60)
        club.link("boss", versions[content], where, f"is-{content}")
    return versions


def collections(club: Club, who: str = "boss", **asked: Any) -> list[str]:
    encoded = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in asked.items()}
    found = club.ask(who, COLLECTIONS, **encoded)["organization"]["orgEntity"]["artifactCollections"]
    return [f"{edge['node']['project']['name'][-1]}/{edge['node']['name']}" for edge in found["edges"]]


def versions(club: Club, who: str = "boss", **asked: Any) -> list[str]:
    encoded = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in asked.items()}
    found = club.ask(who, VERSIONS, **encoded)["organization"]["orgEntity"]["artifactMemberships"]
    nodes = [edge["node"] for edge in found["edges"]]
    return [f"{node['artifactCollection']['project']['name'][-1]}/{node['artifactCollection']['name']}"
            f":v{node['versionIndex']}" for node in nodes]


@pytest.mark.usefixtures("shelf")
def test_links_are_seen_while_another_transaction_runs(club: Club) -> None:
    if club.world.backend.settings.database_url is None:
        pytest.skip("SQLite has one writer")
    assert len(versions(club, filters={"alias": {"$ne": "none"}})) == 4
    with club.world.backend.database.engine.begin() as other:
        other.execute(text("SELECT pg_current_xact_id()"))
        for number in range(2):
            club.link("boss", club.log("boss", "more", str(number), kind="model"), "b/more", "new")
            assert len(versions(club, filters={"alias": {"$ne": "none"}})) == 5 + number


@pytest.mark.usefixtures("shelf")
def test_collections_of_all_registries(club: Club) -> None:
    club.ask("boss", TAG, project="wandb-registry-b", name="sets")
    assert collections(club) == ["b/nets", "b/sets", "a/nets"]
    assert collections(club, "vic") == ["b/nets", "b/sets"]  # the other is restricted
    assert collections(club, order="-name") == ["b/sets", "a/nets", "b/nets"]
    assert collections(club, order="created_at") == ["b/nets", "b/sets", "a/nets"]
    assert collections(club, filters={"name": "nets"}) == ["b/nets", "a/nets"]
    assert collections(club, filters={"tag": "fine"}) == ["b/sets"]
    assert collections(club, registries={"name": {"$in": ["wandb-registry-a"]}}) == ["a/nets"]
    assert collections(club, registries={"name": "wandb-registry-none"}) == []
    assert collections(club, kinds=["SEQUENCE"]) == []
    found = club.ask("boss", COLLECTIONS, first=1)["organization"]["orgEntity"]["artifactCollections"]
    assert (found["totalCount"], found["pageInfo"]["hasNextPage"]) == (3, True)
    assert found["edges"][0]["node"]["__typename"] == "ArtifactPortfolio"
    assert found["edges"][0]["node"]["type"] == {"name": "model"}


def test_versions_of_all_registries(club: Club, shelf: dict[str, str]) -> None:
    club.ask("boss", TAG_VERSION, id=shelf["two"])
    every = ["b/nets:v0", "b/nets:v1", "b/sets:v0", "a/nets:v0"]
    assert versions(club) == every
    assert versions(club, "vic") == every[:3]
    assert versions(club, registries={"name": "wandb-registry-a"}) == every[3:]
    assert versions(club, collections={"name": "nets"}) == ["b/nets:v0", "b/nets:v1", "a/nets:v0"]
    for filters, wanted in (
        ({"alias": "latest"}, ["b/nets:v1", "b/sets:v0", "a/nets:v0"]),
        ({"alias": "is-one"}, ["b/nets:v0"]),
        ({"tag": "good"}, ["b/nets:v1"]),
        ({"version": "v1"}, ["b/nets:v1"]),
        ({"version": 1}, ["b/nets:v1"]),
        ({"metadata.deep.n": {"$gt": 3}}, ["b/sets:v0"]),
        ({"$not": {"alias": "latest"}}, ["b/nets:v0"]),
        ({"artifact_size": {"$lt": 3}}, ["a/nets:v0"]),
        ({"artifact_created_at": {"$gt": "2100-01-01"}}, []),
        ({"no_such_key": 1}, []),
    ):
        assert versions(club, filters=filters) == wanted, filters
    assert versions(club, order="-acm_created_at") == every[::-1]
    assert versions(club, order="artifact_size") == ["a/nets:v0", "b/nets:v0", "b/nets:v1", "b/sets:v0"]


@pytest.mark.usefixtures("shelf")
def test_a_cursor_holds_however_the_filter_is_written(club: Club) -> None:
    first = club.ask("boss", VERSIONS, first=2)["organization"]["orgEntity"]["artifactMemberships"]["pageInfo"]
    assert first["hasNextPage"] is True
    after = first["endCursor"]
    assert versions(club, after=after) == ["b/sets:v0", "a/nets:v0"]
    assert versions(club, after=after, registries={"name": {"$regex": "."}}, collections={"$or": [
        {"name": "nets"}, {"name": "sets"}]}) == ["b/sets:v0", "a/nets:v0"]
    one_by_one, cursor = [], None
    for _ in range(4):
        one_by_one += versions(club, first=1, after=cursor)
        page = club.ask("boss", VERSIONS, first=1, after=cursor)["organization"]["orgEntity"]["artifactMemberships"]
        cursor = page["pageInfo"]["endCursor"]
    assert one_by_one == versions(club)


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("asked", [
    {"registries": '{"name": {"$near": 1}}'}, {"collections": '{"$where": 1}'}, {"filters": '{"alias": {"$in": 1}}'},
    {"filters": "["}, {"order": "shape"}, {"after": "x"}, {"first": -1},
])
def test_what_is_not_understood_is_named(club: Club, asked: dict[str, Any]) -> None:
    club.refused("boss", VERSIONS, 400, **asked)


def test_the_organization_is_a_wall(club: Club, shelf: dict[str, str]) -> None:
    assert len(shelf) == 4
    for who in ("out", None):
        assert club.ask(who, VERSIONS)["organization"] is None
        assert club.ask(who, COLLECTIONS)["organization"] is None
        text = '{ entity(name: "Club-org") { artifactMemberships { edges { node { id } } } } }'
        assert club.ask(who, text)["entity"] in (None, {"artifactMemberships": {"edges": []}})


def test_a_search_sees_what_changed_since_the_last_one(club: Club, shelf: dict[str, str]) -> None:
    def do(mutation: str, version: str) -> None:
        place = '{entityName: "Club-org", projectName: "wandb-registry-b", artifactCollectionName: "nets", alias: "%s"}'
        text = mutation.replace("BEST", place % "best").replace("LATEST", place % "latest")
        club.ask("boss", f"mutation M($id: ID!) {{ {text} }}", id=shelf[version])

    def found(**wanted: Any) -> list[str]:
        return versions(club, filters=wanted)

    def all_found() -> tuple[list[str], ...]:
        return (found(alias="best"), found(tag="good"), found(alias="latest"),
                found(**{"metadata.n": {"$gt": 5}}), versions(club, order="-linked_at"))

    start = ["a/nets:v0", "b/sets:v0", "b/nets:v1", "b/nets:v0"]
    latest = ["b/nets:v1", "b/sets:v0", "a/nets:v0"]
    assert all_found() == ([], [], latest, [], start)
    do("addAliases(input: {artifactID: $id, aliases: [BEST]}) { success }", "one")
    do('updateArtifact(input: {artifactID: $id, metadata: "{\\"n\\": 9}", tagsToAdd: [{tagName: "good"}]}) '
       "{ artifact { id } }", "two")
    assert all_found() == (["b/nets:v0"], ["b/nets:v1"], latest, ["b/nets:v1"], start)
    do("addAliases(input: {artifactID: $id, aliases: [BEST, LATEST]}) { success }", "two")
    do('updateArtifact(input: {artifactID: $id, tagsToDelete: [{tagName: "good"}]}) { artifact { id } }', "two")
    assert all_found() == (["b/nets:v1"], [], latest, ["b/nets:v1"], start)
    do("deleteAliases(input: {artifactID: $id, aliases: [BEST]}) { success }", "two")
    club.world.clock.move(60)
    club.link("boss", shelf["rows"], "b/sets2", "best")
    assert all_found() == (["b/sets2:v0"], [], ["b/nets:v1", "b/sets:v0", "b/sets2:v0", "a/nets:v0"], ["b/nets:v1"],
                           ["b/sets2:v0", *start])
    do("deleteArtifact(input: {artifactID: $id, deleteAliases: true}) { artifact { id } }", "two")
    club.world.clock.move(60)
    new = club.log("boss", "net", "brand new", kind="model")
    club.link("boss", new, "b/nets", "best")
    assert all_found() == (["b/nets:v2", "b/sets2:v0"], [], ["b/nets:v2", "b/sets:v0", "b/sets2:v0", "a/nets:v0"], [],
                           ["b/nets:v2", "b/sets2:v0", "a/nets:v0", "b/sets:v0", "b/nets:v0"])
    project = club.ask("boss", 'query { project(name: "wandb-registry-a", entityName: "Club-org") { id } }')["project"]
    club.ask("boss", "mutation M($id: String!) { deleteModel(input: {id: $id}) { success } }", id=project["id"])
    assert found(alias="latest") == ["b/nets:v2", "b/sets:v0", "b/sets2:v0"]
    assert versions(club, "vic", filters={"alias": "latest"}) == ["b/nets:v2", "b/sets:v0", "b/sets2:v0"]
