"""Defects of the client of 2020 that this one must not have: each has a test, and this is the list of them."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import httpx2
import pytest

import dumbbell
from support.faulty_transport import RecordingTransport, failing
from support.world import World

HERE = Path(__file__).parent

# Number in the list of old defects: where it is tried.
TRIED = {
    1: "test_paths.py test_entity_and_project_are_not_taken_for_project_and_run",
    2: "test_paths.py test_a_lone_id_is_looked_for_in_the_default_project",
    3: "test_history.py test_keys_give_rows_that_have_them_all",
    4: "test_filters.py test_a_filter_in_the_server_s_language",
    5: "test_filters.py test_an_order_as_the_server_reads_it",
    6: "test_runs.py test_a_new_run_has_every_field_and_can_be_saved",
    7: "test_runs.py test_update_saves_everything_and_keeps_the_clients_own_section",
    8: "test_runs.py test_load_can_be_forced_again_and_again",
    9: "artifacts/test_finding.py test_types_collections_and_versions",
    10: "artifacts/test_making.py test_who_made_it_and_who_used_it",
    11: "artifacts/test_finding.py test_save",
    12: "test_pitfalls.py test_an_artifact_without_metadata_has_an_empty_one",
    13: "test_pitfalls.py test_a_sweep_s_config_is_data_and_runs_nothing",
    14: "test_sweeps.py test_reports_are_listed_and_found",
    15: "test_runs.py test_a_missing_run_is_two_kinds_of_error",
    16: "test_transport.py test_the_key_goes_to_its_own_server_only",
    17: "test_files.py test_a_name_that_leaves_the_folder_is_refused",
    18: "artifacts/test_downloading.py test_an_unknown_store_does_not_keep_the_rest",
    19: "test_files.py test_download_gives_the_bytes_and_an_open_file",
    20: "test_sweeps.py test_reports_are_listed_and_found",
    21: "test_paging.py test_nothing_is_asked_before_it_is_needed",
    22: "test_paging.py test_loops_do_not_disturb_each_other",
    23: "test_paging.py test_indexes_load_as_far_as_needed",
    24: "test_paging.py test_a_missing_project_is_named",
    25: "test_pitfalls.py test_an_unread_key_is_deleted",
    26: "test_sweeps.py test_a_run_knows_its_sweep_even_a_deleted_one",
    27: "test_pitfalls.py test_a_scan_gives_up_on_a_dead_line",
    28: "test_transport.py test_a_refusal_without_words_is_told_by_its_status",
    29: "test_pitfalls.py test_the_page_size_reaches_every_list_of_artifacts",
    30: "test_transport.py test_the_key_goes_to_its_own_server_only",
    31: "test_pitfalls.py test_runs_leave_no_folders",
    32: "test_filters.py test_a_filter_in_the_server_s_language",
}


def test_every_old_defect_is_tried() -> None:
    assert sorted(TRIED) == list(range(1, 33))
    for place in TRIED.values():
        name, test = place.split()
        assert re.search(rf"def {test}\(", (HERE / name).read_text()), place


def test_an_artifact_without_metadata_has_an_empty_one(world: World, api: dumbbell.Api) -> None:
    world.upsert("r")
    artifact = api.run("local/p/r").log_artifact(dumbbell.Artifact("plain", "t"))
    bare = dumbbell.Artifact.of(api.client, ("local", "p", "plain"), {**artifact._attrs, "metadata": None})
    assert bare.metadata == {}


def test_a_sweep_s_config_is_data_and_runs_nothing(api: dumbbell.Api) -> None:
    sweep = dumbbell.Sweep(api.client, "local", "p", "s", {"config": "method: grid\nmetric: {name: loss}\n"})
    assert sweep.config == {"method": "grid", "metric": {"name": "loss"}}
    hostile = dumbbell.Sweep(api.client, "local", "p", "s", {"config": "!!python/object/apply:os.getcwd []"})
    with pytest.raises(Exception, match="could not determine a constructor"):
        _ = hostile.config


def test_an_unread_key_is_deleted(world: World, api: dumbbell.Api) -> None:
    world.upsert("r", summaryMetrics='{"a": 1, "b": 2}')
    run = api.run("local/p/r")
    del run.summary["a"]
    run.summary.update()
    assert world.run("summaryMetrics")["summaryMetrics"] == '{"b":2}'


def test_a_scan_gives_up_on_a_dead_line(world: World, api: dumbbell.Api, wire: RecordingTransport) -> None:
    world.upsert("r")
    world.history("r", [{"_step": step} for step in range(5)])
    scan = api.run("local/p/r").scan_history()
    wire.faults += [failing(httpx2.ConnectError)] * 100
    with pytest.raises(dumbbell.CommError, match="could not talk to"):
        list(scan)


def test_the_page_size_reaches_every_list_of_artifacts(world: World, api: dumbbell.Api,
                                                       wire: RecordingTransport) -> None:
    world.upsert("r")
    run = api.run("local/p/r")
    run.log_artifact(dumbbell.Artifact("plain", "t"))
    wire.clear()
    for found in (run.logged_artifacts(per_page=7), run.used_artifacts(per_page=7),
                  api.artifact_type("t", "local/p").collections(per_page=7),
                  api.artifacts("t", "local/p/plain", per_page=7),
                  api.project("p").artifacts_types(per_page=7), api.project("p").collections(per_page=7)):
        list(found)  # type: ignore[call-overload]
    sizes = [body["variables"]["perPage"] for body in wire.bodies if "perPage" in body["variables"]]
    assert sizes == [7] * 6


def test_runs_leave_no_folders(world: World, api: dumbbell.Api, tmp_path: Path,
                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    world.upsert("r")
    before = sorted(tmp_path.iterdir())
    run = api.runs("local/p")[0]
    _ = run.config, run.summary
    assert sorted(tmp_path.iterdir()) == before
    assert Path(run.dir).is_dir()
    assert run.dir == run.dir
