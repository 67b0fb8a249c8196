"""A fixture of as many runs as are asked for, for load."""

from __future__ import annotations

import random
from collections.abc import Iterator

from dumbbell_server.errors import BadInput
from dumbbell_server.seeding.form.documents import DEFAULT_CREATED

_OPTIMIZERS = ("sgd", "adam", "lion")
_STATES = ("finished",) * 8 + ("failed", "crashed")
_FORMULAS = ("exp(-step / {scale}) + noise(0.02)", "1 - exp(-step / {scale}) + noise(0.01)",
             "{height} * sin(step / {scale})", "{height} / (1 + step / {scale})", "sqrt(step + {height})")
_NAMES = ("loss", "acc", "wave", "lr", "norm")


def fixture_text(project: str, *, runs: int, rows: int, keys: int, seed: int) -> str:
    """YAML of a document with these runs, the same for the same arguments."""
    entity, _, name = project.partition("/")
    if not entity or not name or "/" in name:
        raise BadInput(f"{project!r} is no project; write ENTITY/PROJECT, such as local/load")
    return "".join(_lines(entity, name, runs, rows, keys, random.Random(seed)))  # noqa: S311 - the same each time


def _lines(entity: str, name: str, runs: int, rows: int, keys: int, source: random.Random) -> Iterator[str]:
    yield f"created: {DEFAULT_CREATED}\n"
    if entity == "local":
        yield "users:\n  - {name: local, first: true}\n"
    yield f"projects:\n  - entity: {entity}\n    name: {name}\n    runs:\n"
    for number in range(runs):
        rate = 10 ** -source.uniform(1, 5)
        yield (f"      - id: load{number:05d}\n        state: {source.choice(_STATES)}\n"
               f"        group: group{number % 10}\n        tags: [load, batch{number % 7}]\n"
               f"        config: {{lr: {rate:.6f}, optimizer: {source.choice(_OPTIMIZERS)}, seed: {number}}}\n"
               f"        history:\n          rows: {rows}\n          keys:\n")
        for key in range(keys):
            formula = _FORMULAS[key % len(_FORMULAS)].format(scale=source.randint(10, rows + 10),
                                                             height=round(source.uniform(1, 9), 2))
            yield f'            {_name(key)}: "{formula}"\n'


def _name(key: int) -> str:
    turn, place = divmod(key, len(_NAMES))
    return _NAMES[place] + (f"/{turn}" if turn else "")
