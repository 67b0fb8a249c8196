"""Releases of the real `wandb`, each in an environment of its own, made once and kept in the user's cache."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
from pathlib import Path

from dumbbell_server.errors import BadInput

# Releases that are tested.
TESTED = ("0.10.33", "0.12.21", "0.15.12", "0.17.9", "0.18.7", "0.22.3", "0.26.1", "0.28.2", "0.31.0")
_RELEASE = re.compile(r"\d+(\.\d+)+([a-z]+\d+)?")
_NEWEST = re.compile(r"wandb \(([\w.]+)\)")
_IMPORTS_PKG_RESOURCES, _OLD_PROTOBUF = (0, 17), (0, 12)  # releases before these


def python_of(release: str, *more: str) -> Path:
    """The Python that has this `wandb` and more packages. BadInput for what is no release or cannot be had."""
    if not _RELEASE.fullmatch(release):
        raise BadInput(f"{release[:40]!r} is no release of wandb; write one such as 0.31.0, or latest")
    return python_with("+".join([release, *more]), f"wandb=={release}", *needed(release), *more)


def needed(release: str) -> tuple[str, ...]:
    """What a release needs beyond what it says, on a Python of today (docs/testing.md#several-releases)."""
    major, minor = map(int, release.split(".")[:2])
    found = ("setuptools<81",) if (major, minor) < _IMPORTS_PKG_RESOURCES else ()
    return (*found, "protobuf<4") if (major, minor) < _OLD_PROTOBUF else found


def python_with(name: str, *wanted: str) -> Path:
    """The Python that has these packages, in an environment of that name. BadInput where they cannot be had."""
    cache = Path.home() / ".cache" / "dumbbell-sdk"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / name
    done, stamp = folder / ".done", "\n".join([sys.version, *wanted])
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != stamp:
            _make(folder, wanted)
            done.write_text(stamp)
    return folder / "bin" / "python"


def _make(folder: Path, wanted: tuple[str, ...]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)  # noqa: S603 - our own Python
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "-q", *wanted]
    done = subprocess.run(pip, text=True, capture_output=True, check=False)  # noqa: S603 - a checked release
    if done.returncode:
        raise BadInput(f"{' '.join(wanted)} cannot be installed: {done.stderr.strip().splitlines()[-1][:300]}")


def newest() -> str:
    """The newest release that the package index has. BadInput where it does not say."""
    pip = [sys.executable, "-m", "pip", "index", "versions", "wandb", "--disable-pip-version-check"]
    done = subprocess.run(pip, text=True, capture_output=True, check=False)  # noqa: S603 - our own Python
    found = _NEWEST.match(done.stdout)
    if found is None:
        raise BadInput("the package index does not say which release of wandb is the newest; name one")
    return found[1]
