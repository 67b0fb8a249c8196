"""Everything that the public API of 2020 documents is there, with the signature and a docstring."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import dumbbell

# Class, member ("" for the class itself), arguments after self or cls with their defaults.
NONE = "-"  # an attribute, or a class whose signature is not documented
TABLE: list[tuple[str, str, str]] = [
    ("Api", "", NONE),
    ("Api", "flush", ""),
    ("Api", "projects", "entity=None, per_page=200"),
    ("Api", "reports", "path='', name=None, per_page=50"),
    ("Api", "runs", "path='', filters={}, order='-created_at', per_page=50"),
    ("Api", "run", "path=''"),
    ("Api", "sweep", "path=''"),
    ("Api", "artifact", "name, type=None"),
    ("Projects", "", NONE),
    ("Project", "", NONE),
    ("Runs", "", NONE),
    ("Run", "", NONE),
    ("Run", "__init__", "client, entity, project, run_id, attrs={}"),
    ("Run", "create", "api, run_id=None, project=None, entity=None"),
    ("Run", "update", ""),
    ("Run", "files", "names=[], per_page=50"),
    ("Run", "file", "name"),
    ("Run", "history", "samples=500, keys=None, x_axis='_step', pandas=True, stream='default'"),
    ("Run", "scan_history", "keys=None, page_size=1000, min_step=None, max_step=None"),
    ("Sweep", "", NONE),
    ("Sweep", "best_run", "order=None"),
    ("Sweep", "get",
     "client, entity=None, project=None, sid=None, withRuns=True, order=None, query=None, **kwargs"),
    ("Files", "", NONE),
    ("File", "", NONE),
    ("File", "download", "root='.', replace=False"),
    ("Reports", "", NONE),
    ("QueryGenerator", "", NONE),
    ("BetaReport", "", NONE),
    ("ArtifactType", "", NONE),
    ("ArtifactType", "collections", "per_page=50"),
    ("ArtifactCollection", "", NONE),
    ("ArtifactCollection", "versions", "per_page=50"),
    ("Artifact", "", NONE),
    ("Artifact", "name", NONE),
    ("Artifact", "download", "root=None"),
    ("Artifact", "file", "root=None"),
    ("Artifact", "save", ""),
    ("Artifact", "verify", "root=None"),
    ("ArtifactVersions", "", NONE),
]

ATTRIBUTES = {
    "Run": "tags url id name state config created_at system_metrics summary project entity user path notes read_only "
           "history_keys",
    "Sweep": "runs id project config",
    "File": "name url md5 mimetype updated_at size",
    "BetaReport": "name description user spec updated_at",
}

# Members of the same era that scripts relied on, and what today's wandb has beside.
MEMBERS = {
    "Api": "client settings api_key default_entity user_agent viewer project create_project create_run user users team "
           "from_path artifact_types artifact_type artifact_versions artifacts artifact_collections "
           "artifact_collection artifact_exists artifact_collection_exists registries "
           "registry create_registry create_user create_team",
    "User": "teams api_keys generate_api_key delete_api_key",
    "Team": "members invite create_service_account load",
    "Member": "delete",
    "Registries": "collections versions",
    "Registry": "full_name path load save delete collections versions members user_members team_members add_members "
                "remove_members update_member",
    "Projects": "objects next length more cursor",
    "Project": "path url owner sweeps artifacts_types collections to_html runs",
    "Runs": "histories upgrade_to_full objects next length more cursor",
    "Run": "storage_id display_name heartbeat_at rawconfig json_config summary_metrics lastHistoryStep dir load save "
           "delete upload_file use_artifact log_artifact logged_artifacts used_artifacts wait_until_finished metadata "
           "load_full_data update_state stop sweep to_html username beta_scan_history "
           "download_history_exports display",
    "Sweep": "name best_loss order path url expected_run_count load to_html runs_by_id",
    "File": "delete path_uri",
    "BetaReport": "sections runs id url display_name created_at to_html",
    "QueryGenerator": "format_order_key key_to_server_path server_path_to_key keys_to_order order_to_keys "
                      "filter_to_mongo mongo_to_filter",
    "ArtifactType": "collection id name",
    "ArtifactCollection": "artifacts aliases tags save delete change_type id is_sequence load",
    "Artifact": "id digest state size created_at updated_at description type metadata version aliases tags ttl entity "
                "project commit_hash manifest get_path get_entry get files file_count checkout delete used_by "
                "logged_by wait link unlink linked_artifacts new_draft add_file add_dir add_reference new_file url "
                "qualified_name history_step source_name source_entity source_project source_version is_link remove "
                "is_draft finalize collection source_collection source_artifact source_qualified_name",
    "ArtifactVersions": "objects next length more cursor",
}


def _arguments(function: Any) -> list[tuple[str, Any, Any]]:
    """Names, kinds and defaults without self or cls; tuples and mappings that cannot change count as [] and {}."""
    found = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in {"self", "cls"}:
            continue
        default = parameter.default
        if default == () and default is not inspect.Parameter.empty:
            default = []
        found.append((parameter.name, parameter.kind, default))
    return found


@pytest.mark.parametrize(("owner", "member", "arguments"), TABLE)
def test_a_documented_member(owner: str, member: str, arguments: str) -> None:
    found = getattr(dumbbell, owner)
    if member:
        found = inspect.getattr_static(found, member)
        found = found.__func__ if isinstance(found, classmethod) else found
    assert inspect.getdoc(found), f"{owner}.{member} has no docstring"
    if arguments == NONE:
        return
    wanted: dict[str, Any] = {}
    exec(f"def wanted({arguments}): pass", wanted)
    expected = _arguments(wanted["wanted"])
    actual = _arguments(found)
    assert actual[:len(expected)] == expected
    assert all(kind is inspect.Parameter.KEYWORD_ONLY for _, kind, _ in actual[len(expected):])


@pytest.mark.parametrize("owner", ATTRIBUTES)
def test_documented_attributes_are_described(owner: str) -> None:
    kind = getattr(dumbbell, owner)
    described = inspect.getdoc(kind) or ""
    for name in ATTRIBUTES[owner].split():
        assert f"{name}:" in described, f"{owner}.{name} is not described"


@pytest.mark.parametrize("owner", MEMBERS)
def test_members_that_scripts_rely_on(owner: str) -> None:
    kind = getattr(dumbbell, owner)
    described = " ".join(inspect.getdoc(each) or "" for each in kind.__mro__)
    annotated = {name for each in kind.__mro__ for name in getattr(each, "__annotations__", {})}
    for name in MEMBERS[owner].split():
        there = hasattr(kind, name) or name in annotated or f"{name}:" in described or name in {"client", "settings"}
        assert there, f"{owner}.{name} is missing"


def _public() -> list[tuple[str, Any]]:
    found = []
    for name in dumbbell.__all__:
        kind = getattr(dumbbell, name)
        if inspect.isclass(kind):
            found += [(f"{name}.{member}", value) for member, value in vars(kind).items()
                      if not member.startswith("_") and (inspect.isfunction(value) or isinstance(
                          value, property | classmethod))]
    return found


@pytest.mark.parametrize(("name", "member"), _public())
def test_every_public_member_says_what_it_does(name: str, member: Any) -> None:
    assert inspect.getdoc(member.__func__ if isinstance(member, classmethod) else member), name
