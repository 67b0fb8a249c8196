"""Which members the classes of `wandb.apis.public` have; run by a Python that has `wandb`. Writes JSON."""

import importlib
import inspect
import json

import wandb.sdk.artifacts.artifact_manifest as manifest
from wandb.apis import public
from wandb.sdk.artifacts import artifact

MODULES = ("api artifacts console_logs files history organizations projects query_generator registries reports runs "
           "runhistory summary sweeps teams users").split()


def members(cls: type) -> list[str]:
    """Public ones, and not those that a base from another package brings."""
    found = []
    for name in dir(cls):
        owner = next((base for base in cls.__mro__ if name in vars(base)), cls)
        if not name.startswith("_") and owner.__module__.partition(".")[0] == "wandb":
            found.append(name)
    return found


def main() -> None:
    classes = {}
    for module in [public, artifact, manifest, *(importlib.import_module(f"wandb.apis.public.{name}")
                                                 for name in MODULES)]:
        for name, value in vars(module).items():
            if inspect.isclass(value) and value.__module__.partition(".")[0] == "wandb" and not name.startswith("_"):
                classes[name] = members(value)
    print("READ " + json.dumps(classes))


main()
