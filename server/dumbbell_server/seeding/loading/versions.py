"""Files of the versions of a fixture: manifests and bytes, in which numbers of versions may have changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson

from dumbbell_server import ids
from dumbbell_server.artifact_files import manifests
from dumbbell_server.artifact_files.commit import insert_entries
from dumbbell_server.artifact_files.digests import digest_of
from dumbbell_server.artifact_files.manifest_records import FOLDER
from dumbbell_server.artifact_files.manifests import FILE_NAME, FULL, Entry
from dumbbell_server.artifact_files.queries import blobs
from dumbbell_server.artifact_files.tables import ArtifactBlobRow, ManifestRow
from dumbbell_server.clock import to_text
from dumbbell_server.errors import BadInput
from dumbbell_server.seeding.loading.collections import NewVersion
from dumbbell_server.seeding.loading.state import Loading
from dumbbell_server.seeding.loading.taking import spot
from dumbbell_server.seeding.made.contents import Incoming

ARTIFACT = "Artifact"  # of ids on the wire
_REFERENCE = re.compile(r"wandb-artifact://([0-9a-f]+)")


def load_files(loading: Loading, incoming: Incoming, new: NewVersion) -> None:
    """The version has its manifest and its files."""
    read, form, row = new.part.read, new.form, new.row
    with read.at(*new.path):
        if form.manifest is not None:
            with read.at(*new.path, "manifest"):
                data = read.file(form.manifest).read_bytes()
                manifest = manifests.parse(data)
                renumbered = _renumbered(loading, manifest)
                if renumbered != manifest:
                    manifest, data = renumbered, orjson.dumps(renumbered)
        else:
            manifest = _manifest(loading, new)
            data = orjson.dumps(manifest)
        entries = sorted(manifests.entries(manifest), key=lambda entry: entry.path)
        _keep_blobs(loading, new, entries)
        insert_entries(loading.session, row, entries)
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
        stored = loading.taken.stored.get(spot(new.part.read, *new.path, "files", path))
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
        stored = loading.taken.blobs.get((new.part.name, digest))
        if digest in held or stored is None:
            continue  # what is missing, insert_entries names
        birth = births.get(digest)
        session.add(ArtifactBlobRow(
            project_id=row.project_id, digest=digest, size=stored.size, blob_key=stored.key,
            birth_artifact_id=loading.renumbered.get(birth, birth) if birth is not None else row.id,
            touched_at=to_text(loading.now)))
        loading.used.add(stored.key)
    session.flush()


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
