"""What a server holds into a folder: a fixture that, loaded elsewhere, gives equal answers.

Two exports of the same data are the same, byte for byte.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dumbbell_server.backend import Backend
from dumbbell_server.database.engine import snapshot
from dumbbell_server.errors import BadInput
from dumbbell_server.seeding.exporting.accounts import export_accounts
from dumbbell_server.seeding.exporting.artifacts import export_artifacts
from dumbbell_server.seeding.exporting.projects import export_project
from dumbbell_server.seeding.exporting.runs import export_runs
from dumbbell_server.seeding.exporting.scope import scope_of
from dumbbell_server.seeding.exporting.writing import Writing
from dumbbell_server.seeding.form.folder import Folder


@dataclass(frozen=True)
class Written:
    """What an export came to."""

    projects: int
    objects: int
    left_out: tuple[str, ...]  # in words, with how often

    def __str__(self) -> str:
        return f"{self.projects} projects with {self.objects} objects"


def export(backend: Backend, folder: Path, scope: str | None = None, *, with_keys: bool = False,
           on_progress: Callable[[int], object] | None = None) -> Written:
    """Write everything, an entity, or a project (ENTITY/PROJECT) to a folder that is not there yet, or empty.

    API keys only where they are asked for. All is as it was at one moment. On a failure nothing is left.
    """
    check_target(folder)
    waiting = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(waiting, ignore_errors=True)
    waiting.mkdir(parents=True)
    try:
        written = _write(backend, waiting, scope, on_progress or (lambda _count: None), with_keys=with_keys)
    except BaseException:
        shutil.rmtree(waiting, ignore_errors=True)
        raise
    waiting.replace(folder)
    return written


def check_target(folder: Path) -> None:
    """BadInput where something is there that an export would be mixed up with."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{str(folder)!r} is there already, and not empty; name another folder")


def _write(backend: Backend, root: Path, scope: str | None, on_progress: Callable[[int], object], *,
           with_keys: bool) -> Written:
    counted = 0

    def count(number: int) -> None:
        nonlocal counted
        counted += number
        on_progress(number)

    with snapshot(backend.database) as session, asyncio.Runner() as runner:
        chosen = scope_of(session, scope)
        writing = Writing(backend, session, Folder(root), chosen, runner, count)
        for project in chosen.projects.values():
            export_project(writing, project)
            export_runs(writing, project)
            export_artifacts(writing, project)
        export_accounts(writing, with_keys=with_keys)
    left_out = tuple(f"{what} ({times} times)" if times > 1 else what for what, times in writing.left_out.items())
    return Written(len(chosen.projects), counted, left_out)
