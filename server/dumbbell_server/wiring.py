"""What a backend needs whether or not it serves: every table, who hears of what, the first user, the worker.

No web framework: commands come without one.
"""

from __future__ import annotations

from functools import partial

from dumbbell_server.accounts.events import EntityDeleting, UserRenamed
from dumbbell_server.accounts.service import ensure_first_user
from dumbbell_server.artifact_files import removal as artifact_files
from dumbbell_server.artifacts import removal as artifacts
from dumbbell_server.artifacts.events import VersionLinking
from dumbbell_server.backend import Backend
from dumbbell_server.blobs.garbage import BlobsOrphaned, delete_orphaned_blobs
from dumbbell_server.blobs.removal import RemovalsBegun
from dumbbell_server.files.tables import RunFileRow
from dumbbell_server.history.parquet.export import Exporter
from dumbbell_server.history.reading.forks import runs_deleting as forks_of_runs
from dumbbell_server.history.worker import Worker
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.service import ProjectDeleting, RegistryTypesAdded
from dumbbell_server.registries import rules
from dumbbell_server.reports.tables import ViewRow
from dumbbell_server.runs import service as runs
from dumbbell_server.runs.service import RunsDeleting
from dumbbell_server.sweeps.tables import SweepRow

# A new database gets the tables that are known by then: those whose modules nothing above imports are named here.
OTHER_TABLES = (RunFileRow, SweepRow, ViewRow)


def first_key(backend: Backend) -> str | None:
    """Make sure of the first user. Returns their key if it was made now: nobody can tell it later."""
    return backend.write(None, ensure_first_user, backend.settings.user, backend.settings.api_key)


def make_worker(backend: Backend) -> Worker:
    """What turns lines into columns and Parquet files in the background."""
    return Worker(backend, Exporter(backend))


def subscribe(backend: Backend) -> None:
    """Lower domains emit, higher ones subscribe: also where a backend does without the app."""
    events = backend.events
    delete_blobs = partial(delete_orphaned_blobs, backend.database, backend.blobs)
    events.subscribe(BlobsOrphaned, lambda unit, _event: unit.after_commit(delete_blobs))
    backend.removers = {projects.PROJECT: projects.remove, runs.RUN: runs.remove,
                        artifacts.VERSION: artifact_files.remove, artifacts.COLLECTION: artifacts.remove_collection}
    events.subscribe(RemovalsBegun, lambda unit, event: unit.after_commit(partial(backend.remove, event.removals)))
    events.subscribe(EntityDeleting, projects.entity_deleting)
    events.subscribe(ProjectDeleting, artifacts.project_deleting)
    events.subscribe(RegistryTypesAdded, rules.types_added)
    events.subscribe(VersionLinking, rules.version_linking)
    events.subscribe(RunsDeleting, forks_of_runs)
    events.subscribe(UserRenamed, runs.user_renamed)
    events.subscribe(RunsDeleting, artifacts.runs_deleting)
