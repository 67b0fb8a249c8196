"""What is read out of a sweep's YAML."""

from __future__ import annotations

import pytest

from dumbbell_server.errors import BadInput
from dumbbell_server.sweeps.config import read_config


@pytest.mark.parametrize(("text", "expected"), [
    ("{method: grid, parameters: {a: {values: [1, 2, 3]}}}", 3),
    ("{method: grid, parameters: {a: {values: [1, 2, 3]}, b: {parameters: {c: {values: [4, 5, 6]}}}}}", 9),
    ("{method: grid, parameters: {a: {value: 1}, b: {values: [1, 2]}}}", 2),
    ("{method: grid, parameters: {a: {min: 1, max: 5, distribution: int_uniform}}}", 5),
    ("{method: grid, parameters: {a: {min: 0.0, max: 1.0, q: 0.25, distribution: q_uniform}}}", 5),
    ("{method: grid, run_cap: 2, parameters: {a: {values: [1, 2, 3]}}}", 2),
    ("{method: grid, parameters: {a: {min: 0.0, max: 1.0}}}", None),
    ("{method: grid, parameters: {a: {min: 0, max: 1, q: 5.0e-324}}}", None),
    ("{method: grid, parameters: {a: {min: 0, max: 1" + "0" * 14 + "}, b: {min: 0, max: 1" + "0" * 14 + "}}}",
     2**31 - 1),
    ("{method: random, parameters: {a: {values: [1, 2, 3]}}}", None),
    ("{method: random, run_cap: 7, parameters: {a: {values: [1, 2, 3]}}}", 7),
    ("{method: bayes, metric: {name: l}, parameters: {a: {min: 0.0, max: 1.0}}}", None),
])
def test_expected_runs(text: str, expected: int | None) -> None:
    assert read_config(text).expected == expected


@pytest.mark.parametrize(("text", "named"), [
    ("", "mapping"),
    ("- 1", "mapping"),
    ("{method: grid", "not YAML"),
    ("{method: hill}", "'hill'"),
    ("{parameters: {}}", "method"),
    ("{method: grid, parameters: [1]}", "parameters"),
    ("{method: grid, parameters: {a: 1}}", "'a'"),
    ("{method: grid, parameters: {a: {values: []}}}", "'a'"),
    ("{method: grid, parameters: {a: {min: 3, max: 1}}}", "'a'"),
    ("{method: grid, parameters: {a: {parameters: {b: 2}}}}", "'b'"),
    ("{method: grid, metric: loss}", "metric"),
    ("{method: grid, metric: {name: l, goal: most}}", "'most'"),
    ("{method: grid, run_cap: 0}", "run_cap"),
    ("{method: grid, run_cap: many}", "run_cap"),
    ("{method: grid, name: [1]}", "name"),
    ("{method: grid, when: 2024-99-99}", "not YAML"),
    ("a: &a {method: grid}\nb: *a", "aliases"),
    ("!!python/object/apply:os.system [exit 1]", "not YAML"),
    ("[" * 20_000, "nested"),
    ("method: grid\x00", "not YAML"),
    ('{method: grid, name: "a\\0b"}', "NUL"),
    ('{method: grid, metric: {name: "a\\0b"}}', "NUL"),
    ("method: grid #" + "x" * (1 << 20), "long"),
])
def test_a_config_that_is_none_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        read_config(text)


def test_odd_configs_are_warned_of() -> None:
    assert read_config("{method: grid, parameters: {a: {values: [1]}}}").warnings == ()
    assert "parameters" in read_config("{method: random}").warnings[0]
    assert "metric" in read_config("{method: bayes, parameters: {a: {value: 1}}}").warnings[0]
    text = "{method: grid, parameters: {a: {parameters: {b: {min: 0.5, max: 1.0}}}}}"
    assert "'a.b'" in read_config(text).warnings[0]
