"""What runs take in."""

from __future__ import annotations

from sqlalchemy.orm import Session

from dumbbell_server.artifacts import access, service
from dumbbell_server.artifacts.names import checked_text
from dumbbell_server.artifacts.tables import COMMITTED, ArtifactRow
from dumbbell_server.clock import Clock
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.identity import Actor
from dumbbell_server.runs import service as runs


def take_in(session: Session, clock: Clock, actor: Actor, node_id: str, run_path: tuple[str, str, str],
            used_as: str | None) -> ArtifactRow:
    """The run has the version among its inputs. The version may be of another project, the run must be writable."""
    artifact = access.find(session, actor, node_id)
    if artifact is None:
        raise NotFound(f"no artifact has the id {node_id[:80]!r}; it may be deleted")
    if artifact.state != COMMITTED:
        raise BadInput("this artifact is not committed yet; wait for it, then use it")
    run = runs.for_writing(session, actor, *run_path)
    service.use(session, clock, run.id, artifact.id, service.INPUT, checked_text(used_as, "usedAs"))
    return artifact
