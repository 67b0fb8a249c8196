"""Every GraphQL document inside releases of wandb and their Go core fits our schema, but for those that wait."""

from __future__ import annotations

import pytest

from dumbbell_server.moving.drift.documents import Refused, documents_of, refused
from dumbbell_server.moving.drift.waiting import WAITING
from dumbbell_server.releases import python_of

pytestmark = pytest.mark.sdk

# How many documents each has, in Python and in the core: a pattern that misses some would pass for nothing.
COUNTS = {"0.31.0": (129, 42), "0.22.3": (144, 25), "0.12.21": (65, 0)}


@pytest.fixture(scope="module")
def found() -> dict[str, tuple[dict[str, list[str]], list[Refused]]]:
    """Of each release its documents, and what of them the schema does not take."""
    documents = {release: documents_of(python_of(release)) for release in COUNTS}
    return {release: (texts, refused(texts)) for release, texts in documents.items()}


Found = dict[str, tuple[dict[str, list[str]], list[Refused]]]


@pytest.mark.parametrize("release", COUNTS)
def test_all_documents_are_found(found: Found, release: str) -> None:
    texts, _ = found[release]
    assert (len(texts["python"]), len(texts["core"])) == COUNTS[release]


@pytest.mark.parametrize("release", COUNTS)
def test_documents_fit_the_schema(found: Found, release: str) -> None:
    wrong = {operation.name: operation.errors for operation in found[release][1] if operation.waits_for is None}
    assert not wrong, f"the schema does not fit what wandb {release} sends"


def test_what_fits_by_now_waits_no_more(found: Found) -> None:
    names = {operation.name for _, operations in found.values() for operation in operations}
    assert not {name for waiting in WAITING.values() for name in waiting} - names, "take these out of WAITING"
