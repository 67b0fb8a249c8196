"""What both clients are asked of runs, their history and their files, and what they write."""

import os

from trial import add, case, tree


def _missing(t):
    try:
        t.api.run("local/seeded/none")
    except Exception as error:
        return isinstance(error.exc, ValueError)
    return None


def _flushed(t):
    before = t.run()
    t.api.flush()
    return t.run() is before


def _nested(t):
    runs = t.runs({"state": "finished"}, order="+created_at")
    return [[one.id, two.id] for one in runs for two in runs]


def _uploaded(t, name):
    with open(os.path.join(t.place("up"), "sent.txt"), "w") as file:
        file.write("sent")
    run = t.made(name)
    return run, run.upload_file(os.path.join(t.place("up"), "sent.txt"), root=t.place("up"))


def _deleted(t):
    run, file = _uploaded(t, "del")
    file.delete()
    return [file.name for file in run.files()]


# Runs, one by one.
for field in ("id name state notes tags entity project path display_name group job_type read_only sweep_name "
              "history_line_count storage_id created_at commit description lastHistoryStep metadata").split():
    add(f"run_{field}", lambda t, field=field: getattr(t.run(), field))
add("run_url", lambda t: t.run().url)
add("run_config", lambda t: t.run().config)
add("run_rawconfig", lambda t: t.run().rawconfig)
add("run_summary_value", lambda t: t.run().summary["loss"])
add("run_summary_nested", lambda t: t.run().summary["best"]["acc"])
add("run_summary_get", lambda t: [t.run().summary.get("nothing", 3), t.run().summary.get("tag")])
add("run_summary_keys", lambda t: sorted(t.run().summary.keys()))
add("run_summary_missing", lambda t: t.run().summary["nothing"])
add("run_summary_metrics", lambda t: t.run("r3").summary_metrics)
add("run_system_metrics", lambda t: t.run("r3").system_metrics)
add("run_user", lambda t: [t.run().user.username, t.run().user.name])
add("run_history_keys", lambda t: sorted(t.run().history_keys["keys"]))
add("run_camel_case", lambda t: [t.run().displayName, t.run().createdAt])
add("run_no_attribute", lambda t: t.run().nonsense)
add("run_repr", lambda t: repr(t.run()))
add("run_no_sweep", lambda t: t.run().sweep)
add("run_missing", lambda t: t.api.run("local/seeded/none"))
add("run_missing_project", lambda t: t.api.run("local/none/none"))
add("run_missing_is_a_value_error", _missing)
add("run_path_slashes", lambda t: t.api.run("/local/seeded/r1").id)
add("run_path_runs", lambda t: t.api.run("local/seeded/runs/r1").id)
add("run_path_default_entity", lambda t: t.api.run("seeded/r1").path)
add("run_path_default_project", lambda t: t.new(entity="local", project="seeded").run("r1").path)
add("run_path_empty", lambda t: t.new(entity="local", project="seeded").run("").path)
add("run_cached", lambda t: t.api.run("local/seeded/r1") is t.api.run("local/seeded/r1"))
add("run_flushed", _flushed)
add("run_load_twice", lambda t: (t.run().load(force=True) and t.run().load(force=True))["name"])
add("run_to_html", lambda t: "seeded/runs/r0" in t.run().to_html())


# Lists of runs.
add("runs_len", lambda t: len(t.runs()))
add("runs_ids", lambda t: t.ids())
add("runs_default_order_first", lambda t: t.runs()[0].id)
for per_page in (1, 3, 11, 50):
    add(f"runs_per_page_{per_page}", lambda t, per_page=per_page: t.ids(per_page=per_page))
add("runs_index", lambda t: t.runs(order="+created_at")[2].id)
add("runs_slice", lambda t: [run.id for run in t.runs(order="+created_at")[1:4]])
add("runs_last", lambda t: t.runs(order="+created_at", per_page=3)[-1].id)
add("runs_past_the_end", lambda t: t.runs()[1000])
add("runs_nested_loops", _nested)
add("runs_twice", lambda t: [[run.id for run in runs] for runs in [t.runs({"state": "finished"})] * 2])
add("runs_cached", lambda t: t.runs() is t.runs())
add("runs_truth", lambda t: bool(t.runs({"display_name": "nothing at all"})))
add("runs_missing_project", lambda t: len(t.api.runs("local/none")))
add("runs_config_and_summary", lambda t: [[run.config["lr"], run.summary.get("loss")]
                                          for run in t.runs({"jobType": "train"}, order="+created_at")])
add("runs_lazy", lambda t: [run.config["number"] for run in t.runs({"jobType": "train"}, order="+name", lazy=True)])
add("runs_full", lambda t: [run.summary["tag"] for run in t.runs({"jobType": "train"}, order="+name", lazy=False)])


FILTERS = {
    "state": {"state": "finished"}, "config": {"config.number": 3}, "config_value": {"config.number.value": 3},
    "config_gt": {"config.lr": {"$gt": 0.01}}, "nested_config": {"config.net.drop": 0.5},
    "summary": {"summary_metrics.loss": {"$lte": 4}}, "nested_summary": {"summary_metrics.best.acc": {"$gte": 0.6}},
    "display_name": {"display_name": "run 3"}, "display_camel": {"displayName": "run 3"},
    "regex": {"display_name": {"$regex": "^run [12]$"}}, "tags": {"tags": "even"},
    "tags_in": {"tags": {"$in": ["odd", "none"]}}, "group": {"group": "first"},
    "or": {"$or": [{"config.number": 1}, {"config.number": 2}]},
    "and": {"$and": [{"group": "first"}, {"tags": "odd"}]}, "nor": {"$nor": [{"jobType": "train"}]},
    "in": {"config.number": {"$in": [0, 7, 9]}}, "nin": {"config.number": {"$nin": [0, 7]}},
    "ne": {"state": {"$ne": "finished"}}, "exists": {"summary_metrics.loss": {"$exists": False}},
    "name": {"name": {"$in": ["r1", "r2"]}}, "empty": {}, "nothing": {"config.number": 99},
}
for kind, filters in FILTERS.items():
    add(f"filter_{kind}", lambda t, filters=filters: t.ids(filters))
    if kind in {"state", "config", "summary", "or", "nothing"}:
        add(f"filter_{kind}_len", lambda t, filters=filters: len(t.runs(filters)))
add("filter_unknown_operator", lambda t: t.ids({"config.number": {"$near": 3}}))
for order in ("+created_at", "-created_at", "+config.lr", "-config.lr.value", "+summary_metrics.loss",
              "-summary_metrics.loss", "+name", "-display_name", "+summary_metrics.best.acc"):
    add(f"order_{order}", lambda t, order=order: t.ordered(order))

# History.
add("history_all", lambda t: t.run().history(pandas=False))
add("history_few", lambda t: [len(t.run().history(samples=5, pandas=False))])
add("history_keys", lambda t: t.run().history(keys=["acc"], pandas=False))
add("history_two_keys", lambda t: t.run().history(keys=["acc", "loss"], pandas=False))
add("history_x_axis", lambda t: t.run().history(keys=["acc"], x_axis="_runtime", pandas=False))
add("history_missing_key", lambda t: t.run().history(keys=["nothing"], pandas=False))
add("history_system", lambda t: t.run().history(stream="system", pandas=False))
add("history_keys_and_stream", lambda t: t.run().history(keys=["acc"], stream="system", pandas=False))
add("history_keys_not_a_list", lambda t: t.run().history(keys="acc", pandas=False))
add("history_none", lambda t: t.run("r5").history(pandas=False))
add("scan_all", lambda t: list(t.run().scan_history()))
add("scan_small_pages", lambda t: list(t.run().scan_history(page_size=7)))
add("scan_key", lambda t: list(t.run().scan_history(keys=["acc"])))
add("scan_key_and_step", lambda t: list(t.run().scan_history(keys=["_step", "acc", "loss"], page_size=4)))
add("scan_min_max", lambda t: [row["_step"] for row in t.run().scan_history(min_step=5, max_step=9)])
add("scan_past_the_end", lambda t: [row["_step"] for row in t.run().scan_history(min_step=25, max_step=900)])
add("scan_beyond", lambda t: list(t.run().scan_history(min_step=100)))
add("scan_none", lambda t: list(t.run("r5").scan_history()))
add("scan_twice", lambda t: [len(list(scan)) for scan in [t.run().scan_history()] * 2])
add("runs_histories", lambda t: [row["run_id"] for row in t.runs({"state": "finished"}, order="+created_at").histories(
    samples=2, keys=["loss"])])

# Files.
add("files_names", lambda t: sorted(file.name for file in t.run().files()))
add("files_len", lambda t: len(t.run().files()))
add("files_chosen", lambda t: [file.name for file in t.run().files(["note.txt"])])
add("files_pattern", lambda t: [file.name for file in t.run().files(pattern="media/%")])
add("files_small_pages", lambda t: sorted(file.name for file in t.run().files(per_page=1)))
add("files_both", lambda t: list(t.run().files(["note.txt"], pattern="m%")))
add("file_fields", lambda t: [getattr(t.run().file("note.txt"), name) for name in ("name", "size", "mimetype", "md5")])
add("file_empty_size", lambda t: t.run().file("empty.txt").size)
add("file_path_uri", lambda t: t.run().file("note.txt").path_uri)
add("file_missing", lambda t: t.run().file("none.txt").download(t.place("none")))
add("files_missing", lambda t: [[file.name, file.size, file.md5] for file in t.run().files(["none.txt"])])
add("file_delete", _deleted)


@case
def file_download(t):
    with t.run().file("note.txt").download(root=t.place("one"), replace=True) as file:
        return [file.read(), tree(t.place("one"))]


@case
def file_download_nested(t):
    with t.run().file("media/images/a b#1.bin").download(t.place("two"), True):
        return tree(t.place("two"))


@case
def file_download_twice(t):
    t.run().file("note.txt").download(t.place("three")).close()
    t.run().file("note.txt").download(t.place("three"))


@case
def file_download_exist_ok(t):
    t.run().file("note.txt").download(t.place("four")).close()
    with t.run().file("note.txt").download(t.place("four"), exist_ok=True) as file:
        return file.read()


add("file_upload", lambda t: [_uploaded(t, "up")[1].name, _uploaded(t, "up")[1].size])


# Writing.
@case
def write_summary(t):
    run = t.made("summary")
    run.summary.update({"a": 1, "b": {"c": [1, 2]}})
    run.summary["d"] = 2
    run.summary.update({"a": 3})
    return dict(t.again(run).summary_metrics)


@case
def write_update(t):
    run = t.again(t.made("update"))
    run.config["x"] = {"y": [1]}
    run.name, run.notes, run.tags = "renamed", "noted", ["a", "b"]
    run.update()
    again = t.again(run)
    return [again.name, again.notes, again.tags, again.config]


@case
def write_update_of_a_new_run(t):
    run = t.made("fresh")
    run.notes = "noted"
    run.update()
    return t.again(run).notes


@case
def write_keeps_the_clients_own_section(t):
    run = t.api.run("local/seeded/r6" if t.who == "d" else "local/seeded/r7")
    run.notes = "touched"
    run.update()
    return sorted(t.again(run).rawconfig)


@case
def write_create(t):
    run = t.made("made")
    return [run.state, run.config, run.entity, run.id == f"{t.who}-made"]


@case
def write_delete(t):
    run = t.made("gone")
    run.delete()
    return t.again(run).id


@case
def write_wait_until_finished(t):
    run = t.run("r1")
    run.wait_until_finished()
    return run.state


@case
def write_project(t):
    t.api.create_project(f"new-{t.who}", "local")
    return t.api.project(f"new-{t.who}", "local").path[0]

# Console output.
add("console", lambda t: [[line.number, line.content] for line in t.run().console_logs()])
add("console_pages", lambda t: [line.content for line in t.run().console_logs(per_page=2)])
add("console_last", lambda t: [line.content for line in t.run().console_logs(last=2)])
add("console_none", lambda t: list(t.run("r5").console_logs()))
