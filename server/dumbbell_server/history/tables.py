"""Rows of what runs write line by line."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

HISTORY, EVENTS, CONSOLE = 0, 1, 2
BORROWED = 3  # history that a fork shows, of a parent that no longer has it


class ChunkRow(SQLModel, table=True):
    """Lines as they came, compressed. The chunks of one writer of one stream do not overlap in lines.

    `min_step` and `max_step` may be wider than the rows in it (a nested `_step` counts), never narrower.
    """

    __tablename__ = "chunks"
    __table_args__ = (
        Index("chunks_lines", "run_id", "stream", "writer", "first_line"),
        Index("chunks_steps", "run_id", "stream", "max_step", "min_step"),
    )

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="runs.id", ondelete="CASCADE")
    stream: int
    writer: str  # "" but for shared runs, where each process numbers its lines from 0
    first_line: int = Field(sa_column=Column(BigInteger, nullable=False))
    line_count: int
    min_step: int | None = Field(default=None, sa_column=Column(BigInteger))
    max_step: int | None = Field(default=None, sa_column=Column(BigInteger))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class HeadRow(SQLModel, table=True):
    """How far a writer's stream goes: its highest line and one."""

    __tablename__ = "heads"

    run_id: int = Field(foreign_key="runs.id", ondelete="CASCADE", primary_key=True)
    stream: int = Field(primary_key=True)
    writer: str = Field(primary_key=True)
    lines: int = Field(sa_column=Column(BigInteger, nullable=False))


class KeysRow(SQLModel, table=True):
    """The history keys of a run as they were at a generation and a count of lines; void at any other."""

    __tablename__ = "history_keys"

    run_id: int = Field(foreign_key="runs.id", ondelete="CASCADE", primary_key=True)
    generation: int
    lines: int = Field(sa_column=Column(BigInteger, nullable=False))
    document: str = Field(sa_column=Column(Text, nullable=False))
