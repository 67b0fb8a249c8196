"""`dumbbell.sweep`: what is sent, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Any

import httpx2
import pytest
import yaml

import dumbbell
from support.faulty_transport import RecordingTransport
from support.world import World


def sent(wire: RecordingTransport) -> dict[str, Any]:
    """The variables of the last sweep that was made."""
    found: dict[str, Any] = [body["variables"] for body in wire.bodies if "upsertSweep" in body["query"]][-1]
    return found


def test_a_sweep_is_made(api: dumbbell.Api, wire: RecordingTransport) -> None:
    config = {"method": "bayes", "name": "hunt", "description": "for the best", "program": "train.py",
              "metric": {"name": "loss", "goal": "minimize"},
              "parameters": {"lr": {"min": 1e-5, "max": 0.1}, "layers": {"min": 1, "max": 4},
                             "code": {"values": ["008", "0x1", "x"]}, "net": {"parameters": {"act": {"value": "tanh"}}},
                             "drop": {"distribution": "uniform", "min": 0, "max": 0.5}}}
    before = json.dumps(config)
    name = dumbbell.sweep(config, entity="local", project="p", api=api)
    sweep = api.sweep(f"local/p/{name}")
    assert (sweep.name, sweep.description, sweep.state) == ("hunt", "for the best", "PENDING")
    parameters = sweep.config["parameters"]
    assert parameters["lr"] == {"min": 1e-5, "max": 0.1, "distribution": "uniform"}
    assert parameters["layers"] == {"min": 1, "max": 4, "distribution": "int_uniform"}
    assert parameters["drop"] == {"min": 0, "max": 0.5, "distribution": "uniform"}
    assert parameters["code"] == {"values": ["008", "0x1", "x"]}
    assert {key: value for key, value in sweep.config.items() if key != "parameters"} == {
        key: value for key, value in config.items() if key != "parameters"}
    assert "'008'" in sent(wire)["config"]  # readers of YAML 1.2 take it for a number without
    assert json.dumps(config) == before


def test_where_it_belongs(new_api: Callable[..., dumbbell.Api], world: World, wire: RecordingTransport) -> None:
    world.gql('mutation { createTeam(input: {teamName: "team"}) { entity { id } } }')
    plain: dict[str, Any] = {"method": "grid", "parameters": {"x": {"values": [1]}}}
    for config, given, settings, place in (
            (plain, {}, {}, ("local", "uncategorized")),
            (plain, {}, {"project": "set", "entity": "team"}, ("team", "set")),
            ({**plain, "project": "own", "entity": "team"}, {}, {"project": "set"}, ("team", "own")),
            ({**plain, "project": "own", "entity": "team"}, {"project": "p", "entity": "local"}, {}, ("local", "p"))):
        api = new_api(**settings)
        name = dumbbell.sweep(config, api=api, **given)
        assert (sent(wire)["entity"], sent(wire)["project"]) == place
        dumbbell.agent(name, lambda _: None, api=api)  # this process knows where it is
        assert api.sweep("/".join((*place, name))).state == "FINISHED"


class Array:
    """As numpy has them."""

    def __init__(self, values: Iterable[int]) -> None:
        self._values = list(values)

    def tolist(self) -> list[int]:
        return self._values


def test_a_config_may_be_made_by_a_function_and_hold_more_than_json_knows(api: dumbbell.Api) -> None:
    parameters = {"x": {"values": Array(range(100))}, "y": {"values": Array([7])}, "z": {"values": (0.5, {"a": (1,)})}}
    name = dumbbell.sweep(lambda: MappingProxyType({"method": "grid", "parameters": parameters}), project="p", api=api)
    assert api.sweep(f"p/{name}").config["parameters"] == {
        "x": {"values": list(range(100))}, "y": {"values": [7]}, "z": {"values": [0.5, {"a": [1]}]}}


def test_prior_runs_count_among_its_runs(world: World, api: dumbbell.Api) -> None:
    for number in range(3):
        world.upsert(f"r{number}")
    name = dumbbell.sweep({"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}}, project="p",
                          prior_runs=["r0", "r2"], api=api)
    assert sorted(run.id for run in api.sweep(f"p/{name}").runs) == ["r0", "r2"]


def test_configs_that_cannot_be(api: dumbbell.Api, wire: RecordingTransport) -> None:
    def refused(config: Any, error: type[Exception], match: str) -> None:
        with pytest.raises(error, match=match):
            dumbbell.sweep(config, project="p", api=api)
    wire.clear()
    refused({"method": "random", "parameters": {"x": {"min": 0, "max": 1.5}}}, ValueError,
            r"parameter 'x' has the bounds 0 and 1\.5")
    refused("sweep.yaml", TypeError, r"a dict, such as .* not 'sweep\.yaml'")
    refused(lambda: None, TypeError, "not None")
    refused({"method": "grid", "parameters": {"x": {"values": [object()]}}}, TypeError,
            r"config\['parameters'\]\['x'\]\['values'\]\[0\] is of type object")
    assert wire.operations == []
    refused({"method": "guess", "parameters": {"x": {"values": [1]}}}, dumbbell.CommError, "method")
    assert [project.name for project in api.projects()] == []


def test_warnings_of_the_server_are_shown(api: dumbbell.Api, wire: RecordingTransport) -> None:
    def warned(_: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        found = json.loads(answer.read())
        if "upsertSweep" in (found.get("data") or {}):
            found["data"]["upsertSweep"]["configValidationWarnings"] = ["metric.goal is missing"]
        return httpx2.Response(200, json=found, request=answer.request)
    wire.mangle = warned
    with pytest.warns(UserWarning, match=r"the config of the sweep: metric\.goal is missing") as caught:
        dumbbell.sweep({"method": "grid", "parameters": {"x": {"values": [1]}}}, project="p", api=api)
    assert caught[0].filename == __file__


def test_small_numbers_stay_numbers(api: dumbbell.Api) -> None:
    """`1e-05`, as JSON writes it, is a text in the YAML of Python."""
    name = dumbbell.sweep({"method": "grid", "parameters": {"x": {"values": [1e-05]}}}, project="p", api=api)
    assert yaml.safe_load(api.sweep(f"p/{name}").load()["config"])["parameters"]["x"]["values"] == [1e-05]
