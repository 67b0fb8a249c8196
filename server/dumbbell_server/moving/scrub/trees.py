"""Documents and manifests with pseudonyms: what is content changes, what is form stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from dumbbell_server.artifact_files import manifests
from dumbbell_server.artifact_files.digests import digest_of, hex_of
from dumbbell_server.json_text import dumps, loads
from dumbbell_server.moving.scrub.keys import changed_at
from dumbbell_server.moving.scrub.pseudonyms import Pseudonyms

# fields that have one of a few values, times and digests
_FORM = frozenset({
    "$schema", "state", "access", "role", "visibility", "kind", "digest_algorithm", "mimetype", "format", "created",
    "updated", "heartbeat", "joined", "expires", "deleted", "blob", "digest", "births", "storage_region"})
_ROLES = frozenset({"members", "teams"})  # mappings whose values are roles
_NAMED = frozenset({"files", "references", "media", "members", "config", "summary", "metadata", "spec", "keys"})
_CONTENTS = frozenset({"files", "references", "media"})  # mappings whose values are documents' own
_PATHS = frozenset({"manifest", "lines", "file", "borrowed"})
_JSON = frozenset({"config_json", "summary_json", "metadata_json", "config_yaml", "spec_json", "controller",
                   "scheduler", "views", "system_metrics_json"})
_HEX = re.compile("[0-9a-f]{32,64}")
_ALGORITHM = "MANIFEST_MD5"


def scrubbed_value(value: Any) -> Any:
    """What stands where a key's value stood: nothing for a number; texts become pseudonyms, as all words do."""
    if isinstance(value, str):
        return value if len(value) > 1 else "x"
    if isinstance(value, dict):
        return {key: scrubbed_value(each) for key, each in value.items()}
    return [scrubbed_value(each) for each in value] if isinstance(value, list) else None


class Trees:
    def __init__(self, names: Pseudonyms, keys: tuple[str, ...], blobs: Mapping[str, tuple[str, int]]) -> None:
        self._names = names
        self._keys = keys
        self._blobs = blobs

    def document(self, document: Any, manifest: Callable[[str], Path]) -> Any:
        """A document; its manifests are found in the old folder by their paths."""
        for part in (*document.get("projects", ()), *document.get("registries", ())):
            for run in part.get("runs", ()):
                if "config" in run:
                    changed_at(run["config"], self._keys, scrubbed_value)
            for collection in part.get("artifacts", ()):
                for version in collection.get("versions", ()):
                    self._digest(version, manifest)
        return self._of(document, "", free=False)

    def _digest(self, version: dict[str, Any], manifest: Callable[[str], Path]) -> None:
        """The digest of a version is that of its manifest, where it was."""
        if "manifest" not in version or version.get("digest_algorithm", _ALGORITHM) != _ALGORITHM:
            return
        old = manifest(version["manifest"]).read_bytes()
        if version.get("digest") == manifests.digest(manifests.entries(manifests.parse(old))):
            version["digest"] = manifests.digest(manifests.entries(manifests.parse(self.manifest(old))))
        if "births" in version:
            version["births"] = {self._md5(md5): row for md5, row in version["births"].items()}

    def _of(self, value: Any, name: str, *, free: bool) -> Any:
        """A part of a document. Free are the keys of mappings that people fill."""
        if isinstance(value, dict):
            return {self._names.text(key) if free else key: self._field(key, each, name, free=free)
                    for key, each in value.items()}
        if isinstance(value, list):
            return [self._of(each, name, free=free) for each in value]
        return self._text(value, name) if isinstance(value, str) else value

    def _field(self, key: str, value: Any, parent: str, *, free: bool) -> Any:
        if free and parent in _ROLES:
            return value
        if free:
            inner = parent in _CONTENTS and isinstance(value, dict)
            return self._of(value, "" if inner else parent, free=not inner)
        if key == "digest" and hex_of(value) is None and not _HEX.fullmatch(value):
            return self._names.text(value)  # of a reference: its URL
        if key in _FORM or (key == "type" and parent == "reports"):
            return self._md5(value) if key == "blob" else value
        if key in _PATHS:
            return self._path(value)
        return self._of(value, key, free=isinstance(value, dict) and key in _NAMED | _ROLES)

    def _text(self, text: str, name: str) -> str:
        if name in _JSON and self._keys:
            text = self._without_keys(text)
        return self._names.text(text)

    def _without_keys(self, text: str) -> str:
        try:
            tree = loads(text)
        except ValueError:
            return text
        return dumps(tree) if changed_at(tree, self._keys, scrubbed_value) else text

    def _path(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._names.text(writer): self._path(path) for writer, path in value.items()}
        if not isinstance(value, str):
            return value
        ending = ".manifest.json" if value.endswith(".manifest.json") else ""
        return "/".join(map(self._names.text, value.removesuffix(ending).split("/"))) + ending

    def _md5(self, md5: str) -> str:
        return self._blobs[md5][0] if md5 in self._blobs else md5

    def manifest(self, data: bytes) -> bytes:
        """A manifest: entries have new paths, digests and sizes; the very bytes where nothing changes."""
        found = manifests.parse(data)
        contents = {self._names.text(path): self._entry(entry) for path, entry in found["contents"].items()}
        if contents == found["contents"]:
            return data
        return orjson.dumps({**found, "contents": contents})

    def _entry(self, entry: dict[str, Any]) -> dict[str, Any]:
        changed = {key: self._of(value, "", free=True) if key in {"ref", "extra"} else value
                   for key, value in entry.items()}
        md5 = hex_of(str(entry.get("digest")))
        if md5 is not None and self._md5(md5) != md5:
            changed["digest"] = digest_of(self._md5(md5))
            if entry.get("size"):
                changed["size"] = self._blobs[md5][1]
        elif md5 is None and "ref" in entry:  # a URL is its own digest
            changed["digest"] = self._names.text(entry["digest"])
        return changed
