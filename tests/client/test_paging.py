"""Lists that come in pages."""

from __future__ import annotations

import copy
import pickle

import pytest

import dumbbell
from support.faulty_transport import RecordingTransport, answering
from support.world import World


@pytest.fixture
def seven(world: World) -> World:
    for number in range(7):
        world.upsert(f"r{number}")
        world.clock.move(60)
    return world


NEWEST_FIRST = [f"r{number}" for number in range(6, -1, -1)]


@pytest.mark.usefixtures("seven")
@pytest.mark.parametrize("per_page", [1, 2, 6, 7, 8, None])
def test_every_page_size_gives_the_same_list(api: dumbbell.Api, wire: RecordingTransport, per_page: int | None) -> None:
    runs = api.runs("local/p", per_page=per_page)
    assert [run.id for run in runs] == NEWEST_FIRST
    assert len(wire.requests) == -(-7 // (per_page or 50))
    assert {body["variables"]["perPage"] for body in wire.bodies} == {per_page or 50}
    assert not runs.more


@pytest.mark.usefixtures("seven")
def test_nothing_is_asked_before_it_is_needed(api: dumbbell.Api, wire: RecordingTransport) -> None:
    runs = api.runs("local/p", per_page=2)
    assert runs
    assert repr(runs) == "<Runs local/p>"
    assert runs.more
    assert runs.cursor is None
    assert runs.objects == []
    assert wire.requests == []
    assert len(runs) == 7
    assert len(wire.requests) == 1
    assert repr(runs) == "<Runs local/p (7)>"


@pytest.mark.usefixtures("seven")
def test_indexes_load_as_far_as_needed(api: dumbbell.Api, wire: RecordingTransport) -> None:
    runs = api.runs("local/p", per_page=2)
    assert runs[3].id == "r3"
    assert len(wire.requests) == 2
    assert [run.id for run in runs[1:5]] == NEWEST_FIRST[1:5]
    assert len(wire.requests) == 3
    assert runs[-1].id == "r0"
    assert len(wire.requests) == 4
    assert [run.id for run in runs[:]] == NEWEST_FIRST
    assert [run.id for run in runs[::-3]] == NEWEST_FIRST[::-3]
    assert runs[2:100] == runs[2:]


@pytest.mark.usefixtures("seven")
@pytest.mark.parametrize("index", [slice(None, 0, -1), slice(4, 1, -2), slice(None, None, -1), slice(-2, 1, -1)])
def test_slices_backwards_load_what_they_need(api: dumbbell.Api, index: slice) -> None:
    assert [run.id for run in api.runs("local/p", per_page=2)[index]] == NEWEST_FIRST[index]


@pytest.mark.usefixtures("seven")
@pytest.mark.parametrize("index", [7, 10**6, -8])
def test_past_the_end_is_an_index_error(api: dumbbell.Api, index: int) -> None:
    with pytest.raises(IndexError, match="out of range") as caught:
        _ = api.runs("local/p", per_page=3)[index]
    assert isinstance(caught.value, dumbbell.CommError)


@pytest.mark.usefixtures("seven")
def test_loops_do_not_disturb_each_other(api: dumbbell.Api) -> None:
    runs = api.runs("local/p", per_page=2)
    pairs = [(one.id, two.id) for one in runs for two in runs]
    assert pairs == [(one, two) for one in NEWEST_FIRST for two in NEWEST_FIRST]
    assert [next(runs).id, runs.next().id] == ["r6", "r5"]
    assert [run.id for run in runs] == NEWEST_FIRST
    assert next(runs).id == "r4"
    for _ in range(4):
        next(runs)
    with pytest.raises(StopIteration):
        next(runs)


@pytest.mark.usefixtures("seven")
def test_the_next_page_comes_while_one_is_worked_on(api: dumbbell.Api, wire: RecordingTransport) -> None:
    loop = iter(runs := api.runs("local/p", per_page=3))
    next(loop)
    assert runs._ahead is not None
    runs._ahead.take()
    assert len(wire.requests) == 2
    assert len(runs.objects) == 3


@pytest.mark.usefixtures("seven")
def test_an_error_ahead_is_raised_where_the_page_is_needed(api: dumbbell.Api, wire: RecordingTransport) -> None:
    loop = iter(api.runs("local/p", per_page=3))
    wire.faults.append(lambda request: None if b'"cursor":null' in request.read()
                       else answering(403, {"errors": [{"message": "not you"}]})(request))
    assert [next(loop).id for _ in range(3)] == NEWEST_FIRST[:3]
    with pytest.raises(dumbbell.CommError, match="not you"):
        next(loop)


def test_an_empty_list_is_true_and_has_no_more(world: World, api: dumbbell.Api) -> None:
    world.upsert("r")
    runs = api.runs("local/p", {"name": "nothing"})
    assert runs
    assert list(runs) == []
    assert len(runs) == 0
    assert not runs.more


def test_a_missing_project_is_named(api: dumbbell.Api) -> None:
    with pytest.raises(dumbbell.NotFoundError, match="local/none"):
        list(api.runs("local/none"))


@pytest.mark.usefixtures("seven")
def test_the_length_of_projects_is_not_told(api: dumbbell.Api) -> None:
    projects = api.projects("local", per_page=1)
    assert [project.name for project in projects] == ["p"]
    assert [project.name for project in list(projects)] == ["p"]
    with pytest.raises(ValueError, match="does not tell"):
        len(projects)


@pytest.mark.parametrize("per_page", [0, -1])
def test_a_page_has_rows(api: dumbbell.Api, per_page: int) -> None:
    with pytest.raises(ValueError, match="per_page"):
        api.runs("local/p", per_page=per_page)


@pytest.mark.usefixtures("seven")
def test_lists_and_runs_can_be_copied(api: dumbbell.Api, wire: RecordingTransport) -> None:
    runs = api.runs("local/p")
    first = runs[0]
    assert copy.copy(first).id == copy.deepcopy(first).id == "r6"
    api.client.transport._inner = None  # an app in this process does not travel
    again = pickle.loads(pickle.dumps(runs))
    assert [run.id for run in again] == NEWEST_FIRST
    assert pickle.loads(pickle.dumps(first)).path == first.path
    assert len(wire.requests) == 1
