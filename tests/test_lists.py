"""Lists that go with the schema say what it says."""

from __future__ import annotations

from dumbbell_server.schema import build_schema
from support.attempts import ATTEMPTS, LOOKUPS, OPEN
from support.supported import PAGE, page


def test_list_of_what_is_supported_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "docs/supported.md is stale: run `make supported` and commit it"


def test_strangers_try_every_mutation_and_lookup() -> None:
    schema = build_schema()
    assert schema.mutation_type is not None
    assert schema.query_type is not None
    assert set(schema.mutation_type.fields) == {*ATTEMPTS, *OPEN}, "tests/support/attempts.py lists how each is used"
    assert set(schema.query_type.fields) == set(LOOKUPS), "tests/support/attempts.py lists what each leads to"
