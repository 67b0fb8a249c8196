"""One user's things, one of each kind, and a stranger; what the schema lets others try on them is in attempts.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLType,
    get_named_type,
)
from sqlmodel import SQLModel

from dumbbell_server.accounts.events import AccountsChanged
from dumbbell_server.database.engine import reading
from dumbbell_server.database.units import Unit
from support.logged import Logged, log_artifact
from support.world import World

SECRET = "opensesame"
SWEEP = "method: grid\nscheduler: {engine: wandb}\nparameters:\n  x: {values: [1, 2]}\n"  # one that takes runs
GRID = "method: grid\nparameters:\n  x: {values: [1, 2]}\n"
_DEEPEST = 6


def key_of(name: str) -> str:
    """The key of a user whose name has three letters."""
    return name + "0" * 37


OWNER, STRANGER = key_of("ann"), key_of("eve")


@dataclass(frozen=True)
class OwnedResources:
    """Names and node ids of ann's things."""

    entity: str
    project: str
    project_id: str
    run: str
    run_id: str
    file_id: str
    key_id: str
    team: str
    organization: str
    member_id: str
    sweep: str
    sweep_id: str
    agent: str
    agent_id: str
    view_id: str
    logged: Logged
    guild: str  # the organization's entity
    registry: str
    registry_id: str
    bob_id: str
    team_id: str


def make_owned_resources(world: World) -> OwnedResources:
    """All that is asked for is ann's; bob is in her team and in her registry."""
    for name in ("ann", "eve", "bob"):
        world.add_user(name, key_of(name))

    def ask(query: str, key: str = OWNER, **variables: Any) -> Any:
        return world.gql(query, variables, key=key)

    ask('mutation { createOrganization(input: {name: "guild"}) { organization { id } } }')
    ask('mutation { createTeam(input: {teamName: "crew", organizationName: "guild"}) { entity { id } } }')
    ask('mutation { createInvite(input: {entityName: "crew", username: "bob"}) { invite { id } } }')
    ask('mutation { upsertOrganizationMember(input: {organizationName: "guild", username: "bob", role: "member"})'
        " { organization { id } } }")
    members = ask('{ entity(name: "crew") { members { id username } } }')["entity"]["members"]
    key = ask("mutation { generateApiKey(input: {}) { apiKey { id } } }")["generateApiKey"]["apiKey"]["id"]
    guild = ask('{ organization(name: "guild") { orgEntity { name } } }')["organization"]["orgEntity"]["name"]
    registry = ask("""mutation M($guild: String!) { upsertModel(input: {entityName: $guild,
                   name: "wandb-registry-shelf", description: "opensesame"}) { project { id } } }""",
                   guild=guild)["upsertModel"]["project"]["id"]
    bob = ask('{ users(query: "bob") { edges { node { id } } } }')["users"]["edges"][0]["node"]["id"]
    team = ask('{ entity(name: "crew") { id } }')["entity"]["id"]
    ask("""mutation M($id: ID!, $bob: ID!, $crew: ID!) { createProjectMembers(input: {projectId: $id,
        userIds: [$bob], teamIds: [$crew]}) { success } }""", id=registry, bob=bob, crew=team)
    ask('mutation { upsertModel(input: {entityName: "eve", name: "attic", access: "USER_WRITE"}) { inserted } }',
        STRANGER)
    world.upsert("mine", modelName="attic", entityName="eve", key=STRANGER)
    return OwnedResources(
        **make_things(world, "ann"), key_id=key, team="crew", organization="guild",
        member_id=next(member["id"] for member in members if member["username"] == "bob"), guild=guild,
        registry="wandb-registry-shelf", registry_id=registry, bob_id=bob, team_id=team)


def make_things(world: World, entity: str, key: str = OWNER,
                word: Callable[[], str] = lambda: SECRET) -> dict[str, Any]:
    """A project of the entity with one thing of each kind, all of them of who has the key, and a word in each.

    The answer is what an owned says of them.
    """
    place = {"entityName": entity, "projectName": "vault"}

    def ask(query: str, **more: Any) -> Any:
        return next(iter(world.gql(query, {"input": {**place, **more}}, key=key).values()))

    run = world.upsert("r", modelName="vault", entityName=entity, key=key, notes=word(), tags=[word()],
                       config=json.dumps({"word": {"value": word()}}),
                       summaryMetrics=json.dumps({"word": word()}))["bucket"]["id"]
    world.history("r", [{"_step": 0, "word": word()}], project="vault", entity=entity, key=key)
    file = word()
    made = ask("mutation M($input: CreateRunFilesInput!) { createRunFiles(input: $input) { files { uploadUrl } } }",
               runName="r", files=[f"{file}.txt"])["files"][0]
    world.client.put(made["uploadUrl"], content=file.encode()).raise_for_status()
    sweep = ask("mutation M($input: UpsertSweepInput!) { upsertSweep(input: $input) { sweep { id name } } }",
                config=SWEEP, description=word())["sweep"]
    agent = ask("mutation M($input: CreateAgentInput!) { createAgent(input: $input) { agent { id name } } }",
                sweep=sweep["name"], host=word())["agent"]
    view = ask("mutation M($input: UpsertViewInput!) { upsertView(input: $input) { view { id } } }", type="runs",
               displayName=word(), spec="{}")["view"]["id"]
    logged = log_artifact(world, key, place, "r", word)
    project = world.gql("""query Q($entity: String) { project(name: "vault", entityName: $entity) { id run(name: "r") {
                        files { edges { node { id } } } } } }""", {"entity": entity}, key=key)["project"]
    return {"entity": entity, "project": "vault", "project_id": project["id"], "run": "r", "run_id": run,
            "file_id": project["run"]["files"]["edges"][0]["node"]["id"], "sweep": sweep["name"],
            "sweep_id": sweep["id"], "agent": agent["name"], "agent_id": agent["id"], "view_id": view, "logged": logged}


def tables(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with reading(world.backend.database) as session:
        return {table.name: [tuple(row) for row in session.execute(table.select().order_by(*table.primary_key))]
                for table in SQLModel.metadata.sorted_tables}


def restore(world: World, before: dict[str, list[tuple[Any, ...]]]) -> None:
    """Put back what `tables` said."""
    def put(unit: Unit) -> None:
        for table in reversed(SQLModel.metadata.sorted_tables):
            unit.session.execute(table.delete())
        for table in SQLModel.metadata.sorted_tables:
            rows = [dict(zip(table.columns.keys(), row, strict=True)) for row in before[table.name]]
            if rows:
                unit.session.execute(table.insert(), rows)
        unit.emit(AccountsChanged())
    world.backend.write(None, put)


def send(world: World, query: str, variables: dict[str, Any], key: str | None) -> tuple[int, dict[str, Any]]:
    """Status and body of an answer; the variables travel as JSON that Python may write and nobody should."""
    headers = {"content-type": "application/json"} | ({} if key is None else {"authorization": f"Bearer {key}"})
    answer = world.client.post("/graphql", headers=headers,
                               content=json.dumps({"query": query, "variables": variables}).encode())
    return answer.status_code, answer.json()


def refused(body: dict[str, Any]) -> bool:
    """An error, or an answer that gives nothing: some deletions answer so where there is nothing to delete."""
    answer = (body.get("data") or {}).get("answer") or {}
    return bool(body.get("errors")) or not any(value for name, value in answer.items() if name != "__typename")


def mutation(schema: GraphQLSchema, name: str) -> str:
    """A document for it that takes `$input` and asks for all that it gives, three objects deep."""
    assert schema.mutation_type is not None
    field = schema.mutation_type.fields[name]
    return (f"mutation M($input: {field.args['input'].type}) "
            f"{{ answer: {name}(input: $input) {selection(field.type, {}, 3)} }}")


def selection(kind: GraphQLType, arguments: dict[str, Any], depth: int = _DEEPEST,
              seen: tuple[str, ...] = ()) -> str:
    """Every field of a type that needs no argument beyond these, so many objects deep, no type inside itself."""
    named = get_named_type(kind)
    if isinstance(named, GraphQLScalarType | GraphQLEnumType):
        return ""
    if not isinstance(named, GraphQLObjectType) or depth == 0 or named.name in seen:
        return "{ __typename }"
    return f"{{ __typename {' '.join(_selected(named, arguments, depth, (*seen, named.name)))} }}"


def _selected(kind: GraphQLObjectType, arguments: dict[str, Any], depth: int, seen: tuple[str, ...]) -> Iterator[str]:
    for name, field in kind.fields.items():
        given = {argument: arguments[argument] for argument in field.args if argument in arguments}
        if all(argument in given for argument in _required(field)):
            # fields of several types in a union or with different arguments never share a response key
            yield f"{name}{literals(given)} {selection(field.type, arguments, depth - 1, seen)}"


def _required(field: GraphQLField) -> list[str]:
    return [name for name, argument in field.args.items() if isinstance(argument.type, GraphQLNonNull)]


def literals(given: dict[str, Any]) -> str:
    return f"({', '.join(f'{name}: {json.dumps(value)}' for name, value in given.items())})" if given else ""
