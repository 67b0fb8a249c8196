"""Lists that go with the schema say what it says."""

from __future__ import annotations

from pathlib import Path

from dumbbell_server.schema import build_schema
from dumbbell_server.settings import Settings
from support.access_matrix import ATTEMPTS, LOOKUPS, NOBODYS_FIELDS, OPEN
from support.supported import PAGE, page


def test_list_of_what_is_supported_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "docs/supported.md is stale: run `make supported` and commit it"


def test_strangers_try_every_mutation_and_lookup() -> None:
    schema = build_schema()
    assert schema.mutation_type is not None
    assert schema.query_type is not None
    mutations = {*OPEN, *(attempt.mutation for attempt in ATTEMPTS)}
    assert set(schema.mutation_type.fields) == mutations, "tests/support/access_matrix.py lists how each is used"
    fields = {*NOBODYS_FIELDS, *(lookup.field for lookup in LOOKUPS)}
    assert set(schema.query_type.fields) == fields, "tests/support/access_matrix.py lists what each leads to"


def test_every_setting_is_in_the_readme() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    assert [name for name in Settings.model_fields if f"| `DUMBBELL_{name.upper()}` |" not in readme] == []
