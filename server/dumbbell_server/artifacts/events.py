"""What is said to the domains above. Subscribers act in the unit that emits."""

from __future__ import annotations

from dataclasses import dataclass

from dumbbell_server.artifacts.tables import ArtifactRow
from dumbbell_server.projects.tables import ProjectRow


@dataclass(frozen=True)
class VersionLinking:
    """A version is about to be linked to a portfolio in a project. A subscriber that does not allow it raises."""

    artifact: ArtifactRow
    type_name: str
    project: ProjectRow
