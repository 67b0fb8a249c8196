"""Who may read, write, link, alias and delete, over GraphQL, signed URLs and the older paths."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from support.artifact_driver import COMMIT, CREATE, ArtifactDriver
from support.world import KEY

A = b"alpha"
KEYS = {name: letter * 40 for name, letter in zip(("boss", "member", "viewer", "outsider"), "abcd", strict=True)}
KEYS["owner"] = KEY
READERS = ("owner", "boss", "member", "viewer")
WRITERS = ("owner", "boss", "member")
LINK = """mutation M($id: ID!, $p: String!) { linkArtifact(input: {artifactID: $id, artifactPortfolioName: "shelf",
    entityName: "team", projectName: $p}) { versionIndex artifactMembership { artifactCollection { id } } } }"""
ALIAS = """mutation M($id: ID!) { addAliases(input: {artifactID: $id, aliases: [{entityName: "team", projectName: "p",
    artifactCollectionName: "set", alias: "best"}]}) { success } }"""
UPDATE = 'mutation M($id: ID!) { updateArtifact(input: {artifactID: $id, description: "x"}) { artifact { id } } }'
DELETE = """mutation M($id: ID!) { deleteArtifact(input: {artifactID: $id, deleteAliases: true}) {
    artifact { id } } }"""
RENAME = 'mutation M($id: ID!) { updateArtifactSequence(input: {artifactSequenceID: $id, name: "other"}) { artifactCollection { id } } }'  # noqa: E501


@pytest.fixture
def team(driver: ArtifactDriver) -> ArtifactDriver:
    """A team with one of each, and a version that its owner logged."""
    driver.world.gql('mutation { createTeam(input: {teamName: "team"}) { entity { id } } }')
    for name in ("boss", "member", "viewer", "outsider"):
        driver.world.add_user(name, KEYS[name])
        if name != "outsider":
            driver.world.gql("""mutation M($n: String!, $r: String!) { createInvite(input: {entityName: "team",
                username: $n, role: $r}) { invite { id } } }""", {"n": name, "r": "admin" if name == "boss" else name})
    driver.log({"a": A}, entityName="team")
    return driver


def outcome(driver: ArtifactDriver, who: str, query: str, variables: dict[str, Any]) -> bool:
    """Whether it was done; what is not done is refused, never a 500."""
    key = None if who == "nobody" else KEYS[who]
    answer = driver.world.client.post("/graphql", json={"query": query, "variables": variables},
                                      headers={"authorization": f"Bearer {key}"} if key else {})
    assert answer.status_code in {200, 401, 403, 404}, answer.text
    return "errors" not in answer.json()


@pytest.mark.parametrize("who", ["owner", "boss", "member", "viewer", "outsider", "nobody"])
def test_each_may_do_what_their_role_says(team: ArtifactDriver, who: str) -> None:
    version = team.version("set:v0", entity="team")
    sequence = team.member("set:v0", entity="team")["artifactCollection"]["id"]
    key = None if who == "nobody" else KEYS[who]
    seen = team.version("set:v0", entity="team", key=key)
    assert (seen is not None) == (who in READERS)
    by_id = team.world.gql("query Q($id: ID!) { artifact(id: $id) { id } }", {"id": version["id"]}, key=key)
    assert (by_id["artifact"] is not None) == (who in READERS)
    assert older_paths(team, who, version["id"]) == [200 if who in READERS else 404] * 4
    wanted = {"entityName": "team", "projectName": "p", "artifactTypeName": "dataset", "digest": "x",
              "artifactCollectionName": "set"}
    assert outcome(team, who, CREATE, {"input": wanted}) == (who in WRITERS)
    assert outcome(team, who, COMMIT, {"id": version["id"]}) == (who in WRITERS)
    for query in (ALIAS, UPDATE):
        assert outcome(team, who, query, {"id": version["id"]}) == (who in WRITERS)
    assert outcome(team, who, LINK, {"id": version["id"], "p": "p"}) == (who in WRITERS)
    assert outcome(team, who, RENAME, {"id": sequence}) == (who in WRITERS)
    assert outcome(team, who, DELETE, {"id": version["id"]}) == (who in {"owner", "boss"})


def older_paths(driver: ArtifactDriver, who: str, artifact: str) -> list[int]:
    digest = "2c1743a391305fbf367df8e4f069f9f9"  # of A
    node = quote(artifact, safe="")
    headers = {} if who == "nobody" else {"authorization": f"Bearer {KEYS[who]}"}
    paths = [f"/artifacts/team/{digest}", f"/artifactsV2/default/team/{node}/{digest}",
             f"/artifactsV2/default/team/p/set/{node}/{digest}/a",
             f"/artifactsV2/default/team/p/set/{node}//{digest}/deep%2Fa"]
    return [driver.world.client.get(path, headers=headers).status_code for path in paths]


def test_members_delete_what_they_logged(team: ArtifactDriver) -> None:
    made = team.create("own", key=KEYS["member"], entityName="team", digest="x", distributedID="g")
    assert outcome(team, "member", DELETE, {"id": made["id"]})
    assert not outcome(team, "member", DELETE, {"id": made["id"]})


def test_signed_url_works_without_a_key_until_it_expires(team: ArtifactDriver) -> None:
    url = team.world.gql("""query Q($id: ID!) { artifact(id: $id) { files { edges { node { directUrl } } } } }""",
                         {"id": team.version("set:v0", entity="team")["id"]})
    url = url["artifact"]["files"]["edges"][0]["node"]["directUrl"]
    assert team.get(url) == A
    assert team.get(url, status=206, range="bytes=1-2") == b"lp"
    assert team.world.client.head(url.replace("http://testserver", "")).headers["content-length"] == "5"
    team.get(url.replace("/a?", "/b?"), status=403)
    team.world.clock.move(86_401)
    team.get(url, status=403)


def test_a_link_shows_the_version_and_hides_its_source(team: ArtifactDriver) -> None:
    """To somebody who may read where it is linked to, and not where it comes from."""
    version = team.version("set:v0", entity="team")
    team.world.gql('mutation { upsertModel(input: {name: "open", entityName: "team", access: "USER_READ"}) '
                   "{ inserted } }")
    team.world.gql(LINK, {"id": version["id"], "p": "open"})
    key = KEYS["outsider"]
    seen = team.version("shelf:latest", entity="team", project="open", key=key)
    assert (seen["id"], seen["artifactSequence"]) == (version["id"], {"name": "set", "project": None})
    assert [alias["artifactCollection"]["name"] for alias in seen["aliases"]] == ["shelf"]
    files = team.world.gql("""query Q($id: ID!) { artifact(id: $id) { files { edges { node { directUrl } } } } }""",
                           {"id": version["id"]}, key=key)["artifact"]["files"]["edges"]
    assert team.get(files[0]["node"]["directUrl"]) == A
    node = quote(version["id"], safe="")
    through = f"/artifactsV2/default/team/open/shelf/{node}//2c1743a391305fbf367df8e4f069f9f9/a"
    assert team.world.client.get(through, headers={"authorization": f"Bearer {key}"}).content == A
    other = team.log({"b": b"other"}, "hidden", entityName="team")
    guess = through.replace("2c1743a391305fbf367df8e4f069f9f9", "795f3202b17cb6bc3d4b771d8c6c9eaf")
    assert team.world.client.get(guess, headers={"authorization": f"Bearer {key}"}).status_code == 404
    assert team.world.gql("query Q($id: ID!) { artifact(id: $id) { id } }", {"id": other["id"]}, key=key) == {
        "artifact": None}
    assert not outcome(team, "outsider", UPDATE, {"id": version["id"]})
