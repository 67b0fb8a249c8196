"""Runs of an export, and the lines that they logged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from dumbbell_server.artifacts.tables import COMMITTED, ArtifactRow, CollectionRow, UseRow
from dumbbell_server.files.tables import RunFileRow
from dumbbell_server.history import statements
from dumbbell_server.history.packing import decompressed
from dumbbell_server.history.tables import BORROWED, CONSOLE, EVENTS, HISTORY, HeadRow
from dumbbell_server.json_text import stored_list
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.seeding.exporting.projects import place_of
from dumbbell_server.seeding.exporting.writing import Writing, told
from dumbbell_server.seeding.form import folder
from dumbbell_server.seeding.form.folder import described
from dumbbell_server.seeding.made.histories import MISSING
from dumbbell_server.sweeps.tables import AgentRow, SweepRunRow

_AT_ONCE = 200  # runs
_STREAMS = {"history": (HISTORY, folder.HISTORY), "system": (EVENTS, folder.SYSTEM),
            "console": (CONSOLE, folder.CONSOLE)}


def export_runs(writing: Writing, project: ProjectRow) -> None:
    for run in _runs(writing, project):
        _export(writing, project, run)
        writing.on_progress(1)


def _runs(writing: Writing, project: ProjectRow) -> Iterator[RunRow]:
    after = 0
    while rows := writing.session.execute(select(RunRow).where(
            RunRow.project_id == project.id, col(RunRow.id) > after).order_by(
                col(RunRow.id)).limit(_AT_ONCE)).scalars().all():
        yield from rows
        after = rows[-1].id
        writing.session.expunge_all()


def _export(writing: Writing, project: ProjectRow, run: RunRow) -> None:
    entity = writing.scope.entities[project.entity_id]
    beside = writing.folder.run(entity.name, project.name, run.name)
    beside.mkdir(parents=True)
    fields = described(
        id=run.name, user=writing.user(run.user_id), name=run.display_name, group=run.group, job_type=run.job_type,
        notes=run.notes, description=run.description, tags=stored_list(run.tags), host=run.host, program=run.program,
        repo=run.repo, commit=run.commit, stop_requested=run.stop_requested, restart_pending=run.restart_pending,
        created=run.created_at, updated=run.updated_at, heartbeat=run.heartbeat_at, row=run.id,
        fork=_fork(writing, run, beside), sweep=_sweep(writing, run), uses=list(_uses(writing, run)),
        **{name: _lines(writing, run, stream, beside / file) for name, (stream, file) in _STREAMS.items()},
        files=_files(writing, run))
    fields |= {"state": run.state, "exitcode": run.exitcode}
    fields |= told("config", run.config, wrapped=True) | told("summary", run.summary_metrics)
    if run.system_metrics != "{}" or "system" in fields:
        fields["system_metrics_json"] = run.system_metrics
    # a text that says nothing is not what was never said
    fields |= {name: "" for name, value in (("notes", run.notes), ("description", run.description),
                                            ("group", run.group), ("job_type", run.job_type)) if value == ""}
    key, place = place_of(writing, project)
    folder.write_document(writing.folder.run_file(entity.name, project.name, run.name),
                          {key: [{**place, "runs": [fields]}]})


def _fork(writing: Writing, run: RunRow, beside: Path) -> dict[str, Any] | None:
    if run.parent_name is None:
        return None
    borrowed = _lines(writing, run, BORROWED, beside / folder.BORROWED)
    return described(run=run.parent_name, kept=run.parent_kept,
                     borrowed=borrowed["lines"] if borrowed else None) | {"step": run.parent_step}


def _sweep(writing: Writing, run: RunRow) -> str | dict[str, Any] | None:
    row = writing.session.execute(select(SweepRunRow).where(SweepRunRow.run_id == run.id)).scalar()
    if row is None or run.sweep_name is None:
        return run.sweep_name
    agent = writing.session.execute(select(AgentRow.name).where(AgentRow.id == row.agent_id)).scalar()
    place = described(sweep=run.sweep_name, agent=agent, made=True, ended=row.ended, lost=row.lost)
    return place | {name: value for name, value in (("cell", row.cell), ("sent", row.sent)) if value is not None}


def _uses(writing: Writing, run: RunRow) -> Iterator[dict[str, Any]]:
    rows = writing.session.execute(
        select(UseRow, ArtifactRow, CollectionRow, ProjectRow)
        .join(ArtifactRow, col(ArtifactRow.id) == UseRow.artifact_id)
        .join(CollectionRow, col(CollectionRow.id) == ArtifactRow.sequence_id)
        .join(ProjectRow, col(ProjectRow.id) == ArtifactRow.project_id)
        .where(UseRow.run_id == run.id, ArtifactRow.state == COMMITTED).order_by(col(UseRow.id))).all()
    for use, artifact, collection, project in rows:
        if project.id not in writing.scope.projects:
            writing.leave_out("an artifact of another project that a run used, or made")
        else:
            yield described(
                artifact=f"{writing.scope.path(project)}/{collection.name}:v{artifact.version_index}",
                as_=use.used_as, kind=use.kind if use.kind != "input" else None, created=use.created_at)


def _lines(writing: Writing, run: RunRow, stream: int, path: Path) -> dict[str, Any] | None:
    """The lines of a stream as they are, in a file for each writer. None without any."""
    heads = dict(writing.session.execute(select(HeadRow.writer, HeadRow.lines).where(
        HeadRow.run_id == run.id, HeadRow.stream == stream).order_by(col(HeadRow.writer))).all())
    chunks = statements.CHUNKS(writing.session, run=run.id, stream=stream).all()
    writers = sorted({*heads, *(chunk.writer for chunk in chunks)})
    if not writers:
        return None
    names: dict[str, str] = {}
    for number, writer in enumerate(writers):
        place = path if writer == "" else path.with_name(f"{path.stem}.{number}{path.suffix}")
        names[writer] = place.name
        _write(writing, [chunk for chunk in chunks if chunk.writer == writer], heads.get(writer, 0), place)
    return {"lines": names[""] if list(names) == [""] else names}


def _write(writing: Writing, chunks: list[Any], head: int, path: Path) -> None:
    line = 0
    with path.open("wb") as file:
        for chunk in chunks:
            if chunk.first_line > line:
                file.write(f"{MISSING}{chunk.first_line - line}\n".encode())
            row = statements.CHUNK_BODY(writing.session, id=chunk.id).one()
            file.write(decompressed(bytes(row.body)))
            file.write(b"\n")
            line = chunk.first_line + chunk.line_count
        if head > line:
            file.write(f"{MISSING}{head - line}\n".encode())


def _files(writing: Writing, run: RunRow) -> dict[str, Any]:
    rows = writing.session.execute(select(RunFileRow).where(RunFileRow.run_id == run.id).order_by(
        col(RunFileRow.id))).scalars().all()
    return {row.name: described(blob=writing.blob(row.md5, row.blob_key, row.size), mimetype=row.mimetype,
                                created=row.created_at, updated=row.updated_at) for row in rows}
