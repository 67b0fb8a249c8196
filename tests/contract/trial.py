"""What a case is. Also run by the Python that has wandb, which has nothing of ours: no imports of it.

A case takes a `Trial` and gives a value of JSON. Cases that write use names with the trial's own mark in them.
"""

import os

CASES = {}


class Trial:
    """One client, on one server."""

    def __init__(self, module, who, base_url, key, folder, names):
        self.module, self.who, self.folder, self.names = module, who, folder, names
        self.base_url, self.key = base_url, key
        self.api = self.new()

    def new(self, **overrides):
        return self.module.Api(overrides={"base_url": self.base_url, **overrides}, api_key=self.key)

    def run(self, name="r0"):
        return self.api.run(f"local/seeded/{name}")

    def runs(self, *args, **kwargs):
        return self.api.runs("local/seeded", *args, **kwargs)

    def ids(self, *args, **kwargs):
        kwargs.setdefault("order", "+created_at")
        return sorted(run.id for run in self.runs(*args, **kwargs))

    def ordered(self, order, **kwargs):
        return [run.id for run in self.runs({"jobType": "train"}, order=order, **kwargs)]

    def made(self, name, **kwargs):
        """A run of this trial's own."""
        return self.api.create_run(run_id=f"{self.who}-{name}", project=f"written-{self.who}", entity="local", **kwargs)

    def again(self, run):
        self.api.flush()
        return self.api.run(f"{run.entity}/{run.project}/{run.id}")

    def artifact(self, name="data:v2"):
        return self.api.artifact(f"local/seeded/{name}")

    def place(self, name):
        path = os.path.join(self.folder, self.who, name)
        os.makedirs(path, exist_ok=True)
        return path


def case(function):
    CASES[function.__name__] = function
    return function


def add(name, function):
    assert name not in CASES, name
    CASES[name] = function


def tree(root):
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, root)] = len(file.read())
    return found
