"""Artifacts: versioned sets of files."""

from dumbbell.artifacts.artifact import Artifact, ArtifactEntry, find, place_of_membership
from dumbbell.artifacts.files import ArtifactFiles
from dumbbell.artifacts.listing import (
    ArtifactCollection,
    ArtifactCollections,
    Artifacts,
    ArtifactType,
    ArtifactTypes,
    ArtifactVersions,
    ProjectArtifactCollections,
    ProjectArtifactTypes,
    RunArtifacts,
)
from dumbbell.artifacts.manifest import ArtifactManifest, ManifestEntry
from dumbbell.artifacts.table import Table

__all__ = [
    "Artifact", "ArtifactCollection", "ArtifactCollections", "ArtifactEntry", "ArtifactFiles", "ArtifactManifest",
    "ArtifactType", "ArtifactTypes", "ArtifactVersions", "Artifacts", "ManifestEntry", "ProjectArtifactCollections",
    "ProjectArtifactTypes", "RunArtifacts", "Table", "find", "place_of_membership",
]
