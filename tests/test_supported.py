"""The list of what is supported says what the code does."""

from __future__ import annotations

from support.supported import PAGE, page


def test_list_of_what_is_supported_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "docs/supported.md is stale: run `make supported` and commit it"
