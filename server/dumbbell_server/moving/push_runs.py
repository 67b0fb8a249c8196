"""A run of a fixture as its own process would log it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from dumbbell._documents import files as file_documents
from dumbbell.errors import CommError
from dumbbell.files import Piece, put_file
from dumbbell_server.artifact_files.digests import digest_of
from dumbbell_server.json_text import dumps, loads
from dumbbell_server.moving import push_documents as ask
from dumbbell_server.moving.blobs import md5_of
from dumbbell_server.moving.checked import Notes
from dumbbell_server.moving.wire import Wire, at
from dumbbell_server.seeding.form import documents as form
from dumbbell_server.seeding.form.reading import Read

_STREAMS = {"history": "wandb-history.jsonl", "system": "wandb-events.jsonl", "console": "output.log"}
_SUMMARY = "wandb-summary.json"
_MOST_LINES = 5000  # a post
_MOST_TEXT = 1 << 20
_FILES = 500
_WRITER = "X-WANDB-ASYNC-CLIENT-ID"
_ENDED = {"finished": 0, "failed": 1}
_ROW_SECONDS = 10.0


class RunPush:
    """Sends runs. Threads may share one."""

    def __init__(self, wire: Wire, sweeps: Mapping[str, str]) -> None:
        self._wire = wire
        self._sweeps = sweeps

    def is_there(self, read: Read, run: form.Run) -> bool:
        """Whether the server has the run as the fixture has it: it is left alone then."""
        return self._is_there(read, run, self._fields(run))

    def start(self, run: form.Run) -> str:
        """The run is there, and runs; its id."""
        bucket = self._wire.ask(ask.UPSERT_RUN, input=self._fields(run))["upsertBucket"]["bucket"]
        return str(bucket["id"])

    def send(self, read: Read, run: form.Run, node_id: str, notes: Notes) -> None:
        """All that the run logged, and its end."""
        for kind in _STREAMS:
            self._lines(read, run, kind, notes)
        self._files(read, run, notes)
        self._end(run, node_id, notes)

    def _fields(self, run: form.Run) -> dict[str, Any]:
        fields = {
            "name": run.id, "modelName": self._wire.project, "entityName": self._wire.entity, "displayName": run.name,
            "notes": run.notes, "description": run.description, "tags": run.tags, "groupName": run.group,
            "jobType": run.job_type, "config": _config(run), "summaryMetrics": _summary(run), "host": run.host,
            "commit": run.commit, "jobProgram": run.program, "jobRepo": run.repo, "sweep": self._sweep(run)}
        return {name: value for name, value in fields.items() if value is not None}

    def _sweep(self, run: form.Run) -> str | None:
        name = run.sweep if isinstance(run.sweep, str | None) else run.sweep.sweep
        return self._sweeps.get(name) if name is not None else None

    def _is_there(self, read: Read, run: form.Run, wanted: Mapping[str, Any]) -> bool:
        found = at(self._wire.ask(ask.RUN, name=run.id), "project", "run")
        if found is None or found.get("state") != run.state:
            return False
        told = {"displayName": "displayName", "notes": "notes", "groupName": "group", "jobType": "jobType"}
        if any(wanted[name] != found.get(field) for name, field in told.items() if name in wanted):
            return False
        texts = all(_parsed(found.get(field)) == _parsed(wanted.get(field)) for field in ("config", "summaryMetrics"))
        if not texts or sorted(run.tags) != sorted(found.get("tags") or ()):
            return False
        return run.fork is not None or found.get("historyLineCount") == sum(
            len(lines) for _, _, lines in self._posts(read, run, "history"))

    def _lines(self, read: Read, run: form.Run, kind: str, notes: Notes) -> None:
        rows = getattr(run, kind)
        if isinstance(rows, form.Formulas | form.RowsFile):
            notes.add(f"run {run.id}: its {kind} is left out: it is made as a fixture is seeded; push an export")
            return
        for writer, offset, lines in self._posts(read, run, kind):
            self._post(run.id, {"files": {_STREAMS[kind]: {"offset": offset, "content": lines}}}, writer)

    def _posts(self, read: Read, run: form.Run, kind: str) -> Iterator[tuple[str, int, list[str]]]:
        """Writer, number of the first line, lines."""
        rows = getattr(run, kind)
        if isinstance(rows, form.Lines):
            files = rows.lines if isinstance(rows.lines, dict) else {"": rows.lines}
            for writer, path in files.items():
                with read.file(path).open(encoding="utf-8", errors="surrogatepass", newline="\n") as file:
                    yield from ((writer, *piece) for piece in _pieces(line.rstrip("\n") for line in file))
        elif isinstance(rows, list):
            texts = (row if isinstance(row, str) else dumps({"_step": step, "_runtime": step * _ROW_SECONDS} | row)
                     for step, row in enumerate(rows))
            yield from (("", *piece) for piece in _pieces(texts))

    def _post(self, run: str, body: Mapping[str, Any], writer: str = "") -> None:
        self._wire.client.transport.post(f"/files/{self._wire.entity}/{self._wire.project}/{run}/file_stream", body,
                                         headers={_WRITER: writer} if writer else None)

    def _files(self, read: Read, run: form.Run, notes: Notes) -> None:
        if not run.files:
            return
        there = {node["name"]: node.get("md5") for node in self._wire.nodes(
            ask.FILES, "project", "run", "files", run=run.id, perPage=_FILES)}
        for name, content in run.files.items():
            piece = _bytes(read, content)
            if piece is None:
                notes.add(f"run {run.id}: file {name[:140]!r} is left out: it is made as a fixture is seeded; push "
                          "an export")
            elif there.get(name) != _md5(piece):
                self._put(run.id, name, piece)

    def _put(self, run: str, name: str, content: Piece | bytes) -> None:
        answer = self._wire.client.execute(file_documents.CREATE, {
            "entity": self._wire.entity, "project": self._wire.project, "run": run, "files": [name]})
        made = answer["createRunFiles"]
        headers = dict(line.split(":", 1) for line in made.get("uploadHeaders") or ())
        url = made["files"][0]["uploadUrl"]
        if isinstance(content, Piece):
            put_file(self._wire.client, url, content, headers)
        else:
            transport = self._wire.client.transport
            transport.attempt(lambda: transport.put(url, content, headers))

    def _end(self, run: form.Run, node_id: str, notes: Notes) -> None:
        """The last post of the process, and the state where it is not one that a process ends with."""
        last: dict[str, Any] = {"files": {_SUMMARY: {"offset": 0, "content": [_summary(run) or "{}"]}}}
        if run.state in _ENDED:
            code = run.exitcode if run.exitcode is not None else _ENDED[run.state]
            last |= {"complete": True, "exitcode": code}
        self._post(run.id, last)
        if run.state not in {"running", *_ENDED}:
            try:
                self._wire.ask(ask.RUN_STATE, id=node_id, state=run.state)
            except CommError as error:
                notes.add(f"run {run.id}: it cannot become {run.state}: {error}")


def _config(run: form.Run) -> str | None:
    if run.config is None:
        return run.config_json
    return dumps({key: {"value": value} for key, value in run.config.items()})


def _summary(run: form.Run) -> str | None:
    return run.summary_json if run.summary is None else dumps(run.summary)


def _parsed(text: Any) -> Any:
    """What a text of JSON says, in a form that equals itself where there are NaN."""
    try:
        return orjson.dumps(loads(text or "{}"), option=orjson.OPT_SORT_KEYS)
    except (ValueError, TypeError):
        return text


def _pieces(lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """Numbers of first lines, and lines that go together; an empty line never came."""
    found: list[str] = []
    first = size = 0
    for number, line in enumerate(lines):
        if found and (not line or len(found) >= _MOST_LINES or size >= _MOST_TEXT):
            yield first, found
            found, size = [], 0
        if line:
            first = first if found else number
            found.append(line)
            size += len(line)
    if found:
        yield first, found


def _bytes(read: Read, content: form.Content | str) -> Piece | bytes | None:
    if isinstance(content, str):
        return content.encode()
    if content.blob is not None:
        return Piece.whole(read.blob(content.blob))
    if content.file is not None:
        return Piece.whole(read.file(content.file))
    if content.text is not None:
        return content.text.encode()
    return None if content.random is not None else dumps(content.json_).encode()


def _md5(content: Piece | bytes) -> str | None:
    if isinstance(content, Piece):
        return digest_of(md5_of(content.place))
    return digest_of(hashlib.md5(content, usedforsecurity=False).hexdigest())
