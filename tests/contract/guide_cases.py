"""What W&B's guide to its public API shows, old and new, and what its maintainers answered where people asked.

The lines stand as scripts have them, but for names.
"""

import csv
import json
import os

from trial import add, case


@case
def guide_export_of_a_project(t):
    """The table that the guide makes of a project's runs, by `_json_dict` and without the keys that begin with _."""
    summary_list, config_list, name_list = [], [], []
    for run in t.runs({"jobType": "train"}, order="+created_at"):
        summary_list.append(run.summary._json_dict)
        config_list.append({k: v for k, v in run.config.items() if not k.startswith("_")})
        name_list.append(run.name)
    return [summary_list, config_list, name_list]


@case
def guide_config_of_2020(t):
    """Before rawconfig, configs came wrapped: scripts of then read both."""
    config = json.loads(t.run().json_config)
    return {k: v["value"] for k, v in config.items() if k not in ("wandb_version", "_wandb")}


add("guide_events", lambda t: t.run().history(stream="events", pandas=False))
add("guide_any_other_stream", lambda t: len(t.run().history(stream="metrics", pandas=False)))
add("guide_system_metrics", lambda t: t.run().systemMetrics)
add("guide_summary_metrics", lambda t: t.run().summaryMetrics)
add("guide_summary_metrics_of_a_list", lambda t: [run.summaryMetrics["tag"] for run in t.runs(
    {"jobType": "train"}, order="+created_at", lazy=False)])
add("guide_summary_nested", lambda t: [t.run().summary["best"]._json_dict, t.run().summary._json_dict["best"]["acc"]])
add("guide_attrs", lambda t: [t.run()._attrs[key] for key in (
    "config", "rawconfig", "summaryMetrics", "systemMetrics", "displayName", "state", "tags", "notes", "group")])
add("guide_attrs_get", lambda t: [t.run()._attrs.get("summaryMetrics"), t.run()._attrs.get("nothing", 3)])
add("guide_attrs_of_a_list", lambda t: [run._attrs["config"]["number"] for run in t.runs(
    {"jobType": "train"}, order="+created_at", lazy=False)])
add("guide_attrs_as_a_dict", lambda t: sorted(
    (key, value) for key, value in dict(t.run()._attrs).items() if key in ("config", "summaryMetrics", "rawconfig")))
add("guide_lazy_rawconfig", lambda t: [run.rawconfig["_wandb"]["cli_version"] for run in t.runs(
    {"jobType": "train"}, order="+created_at", lazy=True)])
add("guide_lazy_metrics", lambda t: [[run.summaryMetrics["tag"], run.systemMetrics] for run in t.runs(
    {"jobType": "train"}, order="+created_at", lazy=True)])
add("guide_finished_metrics", lambda t: [
    row["acc"] for run in [t.run()] if run.state == "finished"
    for _, row in enumerate(run.history(pandas=False)) if "acc" in row])
add("guide_or", lambda t: t.ids({"$or": [{"config.opt": "sgd"}, {"config.opt": "adam"}]}))
add("guide_and_gt", lambda t: t.ids({"$and": [{"config.number": {"$gt": 2}}, {"summary_metrics.loss": {"$lt": 6}}]}))
add("guide_group", lambda t: t.ids({"group": "first"}))
add("guide_display_name_regex", lambda t: t.ids({"display_name": {"$regex": "^run [0-3]"}}))
add("guide_tags", lambda t: t.ids({"tags": {"$in": ["even"]}}))
add("guide_no_tag", lambda t: t.ids({"$and": [{"tags": {"$nin": ["odd"]}}, {"jobType": "train"}]}))
add("guide_exists", lambda t: t.ids({"$and": [{"config.number": {"$exists": True}}]}) if t.who else None)
add("guide_order", lambda t: [run.id for run in t.runs({"jobType": "train"}, order="+summary_metrics.loss")])
add("guide_order_config", lambda t: [run.id for run in t.runs({"jobType": "train"}, order="-config.number.value")])
add("guide_path_of_defaults", lambda t: len(t.new(entity="local", project="seeded").runs()))
add("guide_scan", lambda t: [row["loss"] for row in t.run().scan_history(keys=["loss"])])
add("guide_commit_and_user", lambda t: [t.run().commit, str(t.run().user.username)])
add("guide_url", lambda t: t.run().url)
add("guide_best_run", lambda t: t.api.sweep(f"local/seeded/{t.names['sweep']}").best_run().id)
add("guide_sweep_runs_by_summary", lambda t: [run.id for run in sorted(
    t.api.sweep(f"local/seeded/{t.names['sweep']}").runs, key=lambda run: run.summary.get("loss", 0), reverse=True)])
add("guide_sweep_config", lambda t: t.api.sweep(f"local/seeded/{t.names['sweep']}").config["parameters"])
add("guide_artifact_type", lambda t: sorted(
    collection.name for collection in t.api.artifact_type("dataset", "local/seeded").collections()))
add("guide_artifact_versions", lambda t: [
    [version.version, version.type, version.state] for version in t.api.artifacts("dataset", "local/seeded/data")])
add("guide_artifact_walk", lambda t: sorted(
    [kind.name, collection.name, artifact.version] for kind in t.api.artifact_types("local/seeded")
    if kind.name == "dataset" for collection in kind.collections() for artifact in collection.artifacts()))
add("guide_logged_by", lambda t: t.artifact().logged_by().id)
add("guide_used_by", lambda t: [run.id for run in t.artifact().used_by()])
add("guide_logged_artifacts", lambda t: sorted(artifact.type for artifact in t.run().logged_artifacts()))
add("guide_artifact_file", lambda t: os.path.getsize(t.artifact().get_path("a.txt").download(t.place("by-path"))))
add("guide_artifact_metadata", lambda t: sorted(t.artifact().metadata))
add("guide_projects", lambda t: sorted(project.name for project in t.api.projects("local") if "seed" in project.name))
add("guide_viewer", lambda t: [t.api.viewer.username, t.api.viewer.entity, t.api.default_entity])
add("guide_reports", lambda t: sorted(report.display_name for report in t.api.reports("local/seeded")))
add("guide_from_path", lambda t: [type(t.api.from_path(path)).__name__ for path in (
    "local/seeded", "local/seeded/r0", "local/seeded/runs/r0", f"local/seeded/sweeps/{t.names['sweep']}")])
add("guide_history_keys", lambda t: t.run().history_keys["lastStep"])
add("guide_last_step", lambda t: t.run().lastHistoryStep)


@case
def guide_rename_a_metric(t):
    run = t.made("renamed")
    run.summary["old_name"] = 3
    run.summary.update()
    run = t.again(run)
    run.summary["new_name"] = run.summary["old_name"]
    del run.summary["old_name"]
    run.summary.update()
    return t.again(run).summary._json_dict


@case
def guide_update_config_and_tags(t):
    run = t.made("tagged")
    run = t.again(run)
    run.config["key"] = 16
    run.tags.append("tag1")
    run.name = "a better name"
    run.notes = "why"
    run.group = "those"
    run.update()
    run = t.again(run)
    return [run.config, run.tags, run.name, run.notes, run.group]


@case
def guide_system_metrics_to_csv(t):
    rows = t.run().history(stream="events", pandas=False)
    path = os.path.join(t.place("csv"), "system.csv")
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, ["_runtime", "system.cpu"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    with open(path) as file:
        return file.read()


@case
def guide_download_files(t):
    for file in t.run().files():
        if file.size:
            file.download(root=t.place("files"), replace=True)
    with t.run().file("note.txt").download(t.place("one"), replace=True) as opened:
        return [sorted(os.listdir(t.place("files"))), opened.read()]


@case
def guide_delete_runs_by_a_filter(t):
    run = t.made("unwanted")
    run.delete()
    t.api.flush()
    return [each.id for each in t.api.runs(f"local/written-{t.who}", {"name": run.id})]
