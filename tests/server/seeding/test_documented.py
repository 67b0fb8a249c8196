"""The fixtures of docs/fixtures.md load as they are written there."""

from __future__ import annotations

import re

from dumbbell_server.seeding.form.reading import Fixture, parse, read_fixture
from dumbbell_server.seeding.load import load
from support.repository import ROOT
from support.world import World

PAGE = ROOT / "docs" / "fixtures.md"


def blocks() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_each_block_is_a_fixture(world: World) -> None:
    assert len(blocks()) == 3
    for number, block in enumerate(blocks()):
        counts = load(world.backend, Fixture((parse(block, f"{number}.dumbbell.yaml"),)))
        assert counts.runs, block
    assert load(world.backend, read_fixture("example")).runs == 0, "the first block is the fixture `example`"


def test_the_first_block_is_the_example() -> None:
    [shipped] = read_fixture("example").documents
    assert (shipped.folder / shipped.source.file).read_text().partition("\n\n")[2] == blocks()[0]
