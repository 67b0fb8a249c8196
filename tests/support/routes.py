"""Every route of the server, and how people come by what it gives or takes. Tests fail for one that is not here.

A signed route has the documents whose answers hold its URLs; a route that takes a key has its paths. Each says which
is the lowest role that may, of the team or of the registry.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from support.owned_resources import SECRET, OwnedResources
from support.shared_resources import ENDED

Route = tuple[str, str]  # method and path
HEX = hashlib.md5(SECRET.encode()).hexdigest()
MD5 = base64.b64encode(bytes.fromhex(HEX)).decode()
NEW = b"new bytes"
NEW_MD5 = base64.b64encode(hashlib.md5(NEW).digest()).decode()


@dataclass(frozen=True)
class Way:
    """A document in whose answer URLs are, or a path; `$`-names are of the owned."""

    lowest: str
    text: str
    variables: Callable[[OwnedResources], dict[str, Any]] = lambda _: {}
    shared: str = "team"  # or "registry"


def _run(own: OwnedResources) -> dict[str, Any]:
    return {"e": own.entity, "p": own.project, "r": own.run}


def _file(name: str, **more: Any) -> Callable[[OwnedResources], dict[str, Any]]:
    return lambda own: {"files": [{"artifactID": own.logged.pending, "name": name, "md5": NEW_MD5, **more}]}


def _version(own: OwnedResources) -> dict[str, Any]:
    return {"id": own.logged.version}


def _member(own: OwnedResources) -> dict[str, Any]:
    return {"e": own.entity, "p": own.project}


_RUN_FILES = """query Q($e: String!, $p: String!, $r: String!) { project(name: $p, entityName: $e) { run(name: $r) {
  files(names: ["%s.txt"]) { edges { node { %s } } } } } }"""
_NEW_FILES = """mutation M($files: [CreateArtifactFileSpecInput!]!) { createArtifactFiles(input: {
  artifactFiles: $files, storageLayout: V2}) { files { edges { node { %s } } } } }"""
_VERSION = "query Q($id: ID!) { artifact(id: $id) { %s } }"
_MEMBER = """query Q($e: String!, $p: String!) { project(name: $p, entityName: $e) {
  artifactCollectionMembership(name: "set:best") { %s } } }"""
_DIRECT = "files(first: 5) { edges { node { directUrl url } } }"
_BY_ENTRY = ('filesByManifestEntries(storageLayout: "V2", manifestVersion: "1", entries: '
             f'[{{name: "{SECRET}.txt", digest: "{MD5}"}}]) {{ edges {{ node {{ directUrl }} }} }}')
_MANIFEST = "currentManifest { file { directUrl } }"
_PARQUET = f"""query Q($e: String!, $p: String!) {{ project(name: $p, entityName: $e) {{ run(name: "{ENDED}") {{
  parquetHistory(liveKeys: ["_step"]) {{ parquetUrls }} }} }} }}"""

SIGNED: dict[Route, list[Way]] = {
    ("PUT", "/storage/runs/{run_id}/{name:path}"): [
        Way("member", """mutation M($e: String!, $p: String!, $r: String!) { createRunFiles(input: {entityName: $e,
            projectName: $p, runName: $r, files: ["new.txt"]}) { files { uploadUrl } } }""", _run),
        Way("member", _RUN_FILES % ("new", "url(upload: true)"), _run),
    ],
    ("GET", "/storage/runs/{run_id}/{name:path}"): [
        Way("viewer", _RUN_FILES % (SECRET, "url"), _run), Way("viewer", _RUN_FILES % (SECRET, "directUrl"), _run)],
    ("PUT", "/storage/wandb_artifacts/{artifact_id}/{digest}/{name:path}"): [
        Way("member", _NEW_FILES % "uploadUrl", _file("new.txt"))],
    ("GET", "/storage/wandb_artifacts/{artifact_id}/{digest}/{name:path}"): [
        Way("viewer", _VERSION % _DIRECT, _version),
        Way("viewer", _VERSION % _BY_ENTRY, _version),
        Way("viewer", _MEMBER % _DIRECT, _member),
        Way("guest", _VERSION % _DIRECT, _version, "registry"),
        Way("guest", _MEMBER % _DIRECT, _member, "registry"),
        Way("guest", _MEMBER % f"artifact {{ {_BY_ENTRY} }}", _member, "registry"),
    ],
    ("PUT", "/storage/manifests/{manifest_id}/{name}"): [
        Way("member", """mutation M($id: ID!) { createArtifactManifest(input: {artifactID: $id, entityName: "",
            projectName: "", runName: "", name: "wandb_manifest.json", digest: "", type: FULL}) {
            artifactManifest { file { uploadUrl } } } }""", lambda own: {"id": own.logged.pending}),
        Way("member", """mutation M($id: ID!) { updateArtifactManifest(input: {artifactManifestID: $id, digest: ""}) {
            artifactManifest { file { uploadUrl } } } }""", lambda own: {"id": own.logged.pending_manifest}),
    ],
    ("GET", "/storage/manifests/{manifest_id}/{name}"): [
        Way("viewer", _VERSION % _MANIFEST, _version),
        Way("guest", _VERSION % _MANIFEST, _version, "registry"),
        Way("guest", _MEMBER % f"artifact {{ {_MANIFEST} }}", _member, "registry"),
    ],
    ("PUT", "/storage/parts/{upload}/{number}"): [
        Way("member", _NEW_FILES % "uploadMultipartUrls { uploadUrlParts { uploadUrl } }",
            _file("new.bin", uploadPartsInput=[{"partNumber": 1, "hexMD5": ""}, {"partNumber": 2, "hexMD5": ""}]))],
    ("GET", "/storage/history/{number}.parquet"): [Way("viewer", _PARQUET, _member)],
}

_V2 = "/artifactsV2/default/$entity/$project/set"
_BEHIND = f"/{HEX}/name.txt"
KEYED: dict[Route, list[Way]] = {
    ("GET", "/artifacts/{entity}/{digest}"): [Way("viewer", f"/artifacts/$entity/{HEX}")],
    ("GET", "/artifactsV2/{rest:path}"): [
        Way("viewer", f"/artifactsV2/default/$entity/$version/{HEX}"),
        Way("viewer", f"{_V2}/$version{_BEHIND}"),
        Way("viewer", f"{_V2}/$version/$version{_BEHIND}"),
        Way("viewer", f"{_V2}/$version/{_BEHIND}"),  # no birth artifact
        Way("viewer", f"{_V2}//{HEX}/deep%2Fname.txt"),
        Way("viewer", f"/artifactsV2/gcp-us/$entity/$project/set/$version//{HEX}/a/b.txt"),
        Way("guest", f"{_V2}/$version/$version{_BEHIND}", shared="registry"),
        Way("guest", f"{_V2}/$version/{_BEHIND}", shared="registry"),
        Way("guest", f"{_V2}/{_BEHIND}", shared="registry"),
    ],
    ("POST", "/files/{entity}/{project}/{run}/file_stream"): [
        Way("member", "/files/$entity/$project/$run/file_stream")],
    ("GET", "/{entity}/{project}"): [Way("viewer", "/$entity/$project"),
                                     Way("restricted", "/$entity/$project", shared="registry")],
    ("GET", "/{entity}/{project}/workspace"): [Way("viewer", "/$entity/$project/workspace")],
    ("GET", "/{entity}/{project}/runs/{run}"): [Way("viewer", "/$entity/$project/runs/$run")],
    ("GET", "/{entity}/{project}/artifacts/{type}/{collection}/{version}"): [
        Way("viewer", "/$entity/$project/artifacts/dataset/set/v0"),
        Way("restricted", "/$entity/$project/artifacts/dataset/set/v0", shared="registry")],
    ("GET", "/{entity}/{project}/sweeps/{sweep}"): [Way("viewer", "/$entity/$project/sweeps/$sweep")],
    ("GET", "/{entity}/{project}/reports/{report}"): [Way("viewer", "/$entity/$project/reports/slug--$view")],
    ("GET", "/orgs/{organization}/registry/{name}"): [
        Way("restricted", "/orgs/guild/registry/shelf?view=membership&version=v0", shared="registry")],
    ("GET", "/compact"): [Way("outsider", "/compact")],
    ("POST", "/compact"): [Way("outsider", "/compact")],
}

# What is nobody's; and GraphQL, whose matrix is in access_matrix.py.
OPEN_ROUTES: set[Route] = {
    ("POST", "/graphql"), ("GET", "/ready"), ("GET", "/healthz"), ("GET", "/sdk/otel/{rest:path}"),
    ("POST", "/sdk/otel/{rest:path}"), ("GET", "/"), ("GET", "/authorize"), ("GET", "/settings"),
    ("GET", "/login"), ("POST", "/login"), ("POST", "/logout"), ("POST", "/authorize")}


def path_of(way: Way, own: OwnedResources) -> str:
    path = way.text
    for name, value in {"entity": own.entity, "project": own.project, "version": own.logged.version, "run": own.run,
                        "sweep": own.sweep, "view": own.view_id.rstrip("=")}.items():
        path = path.replace(f"${name}", quote(value, safe=""))
    return path
