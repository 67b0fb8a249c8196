"""Which Parquet files clients may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.blobs.garbage import orphan
from dumbbell_server.database.units import Unit
from dumbbell_server.history import statements
from dumbbell_server.history.parquet.export import NO, YES
from dumbbell_server.history.tables import CompactionRow, OfferRow, PartitionRow
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.states import LIVE_STATES
from dumbbell_server.runs.tables import RunRow


@dataclass(frozen=True)
class Offer:
    """The files of all rows of a run that has ended, and what was offered before under the name of the run."""

    name: str
    partitions: Sequence[PartitionRow]
    recorded: OfferRow | None

    @property
    def holds(self) -> bool:
        """Whether clients may have the files: nothing else was ever offered under this name."""
        first = self.partitions[0]
        recorded = self.recorded
        return recorded is not None and (recorded.run_id, recorded.generation) == (first.run_id, first.generation)


def find(session: Session, run_id: int) -> Offer | None:
    """What may be offered of this run; None where not all of its rows are in files. Wants a snapshot."""
    run = session.get(RunRow, run_id)
    partitions = _all_partitions(session, run) if run is not None else []
    if run is None or not partitions:
        return None
    name = _name(session, run)
    return Offer(name, partitions, session.get(OfferRow, name))


def record(unit: Unit, offer: Offer) -> Offer:
    """The offer stands under its name, unless another came first; before any client gets it."""
    first = offer.partitions[0]
    statements.INSERT_OFFER.on(unit.connection, name=offer.name, run=first.run_id, generation=first.generation)
    return Offer(offer.name, offer.partitions, unit.session.get_one(OfferRow, offer.name))


def withdraw(unit: Unit, number: int) -> None:
    """The files of the run that has this one are gone."""
    partition = unit.session.get(PartitionRow, number)
    if partition is None:
        return
    every = statements.PARTITIONS(unit.session, run=partition.run_id).all()
    orphan(unit, [each.blob_key for each in every])
    for each in every:
        statements.DELETE_PARTITION(unit.session, id=each.id)
    statements.SET_PARQUET(unit.session, run=partition.run_id, parquet=NO)


def _all_partitions(session: Session, run: RunRow) -> Sequence[PartitionRow]:
    done = session.get(CompactionRow, run.id)
    if done is None or done.parquet != YES or run.state in LIVE_STATES:
        return []
    if (done.generation, done.lines) != (run.history_generation, run.history_line_count):
        return []
    return session.execute(select(PartitionRow).where(
        PartitionRow.run_id == run.id, PartitionRow.generation == run.history_generation,
    ).order_by(col(PartitionRow.number))).scalars().all()


def _name(session: Session, run: RunRow) -> str:
    """What 0.31 calls a run's files in its cache: one such name may stand for two runs."""
    project = session.get_one(ProjectRow, run.project_id)
    return f"{session.get_one(EntityRow, project.entity_id).name}_{project.name}_{run.name}"
