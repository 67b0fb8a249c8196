"""Tables: read from an artifact, with their columns, rows and times."""

from __future__ import annotations

import datetime as dt
import importlib
import json
from typing import Any

import pytest

import dumbbell
from dumbbell import errors

STORED = {"_type": "table", "columns": ["name", "when", "maybe"], "data": [["a", 1000, None], ["b", None, 2000.5]],
          "column_types": {"wb_type": "typedDict", "params": {"type_map": {
              "name": {"wb_type": "string"}, "when": {"wb_type": "timestamp"},
              "maybe": {"wb_type": "union", "params": {"allowed_types": [{"wb_type": "none"},
                                                                         {"wb_type": "timestamp"}]}}}}}}


@pytest.fixture
def table(run: dumbbell.Run) -> dumbbell.Table:
    draft = dumbbell.Artifact("tables", "t")
    with draft.new_file("preds.table.json") as file:
        file.write(json.dumps(STORED))  # type: ignore[call-overload]
    found = run.log_artifact(draft).get("preds")
    assert isinstance(found, dumbbell.Table)
    return found


def test_a_table_has_columns_and_rows(table: dumbbell.Table) -> None:
    second, third = (dt.datetime(1970, 1, 1, 0, 0, at, more, tzinfo=dt.UTC) for at, more in ((1, 0), (2, 500)))
    assert table.columns == ["name", "when", "maybe"]
    assert table.data == [["a", second, None], ["b", None, third]]
    assert table.get_column("when") == [second, None]
    assert list(table.iterrows()) == [(0, ["a", second, None]), (1, ["b", None, third])]


def test_a_table_is_also_what_its_file_holds(table: dumbbell.Table) -> None:
    assert table == STORED
    assert table["data"][0] == ["a", 1000, None]
    assert repr(table) == "<Table 2 rows of name, when, maybe>"
    assert "<td>a</td>" in table._repr_html_()


def test_a_column_that_is_not_there_is_named(table: dumbbell.Table) -> None:
    with pytest.raises(ValueError, match="no column 'score'; it has name, when, maybe"):
        table.get_column("score")


def test_without_pandas_it_says_so(table: dumbbell.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: str) -> Any:
        raise ImportError
    monkeypatch.setattr(importlib, "import_module", gone)
    with pytest.raises(errors.UsageError, match="needs pandas"):
        table.get_dataframe()


@pytest.mark.parametrize("stored", [{}, {"columns": ["a"], "data": [], "column_types": None}])
def test_an_empty_table_has_no_rows(stored: dict[str, Any]) -> None:
    assert dumbbell.Table(stored).data == []
