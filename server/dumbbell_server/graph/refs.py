"""Names of the composed types, for domains that point at a type which the schema puts together.

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
    AgentRef = Any
    AgentConnectionRef = Any
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
    _schema = strawberry.lazy("dumbbell_server.schema")
    EntityRef = Annotated["Entity", _schema]
    UserRef = Annotated["User", _schema]
    OrganizationRef = Annotated["Organization", _schema]
    ProjectRef = Annotated["Project", _schema]
    RunRef = Annotated["Run", _schema]
    FileRef = Annotated["File", _schema]
    ProjectConnectionRef = Annotated["ProjectConnection", _schema]
    RunConnectionRef = Annotated["RunConnection", _schema]
    FileConnectionRef = Annotated["FileConnection", _schema]
    EntityConnectionRef = Annotated["EntityConnection", _schema]
    SweepRef = Annotated["Sweep", _schema]
    SweepConnectionRef = Annotated["SweepConnection", _schema]
    AgentRef = Annotated["Agent", _schema]
    AgentConnectionRef = Annotated["AgentConnection", _schema]
    ViewRef = Annotated["View", _schema]
    ViewConnectionRef = Annotated["ViewConnection", _schema]
    ArtifactRef = Annotated["Artifact", _schema]
    ArtifactTypeRef = Annotated["ArtifactType", _schema]
    ArtifactManifestRef = Annotated["ArtifactManifest", _schema]
    CollectionRef = Annotated["ArtifactCollection", _schema]
    SequenceRef = Annotated["ArtifactSequence", _schema]
    MembershipRef = Annotated["ArtifactCollectionMembership", _schema]
    MembershipConnectionRef = Annotated["ArtifactCollectionMembershipConnection", _schema]
