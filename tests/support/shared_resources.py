"""What many share, ann's team and her registry, and people who have each of the roles there."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from dumbbell_server.wiring import make_worker
from support.owned_resources import OWNER, OwnedResources, key_of, make_things
from support.world import World

# Whose key has which role. Nobody of the registry's but its owner is in the team. `chief`, `seat` and `guest` are in
# the organization to which both belong, as its admin, a member and a viewer, and have no role in the registry.
TEAM = {"owner": OWNER, "admin": key_of("amy"), "member": key_of("bob"), "viewer": key_of("vic"),
        "outsider": key_of("eve"), "nobody": None}
REGISTRY = {"owner": OWNER, "chief": key_of("che"), "admin": key_of("rad"), "member": key_of("rem"),
            "viewer": key_of("rev"), "seat": key_of("sam"), "guest": key_of("sue"), "restricted": key_of("res"),
            "outsider": key_of("eve"), "nobody": None}
ENDED = "ended"  # a run of the team whose rows are in a Parquet file
_PEOPLE = ("amy", "vic", "che", "rad", "rem", "rev", "sam", "sue", "res")
_LINK = """mutation M($input: LinkArtifactInput!) { linkArtifact(input: $input) { artifactMembership {
  artifactCollection { id } } } }"""


@dataclass(frozen=True)
class SharedResources:
    """The same names and ids as of ann's own things, but of what is shared."""

    team: OwnedResources
    registry: OwnedResources  # its `set` is a portfolio, and the version is the team's


def make_shared_resources(world: World, own: OwnedResources) -> SharedResources:
    for name in _PEOPLE:
        world.add_user(name, key_of(name))

    def ask(query: str, **variables: Any) -> Any:
        return world.gql(query, variables, key=OWNER)

    for name, role in (("amy", "admin"), ("vic", "viewer")):
        ask("""mutation M($name: String!, $role: String!) { createInvite(input: {entityName: "crew", username: $name,
            role: $role}) { invite { id } } }""", name=name, role=role)
    team = dataclasses.replace(own, **make_things(world, own.team))
    given = {"rad": "admin", "rem": "member", "rev": "viewer", "res": "restricted_viewer"}
    for name, seat in {**dict.fromkeys(given, "viewer"), "che": "admin", "sam": "member", "sue": "viewer"}.items():
        ask("""mutation M($name: String!, $seat: String!) { upsertOrganizationMember(input: {organizationName: "guild",
            username: $name, role: $seat}) { organization { id } } }""", name=name, seat=seat)
    for name, role in given.items():
        found = ask("query Q($name: String) { users(query: $name) { edges { node { id } } } }", name=name)
        ask("""mutation M($id: ID!, $who: ID!, $role: String!) {
            createProjectMembers(input: {projectId: $id, userIds: [$who]}) { success }
            updateProjectMember(input: {projectId: $id, userId: $who, userProjectRole: $role}) { success } }""",
            id=own.registry_id, who=found["users"]["edges"][0]["node"]["id"], role=role)
    linked = ask(_LINK, input={
        "artifactID": team.logged.version, "artifactPortfolioName": "set", "entityName": own.guild,
        "projectName": own.registry, "aliases": [{"artifactCollectionName": "set", "alias": "best"}]})
    shelf = linked["linkArtifact"]["artifactMembership"]["artifactCollection"]["id"]
    ask("""mutation M($entity: String!, $project: String!) { createArtifactCollectionTagAssignments(input: {
        entityName: $entity, projectName: $project, artifactCollectionName: "set", tags: [{tagName: "kept"}]}) {
        tags { name } } }""", entity=own.guild, project=own.registry)
    place: dict[str, Any] = {"project": team.project, "entity": team.entity, "key": OWNER}
    world.upsert(ENDED, modelName=team.project, entityName=team.entity, key=OWNER)
    world.history(ENDED, [{"_step": step, "loss": step / 2} for step in range(5)], **place)
    world.stream(ENDED, {"complete": True, "exitcode": 0}, **place)
    make_worker(world.backend).run()
    return SharedResources(team, dataclasses.replace(
        own, entity=own.guild, project=own.registry, project_id=own.registry_id,
        logged=dataclasses.replace(team.logged, portfolio=shelf)))
