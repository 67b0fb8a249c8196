"""Making versions over the wire, as the core of the SDK does."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from support.world import World

CREATE = """mutation M($input: CreateArtifactInput!) { createArtifact(input: $input) { artifact {
  id state digest versionIndex artifactSequence { id name latestArtifact { id versionIndex } } } } }"""
MANIFEST = """mutation M($input: CreateArtifactManifestInput!) { createArtifactManifest(input: $input) {
  artifactManifest { id file { id name uploadUrl uploadHeaders directUrl } } } }"""
UPDATE_MANIFEST = """mutation M($input: UpdateArtifactManifestInput!) { updateArtifactManifest(input: $input) {
  artifactManifest { id file { uploadUrl } } } }"""
FILES = """mutation M($input: CreateArtifactFilesInput!) { createArtifactFiles(input: $input) { files { edges { node {
  id name displayName uploadUrl uploadHeaders storagePath directUrl artifact { id }
  uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } } } } } } }"""
COMMIT = """mutation M($id: ID!) { commitArtifact(input: {artifactID: $id}) { artifact {
  id digest state versionIndex } } }"""
VERSION = """id digest state versionIndex size fileCount commitHash description metadata historyStep
  ttlDurationSeconds ttlIsInherited tags { name } aliases { alias artifactCollection { name } } artifactType { name }
  artifactSequence { name project { name } } currentManifest { file { directUrl } }"""
BY_NAME = f"""query Q($e: String, $p: String, $n: String!) {{ project(name: $p, entityName: $e) {{
  artifactCollectionMembership(name: $n) {{ id versionIndex aliases {{ alias }}
  artifactCollection {{ id name __typename }}
  artifact {{ {VERSION} }} }} }} }}"""


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def entry(data: bytes) -> dict[str, Any]:
    return {"digest": md5(data), "size": len(data)}


def manifest(contents: dict[str, dict[str, Any]], **config: Any) -> bytes:
    return json.dumps({"version": 1, "storagePolicy": "wandb-storage-policy-v1",
                       "storagePolicyConfig": {"storageLayout": "V2", **config}, "contents": contents}).encode()


def digest_of(contents: dict[str, dict[str, Any]]) -> str:
    lines = "".join(f"{path}:{contents[path]['digest']}\n" for path in sorted(contents))
    return hashlib.md5(f"wandb-artifact-manifest-v1\n{lines}".encode()).hexdigest()


class ArtifactDriver:
    """A world in which versions are made, in project `p` of the first user unless told otherwise."""

    def __init__(self, world: World) -> None:
        self.world = world

    def put(self, url: str, data: bytes, status: int = 200) -> Any:
        answer = self.world.client.put(url, content=data)
        assert answer.status_code == status, answer.text
        return answer

    def get(self, url: str, status: int = 200, **headers: str) -> bytes:
        answer = self.world.client.get(url, headers={name.replace("_", "-"): text for name, text in headers.items()})
        assert answer.status_code == status, answer.text
        return answer.content

    def create(self, collection: str = "set", *, key: str | None = None, **fields: Any) -> Any:
        wanted = {"entityName": "local", "projectName": "p", "artifactTypeName": "dataset",
                  "artifactCollectionName": collection, "digest": "d", "enableDigestDeduplication": True, **fields}
        extra = {"key": key} if key else {}
        return self.world.gql(CREATE, {"input": wanted}, **extra)["createArtifact"]["artifact"]

    def announce(self, artifact: str, kind: str = "FULL", digest: str = "", **fields: Any) -> Any:
        name = {"FULL": "wandb_manifest.json", "INCREMENTAL": "wandb_manifest.incremental.json",
                "PATCH": "wandb_manifest.patch.json"}[kind]
        made = self.world.gql(MANIFEST, {"input": {
            "artifactID": artifact, "name": name, "digest": digest, "entityName": "local", "projectName": "p",
            "runName": "", "type": kind, **fields}})
        return made["createArtifactManifest"]["artifactManifest"]

    def files(self, artifact: str, files: dict[str, bytes], **more: Any) -> list[Any]:
        specs = [{"artifactID": artifact, "name": name, "md5": md5(data), **more} for name, data in files.items()]
        made = self.world.gql(FILES, {"input": {"artifactFiles": specs, "storageLayout": "V2"}})
        return [edge["node"] for edge in made["createArtifactFiles"]["files"]["edges"]]

    def upload(self, artifact: str, files: dict[str, bytes]) -> list[Any]:
        nodes = self.files(artifact, files)
        for node, data in zip(nodes, files.values(), strict=True):
            if node["uploadUrl"]:
                self.put(node["uploadUrl"], data)
        return nodes

    def give_manifest(self, artifact: str, contents: dict[str, dict[str, Any]], kind: str = "FULL",
                      **fields: Any) -> None:
        data = manifest(contents)
        self.put(self.announce(artifact, kind, md5(data), **fields)["file"]["uploadUrl"], data)

    def commit(self, artifact: str, status: int = 200) -> Any:
        if status != 200:
            return self.world.errors(COMMIT, {"id": artifact}, status=status)[0]
        return self.world.gql(COMMIT, {"id": artifact})["commitArtifact"]["artifact"]

    def log(self, files: dict[str, bytes], collection: str = "set", **fields: Any) -> Any:
        """A committed version, or the one that is there with the same files."""
        contents = {name: entry(data) for name, data in files.items()}
        made = self.create(collection, digest=digest_of(contents), **fields)
        if made["state"] == "COMMITTED":
            return made
        self.upload(made["id"], files)
        self.give_manifest(made["id"], contents)
        return self.commit(made["id"])

    def member(self, name: str, *, entity: str = "local", project: str = "p", **more: Any) -> Any:
        """The membership of `collection:alias`, or None."""
        found = self.world.gql(BY_NAME, {"e": entity, "p": project, "n": name}, **more)["project"]
        return found and found["artifactCollectionMembership"]

    def version(self, name: str, **more: Any) -> Any:
        member = self.member(name, **more)
        return member and member["artifact"]

    def manifest_of(self, name: str) -> Any:
        return json.loads(self.get(self.version(name)["currentManifest"]["file"]["directUrl"]))

    def get_file(self, version: str, name: str) -> bytes:
        """The bytes of a file of `collection:alias`."""
        found = self.world.gql("""query Q($id: ID!, $n: [String!]) { artifact(id: $id) { files(names: $n) {
            edges { node { directUrl } } } } }""", {"id": self.version(version)["id"], "n": [name]})
        return self.get(found["artifact"]["files"]["edges"][0]["node"]["directUrl"])
