"""A unit of work, as service functions see it: it reads, decides and writes, and is committed whole or not at all.

A mutation is `context.unit(service.stop, input.id)`, in the name of whoever sent it; what the server does by itself is
`backend.write(None, service.expire_silent_runs, timeout)`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from dumbbell_server.clock import Clock
from dumbbell_server.database.events import Events
from dumbbell_server.errors import Unauthenticated
from dumbbell_server.identity import Actor

_log = structlog.get_logger()


@dataclass
class Unit:
    session: Session
    clock: Clock
    events: Events
    viewer: Actor | None  # None: the server itself, or a request without a key
    follow_ups: dict[Callable[[], object], None] = field(default_factory=dict, repr=False)  # in order, each once

    @property
    def actor(self) -> Actor:
        """In whose name it is done. Unauthenticated where that takes a key and none came."""
        return require_actor(self.viewer)

    @property
    def connection(self) -> Connection:
        """For statements that go to the driver as they are."""
        return self.session.connection()

    def emit(self, event: object) -> None:
        """Tell the domains above, which act in this unit."""
        self.events.emit(self, event)

    def after_commit(self, act: Callable[[], object]) -> None:
        """Call it once the unit is on disk, one time however often it is given; never for a unit that is refused."""
        self.follow_ups[act] = None

    def follow_up(self) -> None:
        """For whoever ran the unit and knows that it is on disk.

        One that fails keeps none of the others from it and is no failure of the unit: who heard so would take back what
        the rows go on to name.
        """
        for act in self.follow_ups:
            try:
                act()
            except Exception:  # noqa: BLE001 - whatever it is, the unit is on disk
                _log.exception("what was to follow a unit failed")


def require_actor(viewer: Actor | None) -> Actor:
    if viewer is None:
        raise Unauthenticated("an API key is needed: set WANDB_API_KEY, or run `wandb login`")
    return viewer
