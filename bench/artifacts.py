"""What artifacts cost: logging, downloading, committing, and finding one version among very many."""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from bench.measures import UPSERT, chunk
from bench.target import TRIALS, Figure, Target

MIB = 2**20
CREATE = """mutation Create($input: CreateArtifactInput!) { createArtifact(input: $input) {
  artifact { id state artifactSequence { latestArtifact { id } } } } }"""
FILES = """mutation Files($input: CreateArtifactFilesInput!) { createArtifactFiles(input: $input) { files { edges {
  node { storagePath uploadUrl uploadHeaders artifact { id }
  uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } } } } } } }"""
MANIFEST = """mutation Manifest($input: CreateArtifactManifestInput!) { createArtifactManifest(input: $input) {
  artifactManifest { id file { id uploadUrl uploadHeaders } } } }"""
COMMIT = "mutation Commit($id: ID!) { commitArtifact(input: {artifactID: $id}) { artifact { id digest } } }"
ENTRIES = """query Urls($id: ID!, $entries: [ArtifactManifestEntryInput!]) { artifact(id: $id) {
  filesByManifestEntries(entries: $entries, storageLayout: "V2", manifestVersion: "1") {
    pageInfo { hasNextPage endCursor } edges { node { name directUrl } } } } }"""
ARTIFACT = """id versionIndex description metadata ttlDurationSeconds ttlIsInherited historyStep state size digest
  commitHash fileCount createdAt updatedAt tags { id name } artifactType { name }
  artifactSequence { name project { id internalId name entity { name } } }"""
ALIASES = """aliases { id alias
  artifactCollection { __typename name project { id internalId name entity { name } } } }"""
BY_NAME = f"""query ByName($name: String!) {{ project(name: "bench", entityName: "local") {{
  artifactCollectionMembership(name: $name) {{ id versionIndex createdAt aliases {{ id alias }}
    artifactCollection {{ __typename name project {{ id internalId name entity {{ name }} }} }}
    artifact {{ {ARTIFACT} }} }} }} }}"""
NEWEST = f"""query Newest {{ project(name: "bench", entityName: "local") {{ artifactType(name: "dataset") {{
  artifactCollection(name: "many") {{ artifacts(first: 50, filters: "{{\\"state\\":\\"COMMITTED\\"}}") {{ totalCount
    pageInfo {{ endCursor hasNextPage }} edges {{ version node {{ {ARTIFACT} {ALIASES} }} }} }} }} }} }} }}"""
COLLECTIONS = """query Collections { project(name: "bench", entityName: "local") { artifactType(name: "dataset") {
  artifactCollections(first: 50) { totalCount pageInfo { endCursor hasNextPage } edges { node { __typename id name
    description createdAt updatedAt project { id internalId name entity { name } } type: defaultArtifactType { name }
    tags { edges { node { id name } } } } } } } } }"""
_numbers = itertools.count()


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _create(target: Target, collection: str, digest: str) -> Any:
    return target.gql(CREATE, input={
        "entityName": "local", "projectName": "bench", "artifactTypeName": "dataset", "digest": digest,
        "artifactCollectionName": collection, "enableDigestDeduplication": True})["createArtifact"]["artifact"]


def _upload(target: Target, artifact: str, files: dict[str, bytes]) -> None:
    specs = [{"artifactID": artifact, "name": name, "md5": _md5(data)} for name, data in files.items()]
    edges = target.gql(FILES, input={"artifactFiles": specs})["createArtifactFiles"]["files"]["edges"]
    for edge, data in zip(edges, files.values(), strict=True):
        if edge["node"]["uploadUrl"]:
            target.http.put(edge["node"]["uploadUrl"], content=data, auth=None).raise_for_status()


def _give_manifest(target: Target, artifact: str, entries: dict[str, dict[str, Any]]) -> None:
    body = orjson.dumps({"version": 1, "storagePolicy": "wandb-storage-policy-v1",
                         "storagePolicyConfig": {"storageLayout": "V2"}, "contents": entries})
    made = target.gql(MANIFEST, input={"artifactID": artifact, "name": "wandb_manifest.json", "digest": _md5(body),
                                       "entityName": "local", "projectName": "bench", "runName": ""})
    url = made["createArtifactManifest"]["artifactManifest"]["file"]["uploadUrl"]
    target.http.put(url, content=body, auth=None).raise_for_status()


def _log(target: Target, collection: str, digest: str, files: dict[str, bytes]) -> str:
    made = _create(target, collection, digest)
    artifact: str = made["id"]
    if made["state"] == "PENDING":
        _upload(target, artifact, files)
        _give_manifest(target, artifact, {name: {"digest": _md5(data), "size": len(data)}
                                          for name, data in files.items()})
        target.gql(COMMIT, id=artifact)
    return artifact


def _download(target: Target, artifact: str, files: dict[str, bytes]) -> None:
    entries = [{"name": name, "digest": _md5(data)} for name, data in files.items()]
    found = target.gql(ENTRIES, id=artifact, entries=entries)["artifact"]["filesByManifestEntries"]["edges"]
    for edge in found:
        with target.http.stream("GET", edge["node"]["directUrl"], auth=None) as answer:
            if sum(map(len, answer.iter_bytes(MIB))) != len(files[edge["node"]["name"]]):
                raise RuntimeError("a file came back short")


def files(target: Target, size: int) -> Iterator[Figure]:
    for label, count, each in (("1000 x 10 KiB", 1000, 10_240), (f"{size // MIB} MiB", 1, size)):
        sets = [{f"f{at}": os.urandom(each) for at in range(count)} for _ in range(5)]
        waiting = iter(sets)
        yield target.figure(f"artifact of {label}: log", "s", 1, lambda waiting=waiting, label=label: _log(  # type: ignore[misc]
            target, "set", f"{label}{next(_numbers)}", next(waiting)))
        last = _log(target, "set", f"again {label}", sets[0])
        yield target.figure("the same again", "s", 1, lambda label=label, one=sets[0]: _log(  # type: ignore[misc]
            target, "set", f"again {label}", one))
        yield target.figure(f"artifact of {label}: download", "s", 1, lambda last=last, one=sets[0]: _download(  # type: ignore[misc]
            target, last, one))


def commits(target: Target, entries: int) -> Iterator[Figure]:
    """Manifests of many entries; the bytes are few, so that only the manifest counts."""
    data = {f"f{at}": f"{at}".encode() for at in range(1000)}
    digests = [_md5(value) for value in data.values()]
    contents = {f"folder-{at % 97}/file-{at}.bin": {"digest": digests[at % 1000], "size": 10, "birthArtifactID": "x"}
                for at in range(entries)}
    waiting = []
    for _ in range(TRIALS + 1):
        made = _create(target, "large", f"large{next(_numbers)}")
        _upload(target, made["id"], data)
        _give_manifest(target, made["id"], contents)
        waiting.append(made["id"])
    target.forget_peak()
    yield target.figure(f"commit of {entries} entries", "s", 1, lambda: target.gql(COMMIT, id=waiting.pop()))
    yield Figure("  most memory of the server during it", "MiB", [target.peak() / MIB], [0])
    longest = _longest_wait(target, lambda: target.gql(COMMIT, id=waiting.pop()))
    yield Figure("  longest wait of a file stream meanwhile (wall)", "ms", [0], [longest * 1000])


def _longest_wait(target: Target, work: Callable[[], object]) -> float:
    """Seconds that a POST of another client took at most while the work was done."""
    run, waits, done = f"beside-{next(_numbers)}", [], threading.Event()
    target.gql(UPSERT, name=run)

    def stream() -> None:
        with target.connection() as http:
            for post in itertools.count():
                began = time.perf_counter()
                http.post(f"/files/local/bench/{run}/file_stream", content=chunk(post * 15, 15)).raise_for_status()
                waits.append(time.perf_counter() - began)
                if done.wait(0.02):
                    return
    with ThreadPoolExecutor(1) as pool:
        streaming = pool.submit(stream)
        work()
        done.set()
        streaming.result()
    return max(waits)


def among_many(target: Target, versions: int) -> Iterator[Figure]:
    """One version found among very many, which are put straight into the database."""
    _log(target, "many", "first", {"f": b"first"})
    with sqlite3.connect(target.server.data_dir / "dumbbell.db") as database:
        _multiply(database, versions)
    for name, query, variables in (("latest", BY_NAME, {"name": "many:latest"}), ("newest 50", NEWEST, {}),
                                   ("newest 50 collections", COLLECTIONS, {})):
        def trial(query: str = query, variables: dict[str, Any] = variables) -> None:
            for _ in range(50):
                target.gql(query, **variables)
        trial()
        yield target.figure(f"{name} of {versions // 1000}k versions or collections", "ms", 1000 / 50, trial)


def _multiply(database: sqlite3.Connection, versions: int) -> None:
    home, sequence, kind = database.execute(
        "SELECT project_id, id, type_id FROM artifact_collections WHERE name = 'many'").fetchone()
    first, = database.execute("SELECT coalesce(max(id), 0) + 1 FROM artifacts").fetchone()
    when = "2026-01-01T00:00:00.000000Z"
    database.executemany(
        "INSERT INTO artifacts (id, project_id, sequence_id, user_id, state, version_index, digest, digest_algorithm, "
        "size, file_count, commit_hash, ttl_seconds, wanted_aliases, created_at, updated_at) "
        "VALUES (?, ?, ?, 1, 'COMMITTED', ?, ?, 'MANIFEST_MD5', 1, 1, 'c', -1, '[]', ?, ?)",
        ((first + at, home, sequence, at + 1, f"d{at}", when, when) for at in range(versions)))
    database.executemany("INSERT INTO artifact_memberships (collection_id, artifact_id, version_index, created_at) "
                         "VALUES (?, ?, ?, ?)", ((sequence, first + at, at + 1, when) for at in range(versions)))
    database.execute("UPDATE artifact_aliases SET membership_id = (SELECT max(id) FROM artifact_memberships) "
                     "WHERE collection_id = ?", (sequence,))
    database.executemany(
        "INSERT INTO artifact_collections (project_id, type_id, user_id, kind, name, state, next_version, created_at, "
        "updated_at) VALUES (?, ?, 1, 'sequence', ?, 'READY', 0, ?, ?)",
        ((home, kind, f"c{at}", when, when) for at in range(versions)))
    database.execute("UPDATE artifact_collections SET version_count = version_count + ? WHERE id = ?",
                     (versions, sequence))
    database.execute("UPDATE artifact_types SET collection_count = collection_count + ? WHERE id = ?",
                     (versions, kind))
