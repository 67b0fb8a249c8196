"""Rows of the files of runs."""

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel


class RunFileRow(SQLModel, table=True):
    """A file of a run whose bytes are there: a name that was only announced has no row."""

    __tablename__ = "run_files"
    __table_args__ = (UniqueConstraint("run_id", "name"),)

    id: int = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="runs.id", ondelete="CASCADE")
    name: str
    size: int = Field(sa_type=BigInteger)
    md5: str  # base64
    mimetype: str
    blob_key: str
    created_at: str
    updated_at: str


class ExpectedFileRow(SQLModel, table=True):
    """A file of a run that a client was told to send to the bucket."""

    __tablename__ = "run_files_expected"

    blob_key: str = Field(primary_key=True)
    run_id: int = Field(foreign_key="runs.id", ondelete="CASCADE", index=True)
    name: str
    created_at: str
