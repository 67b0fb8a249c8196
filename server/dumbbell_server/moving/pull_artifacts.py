"""The artifacts of a server as folders of a fixture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from dumbbell.artifacts.downloads import Source
from dumbbell.artifacts.manifest import ArtifactManifest, ManifestEntry
from dumbbell.errors import CommError, DigestError, InvalidValueError
from dumbbell_server.artifact_files import manifests
from dumbbell_server.errors import BadInput
from dumbbell_server.moving import documents as ask
from dumbbell_server.moving import marks
from dumbbell_server.moving.blobs import Blobs
from dumbbell_server.moving.checked import Notes, checked, row, username
from dumbbell_server.moving.options import Options
from dumbbell_server.moving.pull_runs import Known, version_of
from dumbbell_server.moving.wire import Wire, at
from dumbbell_server.seeding.form import documents as form
from dumbbell_server.seeding.form.folder import Folder, manifest_name, write_document, write_whole

_COMMITTED = "COMMITTED"
_PORTFOLIO = "ArtifactPortfolio"
_INHERITED, _NEVER = -1, -2
_FILES = 1000  # a page of URLs
_TOGETHER = 32  # files that are fetched at once, at most


@dataclass(frozen=True)
class Listed:
    """A collection, and what its list tells of its versions."""

    type: str
    node: Mapping[str, Any]
    edges: list[dict[str, Any]]

    @property
    def name(self) -> str:
        return str(self.node.get("name"))

    @property
    def links(self) -> bool:
        return self.node.get("__typename") == _PORTFOLIO


class ArtifactPull:
    """Fetches collections. Threads may share one."""

    def __init__(self, wire: Wire, folder: Folder, blobs: Blobs, options: Options, known: Known,
                 pool: ThreadPoolExecutor) -> None:
        self._wire = wire
        self._folder = folder
        self._blobs = blobs
        self._options = options
        self._known = known
        self._pool = pool

    def place(self, name: str) -> Path:
        return self._folder.collection(self._wire.entity, self._wire.project, name)

    def types(self, notes: Notes) -> Iterator[dict[str, Any]]:
        """The types of artifacts, as a project has them."""
        for node in self._wire.nodes(ask.TYPES, "project", "artifactTypes"):
            fields = {"name": node.get("name"), "description": node.get("description"),
                      "created": node.get("createdAt"), "row": row("ArtifactType", node.get("id"))}
            kind = checked(form.ArtifactType, fields, f"artifact type {node.get('name')}", notes)
            if kind is not None:
                yield kind

    def collections(self, kind: str) -> Iterator[Listed]:
        """The collections of a type with the lists of their versions."""
        for node in self._wire.nodes(ask.COLLECTIONS, "project", "artifactType", "artifactCollections", type=kind):
            edges = list(self._wire.edges(ask.VERSIONS, "project", "artifactType", "artifactCollection", "artifacts",
                                          type=kind, collection=node.get("name")))
            yield Listed(kind, node, [edge for edge in edges if at(edge, "node", "state") in {_COMMITTED, None}])

    def pull(self, found: Listed, notes: Notes) -> None:
        """The collection's folder is whole, and its versions are known."""
        place = self.place(found.name)
        document = self._folder.collection_file(self._wire.entity, self._wire.project, found.name)
        linked = [version_of(edge["node"]) in self._known.versions for edge in found.edges] if found.links else None
        makers = [self._maker(edge["node"].get("createdBy")) for edge in found.edges]
        seen = marks.digest([found.type, found.node, found.edges, linked, makers])
        lines = marks.left_out(place, seen, document)
        if lines is None:
            own = Notes()
            fields = self._fetched(found, own)
            lines = own.lines()
            if fields is not None:
                self._remove_others(place, fields)
                write_document(document, {"projects": [{
                    "entity": self._wire.entity, "name": self._wire.project, "artifacts": [fields]}]})
                marks.write(place, seen, lines)
        for line in lines:
            notes.add(line)
        if document.is_file() and not found.links:
            self._remember(document)

    def _remember(self, document: Path) -> None:
        """The versions of a collection that is in the folder, with the run that logged each."""
        for project in orjson.loads(document.read_bytes())["projects"]:
            for collection in project["artifacts"]:
                for version in collection.get("versions", ()):
                    name = f"{project['entity']}/{project['name']}/{collection['name']}:v{version['index']}"
                    self._known.versions[name] = version.get("run")

    def _remove_others(self, place: Path, fields: Mapping[str, Any]) -> None:
        """Manifests of versions that are gone."""
        named = {version.get("manifest") for version in fields.get("versions", ())}
        for path in place.iterdir() if place.is_dir() else ():
            if path.name.endswith(".manifest.json") and path.name not in named:
                path.unlink()

    def _fetched(self, found: Listed, notes: Notes) -> dict[str, Any] | None:
        what = f"artifact {found.name[:140]}"
        node = found.node
        fields = {
            "name": found.name, "type": found.type, "description": node.get("description"),
            "tags": [each["node"]["name"] for each in at(node, "tags", "edges") or ()],
            "created": node.get("createdAt"), "updated": node.get("updatedAt"), "portfolio": found.links,
            "row": row("ArtifactPortfolio" if found.links else "ArtifactSequence", node.get("id"))
            or row("ArtifactCollection", node.get("id"))}
        if checked(form.Collection, fields, what, notes) is None:
            return None
        self.place(found.name).mkdir(parents=True, exist_ok=True)
        each = self._links(found, notes) if found.links else self._versions(found, notes)
        fields["links" if found.links else "versions"] = sorted(each, key=lambda one: one.get("index") or 0)
        return checked(form.Collection, fields, what, notes)

    def _links(self, found: Listed, notes: Notes) -> Iterator[dict[str, Any]]:
        for edge in found.edges:
            node, version = edge["node"], version_of(edge["node"])
            if version is None or version not in self._known.versions:
                notes.add(f"artifact {found.name}: the link to {version} is left out, since that is not in the folder")
                continue
            member = self._membership(self._content(node), found.name)
            fields = {"version": version, "index": _index(edge), "aliases": self._aliases(node, found.name),
                      "created": member.get("createdAt"),
                      "row": row("ArtifactCollectionMembership", member.get("id"))}
            link = checked(form.Link, fields, f"artifact {found.name}: the link to {version}", notes)
            if link is not None:
                yield link

    def _versions(self, found: Listed, notes: Notes) -> Iterator[dict[str, Any]]:
        for edge in found.edges:
            index = _index(edge)
            what = f"artifact {found.name}:v{index}"
            size = int(edge["node"].get("size") or 0)
            if size > self._options.max_artifact_size:
                notes.add(f"{what} is left out: it has {size} bytes, more than --max-artifact-size "
                          f"{self._options.max_artifact_size}")
                continue
            try:
                fields = self._version(found, edge["node"], index, what)
            except (DigestError, BadInput, InvalidValueError, KeyError, TypeError) as error:
                notes.add(f"{what} is left out: {str(error).removeprefix(f'{what}: ')}")
                continue
            version = checked(form.ArtifactVersion, fields, what, notes)
            if version is not None:
                yield version

    def _version(self, found: Listed, node: Mapping[str, Any], index: int | None, what: str) -> dict[str, Any]:
        if index is None:
            raise BadInput("the server tells no number of it")
        content = self._content(node)
        url = at(content, "currentManifest", "file", "directUrl")
        if not url:
            raise BadInput("the server has no manifest of it")
        text = self._wire.client.transport.fetched(url, bytes)
        self._fetch_files(node, found.name, text, what)
        write_whole(self.place(found.name) / manifest_name(index), text)
        member = self._membership(content, found.name)
        return {
            "index": index, "aliases": self._aliases(node, found.name), "tags": _names(node.get("tags")),
            **self._maker(node.get("createdBy")), "description": node.get("description"),
            "metadata_json": node.get("metadata"), "labels": node.get("labels"), "manifest": manifest_name(index),
            "digest": node.get("digest"), **_algorithm(node), "ttl_seconds": _ttl(node),
            "history_step": _whole(node.get("historyStep")), "commit": node.get("commitHash"),
            "created": node.get("createdAt"), "updated": node.get("updatedAt"), "joined": member.get("createdAt"),
            "row": row("Artifact", node.get("id")),
            "member_row": row("ArtifactCollectionMembership", member.get("id"))}

    def _fetch_files(self, node: Mapping[str, Any], collection: str, text: bytes, what: str) -> None:
        """All bytes that a manifest names are in the folder. BadInput and DigestError say which are not right."""
        entries = list(manifests.entries(manifests.parse(text)))
        size = sum(entry.size or 0 for entry in entries if entry.ref is None)
        if size > self._options.max_artifact_size:
            raise BadInput(f"its manifest names {size} bytes, more than --max-artifact-size "
                           f"{self._options.max_artifact_size}")
        manifest = ArtifactManifest.parse(text)
        stored = [entry for entry in manifest.entries.values() if entry.ref is None]
        source = Source(self._wire.client, str(node["id"]), (self._wire.entity, self._wire.project, collection),
                        manifest)
        waiting: list[Any] = []
        for entry, url in self._urls(source, stored):
            waiting.append(self._pool.submit(self._fetch, entry, url, what))
            if len(waiting) >= _TOGETHER:
                waiting.pop(0).result()
        for future in waiting:
            future.result()

    def _urls(self, source: Source, entries: list[ManifestEntry]) -> Iterator[tuple[ManifestEntry, str]]:
        """Where the bytes are: as the server lists them, else as clients put a URL together."""
        left = {entry.path: entry for entry in entries}
        for node in self._wire.nodes(ask.ARTIFACT_FILES, "artifact", "files", id=source.artifact_id,
                                     perPage=_FILES) if left else ():
            entry = left.pop(str(node.get("name")), None)
            if entry is not None:
                yield entry, node.get("directUrl") or node.get("url") or source.made(entry)
        for entry in left.values():
            yield entry, source.made(entry)

    def _fetch(self, entry: ManifestEntry, url: str, what: str) -> None:
        shown = f"{what}: {entry.path[:140]!r}"
        try:
            self._blobs.fetch(url, entry.digest, entry.size, shown)
        except DigestError:
            raise
        except CommError as error:
            raise CommError(f"{shown}: {error}", error.exc) from error

    def _content(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        return at(self._wire.ask(ask.CONTENT, id=node.get("id")), "artifact") or {}

    def _membership(self, content: Mapping[str, Any], collection: str) -> Mapping[str, Any]:
        """What the server tells of how a version is in a collection of this project."""
        for edge in at(content, "artifactMemberships", "edges") or ():
            place = at(edge, "node", "artifactCollection")
            if self._is_ours(place) and place["name"] == collection:
                found: Mapping[str, Any] = edge["node"]
                return found
        return {}

    def _is_ours(self, place: Any) -> bool:
        return (at(place, "project", "entityName"), at(place, "project", "name")) == (
            self._wire.entity, self._wire.project)

    def _aliases(self, node: Mapping[str, Any], collection: str) -> list[str]:
        found = []
        for each in node.get("aliases") or ():
            place = each.get("artifactCollection")
            name = at(place, "name") or each.get("artifactCollectionName")
            if name in {collection, None} and (place is None or self._is_ours(place)):
                found.append(each["alias"])
        return found

    def _maker(self, made_by: Any) -> dict[str, Any]:
        if at(made_by, "__typename") == "Run":
            return {"run": made_by["name"]} if self._is_ours(made_by) and made_by["name"] in self._known.runs else {}
        return {"user": username(made_by)}


def _names(tags: Iterable[Mapping[str, Any]] | None) -> list[str]:
    return [tag["name"] for tag in tags or ()]


def _index(edge: Mapping[str, Any]) -> int | None:
    """The number of a version within the collection that was listed."""
    text = str(edge.get("version") or "").removeprefix("v")
    return int(text) if text.isascii() and text.isdigit() else at(edge, "node", "versionIndex")


def _whole(value: Any) -> int | None:
    return int(value) if value is not None else None


def _ttl(node: Mapping[str, Any]) -> int | None:
    seconds = _whole(node.get("ttlDurationSeconds"))
    if seconds is None or node.get("ttlIsInherited") or seconds == _INHERITED:
        return None
    return seconds if seconds > 0 else _NEVER


def _algorithm(node: Mapping[str, Any]) -> dict[str, Any]:
    found = node.get("digestAlgorithm")
    return {} if found in {None, "MANIFEST_MD5"} else {"digest_algorithm": found}
