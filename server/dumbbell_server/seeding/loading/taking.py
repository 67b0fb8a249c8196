"""The bytes of a fixture, taken into the store before the unit in which rows come to name them.

What is on the server already is not taken again. What the unit does not use is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from dumbbell_server.accounts import queries as accounts
from dumbbell_server.accounts.first_user import first_user
from dumbbell_server.artifact_files import manifests, uploads
from dumbbell_server.artifact_files.digests import hex_of
from dumbbell_server.artifact_files.queries import stored_blobs
from dumbbell_server.artifacts import queries as artifacts
from dumbbell_server.backend import Backend
from dumbbell_server.errors import BadInput
from dumbbell_server.files.expected import FOLDER as FILES
from dumbbell_server.projects import queries as projects
from dumbbell_server.projects.registries import PREFIX
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs import queries as runs
from dumbbell_server.seeding.form.documents import ArtifactVersion, Collection, Content, ProjectFields, Registry, Run
from dumbbell_server.seeding.form.reading import Fixture, Read
from dumbbell_server.seeding.made.contents import Incoming, Stored, of_file, opened
from dumbbell_server.seeding.made.histories import count_of
from dumbbell_server.seeding.made.media import MadeMedia, make_media

Path_ = tuple[str | int, ...]


def spot(read: Read, *path: str | int) -> Path_:
    """Where something stands among all documents."""
    return (id(read), *path)


@dataclass
class Taken:
    """What is in the store now, by where it stands."""

    stored: dict[Path_, Stored] = field(default_factory=dict)  # of run files and of files of versions
    media: dict[Path_, MadeMedia] = field(default_factory=dict)
    blobs: dict[tuple[str, str], Stored] = field(default_factory=dict)  # of versions: by project and MD5 in base64


class Taking:
    def __init__(self, backend: Backend, session: Session, fixture: Fixture, incoming: Incoming) -> None:
        self._settings = backend.settings
        self._session = session
        self._fixture = fixture
        self._incoming = incoming
        self.taken = Taken()

    async def run(self) -> Taken:
        for read in self._fixture.documents:
            for at, project in enumerate(read.document.projects):
                there = self._project(project.entity, project.name)
                path = ("projects", at)
                for number, run in enumerate(project.runs):
                    if there is None or runs.plain(self._session, there.id, run.id) is None:
                        await self._run(read, (*path, "runs", number), run)
                await self._versions(read, path, project, there, f"{project.entity}/{project.name}")
            for at, registry in enumerate(read.document.registries):
                await self._versions(read, ("registries", at), registry, self._registry(registry),
                                     f"{registry.organization}/{PREFIX}{registry.name}")
        return self.taken

    def _project(self, entity: str, name: str) -> ProjectRow | None:
        is_first = entity == self._fixture.first_user
        user = first_user(self._session, self._settings.user) if is_first else None
        found = accounts.entity_by_name(self._session, user.username if user is not None else entity)
        return projects.by_name(self._session, found.id, name) if found is not None else None

    def _registry(self, registry: Registry) -> ProjectRow | None:
        found = accounts.organization_by_name(self._session, registry.organization)
        return projects.by_name(self._session, found.entity_id, PREFIX + registry.name) if found is not None else None

    async def _run(self, read: Read, path: Path_, run: Run) -> None:
        for name, content in run.files.items():
            with read.at(*path, "files", name):
                self.taken.stored[spot(read, *path, "files", name)] = await self._take(FILES, read, content)
        if not run.media:
            return
        with read.at(*path, "media"):
            count = 1 if run.history is None else count_of(run.history)
            if not count:
                raise BadInput("media are made for rows that are written out or come of formulas")
            rows, files = make_media(run.id, run.media, count)
            self.taken.media[spot(read, *path)] = MadeMedia(rows, {
                name: self._incoming.store(FILES, data) for name, data in files.items()})

    async def _take(self, folder: str, read: Read, content: Content | str) -> Stored:
        expected = content.blob if isinstance(content, Content) else None
        return await self._incoming.take(folder, opened(read, content), expected)

    async def _versions(self, read: Read, path: Path_, project: ProjectFields, there: ProjectRow | None, name: str,
                        ) -> None:
        for at, collection in enumerate(project.artifacts):
            for number, version in enumerate(collection.versions):
                if not self._is_there(there, collection, version):
                    await self._version(read, (*path, "artifacts", at, "versions", number), version, there, name)

    def _is_there(self, project: ProjectRow | None, collection: Collection, version: ArtifactVersion) -> bool:
        return project is not None and version.index is not None and artifacts.membership_by_path(
            self._session, project.id, f"{collection.name}:v{version.index}") is not None

    async def _version(self, read: Read, path: Path_, version: ArtifactVersion, project: ProjectRow | None,
                       name: str) -> None:
        for file, content in version.files.items():
            with read.at(*path, "files", file):
                stored = await self._take(uploads.FOLDER, read, content)
            self.taken.stored[spot(read, *path, "files", file)] = stored
            self.taken.blobs.setdefault((name, stored.digest), stored)
        if version.manifest is None:
            return
        with read.at(*path, "manifest"):
            digests = set(digests_of(read, version.manifest))
            held = stored_blobs(self._session, project.id, digests) if project is not None else {}
            for digest in sorted(digests - set(held)):
                if (name, digest) not in self.taken.blobs:
                    self.taken.blobs[name, digest] = await self._blob(read, digest)

    async def _blob(self, read: Read, digest: str) -> Stored:
        md5 = hex_of(digest) or ""
        return await self._incoming.take(uploads.FOLDER, of_file(read.blob(md5)), md5)


def digests_of(read: Read, manifest: str) -> Iterator[str]:
    """Of the bytes that a manifest names, in base64."""
    for entry in manifests.entries(manifests.parse(read.file(manifest).read_bytes())):
        if entry.ref is None:
            yield entry.digest


