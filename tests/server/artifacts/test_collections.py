"""Listing, filtering and editing collections, and links between projects."""

from __future__ import annotations

from typing import Any

import pytest

from support.artifact_driver import ArtifactDriver
from support.artifact_worlds import counted_statements

A, B = b"alpha", b"beta, longer"
PAGE = """query Q($f: JSONString, $o: String, $n: Int, $c: String) { project(name: "p") {
    artifactCollections(filters: $f, order: $o, first: $n, after: $c) { totalCount pageInfo { endCursor hasNextPage }
    edges { cursor node { __typename id name tags { edges { node { name } } } project { name }
    type: defaultArtifactType { name } } } } } }"""
VERSIONS = """query Q($f: JSONString, $o: String, $n: Int, $c: String) { project(name: "p") {
    artifactType(name: "dataset") { artifactCollection(name: "set") {
    artifacts(filters: $f, order: $o, first: $n, after: $c) { totalCount
    pageInfo { endCursor hasNextPage } edges { cursor version __typename node { id versionIndex tags { name }
    aliases { alias } artifactSequence { name } %s } } } } } } }"""
LINK = """mutation M($id: ID!, $to: String!, $aliases: [ArtifactAliasInput!]) { linkArtifact(input: {artifactID: $id,
    artifactPortfolioName: $to, entityName: "local", projectName: "p", aliases: $aliases}) {
    versionIndex artifactMembership { artifactCollection { id __typename } } } }"""
TAG = """mutation M($tags: [TagInput!]!) { createArtifactCollectionTagAssignments(input: {entityName: "local",
    projectName: "p", artifactCollectionName: "b", tags: $tags}) { tags { name } } }"""


def names(driver: ArtifactDriver, **asked: Any) -> list[str]:
    found = driver.world.gql(PAGE, asked)["project"]["artifactCollections"]
    return [edge["node"]["name"] for edge in found["edges"]]


@pytest.fixture
def shelf(driver: ArtifactDriver) -> ArtifactDriver:
    """Three sequences, one of them tagged, and a portfolio."""
    for name in ("b", "a", "c"):
        driver.world.clock.move(1)
        driver.log({"f": name.encode()}, name)
    driver.world.gql(TAG, {"tags": [{"tagName": "good"}]})
    driver.world.clock.move(1)
    driver.world.gql(LINK, {"id": driver.version("a:v0")["id"], "to": "links"})
    return driver


def test_collections_in_every_order_and_page(shelf: ArtifactDriver) -> None:
    assert names(shelf) == ["links", "c", "a", "b"]
    assert names(shelf, o="name") == ["a", "b", "c", "links"]
    assert names(shelf, o="-name") == ["links", "c", "b", "a"]
    assert names(shelf, o="+createdAt") == ["b", "a", "c", "links"]
    first = shelf.world.gql(PAGE, {"n": 2, "o": "name"})["project"]["artifactCollections"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (4, True)
    assert names(shelf, o="name", c=first["pageInfo"]["endCursor"]) == ["c", "links"]
    assert "is not a key" in shelf.world.errors(PAGE, {"o": "nonsense"}, status=400)[0]
    kinds = [edge["node"]["__typename"] for edge in first["edges"]]
    assert kinds == ["ArtifactSequence", "ArtifactSequence"]


@pytest.mark.parametrize(("wanted", "found"), [
    ('{"name": "b"}', ["b"]), ('{"name": {"$in": ["a", "c"]}}', ["c", "a"]), ('{"tag": "good"}', ["b"]),
    ('{"name": {"$regex": "^l"}}', ["links"]), ('{"$or": [{"name": "a"}, {"tag": "good"}]}', ["a", "b"]), ("{}", [
        "links", "c", "a", "b"]), ("null", ["links", "c", "a", "b"]), ('{"name": "none"}', []),
])
def test_collections_are_filtered(shelf: ArtifactDriver, wanted: str, found: list[str]) -> None:
    assert names(shelf, f=wanted) == found
    assert shelf.world.gql(PAGE, {"f": wanted, "n": 1})["project"]["artifactCollections"]["totalCount"] == len(found)


def test_cursors_of_differently_written_filters_agree(shelf: ArtifactDriver) -> None:
    one = shelf.world.gql(PAGE, {"n": 1, "o": "name"})["project"]["artifactCollections"]["pageInfo"]["endCursor"]
    assert names(shelf, o="name", c=one, f='{"name": {"$ne": "zzz"}}') == ["b", "c", "links"]


@pytest.mark.parametrize("more", ["", "createdBy { __typename }"])  # answered at once, and one by one
def test_versions_by_number_tag_and_alias(driver: ArtifactDriver, more: str) -> None:
    for at in range(4):
        tags = [{"tagName": "even"}] if at % 2 == 0 else []
        driver.log({"f": str(at).encode()}, tags=tags, metadata=f'{{"n": {at}}}')

    def page(**asked: Any) -> Any:
        return driver.world.gql(VERSIONS % more, asked)["project"]["artifactType"]["artifactCollection"]["artifacts"]

    def versions(**asked: Any) -> list[str]:
        return [edge["version"] for edge in page(**asked)["edges"]]

    assert versions() == ["v3", "v2", "v1", "v0"]
    assert versions(o="version_index") == ["v0", "v1", "v2", "v3"]
    assert versions(f='{"tag": "even"}') == ["v2", "v0"]
    assert versions(f='{"alias": "latest", "state": "COMMITTED"}') == ["v3"]
    assert versions(f='{"metadata.n": {"$lt": 2}}', o="+version_index") == ["v0", "v1"]
    assert versions(f='{"state": "PENDING"}') == []
    first = page(n=3)
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (4, True)
    assert versions(c=first["pageInfo"]["endCursor"], f='{"state": "COMMITTED"}') == ["v0"]
    assert [edge["node"]["versionIndex"] for edge in first["edges"]] == [3, 2, 1]
    assert [edge["node"]["aliases"] for edge in first["edges"]] == [[{"alias": "latest"}], [], []]
    assert first["edges"][1]["node"]["tags"] == [{"name": "even"}]


def test_a_longer_page_of_versions_asks_the_database_no_more_often(driver: ArtifactDriver) -> None:
    for at in range(6):
        driver.log({"f": str(at).encode()}, tags=[{"tagName": f"tag{at}"}])

    def statements(first: int) -> int:
        with counted_statements(driver.world) as count:
            driver.world.gql(VERSIONS % "createdBy { __typename }", {"n": first})
            return count()

    statements(1)
    assert statements(2) == statements(6)


def test_portfolio_counts_its_own_versions(driver: ArtifactDriver) -> None:
    one, two = driver.log({"a": A}), driver.log({"a": B})
    linked = [driver.world.gql(LINK, {"id": node, "to": "links", "aliases": [
        {"artifactCollectionName": "links", "alias": alias}]})["linkArtifact"]["versionIndex"]
        for node, alias in ((two["id"], "x"), (one["id"], "y"), (two["id"], "z"))]
    assert linked == [0, 1, 0]
    assert driver.version("links:latest")["id"] == one["id"]
    assert driver.version("links:z")["id"] == driver.version("links:x")["id"] == two["id"]
    assert driver.version("set:latest")["id"] == two["id"]
    wrong = driver.log({"a": b"of another type"}, "model", artifactTypeName="model")
    assert "already exists with type" in driver.world.errors(LINK, {"id": wrong["id"], "to": "links"}, status=409)[0]
    assert driver.world.errors(LINK, {"id": one["id"], "to": "set"}, status=409)


COUNTS = """query Q { project(name: "p") { all: artifactCollections(first: 0) { totalCount }
    artifactCollections { edges { node { name artifacts(first: 0) { totalCount } } } }
    dataset: artifactType(name: "dataset") { artifactCollections(first: 0) { totalCount } }
    model: artifactType(name: "model") { artifactCollections(first: 0) { totalCount } } } }"""


def counts(driver: ArtifactDriver) -> tuple[dict[str, int], list[int]]:
    """Versions by collection; collections of the project and of its types."""
    found = driver.world.gql(COUNTS)["project"]
    versions = {edge["node"]["name"]: edge["node"]["artifacts"]["totalCount"]
                for edge in found["artifactCollections"]["edges"]}
    types = [found[kind]["artifactCollections"]["totalCount"] for kind in ("dataset", "model") if found[kind]]
    return versions, [found["all"]["totalCount"], *types]


def test_counts_follow_what_comes_and_goes(driver: ArtifactDriver) -> None:
    def do(mutation: str, **values: Any) -> None:
        driver.world.gql(f"mutation M($id: ID!, $to: ID! = 0) {{ {mutation} {{ clientMutationId }} }}", values)

    one, two = driver.log({"a": A}), driver.log({"a": B})
    other = driver.log({"a": A}, "other")
    for version in (one, two, other):
        driver.world.gql(LINK, {"id": version["id"], "to": "links"})
    driver.world.gql(LINK, {"id": one["id"], "to": "links"})
    assert counts(driver) == ({"links": 3, "other": 1, "set": 2}, [3, 3])
    do("deleteArtifact(input: {artifactID: $id, deleteAliases: true})", id=one["id"])
    assert counts(driver) == ({"links": 2, "other": 1, "set": 1}, [3, 3])
    links = driver.member("links:latest")["artifactCollection"]["id"]
    do("unlinkArtifact(input: {artifactID: $id, artifactPortfolioID: $to})", id=two["id"], to=links)
    assert counts(driver) == ({"links": 1, "other": 1, "set": 1}, [3, 3])
    third = driver.log({"a": b"third"})
    driver.world.gql(LINK, {"id": third["id"], "to": "links"})
    sequence = driver.member("set:latest")["artifactCollection"]["id"]
    do('moveArtifactSequence(input: {artifactSequenceID: $id, destinationArtifactTypeName: "model"})', id=sequence)
    assert counts(driver) == ({"links": 2, "other": 1, "set": 2}, [3, 2, 1])
    do("deleteArtifactSequence(input: {artifactSequenceID: $id})", id=sequence)
    assert counts(driver) == ({"links": 1, "other": 1}, [2, 2, 0])
    do("deleteArtifactPortfolio(input: {artifactPortfolioID: $id})", id=links)
    assert counts(driver) == ({"other": 1}, [1, 1, 0])
