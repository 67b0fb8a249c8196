"""Entries that are files of other artifacts: `wandb-artifact://<id of the artifact, in hex>/<path>`."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dumbbell._client import Client
from dumbbell._documents import artifacts as documents
from dumbbell._download import Told
from dumbbell.artifacts.downloads import Source, download_entries
from dumbbell.artifacts.manifest import ManifestEntry
from dumbbell.artifacts.references import LINKED, scheme_of
from dumbbell.errors import InvalidValueError, NotFoundError

if TYPE_CHECKING:
    from dumbbell.artifacts.contents import ArtifactContents

_BY_CLIENT_ID = "wandb-client-artifact"  # as it is called before it is logged; wandb-core replaces most when logging
_LONGEST_WAY = 100


def is_linked(entry: ManifestEntry) -> bool:
    """Whether it is a file of another artifact."""
    return entry.ref is not None and scheme_of(entry.ref) in LINKED


class Links:
    """Follows entries to the artifacts that hold their files; each artifact is asked for once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._artifacts: dict[str, ArtifactContents] = {}

    def resolve(self, entry: ManifestEntry) -> tuple[ArtifactContents, ManifestEntry]:
        """The artifact that has the file, and the entry there.

        Raises:
            NotFoundError: (a ValueError) there is no such artifact or file, or the key may not see it.
            InvalidValueError: (a ValueError) the references lead in a circle.
        """
        found = entry
        for _ in range(_LONGEST_WAY):
            scheme, _, rest = str(found.ref).partition("://")
            name, _, path = rest.partition("/")  # as it is: names of files hold # and ?
            artifact = self._artifact(scheme, name, entry)
            found = artifact.manifest.entry(path)
            if not is_linked(found):
                return artifact, found
        raise InvalidValueError(f"{entry.path} refers to {entry.ref}, which leads in a circle")

    def _artifact(self, scheme: str, name: str, entry: ManifestEntry) -> ArtifactContents:
        if name not in self._artifacts:
            node = self._id(name) if scheme == _BY_CLIENT_ID else _of_hex(name)
            found = None if node is None else self._client.execute(documents.BY_ID, {"id": node})["artifact"]
            if found is None:
                raise NotFoundError(f"{entry.path} refers to {entry.ref}: there is no such artifact, or this key may "
                                    "not see it")
            self._artifacts[name] = self._client.classes.artifact.listed(self._client, found)
        return self._artifacts[name]

    def _id(self, client_id: str) -> str | None:
        found = self._client.execute(documents.BY_CLIENT_ID, {"clientID": client_id})["clientIDMapping"]
        return None if found is None else str(found["serverID"])


def _of_hex(text: str) -> str | None:
    try:
        return base64.b64encode(bytes.fromhex(text)).decode()
    except ValueError:
        return None


def download_linked(links: Links, entries: list[ManifestEntry], root: Path, told: Told, *, use_cache: bool,
                    source_of: Callable[[ArtifactContents], Source]) -> None:
    """Entries under a folder, each from the artifact that has its file. The first fault ends it."""
    held: dict[str, tuple[ArtifactContents, list[tuple[str, ManifestEntry]]]] = {}
    for entry in entries:
        artifact, found = links.resolve(entry)
        held.setdefault(str(artifact.id), (artifact, []))[1].append((entry.path, found))
    for artifact, wanted in held.values():
        waiting = wanted
        while waiting:  # a file may be wanted under several names: the second comes from the cache
            names: dict[str, str] = {}
            later = []
            for name, found in waiting:
                if names.setdefault(found.path, name) != name:
                    later.append((name, found))
            chosen = [found for name, found in waiting if names[found.path] == name]
            download_entries(source_of(artifact), chosen, root, told, use_cache=use_cache, names=names)
            waiting = later
