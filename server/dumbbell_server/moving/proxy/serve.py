"""The proxy as a process: until it is stopped, and then what it has seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from dumbbell_server.errors import BadInput
from dumbbell_server.moving.options import Options
from dumbbell_server.moving.proxy.answers import Answers, Difference
from dumbbell_server.moving.proxy.forwarding import Passing, proxy_app
from dumbbell_server.moving.pull import pull
from dumbbell_server.moving.wire import opened
from dumbbell_server.schema import build_schema
from dumbbell_server.seeding.form.folder import Folder, file_name, write_whole
from dumbbell_server.serving import listen, run, url_of

_HOST = "localhost"


def serve(upstream: str, port: int, on_ready: Callable[[str], None], on_difference: Callable[[Difference], object],
          ) -> Passing:
    """Forward until SIGINT or SIGTERM. What has gone by."""
    if not upstream.startswith(("http://", "https://")):
        raise BadInput(f"{upstream[:80]!r} is no base URL; write one such as https://api.wandb.ai")
    passing = Passing(Answers(build_schema()), on_difference)
    sockets = listen(_HOST, port)
    run([(proxy_app(upstream, passing), sockets)], lambda: on_ready(url_of(_HOST, sockets)), lambda: None)
    return passing


def write_report(path: Path, passing: Passing) -> None:
    """JSON: the differences, and how often each was seen."""
    found = [{"operation": difference.operation, "difference": difference.what, "times": times}
             for difference, times in passing.answers.seen.items()]
    write_whole(path, json.dumps(found, indent=2).encode())


def record(upstream: str, passing: Passing, folder: Path) -> list[str]:
    """The runs that clients wrote, with their projects' artifacts, as folders of fixtures: one a project.

    They are asked for with the key that the clients sent. What was left out, in words.
    """
    if not passing.runs:
        return []
    api = opened(upstream, passing.key)
    left_out = []
    for (entity, project), runs in sorted(passing.runs.items()):
        place = Folder(folder).root / f"{file_name(entity)}--{file_name(project)}"
        wanted = Options(filters=json.dumps({"name": {"$in": sorted(runs)}}))
        left_out += pull(api, entity, project, place, wanted).left_out
    return left_out
