"""Rows of the files of versions: manifests, bytes, and how they come."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlmodel import Field, SQLModel

# Paths sort by their bytes on both databases.
_PATH = String().with_variant(String(collation="C"), "postgresql")


class ManifestRow(SQLModel, table=True):
    """A manifest as a client announced it; with bytes once they came. The server makes one of several at commit."""

    __tablename__ = "artifact_manifests"
    __table_args__ = (Index("artifact_manifests_of", "artifact_id"), {"sqlite_autoincrement": True})

    id: int = Field(default=None, primary_key=True)
    artifact_id: int = Field(foreign_key="artifacts.id", ondelete="CASCADE")
    base_artifact_id: int | None = None
    name: str
    kind: str  # FULL, INCREMENTAL, PATCH
    digest: str  # base64 MD5 of the file, empty while it is not known
    size: int = Field(default=0, sa_type=BigInteger)
    blob_key: str | None = None
    current: bool = False  # the one that a committed version has


class ArtifactBlobRow(SQLModel, table=True):
    """Bytes of files: once a project, however many versions name them."""

    __tablename__ = "artifact_blobs"
    __table_args__ = (UniqueConstraint("project_id", "digest"), {"sqlite_autoincrement": True})

    id: int = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", ondelete="CASCADE")
    birth_artifact_id: int  # for which they first came
    digest: str  # base64 MD5
    size: int = Field(sa_type=BigInteger)
    blob_key: str
    touched_at: str  # when they came, or a client last heard that they need not come again


class EntryRow(SQLModel, table=True):
    """A file of a committed version: bytes of ours, which cannot go while this row is there, or a reference."""

    __tablename__ = "artifact_entries"
    __table_args__ = ({"sqlite_with_rowid": False},)  # kept in the order of its key

    artifact_id: int = Field(sa_column=Column(Integer, ForeignKey("artifacts.id", ondelete="CASCADE"),
                                              primary_key=True))
    path: str = Field(sa_column=Column(_PATH, primary_key=True))
    blob_id: int | None = Field(default=None, foreign_key="artifact_blobs.id", index=True)
    size: int = Field(sa_type=BigInteger)
    digest: str | None = None  # of a reference, in whatever form its maker gave
    ref: str | None = None


class UploadRow(SQLModel, table=True):
    """A file that comes in parts."""

    __tablename__ = "artifact_uploads"

    id: str = Field(primary_key=True)
    artifact_id: int = Field(foreign_key="artifacts.id", ondelete="CASCADE", index=True)
    digest: str


class ExpectedBlobRow(SQLModel, table=True):
    """A file that a client was sent to the bucket with, whole or in parts."""

    __tablename__ = "artifact_blobs_expected"

    blob_key: str = Field(primary_key=True)
    artifact_id: int = Field(foreign_key="artifacts.id", ondelete="CASCADE", index=True)
    digest: str  # base64 MD5
    upload_id: str | None = Field(default=None, index=True)
    store_id: str | None = None  # what the bucket calls an upload in parts


class PartRow(SQLModel, table=True):
    __tablename__ = "artifact_parts"

    upload_id: str = Field(foreign_key="artifact_uploads.id", ondelete="CASCADE", primary_key=True)
    number: int = Field(primary_key=True)
    size: int = Field(sa_type=BigInteger)
    md5: str  # base64
    blob_key: str
