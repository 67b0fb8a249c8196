"""`pytest --dumbbell-sdk=0.28.2,0.31.0`: the same tests in one child after another, each with its release."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dumbbell_server.releases import needed
from dumbbell_server.testing.server import SDK_FOLDER, ServerError

RELEASE = "DUMBBELL_SDK_RELEASE"  # in the environment of a child: which one it has
_VERSION = re.compile(r"\d+\.\d+(\.\d+)?([a-z]+\d+)?")
_SHOWN = 300  # characters of what pip says: its last words are the reason
_NO_TESTS = 5  # pytest's exit code where none was collected


def releases(text: str) -> list[str]:
    """Of the option. ServerError for what is no version."""
    found = [part.strip() for part in text.split(",") if part.strip()]
    wrong = next((part for part in found if not _VERSION.fullmatch(part)), None)
    if wrong is not None or not found:
        raise ServerError(f"--dumbbell-sdk takes versions of wandb with commas between, such as 0.28.2,0.31.0, and not "
                          f"{wrong or text!r}")
    return list(dict.fromkeys(found))


def run_each(versions: Sequence[str], arguments: Sequence[str], folder: Path) -> dict[str, int]:
    """Exit codes of pytest by release. All are fetched first, so that a wrong one costs no run."""
    folders = {version: fetched(version) for version in versions}
    codes = {}
    for version, packages in folders.items():
        print(f"\n===== wandb {version} =====", flush=True)  # noqa: T201 - between the outputs of two children
        path = os.pathsep.join(filter(None, [str(packages), os.environ.get("PYTHONPATH")]))
        env = os.environ | {"PYTHONPATH": path, SDK_FOLDER: str(packages), RELEASE: version}
        codes[version] = subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=folder, env=env,
                                        check=False).returncode
    return codes


def worst(codes: dict[str, int]) -> int:
    """The exit code of all: the first that is no success, and where nothing was collected."""
    return next((code for code in codes.values() if code not in {0, _NO_TESTS}), max(codes.values()))


def fetched(version: str) -> Path:
    """The folder of this release and what it needs, in the user's cache. ServerError where it cannot be fetched."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dumbbell" / "sdk"
    cache.mkdir(parents=True, exist_ok=True)
    name = f"{version}-{sys.implementation.cache_tag}"
    folder, waiting = cache / name, cache / f".{name}.part"
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(waiting, ignore_errors=True)
            _install(waiting, f"wandb=={version}", *needed(version))
            waiting.rename(folder)
    return folder


def _install(folder: Path, *wanted: str) -> None:
    if importlib.util.find_spec("pip") is not None:
        command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-q"]
    elif uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--python", sys.executable, "-q"]
    else:
        raise ServerError("--dumbbell-sdk fetches releases by pip or uv, and neither is here; install one")
    env = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run([*command, "--target", str(folder), *wanted], env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise ServerError(f"{wanted[0]} cannot be fetched: {done.stdout.strip()[-_SHOWN:]}")
