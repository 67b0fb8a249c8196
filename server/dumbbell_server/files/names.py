"""Names of the files of runs: relative paths with forward slashes, and otherwise whatever a file can be called."""

from __future__ import annotations

import mimetypes
import re

from dumbbell_server.errors import BadInput

LONGEST_NAME = 1024
_MOST_BYTES = 2560  # what an index of Postgres takes
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")
_SEPARATORS = re.compile(r"[/\\]")
UNSTORABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def stripped(name: str) -> str:
    """The name without the `./` that it may begin with."""
    while name.startswith("./"):
        name = name[2:]
    return name


def clean(name: str) -> str:
    """The name under which a file is stored. BadInput for one that leads elsewhere or cannot be stored."""
    cleaned = stripped(name)
    problem = _problem(cleaned)
    if problem is not None:
        raise BadInput(f"file name {name[:140]!r} is not allowed: {problem}")
    return cleaned


def _problem(name: str) -> str | None:
    if not name:
        return "it is empty"
    if len(name) > LONGEST_NAME:
        return f"it is {len(name)} characters long, at most {LONGEST_NAME} are kept"
    if UNSTORABLE.search(name):
        return "it holds a control character or half a surrogate pair"
    if len(name.encode()) > _MOST_BYTES:
        return f"it is longer than {_MOST_BYTES} bytes in UTF-8"
    return _problem_of_path(name)


def _problem_of_path(name: str) -> str | None:
    segments = name.split("/")
    if segments[0] == "":
        return "it is absolute; use a path relative to the run's folder"
    if ".." in segments or "." in segments:
        return "it has a segment `.` or `..`"
    if leads_elsewhere(name):
        return "on Windows it leads out of the run's folder; use a relative path with forward slashes"
    if "" in segments:
        return "it has an empty segment, such as a slash at its end"
    return None


def leads_elsewhere(path: str) -> bool:
    """Whether a client that writes the file into a folder would write it elsewhere, on Windows too."""
    return _DRIVE.match(path) is not None or path[:1] in {"/", "\\"} or ".." in _SEPARATORS.split(path)


def mimetype_of(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def path_of(run_id: int | str, name: str) -> str:
    """Where the bytes of a file are, before percent-encoding."""
    return f"/storage/runs/{run_id}/{name}"
