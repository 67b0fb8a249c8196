"""A pull whose folder gets its name only with pseudonyms in it."""

from __future__ import annotations

import shutil
from pathlib import Path

from dumbbell import Api
from dumbbell_server.errors import Conflict
from dumbbell_server.moving.options import Options
from dumbbell_server.moving.pull import Pulled, pull
from dumbbell_server.moving.scrub.folders import write_scrubbed
from dumbbell_server.moving.scrub.words import Wanted


def scrubbed_pull(api: Api, entity: str, project: str, root: Path, options: Options, wanted: Wanted) -> Pulled:
    """Pull into a hidden folder beside this one, from which a cut pull goes on; it goes once the scrubbed one is there.

    Conflict where the folder is there already.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise Conflict(f"{str(root)!r} is there already, and a scrubbed pull cannot go on; pull into a new folder")
    working, scrubbed = root.with_name(f".{root.name}.pull"), root.with_name(f".{root.name}.scrubbed")
    done = pull(api, entity, project, working, options)
    shutil.rmtree(scrubbed, ignore_errors=True)
    write_scrubbed(working, scrubbed, wanted)
    if root.exists():
        root.rmdir()
    scrubbed.rename(root)
    shutil.rmtree(working)
    return done
