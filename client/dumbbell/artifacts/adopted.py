"""What drafts, tables and media of the `wandb` package put into an artifact."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from dumbbell.artifacts.manifest import ManifestEntry


def entries_of(artifact: Any) -> Iterator[ManifestEntry]:
    """The entries of a `wandb.Artifact`, their bytes where it has put them."""
    for path, entry in artifact.manifest.entries.items():
        yield ManifestEntry(str(path), str(entry.digest), entry.size, None if entry.ref is None else str(entry.ref),
                            dict(entry.extra or {}), entry.birth_artifact_id,
                            None if entry.local_path is None else str(entry.local_path))


def entries_of_media(value: Any, name: str) -> tuple[list[ManifestEntry], Any]:
    """What `wandb` writes for a table, an image and so on; and who holds the files until they are sent."""
    holder = sys.modules["wandb"].Artifact("held", "held")
    holder.add(value, name)
    return list(entries_of(holder)), holder
