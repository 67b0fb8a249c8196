"""The fields of collections and of versions in them: how they are filtered and ordered.

Clients have two spellings, of plain and of advanced search; both are understood in every list
(docs/protocol/behaviours.md#registries).
"""

from __future__ import annotations

from functools import partial

from dumbbell_server.artifacts.tables import COMMITTED, DELETED, PENDING, READY, ArtifactRow, CollectionRow
from dumbbell_server.listing.fields import Fields, ListedField, stored
from dumbbell_server.listing.tree import Kind

_collection = partial(stored, CollectionRow)
_version = partial(stored, ArtifactRow)

GARBAGE_COLLECTED = "GARBAGE_COLLECTED"  # none of ours is (wandb 0.31.0 sdk/artifacts/artifact_state.py:ArtifactState)

COLLECTION_FIELDS = Fields([
    _collection("name"),
    _collection("createdAt"),
    _collection("updatedAt"),
    _collection("id", keys=("id", "artifact_collection_id", "collection_id")),
    _collection("description"),
    _collection("projectId", keys=("project_id",)),
    _collection("state", words=(READY, DELETED)),
    ListedField("tags", "tag", kind=Kind.LIST, keys=("tag", "tags")),
])

VERSION_FIELDS = Fields([
    _version("createdAt", keys=("created_at", "createdAt", "artifact_created_at")),
    _version("updatedAt"),
    _version("size", keys=("size", "artifact_size")),
    _version("id", keys=("id", "artifact_id")),
    _version("state", words=(PENDING, COMMITTED, DELETED, GARBAGE_COLLECTED)),
    _version("digest"),
    _version("description"),
    _version("metadata", "metadata_json", kind=Kind.DOCUMENT, keys=("metadata", "artifact_metadata")),
    # of the version as a member of a collection
    ListedField("versionIndex", "version", kind=Kind.VERSION, keys=("version", "version_index", "versionIndex"),
                ordered_by="number"),
    ListedField("linkedAt", kind=Kind.MOMENT, keys=("linked_at", "acm_created_at")),
    ListedField("registry", "project_id", kind=Kind.NUMBER, keys=("registry",)),
    ListedField("collection", "collection_id", kind=Kind.NUMBER, keys=("collection",)),
    ListedField("number", kind=Kind.NUMBER, keys=("number",)),
    ListedField("tags", "tag", kind=Kind.LIST, keys=("tag", "tags")),
    ListedField("aliases", "alias", kind=Kind.LIST, keys=("alias", "aliases")),
])
