"""Putting files into a new artifact."""

from __future__ import annotations

import base64
import contextlib
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Literal

from dumbbell import _json
from dumbbell._download import md5_of
from dumbbell._of_wandb import is_of_wandb
from dumbbell.artifacts.adopted import entries_of_media
from dumbbell.artifacts.manifest import ManifestEntry
from dumbbell.artifacts.record import ArtifactRecord
from dumbbell.artifacts.references import look_up
from dumbbell.artifacts.table import TABLE_ENDING, Table
from dumbbell.errors import InvalidValueError, WrongTypeError

Policy = Literal["mutable", "immutable"]

_THREADS = 8
_MAX_OBJECTS = 10_000_000


class ArtifactDraft(ArtifactRecord):
    """An artifact that is being put together. Once it is logged these methods raise ImmutableError (a ValueError)."""

    def add_file(self, local_path: str, name: str | None = None, is_tmp: bool = False, *,
                 skip_cache: bool | None = False, policy: Policy | None = None,
                 overwrite: bool = False) -> ManifestEntry:
        """Add a file of this machine. It is read now for its digest, and again when the artifact is logged.

        Args:
            local_path: where it is.
            name: its path within the artifact; its file name if it is missing.
            is_tmp: put the digest into the name, so that a file made again each time never clashes.
            skip_cache: accepted because wandb has it; what is added is not put into the cache.
            policy: "mutable" makes a copy now, so that the file may change before the artifact is logged; otherwise a
                file that changed is an error then.
            overwrite: replace an entry of the same name and other content.

        Raises:
            InvalidValueError: (a ValueError) it is no file, or its name is taken by other content.
        """
        del skip_cache
        self._draft()
        place = Path(local_path)
        if not place.is_file():
            raise InvalidValueError(f"{local_path!r} is not a file")
        entry = self._copied(_entry(place, name or place.name), policy)
        if is_tmp:
            stem, dot, end = entry.path.rpartition("/")[2].partition(".")
            folder = entry.path.rpartition("/")[0]
            entry.path = "/".join(part for part in (folder, f"{(entry.hex or '')[:20]}.{stem}{dot}{end}") if part)
        return self._added(entry, overwrite=overwrite)

    def add_dir(self, local_path: str, name: str | None = None, *, skip_cache: bool | None = False,
                policy: Policy | None = None, merge: bool = False, overwrite: bool = False) -> None:
        """Add all files of a folder, with the folders within.

        Args:
            local_path: the folder.
            name: the folder within the artifact; its root if it is missing.
            skip_cache: accepted because wandb has it.
            policy: as for `add_file`.
            merge: the same as overwrite, by its name in wandb.
            overwrite: replace entries of the same name and other content.

        Raises:
            InvalidValueError: (a ValueError) it is no folder, or a name is taken by other content.
        """
        del skip_cache
        self._draft()
        root = Path(local_path)
        if not root.is_dir():
            raise InvalidValueError(f"{local_path!r} is not a folder")
        places = sorted(path for path in root.rglob("*") if path.is_file())
        names = ["/".join(part for part in (name, path.relative_to(root).as_posix()) if part) for path in places]
        with ThreadPoolExecutor(_THREADS) as pool:
            for entry in pool.map(_entry, places, names):
                self._added(self._copied(entry, policy), overwrite=overwrite or merge)

    def _copied(self, entry: ManifestEntry, policy: Policy | None) -> ManifestEntry:
        if policy not in {None, "mutable", "immutable"}:
            raise InvalidValueError(f"policy is {policy!r}; there are 'mutable' and 'immutable'")
        if policy == "mutable":
            place = self._new_place()
            shutil.copyfile(str(entry.local_path), place)
            entry.local_path = str(place)
        return entry

    def _new_place(self) -> Path:
        """For a file that is deleted with this object, when it was sent or is not wanted any more."""
        folder = tempfile.mkdtemp(prefix="dumbbell-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder) / "new"

    def add(self, obj: Any, name: str, overwrite: bool = False) -> ManifestEntry:
        """Add a table, or a media object of `wandb`; `artifact.get(name)` reads it.

        Args:
            obj: a `Table`, or an object of the `wandb` package that has a file, such as an image.
            name: its path within the artifact; an ending such as `.table.json` is added.
            overwrite: replace an entry of the same name and other content.

        Raises:
            WrongTypeError: (a TypeError) it is something else.
        """
        self._draft()
        if isinstance(obj, Table):
            place = self._new_place()
            place.write_text(_json.dumps(obj.to_json(), f"table {name}"), encoding="utf-8")
            path = name if name.endswith(TABLE_ENDING) else f"{name}{TABLE_ENDING}"
            return self._added(_entry(place, path), overwrite=overwrite)
        if not is_of_wandb(obj):
            raise WrongTypeError(f"add() takes a dumbbell.Table or an object of wandb, not {type(obj).__name__}; files "
                                 "are added by add_file()")
        entries, holder = entries_of_media(obj, name)
        self._lenders.append(holder)
        added = [self._added(entry, overwrite=overwrite) for entry in entries]
        return next((entry for entry in added if entry.path.startswith(f"{name}.")), added[-1])

    def __setitem__(self, name: str, obj: Any) -> None:
        self.add(obj, name)

    def add_reference(self, uri: str, name: str | None = None, checksum: bool = True,
                      max_objects: int | None = None) -> list[ManifestEntry]:
        """Name files that stay where they are.

        Args:
            uri: file://, http(s)://, s3://, gs:// or any other; folders only of this machine.
            name: the path within the artifact; the end of the URI if it is missing.
            checksum: look at what is there, so that a change is noticed later; otherwise the URI is the digest.
            max_objects: files a folder may have.

        Raises:
            InvalidValueError: (a ValueError) it is no URI, or there is nothing there.
        """
        self._draft()
        found = look_up(str(uri), name, checksum=checksum, max_objects=max_objects or _MAX_OBJECTS)
        return [self._added(entry, overwrite=False) for entry in found]

    @contextlib.contextmanager
    def new_file(self, name: str, mode: str = "w", encoding: str | None = None,
                 policy: Policy | None = None) -> Iterator[IO[str] | IO[bytes]]:
        """A file to write to, which is added when it is closed.

        Args:
            name: its path within the artifact.
            mode: w or wb.
            encoding: of text; UTF-8 if it is missing.
            policy: accepted because wandb has it; the file is this object's own.

        Raises:
            InvalidValueError: (a ValueError) the name is taken by other content.
        """
        del policy
        self._draft()
        place = self._new_place()
        with place.open(mode, encoding=None if "b" in mode else encoding or "utf-8") as file:
            yield file
        self._added(_entry(place, name), overwrite=False)

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """The path within the artifact under which a file of this machine was added; None if it was not."""
        wanted = str(Path(local_path).resolve())
        return next((path for path, entry in self._draft().entries.items() if entry.local_path == wanted), None)

    def remove(self, item: str | ManifestEntry) -> None:
        """Take an entry out again, or all below a folder. MissingEntryError (a KeyError) if there is none."""
        manifest = self._draft()
        name = item.path if isinstance(item, ManifestEntry) else str(item)
        for entry in manifest.get_entries_in_directory(name) or [manifest.entry(name)]:
            manifest.remove_entry(entry)

    def _added(self, entry: ManifestEntry, *, overwrite: bool) -> ManifestEntry:
        manifest = self._draft()
        parts = entry.path.split("/")
        if entry.path.startswith("/") or any(part in {"", ".", ".."} for part in parts):
            raise InvalidValueError(f"{entry.path!r} is no path within an artifact")
        manifest.add_entry(entry, overwrite)
        return entry


def _entry(place: Path, name: str) -> ManifestEntry:
    with place.open("rb") as file:
        digest = base64.b64encode(md5_of(file).digest()).decode()
    return ManifestEntry(name.replace("\\", "/"), digest, place.stat().st_size, local_path=str(place.resolve()))
