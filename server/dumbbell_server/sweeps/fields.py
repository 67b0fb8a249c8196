"""The fields of sweeps: how they are filtered and ordered."""

from __future__ import annotations

from functools import partial

from dumbbell_server.listing.fields import Fields, ListedField, stored
from dumbbell_server.sweeps.tables import STATES, SweepRow

_stored = partial(stored, SweepRow)

SWEEP_FIELDS = Fields([
    _stored("name", keys=("name", "id")),
    ListedField("displayName", "title", keys=("display_name", "displayName")),
    _stored("state", words=STATES),
    _stored("method"),
    _stored("description"),
    _stored("createdAt"),
    _stored("updatedAt"),
])
