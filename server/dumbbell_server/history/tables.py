"""Rows of what runs write line by line."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Text, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

HISTORY, EVENTS, CONSOLE = 0, 1, 2
BORROWED = 3  # history that a fork shows, of a parent that no longer has it

# Kinds of columns: how the values lie in a body.
FLOATS = "d"  # doubles
INTS = "q"  # of 64 bits
RANGE = "r"  # evenly spaced ints: the first and the distance
MIXED = "m"  # doubles of which some were ints
TEXTS = "j"  # a JSON list
OBJECTS = "J"  # the same, with objects in it
INSIDE = "o"  # no values: the name leads into objects


class ChunkRow(SQLModel, table=True):
    """Lines as they came, compressed. The chunks of one writer of one stream do not overlap in lines.

    `min_step` and `max_step` may be wider than the rows in it (a nested `_step` counts), never narrower.
    """

    __tablename__ = "chunks"
    __table_args__ = (
        Index("chunks_lines", "run_id", "stream", "writer", "first_line"),
        Index("chunks_steps", "run_id", "stream", "max_step", "min_step"),
    )

    id: int = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="runs.id", ondelete="CASCADE")
    stream: int
    writer: str  # "" but for shared runs, where each process numbers its lines from 0
    first_line: int = Field(sa_column=Column(BigInteger, nullable=False))
    line_count: int
    min_step: int | None = Field(default=None, sa_column=Column(BigInteger))
    max_step: int | None = Field(default=None, sa_column=Column(BigInteger))
    # each line has one step, and none is lower than the one before
    ordered: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    first_row: bytes | None = Field(default=None, sa_column=Column(LargeBinary))  # of no use any more, and not written
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class HeadRow(SQLModel, table=True):
    """How far a writer's stream goes: its highest line and one; and up to which line there are columns of it."""

    __tablename__ = "stream_heads"

    run_id: int = Field(foreign_key="runs.id", ondelete="CASCADE", primary_key=True)
    stream: int = Field(primary_key=True)
    writer: str = Field(primary_key=True)
    lines: int = Field(sa_column=Column(BigInteger, nullable=False))
    built: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    # what is added to the numbers that the process which now writes gives to its lines
    shift: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0")))


class ColumnGroupRow(SQLModel, table=True):
    """Consecutive lines of a writer's history, as columns too. The groups of a writer follow each other from line 0."""

    __tablename__ = "column_groups"
    __table_args__ = (Index("column_groups_lines", "run_id", "writer", "first_line"),)

    id: int = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="runs.id", ondelete="CASCADE")
    writer: str
    first_line: int = Field(sa_column=Column(BigInteger, nullable=False))
    end_line: int = Field(sa_column=Column(BigInteger, nullable=False))
    rows: int
    min_step: int | None = Field(default=None, sa_column=Column(BigInteger))
    max_step: int | None = Field(default=None, sa_column=Column(BigInteger))
    ordered: bool


class ColumnRow(SQLModel, table=True):
    """A key's values in a group; see columns/encode.py. The body comes last: a look at the facts does not load it."""

    __tablename__ = "history_columns"
    __table_args__ = (UniqueConstraint("group_id", "digest"),)

    id: int = Field(default=None, primary_key=True)
    group_id: int = Field(foreign_key="column_groups.id", ondelete="CASCADE")
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    name: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # UTF-8, half surrogate pairs and NUL included
    kind: str
    count: int
    facts: str | None = Field(default=None, sa_column=Column(Text))
    mask: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class CompactionRow(SQLModel, table=True):
    """A run that has ended, at a generation and a count of lines: nothing is left to do for it in the background."""

    __tablename__ = "compactions"

    run_id: int = Field(foreign_key="runs.id", ondelete="CASCADE", primary_key=True)
    generation: int
    lines: int = Field(sa_column=Column(BigInteger, nullable=False))
    parquet: str  # "yes", "no" where its rows would not come back the same, "missing" without the library


class PartitionRow(SQLModel, table=True):
    """A Parquet file of a run's rows up to `end_line`, from where the one before ends. It never changes."""

    __tablename__ = "partitions"
    __table_args__ = (UniqueConstraint("run_id", "generation", "number"), {"sqlite_autoincrement": True})

    id: int = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="runs.id", ondelete="CASCADE")
    generation: int
    number: int
    end_line: int = Field(sa_column=Column(BigInteger, nullable=False))
    columns: str = Field(sa_column=Column(Text, nullable=False))  # JSON: types by name, the same in all of a run's
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    md5: str  # base64
    blob_key: str


class OfferRow(SQLModel, table=True):
    """Whose Parquet files clients may hold under a name in their caches, for ever: it outlives the run."""

    __tablename__ = "parquet_offers"

    name: str = Field(primary_key=True)  # entity_project_run, as the SDK joins them
    run_id: int
    generation: int


class KeysRow(SQLModel, table=True):
    """The history keys of a run as they were at a generation and a count of lines; void at any other."""

    __tablename__ = "history_keys"

    run_id: int = Field(foreign_key="runs.id", ondelete="CASCADE", primary_key=True)
    generation: int
    lines: int = Field(sa_column=Column(BigInteger, nullable=False))
    document: str = Field(sa_column=Column(Text, nullable=False))
