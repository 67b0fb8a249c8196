"""What filters of runs know of artifacts: the versions that a run took in or made, each as `collection:vN`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dumbbell_server.artifacts import queries
from dumbbell_server.graph.context import Context
from dumbbell_server.identity import Role
from dumbbell_server.projects.access import role_in
from dumbbell_server.projects.tables import ProjectRow


def artifacts_of_runs(kind: str) -> Callable[[Context, Sequence[int]], dict[int, list[str]]]:
    """Of those versions that the asker may see: a run may have taken in one of a project that is closed to them."""
    def read(context: Context, runs: Sequence[int]) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for run, collection, version, project in queries.uses_of_runs(context.session, kind, runs):
            if role_in(context.viewer, context.require(ProjectRow, project)) >= Role.VIEWER:
                found.setdefault(run, []).append(f"{collection}:v{version}")
        return found
    return read
