"""Linking into registries, and what is seen through a link."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from dumbbell_server.accounts import queries, service
from dumbbell_server.accounts.keys import add_key
from dumbbell_server.database.units import Unit

if TYPE_CHECKING:
    from conftest import Club

LINK = """mutation M($input: LinkArtifactInput!) { linkArtifact(input: $input) { versionIndex } }"""
UNLINK = """mutation M($a: ID!, $p: ID!) { unlinkArtifact(input: {artifactID: $a, artifactPortfolioID: $p}) {
  success } }"""
ALIAS = """mutation M($a: ID!, $entity: String!, $project: String!, $collection: String!) { addAliases(input: {
  artifactID: $a, aliases: [{entityName: $entity, projectName: $project, artifactCollectionName: $collection,
  alias: "best"}]}) { success } }"""
DELETE = """mutation M($id: ID!) { deleteArtifactPortfolio(input: {artifactPortfolioID: $id}) {
  artifactCollection { state } } }"""
TYPES = """query Q($n: String!) { project(name: $n, entityName: "Club-org") {
  artifactTypes(includeAll: true) { edges { node { name } } } } }"""
EDIT = "mutation M($input: UpsertModelInput!) { upsertModel(input: $input) { inserted } }"
THROUGH = """query Q($n: String!) { project(name: "wandb-registry-models", entityName: "Club-org") {
  artifactCollectionMembership(name: $n) { versionIndex aliases { alias } artifact { id
    artifactSequence { name project { name } } %s } } } }"""
FILE = "currentManifest { file { directUrl } } files { edges { node { name directUrl } } }"
ADD = """mutation M($id: ID!, $users: [ID!]) { createProjectMembers(input: {projectId: $id, userIds: $users}) {
  success } }"""
ROLE = """mutation M($id: ID!, $who: ID!, $role: String!) { updateProjectMember(input: {projectId: $id, userId: $who,
  userProjectRole: $role}) { success } }"""


def through(club: Club, who: str, name: str = "nets", fields: str = "") -> Any:
    found = club.ask(who, THROUGH % fields, n=name)["project"]
    return found and found["artifactCollectionMembership"]


def give(club: Club, registry: str, who: str, role: str) -> None:
    club.ask("boss", ADD, id=registry, users=[club.user_id(who)])
    club.ask("boss", ROLE, id=registry, who=club.user_id(who), role=role)


def test_versions_are_numbered_anew_where_they_are_linked(club: Club) -> None:
    registry = club.make("boss", "models")["project"]["id"]
    give(club, registry, "mia", "member")
    first, second = club.log("mia", "net", "one"), club.log("mia", "net", "two")
    assert club.link("mia", second, "models/nets", "good")["versionIndex"] == 0
    assert club.link("mia", first, "models/nets")["versionIndex"] == 1
    assert club.link("mia", second, "models/nets", "again")["versionIndex"] == 0
    seen = through(club, "vic")
    assert (seen["versionIndex"], [alias["alias"] for alias in seen["aliases"]]) == (1, ["latest"])
    assert {alias["alias"] for alias in through(club, "vic", "nets:v0")["aliases"]} == {"good", "again"}
    club.refused("mia", LINK, 404, input=club.target(first, "nothing/nets"))
    assert club.world.count("projects") == 2


def test_a_registry_takes_the_types_it_names(club: Club) -> None:
    club.make("boss", "models", allowAllArtifactTypesInRegistry=False, artifactTypes=[{"name": "model"}])
    model, data = club.log("boss", "net"), club.log("boss", "set", kind="dataset")
    club.link("boss", model, "models/nets")
    assert "'dataset'" in club.refused("boss", LINK, 400, input=club.target(data, "models/sets"))
    place = {"entityName": "Club-org", "name": "wandb-registry-models"}
    club.ask("boss", EDIT, input={**place, "artifactTypes": [{"name": "dataset"}]})
    club.link("boss", data, "models/sets")
    found = club.ask("boss", TYPES, n="wandb-registry-models")["project"]["artifactTypes"]["edges"]
    assert [edge["node"]["name"] for edge in found] == ["model", "dataset"]
    club.ask("boss", EDIT, input={**place, "allowAllArtifactTypesInRegistry": True})
    assert club.ask("boss", TYPES, n="wandb-registry-models")["project"]["artifactTypes"]["edges"] == []
    assert "a/b" in club.refused("boss", EDIT, 400, input={**place, "artifactTypes": [{"name": "a/b"}]})


def test_only_what_is_of_the_organization_is_linked(club: Club) -> None:
    club.make("local", "models")
    foreign = club.log("local", "net", entity="local")
    assert "organization" in club.refused("local", LINK, 403, input=club.target(foreign, "models/nets"))
    own = club.log("boss", "net", entity="boss")  # logged alone, by somebody in the organization
    assert club.link("boss", own, "models/nets")["versionIndex"] == 0


@pytest.mark.parametrize(("role", "status"), [("member", 200), ("admin", 200), ("viewer", 403),
                                              ("restricted_viewer", 403), (None, 403)])
def test_who_links_unlinks_and_names(club: Club, role: str | None, status: int) -> None:
    registry = club.make("boss", "models")["project"]["id"]
    version = club.log("boss", "net")
    portfolio = club.link("boss", version, "models/nets")["artifactMembership"]["artifactCollection"]["id"]
    if role is not None:
        give(club, registry, "mia", role)
    deeds: list[tuple[str, dict[str, Any]]] = [
        (LINK, {"input": club.target(version, "models/others")}),
        (LINK, {"input": {"artifactID": version, "artifactPortfolioID": portfolio}}),
        (ALIAS, {"a": version, "entity": "Club-org", "project": "wandb-registry-models", "collection": "nets"}),
        (UNLINK, {"a": version, "p": portfolio}),
    ]
    for query, variables in deeds:
        if status == 200:
            club.ask("mia", query, **variables)
        else:
            club.refused("mia", query, status, **variables)
        club.refused("out", query, 404, **variables)
        club.refused(None, query, 401, **variables)


def test_only_admins_delete_collections_of_others(club: Club) -> None:
    registry = club.make("boss", "models")["project"]["id"]
    linked = club.link("boss", club.log("boss", "net"), "models/nets")
    portfolio = linked["artifactMembership"]["artifactCollection"]["id"]
    give(club, registry, "mia", "member")
    club.refused("mia", DELETE, 403, id=portfolio)
    give(club, registry, "mia", "admin")
    club.ask("mia", DELETE, id=portfolio)


def test_a_reader_without_the_source_sees_the_version_and_may_name_it(club: Club) -> None:
    registry = club.make("boss", "models")["project"]["id"]
    version = club.log("boss", "net", "weights")
    club.link("boss", version, "models/nets")
    give(club, registry, "vic", "member")
    seen = through(club, "vic", fields=FILE)["artifact"]
    assert seen["artifactSequence"]["project"] is None
    club.ask("vic", ALIAS, a=version, entity="Club-org", project="wandb-registry-models", collection="nets")
    club.refused("vic", ALIAS, 404, a=version, entity="crew", project="p", collection="net")
    (file,) = [edge["node"] for edge in seen["files"]["edges"]]
    parts = urlsplit(file["directUrl"])
    assert club.world.client.get(f"{parts.path}?{parts.query}").content == b"weights"
    club.ask("boss", 'mutation { createInvite(input: {entityName: "crew", username: "vic"}) { invite { id } } }')
    assert through(club, "vic")["artifact"]["artifactSequence"]["project"] == {"name": "p"}


def test_a_restricted_viewer_looks_and_gets_no_bytes(club: Club) -> None:
    registry = club.make("boss", "models")["project"]["id"]
    version = club.log("boss", "net", "weights")
    club.link("boss", version, "models/nets")
    give(club, registry, "vic", "restricted_viewer")
    assert through(club, "vic", "nets:v0")["artifact"]["id"] == version
    assert "files" in club.refused("vic", THROUGH % "currentManifest { file { directUrl } }", 403, n="nets")
    assert "files" in club.refused("vic", THROUGH % "files { edges { node { directUrl } } }", 403, n="nets")
    own = {"artifactID": version, "artifactPortfolioName": "mine", "entityName": "vic", "projectName": "p"}
    club.refused("vic", LINK, 403, input=own)  # it would be readable there
    url = (f"/artifactsV2/gcp-us/Club-org/wandb-registry-models/nets/{version}/"
           f"{hashlib.md5(b'weights').hexdigest()}/a.txt")
    answers = {}
    for role in ("restricted_viewer", "viewer"):
        give(club, registry, "vic", role)
        answers[role] = club.world.client.get(url, headers={"authorization": "Bearer " + "v" * 40}).status_code
    assert answers == {"restricted_viewer": 404, "viewer": 200}


def test_a_registrys_link_leads_to_a_page(club: Club) -> None:
    club.make("boss", "models", description="<words>")
    club.link("boss", club.log("boss", "net"), "models/nets")
    pages = {who: club.world.client.get("/orgs/Club/registry/models?view=membership&version=v0",
                                        headers={"authorization": f"Bearer {who[0] * 40}"}) for who in ("vic", "out")}
    assert "nets:v0" in pages["vic"].text
    assert "&lt;words&gt;" in pages["vic"].text
    assert pages["out"].status_code == 404


def test_registries_go_with_their_organization(club: Club) -> None:
    club.make("boss", "models")
    own = club.log("boss", "net", entity="boss")
    club.link("boss", own, "models/nets")
    club.link("boss", club.log("boss", "net"), "models/others")
    club.ask("boss", 'mutation { deleteOrganization(input: {name: "Club"}) { success } }')
    assert not club.sees("boss", "models")
    assert [club.world.count(table) for table in ("registry_members", "organizations", "projects", "artifacts")] == [
        0, 0, 1, 1]  # what boss logged alone stays


def test_a_user_who_is_gone_has_no_role(club: Club) -> None:
    registry = club.make("boss", "models")["project"]["id"]
    give(club, registry, "vic", "admin")

    def replace(unit: Unit) -> None:
        user = queries.user_by_name(unit.session, "vic")
        assert user is not None
        service.delete_user(unit, user)
        add_key(unit, service.create_user(unit, "vic").id, "v" * 40)

    club.world.backend.write(None, replace)
    assert not club.sees("vic", "models")
    assert club.world.count("registry_members") == 1
