"""Imports go one way: no module imports itself by way of others when the program runs."""

from __future__ import annotations

import grimp
import pytest


@pytest.mark.parametrize("package", ["dumbbell_server", "dumbbell", "dumbbell_fixtures"])
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    """Names of types alone are excepted: the client's objects know each other so."""
    graph = grimp.build_graph(package, exclude_type_checking_imports=True)
    left = {module: set(graph.find_modules_directly_imported_by(module)) - {module} for module in graph.modules}
    while free := [module for module, imported in left.items() if not imported & left.keys()]:
        for module in free:
            del left[module]
    assert sorted(left) == [], "these import each other, or what does"
