"""Links of a fixture, and which runs use what: once all versions are there."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select

from dumbbell_server.artifacts import queries
from dumbbell_server.artifacts.names import LATEST
from dumbbell_server.artifacts.tables import (
    ArtifactRow,
    ArtifactTypeRow,
    CollectionRow,
    UseRow,
)
from dumbbell_server.errors import BadInput
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.seeding.form.documents import Collection, Link, Use
from dumbbell_server.seeding.form.reading import Read
from dumbbell_server.seeding.loading import projects
from dumbbell_server.seeding.loading.memberships import join
from dumbbell_server.seeding.loading.state import Loading, ProjectPart
from dumbbell_server.seeding.loading.taking import Path_


def load_links(loading: Loading, part: ProjectPart) -> None:
    for at, form in enumerate(part.form.artifacts):
        collection = queries.collection_by_name(loading.session, part.row.id, form.name)
        for number, link in enumerate(form.links):
            with part.read.at(*part.path, "artifacts", at, "links", number):
                if collection is not None:
                    _link(loading, part, collection, form, link)


def _link(loading: Loading, part: ProjectPart, collection: CollectionRow, form: Collection, link: Link) -> None:
    artifact = loading.session.get_one(ArtifactRow, version_named(loading, link.version))
    if queries.membership(loading.session, collection.id, artifact.id) is not None:
        return
    sequence = loading.session.get_one(CollectionRow, artifact.sequence_id)
    kind = loading.session.get_one(ArtifactTypeRow, sequence.type_id)
    if kind.name != form.type:
        raise BadInput(f"{link.version!r} is of type {kind.name!r}, and {form.name!r} takes {form.type!r}")
    takes_latest = not form.no_latest and link is form.links[-1] and not any(
        LATEST in other.aliases for other in form.links)
    join(loading, collection, artifact, collection.next_version if link.index is None else link.index,
          [*link.aliases, *([LATEST] if takes_latest else [])],
          loading.at(part.read, link.created) or artifact.created_at, link.row)
    loading.counts.links += 1


def version_named(loading: Loading, path: str) -> int:
    """The number of the version ENTITY/PROJECT/NAME:vN, of the fixture or of the server."""
    if path not in loading.versions:
        entity, project, name = path.split("/")
        row = projects.there(loading, entity, project)
        member = queries.membership_by_path(loading.session, row.id, name) if row is not None else None
        if member is None:
            raise BadInput(f"version {path!r} is neither in the fixture nor on the server")
        loading.versions[path] = member.artifact_id
    return loading.versions[path]


def load_uses(loading: Loading, read: Read, path: Path_, run_id: int, uses: Sequence[Use]) -> None:
    """What the run took in, and what else it made."""
    session = loading.session
    for at, use in enumerate(uses):
        with read.at(*path, "uses", at):
            artifact_id = version_named(loading, use.artifact)
            row = session.execute(select(UseRow).where(
                UseRow.run_id == run_id, UseRow.artifact_id == artifact_id, col(UseRow.kind) == use.kind)).scalar()
            created = loading.at(read, use.created) or session.get_one(RunRow, run_id).created_at
            if row is None:
                row = UseRow(run_id=run_id, artifact_id=artifact_id, kind=use.kind, created_at=created)
            if use.created is not None or use.as_ is not None:
                row.created_at, row.used_as = created, use.as_
            session.add(row)
            session.flush()
