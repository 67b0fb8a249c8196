"""What works with `wandb`, call by call, and the test that shows it; docs/compatibility.md is made from it.

The releases are not written down here: they are those with which the named tests run `wandb`.
"""

from __future__ import annotations

import ast
import itertools
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from dumbbell_server.moving.drift.waiting import WAITING
from dumbbell_server.releases import TESTED
from support.repository import ROOT

TESTS = ROOT / "tests"
_WITH_WANDB = ("sdk", "contract")  # folders of the tests that run it
WORKS, PARTLY, UNTESTED, NOT = "works", "partly", "not tested", "not"
MEANINGS = {
    WORKS: "a test does it with the real `wandb`, by the releases named",
    PARTLY: "the same, but for what is said there",
    UNTESTED: "no test does it with the real `wandb`; where one is named, it shows that what `wandb` sends is answered",
    NOT: "the server cannot answer what `wandb` sends",
}


@dataclass(frozen=True)
class Row:
    call: str
    status: str
    shown: tuple[str, ...] = ()  # tests, below tests/; of the contract suite patterns of cases in brackets
    waits: tuple[str, ...] = ()  # operations in moving/drift/waiting.py:WAITING
    note: str = ""


def works(call: str, *shown: str, note: str = "") -> Row:
    return Row(call, WORKS, shown, note=note)


def partly(call: str, *shown: str, note: str) -> Row:
    return Row(call, PARTLY, shown, note=note)


def untested(call: str, *shown: str, note: str = "") -> Row:
    return Row(call, UNTESTED, shown, note=note)


def missing(call: str, *waits: str, note: str = "") -> Row:
    return Row(call, NOT, waits=waits, note=note)


def case(*patterns: str) -> str:
    """Cases of the contract suite, which `dumbbell` and `wandb` answer alike or as its list of differences says."""
    return f"contract/test_contract.py::test_both_clients_answer_alike[{' '.join(patterns)}]"


VERSIONS = "sdk/test_versions.py::test_run_is_logged_and_read_by_the_same_release"
RESUMED = "sdk/test_resume.py::test_resumed_run_continues_at_next_step"
ROUND_TRIP = "sdk/test_artifacts.py::test_round_trip"
OF_2022 = "sdk/test_artifacts.py::test_client_of_2022"
EDITS = "sdk/test_artifacts.py::test_edits_links_and_deletes"
KINDS = "sdk/test_artifact_kinds.py::test_incremental_distributed_and_drafted_versions"
REFERENCES = "sdk/test_artifact_kinds.py::test_references_and_objects_of_other_artifacts"
TABLES = "sdk/test_artifact_kinds.py::test_tables_media_and_code"
ARTIFACT_COMMANDS = "sdk/test_artifact_kinds.py::test_command_line"
AGENTS = "sdk/test_agents.py::test_a_function_does_the_runs_of_sweeps"
SWEEPS = "sdk/test_sweeps.py::test_a_sweep_is_made_joined_and_read_back"
REPORTS = "sdk/test_sweeps.py::test_reports_are_listed"
OFFLINE = "sdk/test_stored_files.py::test_offline_run_is_synced"
REGISTRIES = "sdk/test_registries.py::test_registries_from_end_to_end"
LINKED_AT_ONCE = "sdk/test_links.py::test_what_was_just_logged_is_linked"
USERS = "client/test_users.py"

TABLE: dict[str, list[Row]] = {
    "Runs": [
        works("wandb.login()", "sdk/test_verify.py::test_check_of_wandb_verify_passes"),
        works("wandb.init()", VERSIONS),
        works("wandb.init(name=, group=, job_type=, tags=, notes=)",
              "sdk/test_resume.py::test_labels_of_a_run_are_read_back", VERSIONS),
        works('wandb.init(resume="allow")', RESUMED),
        works('wandb.init(resume="must")', RESUMED, "sdk/test_resume.py::test_must_is_refused_where_there_is_no_run"),
        works('wandb.init(resume="never")', "sdk/test_resume.py::test_never_is_refused_where_the_run_exists"),
        works('wandb.init(resume="auto")',
              "sdk/test_resume.py::test_auto_continues_a_failed_run_and_then_starts_over"),
        works("wandb.init(resume_from=)", "sdk/test_branches.py::test_rewound_run_keeps_rows_up_to_the_step"),
        works("wandb.init(fork_from=)", "sdk/test_branches.py::test_fork_shows_its_parent_up_to_the_step"),
        works("wandb.init(id=), again", "sdk/test_same_run_again.py::test_a_run_started_over_has_its_new_rows_only"),
        works('wandb.init(mode="offline"), later synced', OFFLINE),
        works('wandb.init(mode="shared")', "sdk/test_shared.py::test_rows_and_console_of_both_processes_are_kept"),
        works("run.config", VERSIONS, "sdk/test_resume.py::test_nested_values_are_read_back_nested"),
        works("run.log()", VERSIONS, "sdk/test_resume.py::test_values_that_are_no_numbers_are_kept",
              "sdk/test_resume.py::test_nested_values_are_read_back_nested",
              "sdk/test_histories.py::test_no_run_gives_rows_of_its_former_selves"),
        works("run.summary", VERSIONS, "sdk/test_resume.py::test_nested_values_are_read_back_nested"),
        works("run.define_metric()", "sdk/test_resume.py::test_defined_metrics_shape_the_summary"),
        works("run.finish()", VERSIONS),
        works("console output", VERSIONS, "sdk/test_shared.py::test_rows_and_console_of_both_processes_are_kept"),
        works("a script that is killed", "sdk/test_trouble.py::test_killed_script_has_crashed_after_silence"),
        works("a server that is away for a while", "sdk/test_trouble.py::test_killed_server_loses_nothing"),
        works("a base URL with TLS, or with a path, behind nginx",
              "sdk/test_behind_proxy.py::test_wandb_through_nginx"),
        works("run, Api().run(), Api().project(), %wandb, %%wandb in a notebook",
              "sdk/test_notebook.py::test_a_run_is_shown_in_a_notebook"),
        works("a run that is stopped from outside", "sdk/test_stop.py::test_a_stopped_run_interrupts_its_script"),
        untested("run.mark_preempting()"),
        untested("run.watch(), run.unwatch()"),
        untested("wandb.init(sync_tensorboard=True)"),
        missing("run.alert()", "NotifyScriptableRunAlert"),
    ],
    "Files and media": [
        works("run.save(), wandb.save()", VERSIONS, "sdk/test_stored_files.py::test_saved_files_follow_their_policy"),
        works("wandb.restore(), run.restore()", "sdk/test_stored_files.py::test_file_of_another_run_is_restored"),
        works("run.log_code()", TABLES),
        works("wandb.Image", "sdk/test_stored_files.py::test_images_are_downloaded_as_they_were_logged"),
        works("wandb.Html", "sdk/test_stored_files.py::test_media_are_files_of_the_run", TABLES),
        works("wandb.Table, logged", TABLES, "sdk/test_frames.py::test_both_clients_give_the_same"),
        works("files in an S3 bucket", "sdk/test_bucket.py::test_files_go_through_the_bucket"),
        untested("wandb.Audio, Video, Object3D, Molecule, Plotly, Histogram", note="files and rows like the others"),
        untested("wandb.plot, wandb.plot_table()", note="the rows are kept; nothing draws them"),
        missing("Api.create_custom_chart()", "CreateCustomChart"),
    ],
    "Artifacts": [
        works("run.log_artifact(), artifact.wait()", ROUND_TRIP, OF_2022,
              "sdk/test_together.py::test_versions_are_numbered_without_gap_or_double"),
        works("artifact.add_file(), add_dir(), new_file()", ROUND_TRIP,
              "sdk/test_large_artifacts.py::test_empty_and_tiny_files_and_five_hundred_others"),
        works("very large files, very many files",
              "sdk/test_large_artifacts.py::test_very_large_and_very_many", note="a long test, run with `--soak`"),
        works("artifact.add_reference()", REFERENCES, OF_2022),
        works("artifact.add(), artifact.get()", REFERENCES, TABLES),
        works("wandb.Artifact(incremental=True)", KINDS),
        works("run.upsert_artifact(), run.finish_artifact()", KINDS),
        works("artifact.new_draft(), artifact.remove()", KINDS),
        works("run.use_artifact(), artifact.used_by(), artifact.logged_by()", ROUND_TRIP, OF_2022,
              case("artifact_used_by", "artifact_logged_by", "run_use_artifact")),
        works("artifact.download(), checkout(), file(), files(), get_entry()", ROUND_TRIP, OF_2022,
              case("artifact_download*", "artifact_checkout", "artifact_file*", "artifact_entry*")),
        works("artifact.verify()", ROUND_TRIP, case("artifact_verify*")),
        works("artifact.description, metadata, aliases, tags, save()", EDITS, OF_2022, case("artifact_save")),
        partly("artifact.ttl", case("artifact_ttl"), note="read; setting it is not tested with `wandb`"),
        works("artifact.delete()", EDITS, OF_2022, case("artifact_delete_with_aliases")),
        works("artifact.link(), run.link_artifact(), unlink()", EDITS, LINKED_AT_ONCE, OF_2022),
        works("artifacts in an S3 bucket", "sdk/test_bucket.py::test_artifacts_go_through_the_bucket"),
        untested("run.log_model(), use_model(), link_model()", note="artifacts of type `model`, like the others"),
        untested("jobs: type `job`, Api.job(), Api.list_jobs()"),
    ],
    "Registries": [
        works("Api.create_registry(), Api.registry(), registry.save(), delete()", REGISTRIES),
        works("Api.registries(), .collections(), .versions(), with filters and orders", REGISTRIES,
              note="0.28.2 cannot order versions"),
        works("registry.members(), add_members(), update_member(), remove_members()", REGISTRIES),
        works("linking to a registry, downloading from it", REGISTRIES),
    ],
    "Sweeps": [
        works("wandb.sweep()", SWEEPS),
        works("wandb.init() within a sweep", SWEEPS),
        works("Api.sweep(), sweep.runs, sweep.best_run(), expected_run_count", SWEEPS, case("sweep_*")),
        works("Project.sweeps(filters=)", case("sweeps_by_*", "sweeps_wrong_filter")),
        works("wandb.agent()", AGENTS, "sdk/test_agents.py::test_the_worse_run_is_stopped"),
        works("sweep.agents(), sweep.agent(), agent.runs()", AGENTS, case("agent_*", "agents_*")),
        works("wandb.controller()", "sdk/test_controllers.py::test_a_controller_searches"),
        works("a scheduler of one's own, sweep.enqueue_run()", "sdk/test_controllers.py::test_runs_are_put_in_line",
              case("sweep_enqueue_*")),
    ],
    "Launch": [
        missing("queues: Api.create_run_queue(), upsert_run_queue(), run_queue()", "CreateRunQueue", "UpsertRunQueue",
                "createRunQueue", "upsertRunQueue", "createDefaultResourceConfig",
                "GetRunQueueMetadata", "GetRunQueueItems", "CreateDefaultResourceConfig", "GetDefaultResourceConfig",
                "DeleteRunQueue", "ProjectRunQueues", "fetchRunQueuesFromProject"),
        missing("queued runs: Api.queued_run(), launching", "launchRun", "RunInfo", "pushToRunQueue",
                "pushToRunQueueByName",
                "GetRunQueueItem", "DeleteFromRunQueue", "popFromRunQueue"),
        missing("launch agents", "createLaunchAgent", "LaunchAgent", "updateLaunchAgent", "ackRunQueueItem",
                "failRunQueueItem", "updateRunQueueItemWarning"),
    ],
    "Reading with wandb.Api": [
        works("Api.run(), its fields", VERSIONS, case("run_*")),
        works("Api.runs(), paging, len()", VERSIONS, case("runs_*")),
        works("Api.runs(filters=)", "sdk/test_run_filters.py::test_forty_questions_are_answered_alike",
              "sdk/test_run_filters.py::test_times_and_states_are_understood_or_refused", case("filter_*")),
        works("Api.runs(order=)", "sdk/test_run_filters.py::test_forty_questions_are_answered_alike", case("order_*")),
        works("run.history()", VERSIONS, case("history_*"), "sdk/test_frames.py::test_both_clients_give_the_same"),
        works('run.history(stream="system")', case("history_system"),
              "sdk/test_frames.py::test_both_clients_give_the_same"),
        works("run.scan_history()", VERSIONS, case("scan_*"),
              "sdk/test_histories.py::test_a_long_nested_history_is_read_back_whole_live_and_ended"),
        works("run.scan_history() from Parquet files, run.download_history_exports()",
              "sdk/test_histories.py::test_a_flat_history_is_read_from_pages_while_live_and_from_files_once_ended",
              case("history_exports_of_nothing")),
        works("runs.histories()", case("runs_histories"), "sdk/test_frames.py::test_both_clients_give_the_same"),
        untested("run.beta_scan_history()"),
        works("run.console_logs()", VERSIONS, case("console*")),
        works("run.files(), file.download()", VERSIONS, case("files_*", "file_*")),
        works("run.upload_file(), file.delete()", case("file_upload", "file_delete")),
        works("run.update(), run.summary.update()", case("write_update*", "write_summary")),
        works("Api.create_run(), run.delete(), wait_until_finished()",
              case("write_create", "write_delete", "write_wait_until_finished")),
        untested("run.update_state()", "client/test_runs.py::test_state_is_set_and_waited_for"),
        untested("run.stop()"),
        works("run.logged_artifacts(), run.used_artifacts()", ROUND_TRIP, case("run_logged_*", "run_used_*")),
        works("Api.project(), Api.projects(), Api.create_project()", VERSIONS,
              case("project_*", "projects*", "write_project")),
        works("Api.artifact(), artifacts(), artifact_type(s), artifact_collection(s), artifact_exists()", ROUND_TRIP,
              case("artifact_by_*", "artifact_types", "artifact_type_*", "artifact_collection*", "artifact_versions*",
                   "artifact_exists")),
        works("Api.artifact_versions()", OF_2022),
        works("collection.save(), change_type(), delete(), tags, aliases", EDITS),
        works("Api.reports()", REPORTS, case("reports*", "report_*")),
        works("Api.viewer, Api.user(), Api.users()", case("viewer", "user", "user_none", "users")),
        untested("Api.team(), team.invite(), create_service_account()", f"{USERS}::test_a_team_and_its_members",
                 note="of the real one only that a team is missing is tested"),
        untested("Api.create_team(), Api.create_user()", f"{USERS}::test_a_team_and_its_members"),
        untested("user.generate_api_key(), delete_api_key()", f"{USERS}::test_keys_are_made_and_deleted"),
        works("Api.organization()", case("organization*")),
        works("Api.from_path()", case("from_path_*")),
        untested("Api.sync_tensorboard()"),
        missing("Api.automation(), automations(), create_, update_, delete_automation()", "CreateAutomation",
                "GetAutomations", "GetAutomationsByEntity",
                "DeleteAutomation", "UpdateAutomation", "GetAutomationsLegacy", "GetEntityAutomations",
                "GetEntityAutomationsLegacy", "GetOrgAutomations"),
        missing("Api.integrations(), webhook_integrations(), slack_integrations()", "IntegrationsByEntity",
                "GenericWebhookIntegrationsByEntity", "SlackIntegrationsByEntity",
                "CreateGenericWebhookIntegration"),
    ],
    "Commands": [
        works("wandb login", "sdk/test_trouble.py::test_login_is_verified"),
        works("wandb sync", OFFLINE, "sdk/test_same_run_again.py::test_an_offline_run_synced_again_has_its_rows_once"),
        partly("wandb verify", "sdk/test_verify.py::test_check_of_wandb_verify_passes",
               note="every check but that of sweeps, which starts an agent"),
        works("wandb artifact put, get, ls", ARTIFACT_COMMANDS),
        works("wandb sweep, --prior_run, --pause, --resume, --stop", SWEEPS),
        works("wandb sweep --cancel, --update", "sdk/test_controllers.py::test_a_sweep_is_changed_by_the_command"),
        works("wandb agent", "sdk/test_agents.py::test_the_command_runs_the_program"),
        works("wandb controller", "sdk/test_controllers.py::test_a_controller_searches"),
        works("wandb sweep-scheduler", "sdk/test_controllers.py::test_the_scheduler_of_the_client_searches"),
        untested("wandb pull"),
        untested("wandb restore"),
        untested("wandb init"),
        untested("wandb job create, describe, list"),
        missing("wandb login --anonymously (up to 0.22)", "CreateAnonymousApiKey"),
        missing("wandb launch, launch-agent, launch-sweep, scheduler", "pushToRunQueue", "createLaunchAgent"),
        untested("wandb docker, docker-run"),
        untested("wandb beta sync, wandb leet"),
    ],
}


_AUTOMATIONS = "automations and integrations are not built yet"
_LAUNCH = "launch is not built yet"
_PAGING = "how wandb's lists fetch a page: the pages of ours come by `_fetch`, which has other arguments"
# Members of wandb's public classes that ours of the same name do not have: `Class.member`, or `*.member` of any class.
ABSENT: dict[str, str] = {
    **dict.fromkeys((f"Api.{name}" for name in (
        "automation", "automations", "create_automation", "delete_automation", "update_automation", "integrations",
        "slack_integrations", "webhook_integrations")), _AUTOMATIONS),
    **dict.fromkeys((f"Api.{name}" for name in (
        "create_run_queue", "upsert_run_queue", "run_queue", "queued_run", "job", "list_jobs")), _LAUNCH),
    "Api.create_custom_chart": "custom charts are not built yet",
    "Api.sync_tensorboard": "it starts a run of wandb's own: `wandb sync` does it",
    "*.QUERY": _PAGING, "*.convert_objects": _PAGING, "*.update_variables": _PAGING,
    "*.snake_to_camel": "a helper of wandb's; ours takes both spellings of a field",
    "File.display": "no page shows one file: wandb's raises NotImplementedError",
    "File.to_html": "no page shows one file: wandb's raises NotImplementedError",
    **{f"{name}.{member}": "it has no page of its own: wandb's raises NotImplementedError"
       for name in ("Agent", "Member", "Team", "User") for member in ("display", "to_html")},
    "User.user_api": "servers hand out the beginnings of keys only, by which nobody can be asked as another user",
    **{f"Summary.{name}": 'HDF5 side files are of wandb before 0.9; a summary shows "..." in their place'
       for name in ("open_h5", "read_h5", "write_h5")},
    "Artifact.json_encode": "wandb's own form for its message to wandb-core; `manifest.to_json()` is what is stored",
    "ArtifactManifest.model_config": "of pydantic, by which wandb's is made",
    "ArtifactManifest.model_dump": "of pydantic, by which wandb's is made; `to_json()` gives the same",
    "ArtifactManifest.model_dump_json": "of pydantic, by which wandb's is made; `to_json()` gives the same",
    "ArtifactManifest.hash_contents_with_md5": "entries here have their digest from the moment they are added",
}


def rows() -> Iterator[Row]:
    for chapter in TABLE.values():
        yield from chapter


def releases(row: Row) -> list[str]:
    """With which `wandb` the tests of a row are run, the newest first."""
    found = {release for shown in row.shown for release in _releases_of(shown)}
    return [release for release in reversed(TESTED) if release in found]


def problems(row: Row) -> Iterator[str]:
    """What is wrong with a row beside its words."""
    waiting = waiting_operations()
    yield from (f"{row.call}: {shown} is not there" for shown in row.shown if not _is_there(shown))
    yield from (f"{row.call}: {name} does not wait any more" for name in row.waits if name not in waiting)
    if row.status in {WORKS, PARTLY} and not releases(row):
        yield f"{row.call}: no test of it runs wandb"
    if row.status == UNTESTED and releases(row):
        yield f"{row.call}: a test of it runs wandb"
    if row.status == PARTLY and not row.note:
        yield f"{row.call}: what does not work?"
    if row.status == NOT and not row.waits:
        yield f"{row.call}: nothing that it sends is refused"


def waiting_operations() -> frozenset[str]:
    """Operations of wandb that the server cannot answer, by the list that `dumbbell check-sdk` goes by."""
    return frozenset(name for names in WAITING.values() for name in names)


def page() -> str:
    head = "\n".join(f"- **{status}**: {meaning}." for status, meaning in MEANINGS.items())
    chapters = (f"## {title}\n\n| Call | | Releases | Shown by |\n|---|---|---|---|\n" + "".join(map(_line, found))
                for title, found in TABLE.items())
    absent = "".join(f"| `{name}` | {reason} |\n" for name, reason in ABSENT.items())
    chapters = itertools.chain(chapters, [
        "## What `dumbbell` does not have\n\nMembers of the classes of `wandb.apis.public` 0.31.0 that those of "
        "`dumbbell` with the same name lack, `*` meaning any class "
        "([test](../tests/sdk/test_members.py)).\n\n| Member | Why |\n|---|---|\n" + absent])
    return (f"# What works with `wandb`\n\nThis page is made from tests/support/compatibility.py by `make docs`.\n\n"
            f"{head}\n\n" + "\n".join(chapters))


def _line(row: Row) -> str:
    status = f"**{row.status}**" if row.status != WORKS else row.status
    shown = [_link(shown) for shown in row.shown]
    if row.waits:
        shown.append("refused: " + ", ".join(f"`{name}`" for name in row.waits))
    if row.note:
        shown.append(row.note)
    call = row.call.replace("|", "\\|")
    return f"| {call} | {status} | {', '.join(releases(row))} | {'<br>'.join(shown)} |\n"


def _link(shown: str) -> str:
    file, _, name = shown.partition("::")
    name, _, cases = name.rstrip("]").partition("[")
    if cases:
        return f"[contract](../tests/{file}): {', '.join(f'`{pattern}`' for pattern in cases.split())}"
    return f"[{name}](../tests/{file})"


def _is_there(shown: str) -> bool:
    file, _, name = shown.partition("::")
    name, _, patterns = name.rstrip("]").partition("[")
    path = TESTS / file
    return path.is_file() and name in _functions(path) and all(
        any(fnmatch(case, pattern) for case in contract_cases()) for pattern in patterns.split())


@cache
def contract_cases() -> tuple[str, ...]:
    """Names of all cases; the modules are scripts that find each other beside themselves."""
    source = "import cases, guide_cases, more_cases, trial; print(*trial.CASES, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", source], cwd=TESTS / "contract", capture_output=True, text=True,
                          check=True, timeout=60)
    return tuple(done.stdout.splitlines())


@cache
def _module(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _functions(path: Path) -> dict[str, ast.stmt]:
    return {node.name: node for node in _module(path).body if isinstance(node, ast.FunctionDef)}


def _releases_of(shown: str) -> set[str]:
    """Releases in a test, and in whatever of its module it uses: fixtures, functions, constants."""
    file, _, name = shown.partition("::")
    path = TESTS / file
    if not path.is_file() or not file.startswith(_WITH_WANDB):
        return set()
    parts = _functions(path) | _constants(path)
    found: set[str] = set()
    known, waiting = {""}, [name.partition("[")[0]]
    while waiting:
        part = waiting.pop()
        if part in known or part not in parts:
            continue
        known.add(part)
        for node in ast.walk(parts[part]):
            if isinstance(node, ast.Name | ast.arg):
                waiting.append(node.id if isinstance(node, ast.Name) else node.arg)
            if isinstance(node, ast.Constant) and node.value in TESTED:
                found.add(str(node.value))
            if isinstance(node, ast.Name) and node.id == "TESTED":
                found |= set(TESTED)
    return found


def _constants(path: Path) -> dict[str, ast.stmt]:
    return {target.id: node for node in _module(path).body if isinstance(node, ast.Assign)
            for target in node.targets if isinstance(target, ast.Name)}
