"""A folder without what is nobody else's business (docs/fixtures.md#scrub).

It is written once more beside the old one, which goes when all is there. Bytes that change have other digests, and
what names them follows: MD5s in documents and manifests, digests of versions, SHA-256 of media in tables and rows.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import yaml
from pydantic import ValidationError

from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import dumps, loads
from dumbbell_server.moving.blobs import md5_of
from dumbbell_server.moving.marks import MARK
from dumbbell_server.moving.options import STATE
from dumbbell_server.moving.scrub.keys import changed_at
from dumbbell_server.moving.scrub.pseudonyms import PIECE, Pseudonyms
from dumbbell_server.moving.scrub.trees import Trees, scrubbed_value
from dumbbell_server.moving.scrub.words import EMAILS, PATHS, Wanted, collect
from dumbbell_server.seeding.form.documents import Document
from dumbbell_server.seeding.form.folder import BLOBS, SUFFIXES, Folder, documents, is_document

_MANIFEST = ".manifest.json"
_LINES = ".log"
_LARGEST = 16 << 20  # of a file of JSON or YAML whose keys are looked at
_MOST_PASSES = 8
_YAML = (".yaml", ".yml")


def scrub_folder(root: Path, wanted: Wanted) -> int:
    """Put pseudonyms into a folder; how many words have one. BadInput where it is no fixture, and it stays as it is."""
    old, new = root.with_name(f".{root.name}.unscrubbed"), root.with_name(f".{root.name}.scrubbed")
    if not root.exists() and old.is_dir():  # a scrub was cut at its last step
        old.rename(root)
    if not root.is_dir() or not documents(root):
        raise BadInput(f"{str(root)!r} is no folder of a fixture")
    shutil.rmtree(new, ignore_errors=True)
    try:
        count = write_scrubbed(root, new, wanted)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    root.rename(old)
    new.rename(root)
    shutil.rmtree(old)
    return count


def write_scrubbed(root: Path, target: Path, wanted: Wanted) -> int:
    """Write the folder to another place; how many words have pseudonyms."""
    names = Pseudonyms(collect(root, wanted), emails=EMAILS in wanted.kinds, homes=PATHS in wanted.kinds)
    return _Scrub(root, target, names, wanted.keys).run()


@dataclass(frozen=True)
class _Blob:
    """What became of bytes."""

    md5: str
    size: int
    holds_digests: bool


class _Scrub:
    def __init__(self, root: Path, target: Path, names: Pseudonyms, keys: tuple[str, ...]) -> None:
        self._root = root
        self._target = target
        self._names = names
        self._keys = keys
        self._blobs: dict[str, _Blob] = {}

    def run(self) -> int:
        self._target.mkdir(parents=True)
        self._all_blobs()
        trees = Trees(self._names, self._keys, {old: (blob.md5, blob.size) for old, blob in self._blobs.items()})
        others = list(self._others())
        for path in sorted(others, key=lambda path: is_document(path.name)):  # manifests before what has their digests
            target = self._target / self._place(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            if is_document(path.name):
                target.write_bytes(self._document(path, trees))
            elif path.name.endswith(_MANIFEST):
                target.write_bytes(trees.manifest(path.read_bytes()))
            elif path.name.endswith(_LINES):
                self._lines(path, target)
            else:
                with path.open("rb") as source, target.open("wb") as file:
                    self._names.stream(source, file)
        return len(self._names)

    def _others(self) -> Iterator[Path]:
        """All files but bytes by digest, and but what remembers a pull: that could not go on from here."""
        for folder, folders, files in os.walk(self._root):
            if Path(folder) == self._root:
                folders[:] = [name for name in folders if name != BLOBS and not name.startswith(".")]
            yield from (Path(folder) / name for name in files
                        if name not in {STATE, MARK} and not name.endswith(".part"))

    def _place(self, path: Path) -> Path:
        """Where a file goes: names are scrubbed, endings that mean something stay."""
        parts = list(path.relative_to(self._root).parts)
        ending = next((end for end in (*SUFFIXES, _MANIFEST) if parts[-1].endswith(end)), "")
        parts[-1] = parts[-1].removesuffix(ending)
        return Path(*[self._names.text(part) for part in parts[:-1]], self._names.text(parts[-1]) + ending)

    def _document(self, path: Path, trees: Trees) -> bytes:
        place = path.relative_to(self._root)
        try:
            found = orjson.loads(path.read_bytes()) if path.name.endswith(".json") else yaml.safe_load(path.read_text())
            changed = trees.document(found, lambda manifest: path.parent / manifest)
            Document.model_validate(changed)
        except (orjson.JSONDecodeError, yaml.YAMLError) as error:
            raise BadInput(f"{place}: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            raise BadInput(f"{place}: with pseudonyms it is no document of a fixture any more: "
                           f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        if not path.name.endswith(".json"):
            return yaml.safe_dump(changed, sort_keys=False, allow_unicode=True).encode()
        return orjson.dumps(changed, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def _lines(self, path: Path, target: Path) -> None:
        """Console lines: some are JSON, some are not."""
        with path.open("rb") as source, target.open("wb") as file:
            for line in source:
                file.write(self._names.data(line, as_json=line.startswith(b'{"')))

    # bytes by digest -------------------------------------------------------------------------------------------------

    def _all_blobs(self) -> None:
        """All of them; again those that name the SHA-256 of what has changed, until nothing does any more."""
        keyed = self._keyed_blobs() if self._keys else {}
        waiting = sorted(path for path in (self._root / BLOBS).rglob("*") if path.is_file())
        for _ in range(_MOST_PASSES):
            known = len(self._names.digests)
            for path in waiting:
                self._blob(path, keyed.get(path.name))
            waiting = [path for path in waiting if self._blobs[path.name].holds_digests]
            if not waiting or len(self._names.digests) == known:
                break
        self._remove_others()

    def _blob(self, path: Path, ending: str | None) -> None:
        part = self._target / BLOBS / f".{path.name}"
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            data = self._without_keys(path, ending) if ending else None
            if data is not None:
                self._names.met = True  # it is small: it may as well be looked at again
                file.write(self._names.data(data, as_json=ending not in _YAML))
            else:
                with path.open("rb") as source:
                    self._names.stream(source, file)
        md5 = md5_of(part)
        if md5 != path.name:
            self._names.digests[_sha256(path)] = _sha256(part)
        self._blobs[path.name] = _Blob(md5, part.stat().st_size, self._names.met)
        target = Folder(self._target).blob(md5)
        target.parent.mkdir(parents=True, exist_ok=True)
        part.replace(target)

    def _remove_others(self) -> None:
        """Bytes of an earlier pass."""
        wanted = {blob.md5 for blob in self._blobs.values()}
        for path in list((self._target / BLOBS).rglob("*")):
            if path.is_file() and path.name not in wanted:
                path.unlink()

    def _keyed_blobs(self) -> dict[str, str]:
        """The endings of files of JSON and YAML, by their MD5."""
        found: dict[str, str] = {}
        for path in documents(self._root):
            document = orjson.loads(path.read_bytes()) if path.name.endswith(".json") else yaml.safe_load(
                path.read_text())
            for part in document.get("projects", ()):
                for run in part.get("runs", ()):
                    for name, content in run.get("files", {}).items():
                        ending = Path(name).suffix.lower()
                        if ending in {".json", *_YAML} and isinstance(content, dict) and "blob" in content:
                            found[content["blob"]] = ending
        return found

    def _without_keys(self, path: Path, ending: str) -> bytes | None:
        """A small file without the values of the keys; None where it has none of them."""
        if path.stat().st_size > _LARGEST:
            return None
        try:
            text = path.read_text("utf-8")
            tree = yaml.safe_load(text) if ending in _YAML else loads(text)
        except (ValueError, yaml.YAMLError, RecursionError):
            return None
        if not changed_at(tree, self._keys, scrubbed_value):
            return None
        dumped = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True) if ending in _YAML else dumps(tree)
        return dumped.encode()


def _sha256(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest().encode()
