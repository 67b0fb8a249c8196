"""What both clients are asked of people, projects, sweeps, reports and artifacts."""

import os

from trial import add, case, tree

# People, projects.
add("viewer", lambda t: [t.api.viewer.username, t.api.viewer.entity, t.api.viewer.teams])
add("default_entity", lambda t: t.api.default_entity)
add("user", lambda t: t.api.user("local").username)
add("user_none", lambda t: t.api.user("nobody-at-all"))
add("users", lambda t: [user.username for user in t.api.users("local")])
add("team_missing", lambda t: t.api.team("none").name)
add("organization", lambda t: [t.api.organization("Guild").name, t.api.organization("Guild").org_entity.name])
add("organization_own", lambda t: t.api.organization().name)
add("organization_missing", lambda t: t.api.organization("None").name)
add("projects", lambda t: "seeded" in [project.name for project in t.api.projects("local")])
add("projects_len", lambda t: len(t.api.projects("local")))
add("project_fields", lambda t: [getattr(t.api.project("seeded", "local"), name) for name in ("name", "entity", "path",
                                                                                             "url")])
add("project_id", lambda t: t.api.project("seeded", "local").id)
add("project_owner", lambda t: t.api.project("seeded", "local").owner.username)
add("project_sweeps", lambda t: [sweep.id for sweep in t.api.project("seeded", "local").sweeps()])
add("project_collections", lambda t: sorted(each.name for each in t.api.project("seeded", "local").collections()))
add("from_path_project", lambda t: t.api.from_path("local/seeded").path)
add("from_path_run", lambda t: t.api.from_path("local/seeded/r2").id)
add("from_path_runs", lambda t: t.api.from_path("local/seeded/runs/r2").id)
add("from_path_sweep", lambda t: t.api.from_path("local/seeded/sweeps/" + t.names["sweep"]).id)
add("from_path_none", lambda t: t.api.from_path("a/b/c/d/e"))

# Sweeps.
for field in "id name project entity config order path url state expected_run_count best_loss".split():
    add(f"sweep_{field}", lambda t, field=field: getattr(t.api.sweep("local/seeded/" + t.names["sweep"]), field))
add("sweep_runs", lambda t: sorted(run.id for run in t.api.sweep("local/seeded/" + t.names["sweep"]).runs))
add("sweep_runs_len", lambda t: len(t.api.sweep("local/seeded/" + t.names["sweep"]).runs))
add("sweep_best", lambda t: t.api.sweep("local/seeded/" + t.names["sweep"]).best_run().id)
add("sweep_best_by", lambda t: t.api.sweep("local/seeded/" + t.names["sweep"]).best_run("-loss").id)
add("sweep_missing", lambda t: t.api.sweep("local/seeded/none"))
add("sweep_of_a_run", lambda t: t.run("s1").sweep.id == t.names["sweep"])

# Agents.
def _swept(t, name="swept"):
    return t.api.sweep("local/swept/" + t.names[name])


def _agent(t):
    return _swept(t).agent(t.names["agent"])


for field in "id name host state total_runs totalRuns created_at heartbeat_at".split():
    add(f"agent_{field}", lambda t, field=field: getattr(_agent(t), field))
add("agent_of_a_sweep_by_id", lambda t: _swept(t).agent(_agent(t).id).name)
add("agents_of_a_sweep", lambda t: [[agent.name, agent.total_runs] for agent in _swept(t).agents()])
add("agents_none", lambda t: _swept(t, "elsewhere").agents())
add("agent_missing", lambda t: _swept(t).agent("none").name)
add("agent_repr", lambda t: repr(_agent(t)))
add("agent_runs", lambda t: [[run.config["x"], run.state, run.summary["loss"]] for run in _agent(t).runs()])
add("agent_runs_by_pages", lambda t: [run.id for run in _agent(t).runs(per_page=1)] == [
    run.id for run in _agent(t).runs()])
add("agent_runs_len", lambda t: [len(agent.runs()) for agent in _swept(t).agents()])
add("sweeps_by_state", lambda t: [sweep.name for sweep in t.api.project("swept", "local").sweeps(
    filters={"state": "FINISHED"})])
add("sweeps_by_name", lambda t: [sweep.name for sweep in t.api.project("swept", "local").sweeps(
    2, filters={"displayName": {"$in": ["swept", "another"]}})])
add("sweeps_filtered_len", lambda t: len(t.api.project("swept", "local").sweeps(filters={"state": "FINISHED"})))
add("sweeps_ordered", lambda t: [sweep.name for sweep in t.api.project("swept", "local").sweeps(order="-displayName")])
add("sweeps_wrong_filter", lambda t: list(t.api.project("swept", "local").sweeps(filters={"state": "DONE"})))
add("sweep_enqueue_elsewhere", lambda t: _swept(t).enqueue_run({"x": 1}))


@case
def sweep_enqueue_run(t):
    name = _swept(t, "elsewhere").enqueue_run({"x": 3}, display_name="third")
    run = t.api.run("local/swept/" + name)
    return [run.name, run.state, run.config, run.sweep_name == t.names["elsewhere"]]


# Reports.
add("reports", lambda t: sorted(report.name for report in t.api.reports("local/seeded")))
add("reports_len", lambda t: len(t.api.reports("local/seeded", per_page=2)))
add("reports_by_name", lambda t: [report.name for report in t.api.reports("local/seeded", name="report%201")])
add("report_fields", lambda t: [getattr(t.api.reports("local/seeded", name="report 1")[0], name)
                                for name in ("name", "display_name", "description", "spec", "sections", "url")])
add("report_user", lambda t: t.api.reports("local/seeded")[0].user["username"])
add("report_missing_project", lambda t: list(t.api.reports("local/none")))

# Artifacts.
for field in ("name type version size digest state description metadata entity project qualified_name source_name url "
              "file_count created_at updated_at aliases tags id is_link history_step ttl").split():
    add(f"artifact_{field}", lambda t, field=field: getattr(t.artifact(), field))
for name in ("data:v0", "data:latest", "data:was1", "weights:best", "weights"):
    add(f"artifact_by_{name}", lambda t, name=name: t.artifact(name).name)
add("artifact_by_digest", lambda t: t.artifact(t.artifact("data:v1").digest).name)
add("artifact_tags_set", lambda t: sorted(t.artifact("weights:best").tags))
add("artifact_missing", lambda t: t.artifact("none:v0").name)
add("artifact_missing_version", lambda t: t.artifact("data:v99").name)
add("artifact_wrong_type", lambda t: t.api.artifact("local/seeded/data:v0", type="model").name)
add("artifact_exists", lambda t: [t.api.artifact_exists("local/seeded/data:v0"),
                                  t.api.artifact_exists("local/seeded/data:v99")])
add("artifact_collection_exists", lambda t: [t.api.artifact_collection_exists("local/seeded/data", "dataset"),
                                             t.api.artifact_collection_exists("local/seeded/none", "dataset")])
add("artifact_manifest", lambda t: {path: [entry.digest, entry.size, entry.ref]
                                    for path, entry in t.artifact().manifest.entries.items()})
add("artifact_entry", lambda t: [t.artifact().get_entry("a.txt").size, t.artifact().get_entry("a.txt").digest])
add("artifact_entry_missing", lambda t: t.artifact().get_entry("none"))
add("artifact_entry_download", lambda t: tree(os.path.dirname(t.artifact().get_entry("a.txt").download(
    t.place("entry")))))
add("artifact_ref", lambda t: t.artifact("pointing:v0").get_entry("outside.txt").ref_target()[:7])
add("artifact_no_ref", lambda t: t.artifact().get_entry("a.txt").ref_target())
add("artifact_download", lambda t: [t.artifact().download(t.place("down")) == t.place("down"), tree(t.place("down"))])
add("artifact_download_prefix", lambda t: [t.artifact().download(t.place("prefix"), path_prefix="deep/") and 1,
                                           tree(t.place("prefix"))])
add("artifact_file", lambda t: os.path.basename(t.artifact("weights:best").file(t.place("file"))))
add("artifact_file_of_many", lambda t: t.artifact().file(t.place("many")))
add("artifact_files", lambda t: [[file.name, file.size] for file in t.artifact().files()])
add("artifact_files_chosen", lambda t: [file.name for file in t.artifact().files(["a.txt"])])
add("artifact_verify_missing", lambda t: t.artifact().verify(t.place("nothing")))
add("artifact_used_by", lambda t: [run.id for run in t.artifact().used_by()])
add("artifact_logged_by", lambda t: t.artifact().logged_by().id)
add("artifact_immutable", lambda t: t.artifact().add_file(__file__))
add("artifact_types", lambda t: sorted(each.name for each in t.api.artifact_types("local/seeded")))
add("artifact_type_by_name", lambda t: t.api.artifact_type("dataset", "local/seeded").name)
add("artifact_type_missing", lambda t: t.api.artifact_type("none", "local/seeded").name)
add("artifact_collections", lambda t: sorted(each.name for each in t.api.artifact_collections("local/seeded",
                                                                                              "dataset")))
add("artifact_collections_len", lambda t: len(t.api.artifact_collections("local/seeded", "dataset", per_page=1)))
add("artifact_collection", lambda t: [getattr(t.api.artifact_collection("dataset", "local/seeded/data"), name)
                                      for name in ("name", "type", "id", "created_at")])
add("artifact_collection_aliases", lambda t: sorted(
    alias for alias in t.api.artifact_collection("dataset", "local/seeded/data").aliases if "mine" not in alias))
add("artifact_versions", lambda t: [each.name for each in t.api.artifacts("dataset", "local/seeded/data")])
add("artifact_versions_pages", lambda t: [each.name for each in t.api.artifacts("dataset", "local/seeded/data",
                                                                                per_page=1)])
add("artifact_versions_len", lambda t: len(t.api.artifacts("dataset", "local/seeded/data")))
add("artifact_versions_missing", lambda t: len(t.api.artifacts("dataset", "local/seeded/none")))
add("run_logged_artifacts", lambda t: sorted(each.name for each in t.run().logged_artifacts()))
add("run_logged_artifacts_pages", lambda t: sorted(each.name for each in t.run().logged_artifacts(per_page=1)))
add("run_logged_artifacts_len", lambda t: len(t.run().logged_artifacts()))
add("run_used_artifacts", lambda t: sorted(each.name for each in t.run("r1").used_artifacts()))
add("run_use_artifact", lambda t: [t.made("uses").use_artifact(t.artifact("weights:best")).name,
                                   [each.name for each in t.made("uses").used_artifacts()]])


@case
def artifact_verify(t):
    t.artifact().download(t.place("verified"))
    t.artifact().verify(t.place("verified"))
    with open(os.path.join(t.place("verified"), "a.txt"), "w") as file:
        file.write("spoiled")
    t.artifact().verify(t.place("verified"))


@case
def artifact_checkout(t):
    with open(os.path.join(t.place("checked"), "more.txt"), "w") as file:
        file.write("more")
    t.artifact().checkout(t.place("checked"))
    return tree(t.place("checked"))


@case
def artifact_save(t):
    artifact = t.artifact("data:v0" if t.who == "d" else "data:v1")
    artifact.description = "changed"
    artifact.metadata["more"] = [1]
    artifact.aliases.append(f"mine-{t.who}")
    artifact.save()
    again = t.artifact(f"data:mine-{t.who}")
    return [again.description, again.metadata["more"], again.metadata["nested"], len(again.aliases)]


@case
def artifact_delete_with_aliases(t):
    t.artifact("weights:best").delete()


add("artifact_collection_of", lambda t: [t.artifact().collection.name, t.artifact().collection.type,
                                         t.artifact().source_collection.name])
add("artifact_source", lambda t: [t.artifact().source_qualified_name, t.artifact().source_artifact.name,
                                  t.artifact().is_draft()])
add("artifact_draft", lambda t: t.module.Artifact("fresh", "t").is_draft())
add("artifact_finalized", lambda t: finalized(t.module.Artifact("fresh", "t")))
add("viewer_keys", lambda t: len(t.api.viewer.api_keys))
add("registries_without_organization", lambda t: list(t.api.registries()))
add("registry_missing", lambda t: t.api.registry("none", organization="none").name)
add("run_file_by_text", lambda t: [file.name for file in t.run().files("note.txt")])
add("runs_filters_text", lambda t: list(t.runs("finished")))
add("history_exports_of_nothing", lambda t: [t.run("r5").download_history_exports(t.place("exports")).paths,
                                             t.run("r5").download_history_exports(t.place("more")).contains_live_data])


def finalized(artifact):
    artifact.finalize()
    artifact.add_file(__file__)


@case
def runs_made_whole(t):
    runs = t.runs({"jobType": "train"}, order="+created_at", lazy=True)
    _ = runs[0]
    runs.upgrade_to_full()
    return [[run.id, run.config["number"], run.summary["tag"]] for run in runs]


@case
def artifact_of_files_of_others(t):
    joined = t.artifact("joined:v0")
    joined.download(t.place("joined"))
    joined.verify(t.place("joined"))
    return [tree(t.place("joined")), sorted((path, entry.digest, entry.size, entry.ref.rpartition("/")[2])
                                            for path, entry in joined.manifest.entries.items())]


@case
def artifact_table_of_another(t):
    table = t.artifact("joined:v0").get("preds")
    return [table.columns, table.data]


@case
def artifact_entry_in_its_folder(t):
    os.environ["WANDB_ARTIFACT_DIR"] = t.place("entries")
    try:
        paths = [t.artifact("data:v2").get_entry("deep/b.bin").download(),
                 t.artifact("joined:v0").get_entry("linked/a.txt").download()]
        return [[os.path.relpath(path, t.place("entries")).replace("data-v2", "data:v2") for path in paths],
                [os.access(path, os.W_OK) for path in paths]]
    finally:
        del os.environ["WANDB_ARTIFACT_DIR"]
