"""Manifests: the JSON in which a client says what a version holds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from dumbbell_server.artifact_files.digests import hex_of
from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import MOST_LEVELS, is_deeper, storable

FULL = "FULL"
INCREMENTAL = "INCREMENTAL"
PATCH = "PATCH"
FILE_NAME = "wandb_manifest.json"
_MOST_BYTES = 2560  # what an index of Postgres takes
_MOST_IN_ALL = 2**63 - 1  # bytes, as far as a database counts
_FLAT = frozenset({str, int})
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")
_SEPARATORS = re.compile(r"[/\\]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a version: bytes by their digest, or a reference that leads elsewhere."""

    path: str
    digest: str
    size: int | None
    ref: str | None


def parse(data: bytes) -> dict[str, Any]:
    """A manifest with a checked outside; its entries are checked as they are read."""
    try:
        manifest = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"the manifest is not JSON: {error}") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("contents"), dict):
        raise BadInput("the manifest is no object with `contents`")
    if any(is_deeper(value, MOST_LEVELS - 1) for key, value in manifest.items() if key != "contents"):
        raise BadInput(f"the manifest is nested more than {MOST_LEVELS} levels deep")
    if manifest.get("version") != 1:
        raise BadInput(f"manifest version {str(manifest.get('version'))[:40]!r} is not known; it is 1")
    return manifest


def merged(base: dict[str, Any] | None, changes: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """One full manifest: what is said last of a path holds, and so does the policy that was said last."""
    whole: dict[str, Any] = {"version": 1, "storagePolicy": "wandb-storage-policy-v1",
                             "storagePolicyConfig": {"storageLayout": "V2"}, **(base or {})}
    contents = dict(whole.get("contents") or {})
    for change in changes:
        whole |= {key: value for key, value in change.items() if key != "contents"}
        contents |= change["contents"]
    return whole | {"contents": contents}


def entries(manifest: dict[str, Any]) -> Iterator[Entry]:
    """BadInput names the first entry that is malformed, or where all is more than a size can say."""
    total = 0
    for path, fields in manifest["contents"].items():
        problem = _problem(path, fields)
        if problem is not None:
            raise BadInput(f"manifest entry {path[:140]!r}: {problem}")
        entry = Entry(path, fields["digest"], fields.get("size"), fields.get("ref"))
        total += entry.size or 0
        if total > _MOST_IN_ALL:
            raise BadInput(f"manifest entry {path[:140]!r}: the sizes up to here add up to more than "
                           f"{_MOST_IN_ALL} bytes")
        yield entry


def _problem(path: str, fields: Any) -> str | None:
    if not isinstance(fields, dict) or not isinstance(fields.get("digest"), str):
        return "it has no digest"
    if not _FLAT.issuperset(map(type, fields.values())) and is_deeper(fields, MOST_LEVELS - 2):
        return f"it makes the manifest more than {MOST_LEVELS} levels deep"
    size, ref = fields.get("size"), fields.get("ref")
    if size is not None and (type(size) is not int or not 0 <= size < 2**62):
        return "its size is no number of bytes"
    if ref is None and hex_of(fields["digest"]) is None:
        return "its digest is no base64 MD5"
    if not isinstance(ref, str | None):
        return "its reference is no text"
    held = all(map(storable, (path, ref or "", fields["digest"])))
    return _problem_of_path(path) if held else "it holds a NUL or half a surrogate pair"


def _problem_of_path(path: str) -> str | None:
    if not path or len(path.encode()) > _MOST_BYTES:
        return f"its path is not 1 to {_MOST_BYTES} bytes long"
    if leads_elsewhere(path):
        return "its path leads out of the artifact; use a relative one with forward slashes, without `..`"
    return None


def leads_elsewhere(path: str) -> bool:
    """Whether a client that writes the file into a folder would write it elsewhere, on Windows too."""
    return _DRIVE.match(path) is not None or path[:1] in {"/", "\\"} or ".." in _SEPARATORS.split(path)


def digest(contents: Iterable[Entry]) -> str:
    """The digest of a version, as clients compute it."""
    hasher = hashlib.md5(b"wandb-artifact-manifest-v1\n", usedforsecurity=False)
    for entry in sorted(contents, key=lambda entry: entry.path):
        hasher.update(f"{entry.path}:{entry.digest}\n".encode())
    return hasher.hexdigest()
