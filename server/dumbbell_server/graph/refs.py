"""Names of the composed types, for rooms that point at a type which the hall puts together.

A resolver returns a row; the type is only looked up when the schema is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

if TYPE_CHECKING:
    EntityRef = Any
    UserRef = Any
    OrganizationRef = Any
    ProjectRef = Any
    RunRef = Any
    FileRef = Any
    ProjectConnectionRef = Any
    RunConnectionRef = Any
    FileConnectionRef = Any
    EntityConnectionRef = Any
    SweepRef = Any
    SweepConnectionRef = Any
    ViewRef = Any
    ViewConnectionRef = Any
    ArtifactRef = Any
    ArtifactTypeRef = Any
    ArtifactManifestRef = Any
    CollectionRef = Any
    SequenceRef = Any
    MembershipRef = Any
    MembershipConnectionRef = Any
else:
    _hall = strawberry.lazy("dumbbell_server.schema")
    EntityRef = Annotated["Entity", _hall]
    UserRef = Annotated["User", _hall]
    OrganizationRef = Annotated["Organization", _hall]
    ProjectRef = Annotated["Project", _hall]
    RunRef = Annotated["Run", _hall]
    FileRef = Annotated["File", _hall]
    ProjectConnectionRef = Annotated["ProjectConnection", _hall]
    RunConnectionRef = Annotated["RunConnection", _hall]
    FileConnectionRef = Annotated["FileConnection", _hall]
    EntityConnectionRef = Annotated["EntityConnection", _hall]
    SweepRef = Annotated["Sweep", _hall]
    SweepConnectionRef = Annotated["SweepConnection", _hall]
    ViewRef = Annotated["View", _hall]
    ViewConnectionRef = Annotated["ViewConnection", _hall]
    ArtifactRef = Annotated["Artifact", _hall]
    ArtifactTypeRef = Annotated["ArtifactType", _hall]
    ArtifactManifestRef = Annotated["ArtifactManifest", _hall]
    CollectionRef = Annotated["ArtifactCollection", _hall]
    SequenceRef = Annotated["ArtifactSequence", _hall]
    MembershipRef = Annotated["ArtifactCollectionMembership", _hall]
    MembershipConnectionRef = Annotated["ArtifactCollectionMembershipConnection", _hall]
