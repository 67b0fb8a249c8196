"""Artifacts of a fixture, as rows: types, collections, versions with their files, links, and who uses what."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlmodel import col, select

from dumbbell_server import ids
from dumbbell_server.artifact_files import manifests
from dumbbell_server.artifact_files.commit import insert_entries
from dumbbell_server.artifact_files.digests import digest_of
from dumbbell_server.artifact_files.manifest_records import FOLDER
from dumbbell_server.artifact_files.manifests import FILE_NAME, FULL, Entry
from dumbbell_server.artifact_files.queries import blobs
from dumbbell_server.artifact_files.tables import ArtifactBlobRow, ManifestRow
from dumbbell_server.artifacts import queries
from dumbbell_server.artifacts.names import LATEST, version_number
from dumbbell_server.artifacts.tables import (
    COMMITTED,
    PORTFOLIO,
    SEQUENCE,
    AliasRow,
    ArtifactRow,
    ArtifactTagRow,
    ArtifactTypeRow,
    ClientIdRow,
    CollectionRow,
    CollectionTagRow,
    MembershipRow,
    UseRow,
)
from dumbbell_server.clock import to_text
from dumbbell_server.errors import BadInput
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs import queries as runs
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.seeding.form.documents import ArtifactVersion, Collection, Link, ProjectFields, Use
from dumbbell_server.seeding.form.reading import Read
from dumbbell_server.seeding.loading import projects
from dumbbell_server.seeding.loading.logged import number_of
from dumbbell_server.seeding.loading.runs import as_text
from dumbbell_server.seeding.loading.state import Loading
from dumbbell_server.seeding.loading.taking import Path_, spot
from dumbbell_server.seeding.made.contents import Incoming

ARTIFACT = "Artifact"  # of ids on the wire
_REFERENCE = re.compile(r"wandb-artifact://([0-9a-f]+)")


@dataclass(frozen=True)
class Place:
    """A project or registry where it stands in a document: `name` is ENTITY/PROJECT as the fixture calls it."""

    read: Read
    path: Path_
    form: ProjectFields
    row: ProjectRow
    name: str


@dataclass(frozen=True)
class NewVersion:
    """A version whose row is there, and whose files are not yet."""

    place: Place
    path: Path_
    form: ArtifactVersion
    row: ArtifactRow


def indexed(collection: Collection) -> Iterator[tuple[int, ArtifactVersion]]:
    """Versions by their numbers: those that say none have the next."""
    after = 0
    for version in collection.versions:
        index = after if version.index is None else version.index
        yield index, version
        after = index + 1


def load_types(loading: Loading, place: Place) -> None:
    for at, form in enumerate(place.form.artifact_types):
        with place.read.at(*place.path, "artifact_types", at):
            _type(loading, place, form.name, form.description, loading.at(place.read, form.created), form.row)


def _type(loading: Loading, place: Place, name: str, description: str | None = None, created: str | None = None,
          number: int | None = None) -> ArtifactTypeRow:
    row = queries.type_by_name(loading.session, place.row.id, name)
    if row is None:
        row = ArtifactTypeRow(**loading.numbers.kept(ArtifactTypeRow, number), project_id=place.row.id, name=name,
                              description=description, created_at=created or place.row.created_at)
        loading.session.add(row)
        loading.session.flush()
    return row


def load_collections(loading: Loading, place: Place) -> list[NewVersion]:
    """Collections with the rows of their versions. What is returned has no files yet."""
    made: list[NewVersion] = []
    for at, form in enumerate(place.form.artifacts):
        path = (*place.path, "artifacts", at)
        with place.read.at(*path):
            row = _collection(loading, place, form)
        made += _versions(loading, place, path, form, row)
    return made


def _collection(loading: Loading, place: Place, form: Collection) -> CollectionRow:
    session, kind = loading.session, PORTFOLIO if form.links or form.portfolio else SEQUENCE
    artifact_type = _type(loading, place, form.type)
    row = queries.collection_by_name(session, place.row.id, form.name)
    if row is not None:
        if row.type_id != artifact_type.id or row.kind != kind:
            raise BadInput(f"{form.name!r} is there already, as a {row.kind} of another type or kind; "
                           "choose another name")
        return row
    created = loading.at(place.read, form.created) or place.row.created_at
    row = CollectionRow(
        **loading.numbers.kept(CollectionRow, form.row), project_id=place.row.id, type_id=artifact_type.id,
        user_id=loading.user(form.user) if form.user else place.row.user_id, kind=kind, name=form.name,
        description=form.description, next_version=form.next_version or 0, created_at=created,
        updated_at=loading.at(place.read, form.updated) or created)
    artifact_type.collection_count += 1
    session.add(row)
    session.flush()
    session.add_all([CollectionTagRow(collection_id=row.id, name=tag) for tag in dict.fromkeys(form.tags)])
    _client_ids(loading, form.client_ids, collection_id=row.id)
    return row


def _client_ids(loading: Loading, names: Sequence[str], **of: int) -> None:
    for name in names:
        if queries.client_id(loading.session, name) is None:
            loading.session.add(ClientIdRow(client_id=name, **of))
            loading.session.flush()


def _versions(loading: Loading, place: Place, path: Path_, form: Collection, row: CollectionRow) -> list[NewVersion]:
    made: list[NewVersion] = []
    last = form.versions[-1] if form.versions else None
    takes_latest = not form.no_latest and not any(LATEST in version.aliases for version in form.versions)
    for at, (given, version) in enumerate(indexed(form)):
        index = number_of(loading, row, version, given)
        name = f"{place.name}/{form.name}:v{index}"
        with place.read.at(*path, "versions", at):
            there = queries.membership_by_path(loading.session, place.row.id, f"{form.name}:v{index}")
            if there is not None:
                loading.versions[name] = there.artifact_id
                continue
            artifact = _version(loading, place, version, row, index)
            aliases = [*version.aliases, *([LATEST] if takes_latest and version is last else [])]
            joined = loading.at(place.read, version.joined) or artifact.created_at
            _join(loading, row, artifact, index, aliases, joined, version.member_row)
            loading.versions[name] = artifact.id
            made.append(NewVersion(place, (*path, "versions", at), version, artifact))
            loading.counts.artifacts += 1
    return made


def _version(loading: Loading, place: Place, form: ArtifactVersion, collection: CollectionRow, index: int,
             ) -> ArtifactRow:
    session = loading.session
    run = _run_of(loading, place.row, form.run) if form.run is not None else None
    created = loading.at(place.read, form.created) or (run.heartbeat_at if run else collection.created_at)
    made_by = loading.user(form.user) if form.user else run.user_id if run else collection.user_id
    row = ArtifactRow(
        **loading.numbers.kept(ArtifactRow, form.row), project_id=place.row.id, sequence_id=collection.id,
        run_id=run.id if run else None, user_id=made_by, state=COMMITTED, version_index=index,
        digest=form.digest or "", digest_algorithm=form.digest_algorithm, description=form.description,
        metadata_json=_metadata(form), labels=form.labels, commit_hash=form.commit or _commit(place, collection, index),
        history_step=form.history_step, ttl_seconds=form.ttl_seconds or -2,
        expires_at=loading.at(place.read, form.expires) or _expiry(form, created), storage_region=form.storage_region,
        distributed_id=form.distributed_id, created_at=created,
        updated_at=loading.at(place.read, form.updated) or created)
    session.add(row)
    session.flush()
    if form.row is not None and row.id != form.row:
        loading.renumbered[form.row] = row.id
    session.add_all([ArtifactTagRow(artifact_id=row.id, name=tag) for tag in dict.fromkeys(form.tags)])
    _client_ids(loading, form.client_ids, artifact_id=row.id)
    if run is not None:
        session.add(UseRow(run_id=run.id, artifact_id=row.id, kind="output", created_at=created))
    return row


def _run_of(loading: Loading, project: ProjectRow, name: str) -> RunRow:
    run = runs.plain(loading.session, project.id, name)
    if run is None:
        raise BadInput(f"run {name!r} is neither in the fixture nor in project {project.name!r}")
    return run


def _metadata(form: ArtifactVersion) -> str | None:
    if form.metadata_json is not None:
        return form.metadata_json
    return None if form.metadata is None else as_text(form.metadata, "metadata")


def _commit(place: Place, collection: CollectionRow, index: int) -> str:
    """The same each time, as a commit looks."""
    return hashlib.sha1(f"{place.name}/{collection.name}:v{index}".encode(), usedforsecurity=False).hexdigest()


def _expiry(form: ArtifactVersion, created: str) -> str | None:
    if form.ttl_seconds <= 0:
        return None
    return to_text(datetime.fromisoformat(created) + timedelta(seconds=form.ttl_seconds))


def _join(loading: Loading, collection: CollectionRow, artifact: ArtifactRow, index: int, aliases: Sequence[str],
          joined: str, number: int | None) -> None:
    """The version is in the collection under this number, and these aliases name it."""
    session = loading.session
    if session.execute(select(MembershipRow.id).where(
            MembershipRow.collection_id == collection.id, MembershipRow.version_index == index)).first() is not None:
        raise BadInput(f"there is another v{index} in {collection.name!r}")
    member = MembershipRow(**loading.numbers.kept(MembershipRow, number), collection_id=collection.id,
                           artifact_id=artifact.id, version_index=index, created_at=joined)
    session.add(member)
    session.flush()
    for alias in dict.fromkeys(aliases):
        if version_number(alias) is not None:
            continue  # follows from the number
        row = queries.alias(session, collection.id, alias)
        if row is None:
            row = AliasRow(collection_id=collection.id, membership_id=member.id, name=alias)
        row.membership_id = member.id
        session.add(row)
    collection.version_count += 1
    collection.next_version = max(collection.next_version, index + 1)
    session.flush()


def load_files(loading: Loading, incoming: Incoming, new: NewVersion) -> None:
    """The version has its manifest and its files."""
    read, form, row = new.place.read, new.form, new.row
    with read.at(*new.path):
        if form.manifest is not None:
            with read.at(*new.path, "manifest"):
                data = read.file(form.manifest).read_bytes()
                manifest = _renumbered(loading, manifests.parse(data))
        else:
            manifest, data = _manifest(loading, new), b""
        entries = sorted(manifests.entries(manifest), key=lambda entry: entry.path)
        _keep_blobs(loading, new, entries)
        insert_entries(loading.session, row, entries)
        data = data if data and not _is_changed(loading, data) else orjson.dumps(manifest)
        stored = incoming.store(FOLDER, data)
        loading.used.add(stored.key)
        loading.session.add(ManifestRow(artifact_id=row.id, name=FILE_NAME, kind=FULL, digest=stored.digest,
                                        size=stored.size, blob_key=stored.key, current=True))
        row.digest = form.digest or manifests.digest(entries)
        row.size, row.file_count = sum(entry.size or 0 for entry in entries), len(entries)
        loading.session.add(row)
        loading.session.flush()


def _manifest(loading: Loading, new: NewVersion) -> dict[str, Any]:
    """Of files that the fixture itself holds or names."""
    contents: dict[str, Any] = {}
    for path in new.form.files:
        stored = loading.taken.stored.get(spot(new.place.read, *new.path, "files", path))
        if stored is None:
            raise BadInput("the version was deleted just now; load it again")
        contents[path] = {"digest": stored.digest, "size": stored.size}
    for path, given in new.form.references.items():
        ref, digest, size = (given, None, None) if isinstance(given, str) else (given.ref, given.digest, given.size)
        fields = {"digest": digest or ref, "ref": ref, "size": size}
        contents[path] = {key: value for key, value in fields.items() if value is not None}
    held = blobs(loading.session, new.row.project_id, [entry["digest"] for entry in contents.values()])
    for entry in contents.values():
        if "ref" not in entry:
            birth = held[entry["digest"]].birth_artifact_id if entry["digest"] in held else new.row.id
            entry["birthArtifactID"] = ids.encode(ARTIFACT, birth)
    return manifests.merged(None, [{"contents": contents}])


def _keep_blobs(loading: Loading, new: NewVersion, entries: Sequence[Entry]) -> None:
    """The project has the bytes of these files, those that came with the fixture from now on."""
    session, row = loading.session, new.row
    digests = list(dict.fromkeys(entry.digest for entry in entries if entry.ref is None))
    held = blobs(session, row.project_id, digests)
    births = {digest_of(md5): number for md5, number in new.form.births.items()}
    for digest in digests:
        stored = loading.taken.blobs.get((new.place.name, digest))
        if digest in held or stored is None:
            continue  # what is missing, insert_entries names
        birth = births.get(digest)
        session.add(ArtifactBlobRow(
            project_id=row.project_id, digest=digest, size=stored.size, blob_key=stored.key,
            birth_artifact_id=loading.renumbered.get(birth, birth) if birth is not None else row.id,
            touched_at=to_text(loading.now)))
        loading.used.add(stored.key)
    session.flush()


def _is_changed(loading: Loading, data: bytes) -> bool:
    return bool(loading.renumbered) and orjson.dumps(_renumbered(loading, orjson.loads(data))) != orjson.dumps(
        orjson.loads(data))


def _renumbered(loading: Loading, manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest as it names versions by the numbers that they have here."""
    if not loading.renumbered:
        return manifest
    return manifest | {"contents": {path: _renumbered_entry(loading, entry)
                                    for path, entry in manifest["contents"].items()}}


def _renumbered_entry(loading: Loading, entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    changed = dict(entry)
    birth = ids.decode(ARTIFACT, str(entry.get("birthArtifactID")))
    if birth in loading.renumbered:
        changed["birthArtifactID"] = ids.encode(ARTIFACT, loading.renumbered[birth])
    if isinstance(entry.get("ref"), str):
        changed["ref"] = _REFERENCE.sub(lambda match: _renumbered_reference(loading, match), entry["ref"])
        if entry.get("digest") == entry["ref"]:
            changed["digest"] = changed["ref"]
    return changed


def _renumbered_reference(loading: Loading, match: re.Match[str]) -> str:
    """References between versions hold `Artifact:N` in hex.

    (wandb 0.31.0 sdk/artifacts/artifact_manifest_entry.py:ArtifactManifestEntry.ref_url)
    """
    kind, _, number = bytes.fromhex(match[1][:len(match[1]) // 2 * 2]).decode("ascii", "replace").partition(":")
    old = ids.row_number(number) if kind == ARTIFACT else None
    if old not in loading.renumbered:
        return match[0]
    return f"wandb-artifact://{f'{ARTIFACT}:{loading.renumbered[old]}'.encode().hex()}"


def load_links(loading: Loading, place: Place) -> None:
    for at, form in enumerate(place.form.artifacts):
        collection = queries.collection_by_name(loading.session, place.row.id, form.name)
        for number, link in enumerate(form.links):
            with place.read.at(*place.path, "artifacts", at, "links", number):
                if collection is not None:
                    _link(loading, place, collection, form, link)


def _link(loading: Loading, place: Place, collection: CollectionRow, form: Collection, link: Link) -> None:
    artifact = loading.session.get_one(ArtifactRow, version_named(loading, link.version))
    if queries.membership(loading.session, collection.id, artifact.id) is not None:
        return
    sequence = loading.session.get_one(CollectionRow, artifact.sequence_id)
    kind = loading.session.get_one(ArtifactTypeRow, sequence.type_id)
    if kind.name != form.type:
        raise BadInput(f"{link.version!r} is of type {kind.name!r}, and {form.name!r} takes {form.type!r}")
    takes_latest = not form.no_latest and link is form.links[-1] and not any(
        LATEST in other.aliases for other in form.links)
    _join(loading, collection, artifact, collection.next_version if link.index is None else link.index,
          [*link.aliases, *([LATEST] if takes_latest else [])],
          loading.at(place.read, link.created) or artifact.created_at, link.row)
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
