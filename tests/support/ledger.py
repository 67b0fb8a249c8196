"""Who is in what, as the test itself has written it down: what a mutation may change of it, and who may read what.

It knows the tables and none of the server's rules. Each change of a membership must be the step of somebody who may
take it; all that anybody reads and writes is compared with what was written down.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import zstandard
from sqlmodel import SQLModel

from dumbbell_server.app import create_app
from dumbbell_server.database.engine import reading
from support.world import World

assert create_app  # every domain's tables are known once the factory is imported

Row = Mapping[str, Any]
Place = tuple[str, int]  # a kind and a number: what is there is read by the same people
Tables = dict[str, dict[tuple[Any, ...], dict[str, Any]]]
NONE, RESTRICTED, VIEWER, MEMBER, ADMIN = range(5)
ROLES = {"restricted_viewer": RESTRICTED, "viewer": VIEWER, "member": MEMBER, "admin": ADMIN}
MARK = re.compile(r"zq\d+q")  # in every text that is sent; no two texts have the same
NAMED = {"artifact_collections": "name of a collection", "artifact_types": "name of a type"}
PUBLIC: Place = ("public", 0)
NOWHERE: Place = ("nowhere", 0)  # the server's own notes, which no answer shows


def read_tables(world: World) -> Tables:
    """Every row of every table, by its key."""
    found: Tables = {}
    with reading(world.backend.database) as session:
        connection = session.connection()
        for table in SQLModel.metadata.sorted_tables:
            names = table.columns.keys()
            keys = [names.index(column.name) for column in table.primary_key]
            rows = connection.exec_driver_sql(f"SELECT {', '.join(names)} FROM {table.name}").all()
            found[table.name] = {tuple(row[key] for key in keys): dict(zip(names, row, strict=True)) for row in rows}
    return found


def marks_in(text: str) -> set[str]:
    return set(MARK.findall(text))


def marks_of(row: Row) -> set[str]:
    """In the texts of a row, packed lines among them."""
    found: set[str] = set()
    for value in row.values():
        if isinstance(value, str):
            found |= marks_in(value)
        elif isinstance(value, bytes) and value.startswith(b"\x28\xb5\x2f\xfd"):
            found |= marks_in(zstandard.ZstdDecompressor().decompress(value).decode())
    return found


@dataclass(frozen=True)
class Change:
    """A row that came, went, or is another now."""

    table: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @property
    def row(self) -> dict[str, Any]:
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def columns(self) -> set[str]:
        """Those that differ; all of a row that came or went."""
        if self.before is None or self.after is None:
            return set(self.row)
        return {name for name, value in self.after.items() if self.before[name] != value}


def changes(before: Tables, after: Tables) -> Iterator[Change]:
    for table, rows in after.items():
        old = before[table]
        for key, row in rows.items():
            if old.get(key) != row:
                yield Change(table, old.get(key), row)
        for key in old.keys() - rows.keys():
            yield Change(table, old[key], None)


def _of_run(tables: Tables, row: Row) -> Place:
    run = tables["runs"].get((row["run_id"],))
    return ("project", run["project_id"]) if run else NOWHERE


def _of_version(column: str) -> Callable[[Tables, Row], Place]:
    return lambda _, row: ("version", row[column]) if row[column] is not None else NOWHERE


def _of_collection(tables: Tables, row: Row) -> Place:
    collection = tables["artifact_collections"].get((row["collection_id"],))
    return ("project", collection["project_id"]) if collection else NOWHERE


def _of_client_id(tables: Tables, row: Row) -> Place:
    return _of_version("artifact_id")(tables, row) if row["artifact_id"] else _of_collection(tables, row)


def _of_part(tables: Tables, row: Row) -> Place:
    upload = tables["artifact_uploads"].get((row["upload_id"],))
    return ("version", upload["artifact_id"]) if upload else NOWHERE


def _of_agent(tables: Tables, row: Row) -> Place:
    sweep = tables["sweeps"].get((row["sweep_id"],))
    return ("project", sweep["project_id"]) if sweep else NOWHERE


def _of_column(tables: Tables, row: Row) -> Place:
    group = tables["column_groups"].get((row["group_id"],))
    return _of_run(tables, group) if group else NOWHERE


def _entity(_: Tables, row: Row) -> Place:
    return ("organization", row["organization_id"] or 0) if row["kind"] == "organization" else PUBLIC


def _at(kind: str, column: str) -> Callable[[Tables, Row], Place]:
    return lambda _, row: (kind, row[column])


_IN_PROJECT = _at("project", "project_id")
# Where the rows of each table are; a table that is not here fails.
PLACES: dict[str, Callable[[Tables, Row], Place]] = {
    "projects": _at("project", "id"),
    **dict.fromkeys(("runs", "sweeps", "views", "artifact_types", "artifact_collections", "artifact_blobs",
                     "registry_members", "registry_teams"), _IN_PROJECT),
    **dict.fromkeys(("chunks", "stream_heads", "column_groups", "compactions", "partitions", "history_keys",
                     "run_files", "run_files_expected", "artifact_uses", "sweep_runs"), _of_run),
    "history_columns": _of_column,
    "sweep_agents": _of_agent,
    "artifacts": _of_version("id"),
    **dict.fromkeys(("artifact_manifests", "artifact_entries", "artifact_uploads", "artifact_blobs_expected",
                     "artifact_tags"), _of_version("artifact_id")),
    "artifact_parts": _of_part,
    "artifact_client_ids": _of_client_id,
    **dict.fromkeys(("artifact_collection_tags", "artifact_memberships", "artifact_aliases"), _of_collection),
    "users": _at("user", "id"),
    "entities": _entity,
    "organizations": _at("organization", "id"),
    "organization_members": _at("organization", "organization_id"),
    "members": _at("team", "entity_id"),
    "invites": _at("team", "entity_id"),
    "api_keys": _at("keys", "user_id"),
    **dict.fromkeys(("former_names", "server_state", "orphans", "removals", "parquet_offers"),
                    lambda _tables, _row: NOWHERE),
}


@dataclass
class Ledger:
    """The tables as they are, and beside them who is in what, which is written down step by step."""

    tables: Tables
    teams: dict[int, dict[int, int]] = field(default_factory=dict)  # by entity, by user: the role
    seats: dict[int, dict[int, int]] = field(default_factory=dict)  # by organization, by user
    named: dict[int, dict[int, int]] = field(default_factory=dict)  # by registry, by user
    by_team: dict[int, dict[int, int]] = field(default_factory=dict)  # by registry, by team
    access: dict[int, str] = field(default_factory=dict)  # by project
    places: dict[str, set[Place]] = field(default_factory=dict)  # by mark

    @classmethod
    def of(cls, tables: Tables) -> Ledger:
        """What was made before the first step, by people who might."""
        ledger = cls(tables)
        for change in changes({name: {} for name in tables}, tables):
            ledger.write_down(change)
        return ledger

    def write_down(self, change: Change) -> None:
        """A membership or an access is what the row says."""
        row, there = change.row, change.after is not None
        table, numbers = {
            "members": (self.teams, ("entity_id", "user_id")),
            "organization_members": (self.seats, ("organization_id", "user_id")),
            "registry_members": (self.named, ("project_id", "user_id")),
            "registry_teams": (self.by_team, ("project_id", "team_id")),
        }.get(change.table, (None, ("", "")))
        if table is not None:
            roles = table.setdefault(row[numbers[0]], {})
            roles.pop(row[numbers[1]], None)
            if there:
                roles[row[numbers[1]]] = ROLES[row["role"]]
        if change.table == "projects":
            self.access[row["id"]] = row["access"]
        if there:
            for place, marks in self._marks(change.table, row):
                for mark in marks:
                    self.places.setdefault(mark, set()).add(place)

    def _marks(self, table: str, row: Row) -> Iterator[tuple[Place, set[str]]]:
        """The marks of a row by where they are: who sees a version by a link sees what it is called, too."""
        if table in NAMED:
            yield (NAMED[table], row["id"]), marks_in(row["name"])
            row = {**row, "name": ""}
        yield self.place(table, row), marks_of(row)

    def place(self, table: str, row: Row) -> Place:
        return PLACES[table](self.tables, row)

    def owner(self, entity: int) -> int | None:
        row = self.tables["entities"].get((entity,))
        return row["user_id"] if row else None

    def organization_of(self, entity: int) -> int | None:
        """The organization that an entity is, or that a team is part of."""
        row = self.tables["entities"].get((entity,))
        return row["organization_id"] if row else None

    def is_organizations(self, entity: int) -> bool:
        row = self.tables["entities"].get((entity,))
        return row is not None and row["kind"] == "organization"

    def in_entity(self, user: int | None, entity: int) -> int:
        """The role in a personal entity, in a team, or in an organization."""
        if user is None:
            return NONE
        if self.owner(entity) == user:
            return ADMIN
        if self.is_organizations(entity):
            return self.seats.get(self.organization_of(entity) or 0, {}).get(user, NONE)
        return self.teams.get(entity, {}).get(user, NONE)

    def role(self, user: int | None, project_id: int) -> int:
        """As docs/protocol/behaviours.md#roles has it."""
        project = self.tables["projects"].get((project_id,))
        if project is None:
            return NONE
        entity, access = project["entity_id"], self.access[project_id]
        role = self._in_registry(user, project_id, entity) if self.is_organizations(entity) else \
            self.in_entity(user, entity)
        if access == "USER_WRITE":
            return max(role, VIEWER if user is None else MEMBER)
        return max(role, VIEWER) if access == "USER_READ" else role

    def _in_registry(self, user: int | None, project_id: int, entity: int) -> int:
        if user is None:
            return NONE
        seat = self.in_entity(user, entity)
        if seat == ADMIN:
            return ADMIN
        given = [self.named.get(project_id, {}).get(user, NONE)]
        given += [role for team, role in self.by_team.get(project_id, {}).items() if user in self.teams.get(team, {})]
        if max(given) > NONE:
            return max(given)
        return VIEWER if seat > NONE and self.access[project_id] == "PRIVATE" else NONE

    def reads(self, user: int | None, place: Place) -> bool:
        """Whether the user may see what is there."""
        kind, number = place
        if kind == "project":
            return self.role(user, number) > NONE
        if kind == "version":
            return any(self.role(user, project) > NONE for project in self.projects_of_version(number))
        if kind in NAMED.values():
            return self.knows_name(user, kind, number)
        if kind == "team":
            return user is not None and user in self.teams.get(number, {})
        knows = {"organization": self.knows_organization, "user": self.knows_user}.get(kind)
        return knows(user, number) if knows else place == PUBLIC or (kind == "keys" and user == number)

    def projects_of_version(self, number: int) -> set[int]:
        """Its own, and those in which it is linked."""
        version = self.tables["artifacts"].get((number,))
        if version is None:
            return set()
        linked = (self.tables["artifact_collections"][row["collection_id"],]["project_id"]
                  for row in self.tables["artifact_memberships"].values() if row["artifact_id"] == number)
        return {version["project_id"], *linked}

    def knows_name(self, user: int | None, kind: str, number: int) -> bool:
        """By the project, or by a version that is linked to where the user sees it."""
        table, column = ("artifact_collections", "id") if kind == NAMED["artifact_collections"] else \
            ("artifact_types", "type_id")
        row = self.tables[table].get((number,))
        if row is None:
            return False
        collections = {one["id"] for one in self.tables["artifact_collections"].values() if one[column] == number}
        return self.role(user, row["project_id"]) > NONE or any(
            self.reads(user, ("version", one["id"])) for one in self.tables["artifacts"].values()
            if one["sequence_id"] in collections)

    def knows_organization(self, user: int | None, number: int) -> bool:
        """By a seat, a team that is part of it, or a role in one of its registries."""
        if user is None:
            return False
        if user in self.seats.get(number, {}):
            return True
        entities = [row for row in self.tables["entities"].values() if row["organization_id"] == number]
        return any(user in self.teams.get(row["id"], {}) for row in entities) or any(
            self.role(user, project["id"]) > NONE for project in self.tables["projects"].values()
            if project["entity_id"] in {row["id"] for row in entities})

    def team_of_service(self, user: int) -> int | None:
        """The team of a service account; None for a person."""
        row = self.tables["users"].get((user,))
        if row is None or not row["service"]:
            return None
        return next((team for team, roles in self.teams.items() if user in roles), None)

    def knows_user(self, user: int | None, other: int) -> bool:
        """People are known; a service account to its team, and to who sees what it made or what it is in."""
        row = self.tables["users"].get((other,))
        if row is None or not row["service"] or user == other:
            return True
        team = self.team_of_service(other)
        if user is not None and team is not None and user in self.teams.get(team, {}):
            return True
        made = {one["project_id"] for name in ("runs", "sweeps", "views", "artifacts", "artifact_collections",
                                               "registry_members")
                for one in self.tables[name].values() if one["user_id"] == other}
        made |= {one["id"] for one in self.tables["projects"].values() if one["user_id"] == other}
        if any(self.role(user, project) > NONE for project in made):
            return True
        return any(user in roles and other in roles for roles in self.seats.values())
