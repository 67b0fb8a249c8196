"""Views over GraphQL."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from support.world import World

ADA, EVE = "a" * 40, "e" * 40
# as wandb-workspaces 0.4 sends it
UPSERT = """mutation upsertView($id: ID, $entityName: String, $projectName: String, $type: String, $name: String,
  $displayName: String, $description: String, $spec: String) {
  upsertView(input: {id: $id, entityName: $entityName, projectName: $projectName, name: $name,
    displayName: $displayName, description: $description, type: $type, createdUsing: WANDB_SDK, spec: $spec}) {
    view { id type name displayName description project { id name entityName } spec updatedAt } inserted } }"""
DELETE = """mutation deleteView($id: ID!, $deleteDrafts: Boolean) {
  deleteView(input: {id: $id, deleteDrafts: $deleteDrafts}) { success pendingDrafts __typename } }"""
VIEW = "query Q($id: ID!) { view(id: $id) { id name displayName description spec createdAt user { username } } }"
VIEWS = """query ProjectViews($entity: String, $cursor: String, $limit: Int, $type: String = "runs", $name: String,
  $user: String) { project(name: "p", entityName: $entity) {
  allViews(viewType: $type, viewName: $name, userName: $user, first: $limit, after: $cursor) {
    totalCount edges { node { name displayName user { username photoUrl email } } cursor }
    pageInfo { endCursor hasNextPage } } } }"""


def write(world: World, *, key: str = "f" * 40, **fields: Any) -> Any:
    place = {} if "id" in fields else {"projectName": "p", "spec": '{"version":5}'}
    return world.gql(UPSERT, {**place, **fields}, key=key)["upsertView"]


def names(world: World, **asked: Any) -> list[str]:
    return [edge["node"]["name"] for edge in world.gql(VIEWS, asked)["project"]["allViews"]["edges"]]


def test_a_report_is_written_read_and_edited(world: World) -> None:
    made = write(world, displayName="Loss", description="", name="loss")
    assert made["inserted"] is True
    view = made["view"]
    assert (view["type"], view["name"], view["spec"]) == ("runs", "loss", '{"version":5}')
    assert view["project"]["entityName"] == "local"
    world.clock.move(1)
    edited = write(world, id=view["id"], displayName="Losses")
    assert edited["inserted"] is False
    assert edited["view"]["updatedAt"] > view["updatedAt"]
    assert edited["view"] == {**view, "displayName": "Losses", "updatedAt": edited["view"]["updatedAt"]}
    same = write(world, name="loss", spec='{"version":6}')
    assert (same["inserted"], same["view"]["id"], same["view"]["displayName"]) == (False, view["id"], "Losses")
    short = view["id"].rstrip("=")  # as it stands in links
    assert world.gql(VIEW, {"id": short})["view"]["spec"] == '{"version":6}'
    assert world.gql(VIEW, {"id": base64.b64encode(b"View:99").decode()})["view"] is None


def test_views_are_listed_by_type_newest_first(world: World) -> None:
    for number in range(5):
        write(world, name=f"r{number}", displayName=f"Report {number}")
    write(world, name="nw-x-v", type="project-view")
    write(world, name="r0", type="runs/draft")
    first = world.gql(VIEWS, {"limit": 2})["project"]["allViews"]
    assert first["totalCount"] == 5
    assert [edge["node"]["displayName"] for edge in first["edges"]] == ["Report 4", "Report 3"]
    assert first["edges"][0]["node"]["user"] == {"username": "local", "photoUrl": None, "email": "local@localhost"}
    seen, cursor = [], None
    while True:
        page = world.gql(VIEWS, {"limit": 2, "cursor": cursor})["project"]["allViews"]
        seen += [edge["node"]["name"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        cursor = page["edges"][-1]["cursor"]  # the cursor that clients go on with
    assert seen == ["r4", "r3", "r2", "r1", "r0"]
    assert names(world, type="project-view") == ["nw-x-v"]
    assert names(world, name="r3") == ["r3"]
    assert names(world, name="x\x00y") == []
    assert names(world, user="local", limit=1) == ["r4"]
    assert names(world, user="eve") == []


def test_deleting_a_report_says_whether_a_draft_stays(world: World) -> None:
    for drafts, pending in ((False, True), (True, False)):
        report = write(world, name="r")["view"]["id"]
        write(world, name="r", type="runs/draft")
        assert world.gql(DELETE, {"id": report, "deleteDrafts": drafts})["deleteView"] == {
            "success": True, "pendingDrafts": pending, "__typename": "DeleteViewPayload"}
        assert "deleted already" in world.errors(DELETE, {"id": report}, status=404)[0]
    assert world.count("views") == 0


@pytest.mark.parametrize(("fields", "named"), [
    ({"spec": None}, "spec"),
    ({"spec": "[]"}, "spec"),
    ({"spec": "{"}, "spec"),
    ({"spec": '{"a":"\x00"}'}, "spec"),
    ({"name": "x" * 513}, "name"),
    ({"type": "a b"}, "'a b'"),
    ({"displayName": "\x00"}, "displayName"),
])
def test_bad_input_makes_nothing(world: World, fields: dict[str, Any], named: str) -> None:
    refused = world.errors(UPSERT, {"projectName": "p", "spec": "{}", **fields}, status=400)
    assert named in refused[0]
    assert world.count("views") == 0


def test_a_name_is_one_views_only(world: World) -> None:
    write(world, name="a")
    other = write(world, name="b")["view"]["id"]
    assert "'a'" in world.errors(UPSERT, {"id": other, "name": "a"}, status=409)[0]
    assert names(world) == ["b", "a"]


def test_who_may_do_what_with_views(world: World) -> None:
    world.add_user("ada", ADA)
    world.add_user("eve", EVE)
    world.gql('mutation { createTeam(input: {teamName: "crew"}) { entity { id } } }')
    world.gql('mutation { createInvite(input: {entityName: "crew", username: "ada"}) { invite { id } } }')
    report = write(world, entityName="crew", name="r")["view"]["id"]
    assert world.gql(VIEW, {"id": report}, key=EVE)["view"] is None
    assert world.gql(VIEW, {"id": report}, key=None)["view"] is None
    world.errors(UPSERT, {"id": report, "displayName": "x"}, key=EVE, status=404)
    world.errors(DELETE, {"id": report}, key=EVE, status=404)
    world.errors(UPSERT, {"entityName": "crew", "projectName": "p", "spec": "{}"}, key=EVE, status=404)
    assert write(world, id=report, displayName="x", key=ADA)["view"]["displayName"] == "x"
    world.errors(DELETE, {"id": report}, key=ADA, status=403)
    own = write(world, entityName="crew", name="own", key=ADA)["view"]["id"]
    assert world.gql(DELETE, {"id": own}, key=ADA)["deleteView"]["success"]
    assert world.gql(VIEW, {"id": report}, key=ADA)["view"]["user"] == {"username": "local"}


def test_a_reports_link_leads_to_a_page(world: World) -> None:
    report = write(world, displayName="A <b>", name="a")["view"]["id"].rstrip("=")
    auth = {"authorization": "Bearer " + "f" * 40}
    page = world.client.get(f"/local/p/reports/A-b--{report}", headers=auth)
    assert page.status_code == 200
    assert "A &lt;b&gt;" in page.text
    assert world.client.get("/local/p/reports/A-b--x", headers=auth).status_code == 404
