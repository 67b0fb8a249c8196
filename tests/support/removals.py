"""What can be deleted, by what a user sees of it while its rows are still there and afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from support.artifact_driver import ArtifactDriver
from support.run_history import rows, start, stored
from support.world import World

LINK = """mutation M($id: ID!, $p: String!) { linkArtifact(input: {artifactID: $id, artifactPortfolioName: "links",
  entityName: "local", projectName: $p}) { versionIndex } }"""
RUN_FILES = """mutation M { createRunFiles(input: {entityName: "local", projectName: "p", runName: "r",
  files: ["f.txt"]}) { files { uploadUrl } } }"""
VERSION = "query Q($id: ID!) { artifact(id: $id) { state artifactMemberships { totalCount } } }"
_PROJECT = ("runs", "chunks", "run_files", "artifacts", "artifact_entries", "artifact_manifests",
            "artifact_collections")


@dataclass
class Held:
    """A run with rows and a file, and two versions that it logged, linked in this project and in another one."""

    world: World
    driver: ArtifactDriver
    run: str
    file: str
    versions: list[str]
    downloads: list[str]
    collection: str

    def project(self) -> str | None:
        found = self.world.gql('query { project(name: "p") { id } }')["project"]
        return found and found["id"]

    def version(self, node: str) -> Any:
        return self.world.gql(VERSION, {"id": node})["artifact"]

    def get(self, url: str) -> int:
        return int(self.world.client.get(url).status_code)


def logged(world: World) -> tuple[str, str]:
    """A run `r` with rows and a file: its id, and where the file is."""
    run = start(world)["id"]
    world.history("r", rows(0, 1, 2))
    url = world.gql(RUN_FILES)["createRunFiles"]["files"][0]["uploadUrl"]
    assert world.client.put(url, content=b"first").status_code == 200
    file = world.run('files(names: ["f.txt"]) { edges { node { directUrl } } }')["files"]["edges"][0]["node"]
    return run, file["directUrl"]


def hold(world: World) -> Held:
    driver = ArtifactDriver(world)
    run, file = logged(world)
    versions = [driver.log({"a": data}, runName="r", sequenceClientID="s")["id"] for data in (b"one", b"two")]
    world.upsert("other", modelName="q")
    for project in ("p", "q"):
        for version in versions:
            world.gql(LINK, {"id": version, "p": project})
    found = driver.version("set:v0")
    files = world.gql("query Q($id: ID!) { artifact(id: $id) { files { edges { node { directUrl } } } } }",
                      {"id": versions[0]})["artifact"]["files"]["edges"]
    downloads = [found["currentManifest"]["file"]["directUrl"], files[0]["node"]["directUrl"]]
    collection = driver.member("set:v0")["artifactCollection"]["id"]
    return Held(world, driver, run, file, versions, downloads, collection)


@dataclass(frozen=True)
class Deletion:
    """`act` deletes, `gone` looks that nothing of it is seen, `again` makes what is called the same, and sees it."""

    act: Callable[[Held], object]
    gone: Callable[[Held], object]
    again: Callable[[Held], Callable[[], object]]
    rows: Sequence[str]  # tables of which it had rows


def _delete_run(held: Held) -> object:
    return held.world.gql("mutation M($id: ID!) { deleteRun(input: {id: $id, deleteArtifacts: true}) {"
                          " clientMutationId } }", {"id": held.run})


def _no_run(held: Held) -> None:
    assert held.world.run("id") is None
    assert held.world.gql('query { project(name: "p") { runCount } }')["project"]["runCount"] == 0
    assert held.get(held.file) == 404
    _no_versions(held)


def _no_versions(held: Held) -> None:
    for version in held.versions:
        found = held.version(version)
        assert found is None or found["state"] == "DELETED"
    assert held.driver.version("set:latest") is None
    assert held.driver.version("links:latest", project="q") is None
    assert [held.get(url) for url in held.downloads] == [404, 404]


def _new_run(held: Held) -> Callable[[], None]:
    _, file = logged(held.world)

    def look() -> None:
        assert stored(held.world) == rows(0, 1, 2)
        assert held.get(file) == 200
    return look


def _delete_project(held: Held) -> object:
    return held.world.gql("mutation M($id: String!) { deleteModel(input: {id: $id}) { success } }",
                          {"id": held.project()})


def _no_project(held: Held) -> None:
    assert held.project() is None
    names = held.world.gql('query { models(entityName: "local") { edges { node { name } } } }')["models"]["edges"]
    assert [edge["node"]["name"] for edge in names] == ["q"]
    held.world.stream("r", {"files": {}}, status=404)
    assert held.get(held.file) == 404
    for version in held.versions:
        assert held.version(version) is None
    assert held.driver.version("links:latest", project="q") is None
    assert [held.get(url) for url in held.downloads] == [404, 404]


def _new_project(held: Held) -> Callable[[], None]:
    runs, versions = _new_run(held), _new_collection(held)

    def look() -> None:
        runs()
        versions()
    return look


def _delete_collection(held: Held) -> object:
    return held.world.gql("mutation M($id: ID!) { deleteArtifactSequence(input: {artifactSequenceID: $id}) {"
                          " clientMutationId } }", {"id": held.collection})


def _no_collection(held: Held) -> None:
    _no_versions(held)
    assert held.driver.version("links:latest") is None
    assert held.world.run("outputArtifacts { totalCount }")["outputArtifacts"]["totalCount"] == 0


def _new_collection(held: Held) -> Callable[[], None]:
    new = held.driver.log({"a": b"one"}, sequenceClientID="s")

    def look() -> None:
        assert held.driver.version("set:latest")["id"] == new["id"]
        assert held.driver.get_file("set:v0", "a") == b"one"
        named = held.world.gql('query { clientIDMapping(clientID: "s") { serverID } }')["clientIDMapping"]
        assert named["serverID"] == held.driver.member("set:v0")["artifactCollection"]["id"]
    return look


def _delete_portfolio(held: Held) -> object:
    links = held.driver.member("links:latest")["artifactCollection"]["id"]
    return held.world.gql("mutation M($id: ID!) { deleteArtifactPortfolio(input: {artifactPortfolioID: $id}) {"
                          " clientMutationId } }", {"id": links})


def _no_portfolio(held: Held) -> None:
    assert held.driver.member("links:latest") is None
    assert held.version(held.versions[0])["artifactMemberships"]["totalCount"] == 2


def _new_portfolio(held: Held) -> Callable[[], None]:
    held.world.gql(LINK, {"id": held.versions[0], "p": "p"})

    def look() -> None:
        assert held.driver.version("links:latest")["id"] == held.versions[0]
    return look


DELETIONS = {
    "run": Deletion(_delete_run, _no_run, _new_run, ("chunks", "run_files", "artifact_entries")),
    "project": Deletion(_delete_project, _no_project, _new_project, _PROJECT),
    "collection": Deletion(_delete_collection, _no_collection, _new_collection, ("artifacts", "artifact_entries")),
    "portfolio": Deletion(_delete_portfolio, _no_portfolio, _new_portfolio, ("artifact_memberships",)),
}
