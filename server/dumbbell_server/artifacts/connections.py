"""The shapes of pages of artifacts."""

import strawberry

from dumbbell_server.graph.connections import PageInfo
from dumbbell_server.graph.refs import ArtifactRef, ArtifactTypeRef, CollectionRef, MembershipRef


@strawberry.type
class ArtifactTypeEdge:
    node: ArtifactTypeRef | None
    cursor: str


@strawberry.type
class ArtifactTypeConnection:
    edges: list[ArtifactTypeEdge]
    page_info: PageInfo


@strawberry.type
class ArtifactCollectionEdge:
    node: CollectionRef | None
    cursor: str


@strawberry.type
class ArtifactCollectionConnection:
    total_count: int
    edges: list[ArtifactCollectionEdge]
    page_info: PageInfo


@strawberry.type
class MembershipEdge:
    node: MembershipRef | None
    cursor: str


@strawberry.type(name="ArtifactCollectionMembershipConnection")
class MembershipConnectionCore:
    total_count: int
    edges: list[MembershipEdge]
    page_info: PageInfo


@strawberry.type
class VersionedArtifactEdge:
    version: str
    node: ArtifactRef
    cursor: str


@strawberry.type
class VersionedArtifactConnection:
    total_count: int
    edges: list[VersionedArtifactEdge]
    page_info: PageInfo


@strawberry.type
class ArtifactEdge:
    node: ArtifactRef
    cursor: str


@strawberry.type
class ArtifactConnection:
    total_count: int
    edges: list[ArtifactEdge]
    page_info: PageInfo


@strawberry.type
class InputArtifactConnection(ArtifactConnection):
    """A name of its own, by which clients up to 0.22 tell it apart."""
