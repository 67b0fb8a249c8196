"""The artifacts of a fixture as the runs that logged them would log them."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dumbbell.artifacts import upload
from dumbbell.artifacts.manifest import ArtifactManifest, ManifestEntry
from dumbbell.run import Run
from dumbbell_server import ids
from dumbbell_server.artifact_files.digests import hex_of
from dumbbell_server.json_text import dumps
from dumbbell_server.moving import push_documents as ask
from dumbbell_server.moving.checked import Notes
from dumbbell_server.moving.wire import Wire, at
from dumbbell_server.seeding.form import documents as form
from dumbbell_server.seeding.form.reading import Read

_SCHEME = "wandb-artifact://"
_COMMITTED = "COMMITTED"
_INHERITED = -1


@dataclass(frozen=True)
class Version:
    """A version, and where it stands."""

    read: Read
    collection: form.Collection
    version: form.ArtifactVersion
    name: str  # as the folder has it: ENTITY/PROJECT/NAME:vN

    @property
    def shown(self) -> str:
        return f"artifact {self.collection.name}:v{self.version.index}"


class ArtifactPush:
    def __init__(self, wire: Wire, runs: set[str], notes: Notes) -> None:
        self._wire = wire
        self._runs = runs
        self._notes = notes
        self.ids: dict[str, str] = {}  # of versions, by their names in the folder
        self._hexes: dict[str, str] = {}  # what stands in references, old and new

    def types(self, kinds: Iterable[form.ArtifactType]) -> None:
        for kind in kinds:
            if kind.description:
                self._wire.maybe(ask.CREATE_TYPE, input={
                    "entityName": self._wire.entity, "projectName": self._wire.project, "name": kind.name,
                    "description": kind.description})

    def push(self, one: Version) -> None:
        """The version is there, with the bytes of its files."""
        version = one.version
        if version.manifest is None:
            self._notes.add(f"{one.shown} is left out: its manifest is made as a fixture is seeded; push an export")
            return
        manifest = ArtifactManifest.parse(one.read.file(version.manifest).read_bytes())
        run = version.run if version.run in self._runs else None
        made = self._wire.ask(ask.CREATE_VERSION, input=self._fields(one, manifest, run))["createArtifact"]["artifact"]
        node_id = str(made["id"])
        if made.get("state") != _COMMITTED:
            for entry in manifest.entries.values():
                self._prepare(one, entry)
            place = Run(self._wire.client, self._wire.entity, self._wire.project, run or "", lazy=True)
            upload.send(self._wire.client, place, node_id, manifest)
        self.ids[one.name] = node_id
        if version.row is not None:
            self._hexes[ids_hex(ids.encode("Artifact", version.row))] = ids_hex(node_id)

    def _fields(self, one: Version, manifest: ArtifactManifest, run: str | None) -> dict[str, Any]:
        version = one.version
        metadata = version.metadata_json
        if metadata is None and version.metadata is not None:
            metadata = dumps(version.metadata)
        fields: dict[str, Any] = {
            "entityName": self._wire.entity, "projectName": self._wire.project, "runName": run,
            "artifactTypeName": one.collection.type, "artifactCollectionName": one.collection.name,
            "digest": version.digest or manifest.digest, "description": version.description, "metadata": metadata,
            "labels": version.labels, "historyStep": version.history_step, "enableDigestDeduplication": True,
            "aliases": [{"artifactCollectionName": one.collection.name, "alias": alias} for alias in version.aliases],
            "tags": [{"tagName": tag} for tag in version.tags] or None,
            "ttlDurationSeconds": version.ttl_seconds if version.ttl_seconds != _INHERITED else None,
            "clientID": secrets.token_hex(16), "sequenceClientID": secrets.token_hex(16)}
        return {name: value for name, value in fields.items() if value is not None}

    def _prepare(self, one: Version, entry: ManifestEntry) -> None:
        """The entry has its bytes at hand; a reference to a version of the folder leads to where that is now."""
        entry.birth_artifact_id = None
        if entry.ref is None:
            digest = hex_of(entry.digest)
            entry.local_path = str(one.read.blob(digest or ""))
            return
        if entry.ref.startswith(_SCHEME):
            old, slash, path = entry.ref.removeprefix(_SCHEME).partition("/")
            if old in self._hexes:
                entry.ref = f"{_SCHEME}{self._hexes[old]}{slash}{path}"
            else:
                self._notes.add(f"{one.shown}: {entry.path[:140]!r} leads to a version that is not in the folder; the "
                                "reference is sent as it is")

    def finish(self, versions: list[Version]) -> None:
        """Aliases are at their versions: those that were logged later took `latest` with them."""
        for one in versions:
            if one.name not in self.ids:
                continue
            found = at(self._wire.ask(ask.VERSION, id=self.ids[one.name]), "artifact") or {}
            if found.get("versionIndex") != one.version.index:
                self._notes.add(f"{one.shown} is v{found.get('versionIndex')} there")
            there = {each["alias"] for each in found.get("aliases") or () if self._is_own(each, one.collection.name)}
            missing = [alias for alias in one.version.aliases if alias not in there]
            if missing:
                self._wire.ask(ask.ALIASES, input={"artifactID": self.ids[one.name], "aliases": [{
                    "entityName": self._wire.entity, "projectName": self._wire.project,
                    "artifactCollectionName": one.collection.name, "alias": alias} for alias in missing]})

    def _is_own(self, alias: Any, collection: str) -> bool:
        name = at(alias, "artifactCollection", "name") or alias.get("artifactCollectionName")
        return bool(name == collection)

    def collection(self, collection: form.Collection) -> None:
        """Links are there, then description and tags."""
        for link in sorted(collection.links, key=lambda one: one.index or 0):
            if link.version not in self.ids:
                self._notes.add(f"artifact {collection.name}: the link to {link.version} is left out, since that is "
                                "not there")
                continue
            self._wire.ask(ask.LINK, input={
                "artifactID": self.ids[link.version], "artifactPortfolioName": collection.name,
                "entityName": self._wire.entity, "projectName": self._wire.project,
                "aliases": [{"artifactCollectionName": collection.name, "alias": alias} for alias in link.aliases]})
        if not collection.links and not any(name.rpartition(":")[0].endswith(f"/{collection.name}")
                                            for name in self.ids):
            self._notes.add(f"artifact {collection.name} is left out: nothing of it is there")
            return
        if collection.description or collection.tags:
            path = f"{self._wire.entity}/{self._wire.project}/{collection.name}"
            found = self._wire.api.artifact_collection(collection.type, path)
            if (found.description or "", sorted(found.tags)) != (collection.description or "", sorted(collection.tags)):
                found.description, found.tags = collection.description, list(collection.tags)
                found.save()

    def uses(self, run: form.Run) -> None:
        for use in run.uses:
            if use.artifact not in self.ids:
                self._notes.add(f"run {run.id}: that it used {use.artifact} is left out, since that is not there")
            elif use.kind == "input":
                self._wire.ask(ask.USE, input={
                    "entityName": self._wire.entity, "projectName": self._wire.project, "runName": run.id,
                    "artifactID": self.ids[use.artifact]} | ({"usedAs": use.as_} if use.as_ else {}))


def ids_hex(node_id: str) -> str:
    """An id as it stands in a reference: its inner text, in hex."""
    return base64.b64decode(node_id).hex()
