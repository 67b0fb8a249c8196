"""Two users who send what they like, and what each of them may see and change by the ledger."""

from __future__ import annotations

import functools
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_abstract_type,
    is_composite_type,
)

from dumbbell_server import ids
from dumbbell_server.accounts.keys import digest
from dumbbell_server.accounts.teams import key_purpose
from dumbbell_server.projects.service import place_of_removed
from support.access_matrix import LOOKUPS, Lookup
from support.crawl import Crawl, required
from support.inputs import SCHEMA, Choose, Things
from support.ledger import ADMIN, MEMBER, NONE, VIEWER, Ledger, Tables, marks_in, read_tables
from support.owned_resources import key_of, literals, make_things, mutation, send
from support.routes import KEYED, path_of
from support.steps import ROOT, Step
from support.world import KEY, World

USERS = ("ann", "eve")
DEEPEST = 8
WHO = {"projects", "entities", "users", "organizations", "members", "organization_members", "registry_members",
       "registry_teams"}  # of these it depends who sees what
PAGES = [way for (method, _), ways in KEYED.items() for way in ways if method == "GET"]
assert SCHEMA.mutation_type is not None
MUTATIONS = sorted(SCHEMA.mutation_type.fields)
# Half of the steps change who may what; without these two nothing that follows finds anything.
OFTEN = ("createInvite", "createProjectMembers", "createServiceAccount", "createTeam", "linkArtifact", "renameEntity",
         "upsertBucket", "upsertModel", "upsertOrganizationMember", "updateProjectMember")
SELDOM = {"deleteModel", "deleteOrganization", "deleteArtifactSequence", "deleteRun", "deleteInvite"}
document = functools.lru_cache(functools.partial(mutation, SCHEMA))


def set_up(world: World) -> Tables:
    """Each of the two has a project of their own, and a team and a registry in an organization of their own."""
    numbers = itertools.count()
    world.backend.write(None, place_of_removed)  # it is made once, by whoever deletes something first

    def mark() -> str:
        return f"zq{next(numbers)}q"

    for name in USERS:
        key = key_of(name)
        world.add_user(name, key)

        def ask(text: str, key: str = key, **given: Any) -> Any:
            return next(iter(world.gql(f"mutation M($input: {text[0].upper()}{text[1:].partition(' ')[0]}Input!) "
                                       f"{{ {text.partition(' ')[0]}(input: $input) {text.partition(' ')[2]} }}",
                                       {"input": given}, key=key).values()))

        team, guild = f"{name}-team", f"{name}-guild"
        ask("createOrganization { organization { id } }", name=guild)
        ask("createTeam { entity { id } }", teamName=team, organizationName=guild)
        ask("createServiceAccount { user { id } }", entityName=team, description=mark())
        ask("generateApiKey { apiKey { id } }", description=mark())
        made = [make_things(world, entity, key, mark) for entity in (name, team)]
        for own in made:
            ask("updateArtifactSequence { artifactCollection { id } }", artifactSequenceID=own["logged"].sequence,
                description=mark())
            ask("updateArtifactPortfolio { artifactCollection { id } }", artifactPortfolioID=own["logged"].portfolio,
                description=mark())
        registry = ask("upsertModel { project { id } }", entityName=f"{guild}-org", name="wandb-registry-shelf",
                       description=mark())["project"]["id"]
        crew = world.gql("query Q($name: String!) { entity(name: $name) { id } }", {"name": team}, key=key)["entity"]
        ask("createProjectMembers { success }", projectId=registry, teamIds=[crew["id"]])
        ask("linkArtifact { versionIndex }", artifactID=made[1]["logged"].version, artifactPortfolioName="set",
            entityName=f"{guild}-org", projectName="wandb-registry-shelf")
    return read_tables(world)


class TwoUsers:
    """One round: each step is somebody's, and is judged at once."""

    def __init__(self, world: World, tables: Tables, choose: Choose[Any]) -> None:
        self.world = world
        self.choose = choose
        self.numbers = itertools.count(1000)
        self.ledger = Ledger.of(tables)
        self.accepted: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.people = {row["id"]: key_of(row["username"]) for row in tables["users"].values()
                       if row["username"] in USERS}

    @property
    def keys(self) -> dict[int, str]:
        """Of the two, and of every service account: whoever has read a key may use it."""
        working = {row["digest"] for row in self.ledger.tables["api_keys"].values()}
        services = {row["id"]: self.world.backend.signer.derive(key_purpose(row["id"]))
                    for row in self.ledger.tables["users"].values() if row["service"]}
        return self.people | {user: key for user, key in services.items() if digest(key) in working}

    def things(self, user: int | None) -> Things:
        def own(table: str, row: dict[str, Any]) -> bool:
            if table == "projects":
                return self.ledger.role(user, row["id"]) >= MEMBER
            return (self.ledger.teams if table == "entities" else self.ledger.seats).get(row["id"], {}).get(
                user or 0, NONE) >= MEMBER
        return Things(self.ledger.tables, self.choose, self.numbers, own)

    def key(self, user: int | None) -> str | None:
        return KEY if user == ROOT else self.keys[user] if user else None

    def sender(self) -> int | None:
        """Mostly one of the two, sometimes a service account, or somebody without a key."""
        services = [user for user in self.keys if user not in self.people]
        who: int | None = self.choose([*[*self.people] * 6, *services[:1], None])
        return self.choose(services) if who in services else who

    def named(self, value: Any) -> Any:
        """The value with ids in the place of `$eve`, `$ann` and `$registry`, which is ann's."""
        if isinstance(value, list):
            return [self.named(one) for one in value]
        tables = self.ledger.tables
        for row in tables["users"].values():
            value = value.replace(f"${row['username']}", ids.encode("User", row["id"]))
        first = next(row["id"] for row in tables["projects"].values() if row["name"].startswith("wandb-registry"))
        return value.replace("$registry", ids.encode("Project", first))

    def mutate(self) -> None:
        """Somebody sends a mutation."""
        pool = [name for name in MUTATIONS if name not in SELDOM]
        name = self.choose([lambda: self.choose(OFTEN), lambda: self.choose(pool), lambda: self.choose(MUTATIONS)])()
        user = ROOT if name == "createUser" else self.sender()
        self.send(user, name, self.things(user).input(name))

    def send(self, user: int | None, name: str, given: dict[str, Any]) -> None:
        """A mutation, and some of the URLs in its answer."""
        status, body = send(self.world, document(name), {"input": given}, self.key(user))
        said = f"{name} {json.dumps(given)} by {user}: {status} {json.dumps(body)[:2000]}"
        assert status < 500, said
        self.accepted[name] += "errors" not in body
        self.judge(user, name, given, json.dumps(body), said)
        self._follow(user, body, said)

    def grant(self) -> None:
        """One of the two lets the other into something, or takes it back."""
        giver = self.choose([*self.people])
        (other,) = self.people.keys() - {giver}
        self.send(giver, *self.choose([*self._grants(giver, other)]))

    def _grants(self, giver: int, other: int) -> Iterator[tuple[str, dict[str, Any]]]:
        ledger, role = self.ledger, self.choose(["admin", "member", "viewer", "viewer"])
        name = ledger.tables["users"][other,]["username"]
        node = ids.encode("User", other)
        yield "createOrganization", {"name": self.things(giver).mark()}
        for row in ledger.tables["organizations"].values():
            if ledger.seats[row["id"]].get(giver) == ADMIN:
                yield "upsertOrganizationMember", {"organizationName": row["name"], "username": name, "role": role}
                yield "deleteOrganizationMember", {"organizationName": row["name"], "username": name}
        for row in ledger.tables["entities"].values():
            if ledger.teams.get(row["id"], {}).get(giver) == ADMIN:
                yield "createInvite", {"entityName": row["name"], "username": name, "role": role}
                yield "deleteInvite", {"entityName": row["name"], "id": node}
        for row in ledger.tables["projects"].values():
            project = ids.encode("Project", row["id"])
            if ledger.role(giver, row["id"]) == ADMIN and ledger.is_organizations(row["entity_id"]):
                yield "createProjectMembers", {"projectId": project, "userIds": [node]}
                yield "updateProjectMember", {"projectId": project, "userId": node, "userProjectRole": self.choose(
                    ["restricted_viewer", "viewer", "member"])}
                yield "deleteProjectMembers", {"projectId": project, "userIds": [node]}

    def stream(self) -> None:
        """Somebody posts lines to a run, which are numbers nobody else has."""
        user = self.sender()
        things = self.things(user)
        own = things.target()
        entity = self.choose([own.entity, own.entity, things.value("entity")])
        mark = things.mark()
        rows = [json.dumps({"_step": self.choose([0, 1, 5]), "word": mark})]
        body = {"files": {"wandb-history.jsonl": {"offset": self.choose([0, 1]), "content": rows}}}
        path = f"/files/{quote(entity)}/{quote(own.project)}/{quote(own.run)}/file_stream"
        answer = self.world.client.post(path, json=body, headers=_bearer(self.key(user)))
        said = f"{path} {body} by {user}: {answer.status_code} {answer.text}"
        assert answer.status_code < 500, said
        self.accepted["stream"] += answer.is_success
        self.judge(user, "stream", {"word": mark, "path": path}, answer.text, said)

    def judge(self, user: int | None, action: str, given: dict[str, Any], answer: str, said: str) -> bool:
        """What changed was the sender's to change, and what came back was theirs to see. Whether anything changed."""
        sent = marks_in(json.dumps(given))
        hidden = self.hidden(user, answer, sent)
        step = Step(user, action, given, self.ledger, read_tables(self.world))
        if user != ROOT:
            assert not step.violations(), (step.violations()[:3], said)
        step.take_down()
        hidden &= self.hidden(user, answer, sent)
        assert not hidden, (hidden, said)
        if step.changes:
            self._place_bytes(step, sent)
        if WHO & {change.table for change in step.changes}:
            self.check_projects([*self.people, None])
        return bool(step.changes)

    def _place_bytes(self, step: Step, sent: set[str]) -> None:
        """Texts that are in no row are in a blob that a changed row names."""
        for mark in sent - self.ledger.places.keys():
            self.ledger.places[mark] = {self.ledger.place(change.table, change.row) for change in step.changes
                                        if change.after is not None}

    def hidden(self, user: int | None, answer: str, sent: set[str]) -> set[str]:
        """Texts and keys in an answer that this user may not see."""
        marks = {mark for mark in marks_in(answer) - sent
                 if not any(self.ledger.reads(user, place) for place in self.ledger.places.get(mark, ()))}
        return marks | {key for owner, key in self.keys.items() if key in answer and not self._shows_key(user, owner)}

    def _shows_key(self, user: int | None, owner: int) -> bool:
        team = self.ledger.team_of_service(owner)
        return user == owner or (team is not None and self.ledger.in_entity(user, team) == ADMIN)

    def look(self) -> None:
        """Somebody asks for something, deep down."""
        user = self.sender()
        things = self.things(user)
        lookup: Lookup = self.choose(LOOKUPS)
        if self.choose([True, False]):  # where there is something to see
            things.own = lambda table, row: table != "projects" or self.ledger.role(user, row["id"]) > NONE
        given = lookup.arguments(things.target())
        if self.choose([False, False, True]):
            given = {name: things.value("text" if name == "query" else _KIND.get(name, "Artifact")) for name in given}
        assert SCHEMA.query_type is not None
        kind = SCHEMA.query_type.fields[lookup.field].type
        query = f"{{ answer: {lookup.field}{literals(given)} {self.walk(kind, things, self.choose([3, 5, DEEPEST]))} }}"
        status, body = send(self.world, query, {}, self.key(user))
        said = f"{query} by {user}: {status} {json.dumps(body)[:3000]}"
        assert status < 500, said
        self.found[lookup.field] += bool(marks_in(json.dumps(body)))
        hidden = self.hidden(user, json.dumps(body), marks_in(query))
        assert not hidden, ({mark: self.ledger.places.get(mark) for mark in hidden}, said)
        self._follow(user, body, said)

    def walk(self, kind: GraphQLOutputType, things: Things, depth: int) -> str:
        """All plain fields of a type and some of those that lead on."""
        named = get_named_type(kind)
        if not is_composite_type(named):
            return ""
        if is_abstract_type(named):
            fragments = [f"... on {one.name} {self.walk(one, things, depth)}" for one in
                         SCHEMA.get_possible_types(named)]
            return f"{{ __typename {' '.join(fragments)} }}"
        assert isinstance(named, GraphQLObjectType)
        plain, onward = [], []
        for name, field in named.fields.items():
            (onward if is_composite_type(get_named_type(field.type)) else plain).append((name, field))
        chosen = plain
        if depth and onward:
            chosen = plain + [self.choose(onward) for _ in range(self.choose([1, 1, 2]))]
        parts = {name: self._part(named, name, field, things, depth) for name, field in chosen}
        return f"{{ __typename {' '.join(part for part in parts.values() if part)} }}"

    def _part(self, owner: GraphQLObjectType, name: str, field: GraphQLField, things: Things, depth: int) -> str:
        """The field with the arguments that it must have; nothing where nobody knows one."""
        given = self._arguments(owner.name, name, field, things)
        if given is None:
            return ""
        # fields of several types in a union never share a response key
        return f"{owner.name}_{name}: {name}{literals(given)} {self.walk(field.type, things, depth - 1)}"

    def _arguments(self, owner: str, name: str, field: GraphQLField, things: Things) -> dict[str, Any] | None:
        """Those that are known; None where one that must be there is not."""
        known = {argument: _ARGUMENTS.get(f"{owner}.{name}.{argument}", _ARGUMENTS.get(argument))
                 for argument in field.args}
        given = {argument: made(things) for argument, made in known.items() if made is not None}
        return given if given.keys() >= {*required(field)} else None

    def _follow(self, user: int | None, body: Any, said: str) -> None:
        """Some of the URLs in an answer, which are as good as a key."""
        urls = [*_urls(body)]
        for name, url in [self.choose(urls)] if urls else []:
            if name.endswith("uploadUrl"):
                self._put(user, url)
                continue
            answer = self.world.client.get(url)
            told = set() if answer.is_success else marks_in(url)  # that there is no such file
            hidden = {mark for mark in marks_in(answer.text) - told if not self._has_bytes(user, mark)}
            assert answer.status_code < 500, (url, said)
            assert not hidden, (hidden, url, said)
            self.found["bytes"] += bool(marks_in(answer.text))

    def _put(self, user: int | None, url: str) -> None:
        mark = self.things(user).mark()
        content = mark.encode() if urlsplit(url).path.startswith("/storage/runs/") else b""
        answer = self.world.client.put(url, content=content)
        assert answer.status_code < 500, (url, answer.text)
        self.accepted["put"] += answer.is_success
        self.judge(user, "put", {"word": mark}, answer.text, f"PUT {url} by {user}: {answer.status_code}")

    def _has_bytes(self, user: int | None, mark: str) -> bool:
        """Bytes take more than to see that there are some: in a registry the role of a viewer."""
        for kind, number in self.ledger.places.get(mark, ()):
            projects = {"project": {number}, "version": self.ledger.projects_of_version(number)}.get(kind, set())
            if any(self.ledger.role(user, project) >= VIEWER for project in projects):
                return True
        return False

    def crawl(self, user: int | None) -> int:
        """Everything that the user finds is what the user may see. How many objects that are."""
        things = self.things(user)

        def arguments(owner: str, name: str, field: GraphQLField) -> dict[str, Any] | None:
            return self._arguments(owner, name, field, things)

        def judge(query: str, answer: str) -> None:
            hidden = self.hidden(user, answer, marks_in(query))
            assert not hidden, ({mark: self.ledger.places.get(mark) for mark in hidden}, user, query, answer[:3000])

        crawl = Crawl(self.world, self.key(user), arguments, judge)
        for field, values in self._starts():
            crawl.run(field, values)
        return len(crawl.seen)

    def _starts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Whatever can be named, whoever's it is."""
        tables = self.ledger.tables
        yield "viewer", {}
        for kind, table, field in (("Artifact", "artifacts", "artifact"), ("View", "views", "view"),
                                   ("ArtifactCollection", "artifact_collections", "artifactCollection")):
            yield from ((field, {"id": ids.encode(kind, row["id"])}) for row in tables[table].values())
        yield from (("entity", {"name": row["name"]}) for row in tables["entities"].values())
        yield from (("organization", {"name": row["name"]}) for row in tables["organizations"].values())
        for row in tables["projects"].values():
            yield "project", {"name": row["name"], "entityName": tables["entities"][row["entity_id"],]["name"]}

    def page(self) -> None:
        """Somebody opens a page, or downloads by a path that clients make themselves."""
        user = self.sender()
        path = path_of(self.choose(PAGES), self.things(user).target())
        answer = self.world.client.get(path, headers=_bearer(self.key(user)), follow_redirects=False)
        assert answer.status_code < 500, (path, answer.text)
        hidden = self.hidden(user, answer.text, marks_in(path))
        assert not hidden, (hidden, path, user, answer.text[:2000])
        self.found["page"] += answer.is_success

    def check_projects(self, users: Sequence[int | None]) -> None:
        """Everybody sees just the projects that the ledger lets them see, and all of these."""
        projects = self.ledger.tables["projects"].values()
        names = [{"entityName": self.ledger.tables["entities"][row["entity_id"],]["name"], "name": row["name"]}
                 for row in projects]
        query = " ".join(f"p{number}: project{literals(name)} {{ id }}" for number, name in enumerate(names))
        for user in users if names else ():
            _, body = send(self.world, f"{{ {query} }}", {}, self.key(user))
            assert "data" in body, (user, body)
            # by a former name of one's own it is that one, where the name is now another's
            seen = {row["id"]: body["data"][f"p{number}"] == {"id": ids.encode("Project", row["id"])}
                    for number, row in enumerate(projects)}
            assert seen == {row["id"]: self.ledger.role(user, row["id"]) > NONE for row in projects}, user


_KIND = {"entityName": "entity", "name": "entity", "clientID": "client"}
_Argument = Callable[[Things], Any]
_ARGUMENTS: dict[str, _Argument] = {
    "Project.run.name": lambda things: things.value("run"),
    "Project.artifactType.name": lambda things: things.value("type"),
    "Project.artifactCollection.name": lambda things: things.value("collection"),
    "ArtifactType.artifactCollection.name": lambda things: things.value("collection"),
    "ArtifactType.artifactSequence.name": lambda things: things.value("collection"),
    "name": lambda things: f"{things.value('collection')}:{things.choose(['v0', 'latest', things.value('alias')])}",
    "sweepName": lambda things: things.value("sweep"),
    "agentName": lambda things: things.value("agent"),
    "aliasName": lambda things: things.value("alias"),
    "specs": lambda _: ['{"keys": ["word"]}'],
    "liveKeys": lambda _: ["word"],
    "storageLayout": lambda _: "V2",
    "manifestVersion": lambda _: "1",
}


def _bearer(key: str | None) -> dict[str, str]:
    return {} if key is None else {"authorization": f"Bearer {key}"}


def _urls(answer: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Signed URLs in an answer, and the fields that they are in."""
    if isinstance(answer, str) and "/storage/" in answer:
        yield name, answer
    elif isinstance(answer, dict):
        for field, value in answer.items():
            yield from _urls(value, field)
    elif isinstance(answer, list):
        for value in answer:
            yield from _urls(value, name)
