"""Where things lie in the folder of a fixture: what writes one and what reads it agree here."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

ACCOUNTS = "accounts.dumbbell.json"
SUFFIXES = (".dumbbell.yaml", ".dumbbell.yml", ".dumbbell.json")
BLOBS = "blobs"
HISTORY, SYSTEM, CONSOLE, BORROWED = "history.jsonl", "system.jsonl", "output.log", "borrowed.jsonl"
_LONGEST = 120  # bytes of a file's name, which may be 255: endings come behind it
_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def file_name(name: str) -> str:
    """A name as a file's: percent-encoded, shortened with a digest where it is too long. Never `.`, `..` or hidden."""
    quoted = quote(name, safe=" +=@,()-_")
    if quoted.startswith("."):
        quoted = f"%2E{quoted[1:]}"
    if len(quoted) <= _LONGEST:
        return quoted
    return f"{quoted[:_LONGEST - 33]}-{hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()}"


@dataclass(frozen=True)
class Folder:
    """The folder of a fixture."""

    root: Path

    def project(self, entity: str, project: str) -> Path:
        return self.root / file_name(entity) / file_name(project)

    def project_file(self, entity: str, project: str) -> Path:
        return self.project(entity, project) / "project.dumbbell.json"

    def run(self, entity: str, project: str, run: str) -> Path:
        """The folder of a run: run.dumbbell.json and its lines."""
        return self.project(entity, project) / "runs" / file_name(run)

    def run_file(self, entity: str, project: str, run: str) -> Path:
        return self.run(entity, project, run) / "run.dumbbell.json"

    def collection(self, entity: str, project: str, name: str) -> Path:
        """The folder of a collection: collection.dumbbell.json and manifests."""
        return self.project(entity, project) / "artifacts" / file_name(name)

    def collection_file(self, entity: str, project: str, name: str) -> Path:
        return self.collection(entity, project, name) / "collection.dumbbell.json"

    def blob(self, md5: str) -> Path:
        """Bytes by their MD5 in hex."""
        return self.root / BLOBS / md5[:2] / md5


def manifest_name(version: int) -> str:
    return f"v{version}.manifest.json"


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """A document, whole or not at all. What is None, False or empty where that is the default is to be left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, orjson.dumps(document, option=_OPTIONS))


def write_whole(path: Path, data: bytes) -> None:
    """The file is these bytes, or what it was before."""
    waiting = path.with_name(f".{path.name}.part")
    waiting.write_bytes(data)
    waiting.replace(path)


def described(**fields: Any) -> dict[str, Any]:
    """The fields that say something: without None, and without what is empty."""
    return {name.rstrip("_"): value for name, value in fields.items()
            if value is not None and value is not False and value not in ("", [], {})}


def is_document(name: str) -> bool:
    return name.endswith(SUFFIXES) and not name.startswith(".")


def documents(root: Path) -> list[Path]:
    """All documents under a folder, in the order of their paths; links to elsewhere are not followed."""
    found: list[Path] = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not (
            name == BLOBS and Path(folder) == root))
        found += [Path(folder) / name for name in files if is_document(name)]
    return sorted(found, key=lambda path: path.relative_to(root).parts)
