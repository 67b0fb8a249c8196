"""Lists that go with the schema say what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from dumbbell_server.releases import TESTED
from dumbbell_server.schema import build_schema
from dumbbell_server.settings import Settings
from support import compatibility
from support.access_matrix import ATTEMPTS, LOOKUPS, NOBODYS_FIELDS, OPEN
from support.generated import PAGES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_are_up_to_date(path: Path) -> None:
    assert path.read_text() == PAGES[path](), f"docs/{path.name} is stale: run `make docs` and commit it"


def test_what_works_is_shown_by_tests() -> None:
    assert [problem for row in compatibility.rows() for problem in compatibility.problems(row)] == []


def test_every_operation_that_is_refused_is_said_to_be() -> None:
    said = {name for row in compatibility.rows() for name in row.waits}
    assert compatibility.waiting_operations() - said == set()


def test_releases_are_those_that_a_test_runs() -> None:
    def of(test: str) -> list[str]:
        return compatibility.releases(compatibility.works("", test))

    assert of("sdk/test_artifacts.py::test_client_of_2022") == ["0.12.21"]
    assert of("sdk/test_branches.py::test_fork_shows_its_parent_up_to_the_step") == ["0.31.0", "0.18.7"]
    assert of("sdk/test_resume.py::test_must_is_refused_where_there_is_no_run") == ["0.31.0", "0.28.2", "0.18.7"]
    assert len(of("sdk/test_versions.py::test_run_is_logged_and_read_by_the_same_release")) == len(TESTED)
    assert of("contract/test_contract.py::test_both_clients_answer_alike[run_id]") == ["0.31.0"]
    assert of("client/test_users.py::test_a_team_and_its_members") == []


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
