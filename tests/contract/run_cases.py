"""Runs all cases with one client and writes what they gave. `python run_cases.py MODULE WHO FOLDER < facts`."""

import importlib
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases  # noqa: F401 - found beside this file; they add themselves
import guide_cases  # noqa: F401
import more_cases  # noqa: F401
from trial import CASES, Trial


def outcome(call, trial):
    try:
        value = call(trial)
    except Exception as error:
        return {"raises": type(error).__name__, "value_error": isinstance(error, ValueError), "says": str(error)[:300]}
    try:
        return {"gives": json.loads(json.dumps(value))}
    except TypeError:
        return {"gives": f"<{type(value).__name__}>"}


def main():
    module, who, folder = sys.argv[1:]
    facts = json.load(sys.stdin)
    trial = Trial(importlib.import_module(module), who, facts["base_url"], facts["key"], folder, facts["names"])
    found = {name: outcome(call, trial) for name, call in CASES.items()}
    with open(os.path.join(folder, f"{who}.json"), "w") as file:
        json.dump(found, file)
    sys.stdout.flush()


main()
