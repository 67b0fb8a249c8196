"""What an artifact is: its fields, whether they come from the server or are about to go there."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any

from dumbbell import _html, _json
from dumbbell._client import Client
from dumbbell._documents import artifacts as documents
from dumbbell._paths import quoted
from dumbbell.artifacts.manifest import ArtifactManifest
from dumbbell.errors import CommError, ImmutableError, InvalidValueError, NotFoundError

_NAME = re.compile(r"[\w. \-]{1,128}", re.ASCII)
_VERSION = re.compile(r"v\d+")
_NO_TTL = -2
DRAFT = "PENDING"


class ArtifactRecord:
    """The fields of an artifact, and where it stands: an entity, a project and a collection."""

    description: str | None
    _manifest: ArtifactManifest | None = None
    _final = False

    def __init__(self, name: str, type: str, description: str | None = None,  # noqa: A002 - its name in wandb
                 metadata: Mapping[str, Any] | None = None) -> None:
        """A new artifact, not logged yet.

        Args:
            name: letters, digits, `_`, `-`, `.` and blanks; the collection that its versions make up.
            type: what kind of thing it is, such as "dataset" or "model".
            description: what people should know of it.
            metadata: anything that JSON can say.

        Raises:
            InvalidValueError: (a ValueError) the name is none.
        """
        if not _NAME.fullmatch(name or ""):
            raise InvalidValueError(f"{name!r} is no name of an artifact: letters, digits, _, -, . and blanks, at "
                                    "most 128 of them")
        self.client: Client | None = None
        self._attrs: dict[str, Any] = {}
        self._place: tuple[str, str, str] = ("", "", name)
        self._index: int | None = None
        self._lookup: str | None = None
        self._type = type
        self.description = description
        self._metadata: dict[str, Any] = dict(metadata or {})
        self._aliases: list[str] = []
        self._tags: list[str] = []
        self._ttl: dt.timedelta | None = None
        self._ttl_set = False
        self._manifest = ArtifactManifest()
        self._lenders: list[Any] = []  # objects of wandb whose temporary files are waiting to be sent

    def accept(self, client: Client, place: tuple[str, str, str], attrs: Mapping[str, Any],
               index: int | None = None) -> None:
        """Become what the server says: a version of the collection at `place`."""
        self.client = client
        self._place = place
        self._attrs = dict(attrs)
        own = (attrs.get("artifactSequence") or {}).get("name") == place[2]
        self._index = attrs.get("versionIndex") if index is None and own else index
        self._type = (attrs.get("artifactType") or {}).get("name", "")
        self.description = attrs.get("description")
        self._metadata = _json.mapping(attrs.get("metadata"))
        self._aliases = self._saved_aliases()
        self._tags = [tag["name"] for tag in attrs.get("tags") or ()]
        self._ttl_set = False
        seconds = attrs.get("ttlDurationSeconds")
        self._ttl = dt.timedelta(seconds=int(seconds)) if seconds is not None and int(seconds) > 0 else None

    def _saved_aliases(self) -> list[str]:
        """Aliases within this collection; the version itself is not one of them."""
        entity, project, collection = self._place
        found = []
        for alias in self._attrs.get("aliases") or ():
            home = alias.get("artifactCollection") or {}
            owner = home.get("project") or {}
            here = (home.get("name"), owner.get("name", project), owner.get("entityName", entity)) == (
                collection, project, entity)
            if here and not _VERSION.fullmatch(alias["alias"]):
                found.append(alias["alias"])
        return found

    def _logged(self) -> Client:
        """The way to the server. InvalidValueError (a ValueError) for an artifact that was never logged."""
        if self.client is None:
            raise InvalidValueError(f"artifact {self._place[2]!r} is not logged yet: use run.log_artifact() first")
        return self.client

    def _draft(self) -> ArtifactManifest:
        """What files are added to. ImmutableError (a ValueError) once it is logged."""
        if self._final and self.client is None:
            raise ImmutableError(f"artifact {self.name} is finalized and cannot be changed")
        if self.client is not None or self._manifest is None:
            raise ImmutableError(f"artifact {self.name} is logged and cannot be changed; make a new version with "
                                 "new_draft()")
        return self._manifest

    def is_draft(self) -> bool:
        """Whether it is not logged yet."""
        return self.client is None

    def finalize(self) -> None:
        """Refuse further changes of the files; logging does it too."""
        self._final = True

    def _field(self, name: str) -> Any:
        self._logged()
        return self._attrs.get(name)

    @property
    def id(self) -> str | None:
        """The server's id; None before it is logged."""
        return self._attrs.get("id")

    @property
    def entity(self) -> str:
        """The entity of the collection."""
        self._logged()
        return self._place[0]

    @property
    def project(self) -> str:
        """The project of the collection."""
        self._logged()
        return self._place[1]

    @property
    def type(self) -> str:
        """The name of its type."""
        return self._type

    @property
    def name(self) -> str:
        """Stable name you can use to fetch this artifact: `collection:v3`, or the digest where no version is known."""
        if self.client is None:
            return self._place[2]
        if self._index is None:
            return str(self._attrs["digest"])
        return f"{self._place[2]}:v{self._index}"

    @property
    def qualified_name(self) -> str:
        """entity/project/name."""
        return "/".join([*self._place[:2], self.name])

    @property
    def collection_name(self) -> str:
        """The name of its collection."""
        return self._place[2]

    @property
    def version(self) -> str:
        """Such as v3. InvalidValueError (a ValueError) where none is known."""
        if self._index is None:
            raise InvalidValueError(f"artifact {self.name} has no version")
        return f"v{self._index}"

    @property
    def source_entity(self) -> str:
        """The entity in which it was logged; empty where this key may not see that."""
        return str((self._source().get("project") or {}).get("entityName") or "")

    @property
    def source_project(self) -> str:
        """The project in which it was logged; empty where this key may not see that."""
        return str((self._source().get("project") or {}).get("name") or "")

    @property
    def source_name(self) -> str:
        """Its name in the collection in which it was logged."""
        return f"{self._source().get('name')}:v{self._field('versionIndex')}"

    @property
    def source_version(self) -> str:
        """Its version in the collection in which it was logged."""
        return f"v{self._field('versionIndex')}"

    @property
    def source_qualified_name(self) -> str:
        """source_entity/source_project/source_name."""
        return f"{self.source_entity}/{self.source_project}/{self.source_name}"

    @property
    def is_link(self) -> bool:
        """Whether it was found by way of a link."""
        source = self._source()
        return (self.source_entity, self.source_project, source.get("name")) != self._place

    def _source(self) -> dict[str, Any]:
        found: dict[str, Any] = self._field("artifactSequence") or {}
        return found

    @property
    def digest(self) -> str:
        """Hexadecimal digest of all paths and contents."""
        if self.client is None and self._manifest is not None:
            return self._manifest.digest
        return str(self._attrs["digest"])

    @property
    def state(self) -> str:
        """PENDING, COMMITTED or DELETED."""
        return str(self._attrs.get("state", DRAFT))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        if self.client is None and self._manifest is not None:
            return self._manifest.size
        return int(self._attrs.get("size") or 0)

    @property
    def file_count(self) -> int:
        """How many files there are, references among them."""
        if self.client is None and self._manifest is not None:
            return len(self._manifest.entries)
        return int(self._attrs.get("fileCount") or 0)

    @property
    def created_at(self) -> str:
        """ISO time at which it was logged."""
        return str(self._field("createdAt"))

    @property
    def updated_at(self) -> str:
        """ISO time of the last change."""
        return str(self._field("updatedAt") or self.created_at)

    @property
    def digest_algorithm(self) -> str:
        """How `digest` is made, by its name in wandb."""
        return "MANIFEST_MD5"

    @property
    def incremental(self) -> bool:
        """False: all that this client logs is whole."""
        return False

    @property
    def distributed_id(self) -> str | None:
        """None: no version is put together by several processes here."""
        return None

    @property
    def use_as(self) -> str | None:
        """None: what a run uses an artifact as is not noted any more, in wandb neither."""
        return None

    @property
    def commit_hash(self) -> str | None:
        """The server's hash of the commit."""
        found: str | None = self._field("commitHash")
        return found

    @property
    def history_step(self) -> int | None:
        """The step of the run after which it was logged."""
        step = self._field("historyStep")
        return None if step is None else max(0, int(step) - 1)

    @property
    def metadata(self) -> dict[str, Any]:
        """Anything that JSON can say; edits are saved by `save`."""
        return self._metadata

    @metadata.setter
    def metadata(self, values: Mapping[str, Any]) -> None:
        self._metadata = dict(values)

    @property
    def aliases(self) -> list[str]:
        """Names of this version within its collection, such as latest; without v3 itself. Saved by `save`."""
        return self._aliases

    @aliases.setter
    def aliases(self, names: Iterable[str]) -> None:
        self._aliases = checked_aliases(names)

    @property
    def tags(self) -> list[str]:
        """Tags of this version, saved by `save`."""
        return self._tags

    @tags.setter
    def tags(self, names: Iterable[str]) -> None:
        self._tags = list(dict.fromkeys(names))

    @property
    def ttl(self) -> dt.timedelta | None:
        """After how long the server may delete it; None for never. Saved by `save`."""
        return self._ttl

    @ttl.setter
    def ttl(self, duration: dt.timedelta | None) -> None:
        if duration is not None and duration <= dt.timedelta(0):
            raise InvalidValueError(f"ttl is {duration}; it must be more than nothing")
        self._ttl, self._ttl_set = duration, True

    def _ttl_seconds(self) -> int | None:
        """As mutations take it; None leaves it as it is."""
        if not self._ttl_set:
            return None
        return _NO_TTL if self._ttl is None else int(self._ttl.total_seconds())

    @property
    def url(self) -> str:
        """The page of this version."""
        client, (entity, project, collection) = self._logged(), self._place
        parts = quoted(entity, project, "artifacts", self.type, collection, self.version)
        return "/".join([client.app_url, *parts])

    @property
    def manifest(self) -> ArtifactManifest:
        """All entries, asked for when first needed.

        Raises:
            NotFoundError: the server has no manifest of it.
        """
        if self._manifest is None:
            client = self._logged()
            found = client.execute(documents.MANIFEST, {"id": self.id}).get("artifact") or {}
            file = (found.get("currentManifest") or {}).get("file") or {}
            if not file.get("directUrl"):
                raise NotFoundError(f"artifact {self.name} has no manifest: it is not committed, or gone")
            self._manifest = client.transport.fetched(file["directUrl"], ArtifactManifest.parse)
        return self._manifest

    def __repr__(self) -> str:
        try:
            name = self.qualified_name if self.client is not None else self._place[2]
        except CommError:
            name = self._place[2]
        return f"<Artifact {name} ({self.type})>"

    def _repr_html_(self) -> str:
        url = self.url if self.client is not None and self._index is not None else None
        return _html.facts(self.name, url, {
            "type": self.type, "aliases": ", ".join(self.aliases), "files": self.file_count, "bytes": self.size,
            "description": self.description})


def checked_aliases(names: Iterable[str]) -> list[str]:
    """Aliases, each once. InvalidValueError (a ValueError) for one with `/` or `:` in it."""
    found = list(dict.fromkeys(names))
    for name in found:
        if not name or "/" in name or ":" in name:
            raise InvalidValueError(f"{name!r} is no alias: it must not be empty or hold / or :")
    return found
