"""The fields of projects: how they are filtered and ordered, in both spellings of the clients."""

from __future__ import annotations

from functools import partial

from dumbbell_server.listing.fields import Fields, stored
from dumbbell_server.projects.access import ACCESSES
from dumbbell_server.projects.tables import ProjectRow

_stored = partial(stored, ProjectRow)

PROJECT_FIELDS = Fields([
    _stored("name"),
    _stored("createdAt"),
    _stored("updatedAt"),
    _stored("id", keys=("id", "project_id")),
    _stored("entityId"),
    _stored("description"),
    _stored("access", words=ACCESSES),
    _stored("isBenchmark", keys=()),
    _stored("isPublished", keys=()),
])
