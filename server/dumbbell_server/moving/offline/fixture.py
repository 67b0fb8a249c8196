"""Offline runs under some paths, as a fixture."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dumbbell_server.accounts.queries import entity_by_name
from dumbbell_server.backend import Backend
from dumbbell_server.database.engine import reading
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.moving.offline import finding
from dumbbell_server.moving.offline.convert import FIRST, Conversion, Target
from dumbbell_server.moving.offline.part import Found, look
from dumbbell_server.seeding.form.folder import ACCOUNTS, write_document
from dumbbell_server.seeding.form.reading import Fixture


@dataclass(frozen=True)
class Progress:
    """Who is told how it goes: what is to be read in all, how much was, and what is left out."""

    expect: Callable[[int], object]  # bytes
    count: Callable[[int], object]
    say: Callable[[str], object]


def convert(paths: Iterable[Path], root: Path, target: Target, progress: Progress, *, teams: bool = False) -> int:
    """A fixture of all runs there is in `root`. Returns how many they are.

    With `teams` the entities that they name are made as teams of the first user. BadInput where a log is damaged, and
    then nothing in `root` is of use.
    """
    runs = _grouped(paths, target, progress.say)
    progress.expect(sum(found.path.stat().st_size for founds in runs for found in founds))
    conversion = Conversion(root, target, progress.say)
    for founds in runs:
        conversion.add(founds, progress.count)
    conversion.finish()
    others = sorted(conversion.entities() - {FIRST}) if teams else []
    write_document(root / ACCOUNTS, {"users": [{"name": FIRST, "first": True}], "teams": [
        {"name": name, "members": {FIRST: "admin"}} for name in others]})
    return len(runs)


def _grouped(paths: Iterable[Path], target: Target, say: Callable[[str], object]) -> list[list[Found]]:
    """The logs of each run, whose processes ran one after the other."""
    groups: dict[tuple[str, str, str], list[Found]] = {}
    for log in finding.logs(paths):
        found = look(log)
        if found is None:
            say(f"{log} holds no run: its process ended before it wrote one")
            continue
        groups.setdefault(target.path(found.run), []).append(found)
    if not groups:
        raise BadInput("none of these logs holds a run")
    ids = sorted({found.run.get("run_id", "") for founds in groups.values() for found in founds})
    if target.run_id and len(ids) > 1:
        raise BadInput(f"an id is for one run, and these are {len(ids)}: {', '.join(ids)[:200]}")
    return [sorted(founds, key=lambda found: found.start) for founds in groups.values()]


def check_entities(backend: Backend, fixture: Fixture) -> None:
    """NotFound for an entity that runs name and that the server does not have."""
    names = {project.entity for read in fixture.documents for project in read.document.projects} - {FIRST}
    with reading(backend.database) as session:
        for name in sorted(names):
            if entity_by_name(session, name) is None:
                raise NotFound(f"runs name the entity {name!r}, which is not on this server; make it there, or say "
                               "--entity")
