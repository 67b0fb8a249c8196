"""What is to go: the words that a folder's known fields hold, and those that were named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import loads
from dumbbell_server.moving.scrub.keys import values_at
from dumbbell_server.seeding.form.folder import Folder, documents

NAMES, HOSTS, EMAILS, PATHS = "names", "hosts", "emails", "paths"
KINDS = (NAMES, HOSTS, EMAILS, PATHS)
_SHORTEST = 2
_METADATA = "wandb-metadata.json"
_METADATA_PATHS = ("executable", "root", "program", "codePath", "codePathLocal", "cwd", "startedAtPath")
_SYSTEM = ("/usr/", "/bin/", "/lib/", "/opt/", "/etc/", "/var/", "/tmp/", "/nix/", "/snap/")  # noqa: S108 - not used
_LARGEST = 16 << 20  # of a metadata file
_LOCAL = frozenset({"localhost", "127.0.0.1"})


@dataclass(frozen=True)
class Wanted:
    """What a scrub is asked for."""

    kinds: frozenset[str]
    keys: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def wanted(what: str | None, keys: Iterable[str], words: Iterable[str]) -> Wanted:
    """BadInput names what is not known."""
    kinds = [kind.strip() for kind in (what or "").split(",") if kind.strip()]
    for kind in kinds:
        if kind not in KINDS:
            raise BadInput(f"--scrub {kind[:40]!r} is not known; it is any of {', '.join(KINDS)}")
    for word in (*keys, *words):
        if len(word) < _SHORTEST:
            raise BadInput(f"{word!r} is too short to be told from what else is there; give at least "
                           f"{_SHORTEST} characters")
    return Wanted(frozenset(kinds), tuple(keys), tuple(words))


@dataclass
class _Found:
    """Words by what they are."""

    kinds: frozenset[str]
    words: set[str] = field(default_factory=set)

    def add(self, kind: str, *values: Any) -> None:
        if kind in self.kinds:
            self.words |= {value for value in values if isinstance(value, str) and len(value) >= _SHORTEST}

    def name(self, value: Any) -> None:
        """A name, and its parts: `Ann Lee` is `ann.lee` elsewhere."""
        if isinstance(value, str):
            self.add(NAMES, value, *re.split(r"[\s,]+", value))

    def host(self, value: Any) -> None:
        if isinstance(value, str) and value.lower() not in _LOCAL:
            first = value.partition(".")[0]
            self.add(HOSTS, value, *([first] if not first.isdigit() else []))

    def path(self, value: Any) -> None:
        """A path, and the folders in which it lies, but for those that every machine has."""
        if not isinstance(value, str) or not re.search(r"[/\\]", value):
            return
        self.add(PATHS, value)
        parts = re.split(r"([/\\])", value)
        absolute = value.startswith(("/", "\\")) or value[1:2] == ":"
        if absolute and not value.startswith(_SYSTEM):
            for end in range(5, len(parts), 2):
                self.add(PATHS, "".join(parts[:end]))

    def remote(self, value: Any) -> None:
        """The address of a repository: who has it."""
        match = re.search(r"[:/]([^:/@]+)/[^/]+?(\.git)?/?$", value) if isinstance(value, str) else None
        if match is not None:
            self.name(match[1])


def collect(root: Path, asked: Wanted) -> set[str]:
    """The words of a folder. Documents are looked at one by one."""
    found = _Found(asked.kinds, set(asked.words))
    for path in documents(root):
        document = orjson.loads(path.read_bytes())
        _accounts(found, document)
        for part in (*document.get("projects", ()), *document.get("registries", ())):
            _project(found, root, part, asked)
    return found.words


def _accounts(found: _Found, document: Mapping[str, Any]) -> None:
    for user in document.get("users", ()):
        found.name(user.get("name"))
        found.name(user.get("full_name"))
        found.add(EMAILS, user.get("email"))
        for name in user.get("former_names", ()):
            found.name(name)
    for group in (*document.get("teams", ()), *document.get("organizations", ())):
        for name in group.get("members", ()):
            found.name(name)
        for invite in group.get("invites", ()):
            found.add(EMAILS, invite.get("email"))


def _project(found: _Found, root: Path, part: Mapping[str, Any], asked: Wanted) -> None:
    for holder in _holders(part):
        found.name(holder.get("user"))
    for sweep in part.get("sweeps", ()):
        for agent in sweep.get("agents", ()):
            found.host(agent.get("host"))
            found.name(agent.get("user"))
    for run in part.get("runs", ()):
        found.host(run.get("host"))
        found.path(run.get("program"))
        found.remote(run.get("repo"))
        for text in _configs(run):
            for key in asked.keys:
                found.words |= set(_texts(values_at(text, key)))
        for name, content in run.get("files", {}).items():
            if name.rpartition("/")[2] == _METADATA and isinstance(content, dict) and "blob" in content:
                _metadata(found, Folder(root).blob(content["blob"]), asked)


def _holders(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield part
    for name in ("runs", "sweeps", "reports", "artifacts"):
        yield from part.get(name, ())
    for collection in part.get("artifacts", ()):
        yield from collection.get("versions", ())


def _configs(run: Mapping[str, Any]) -> Iterator[Any]:
    if "config" in run:
        yield run["config"]
    if "config_json" in run:
        yield loads(run["config_json"])


def _texts(values: Iterable[Any]) -> Iterator[str]:
    """The texts inside of values; numbers go where the key stands, since they are everywhere."""
    for value in values:
        if isinstance(value, str) and len(value) >= _SHORTEST:
            yield value
        elif isinstance(value, dict | list):
            yield from _texts(value.values() if isinstance(value, dict) else value)


def _metadata(found: _Found, path: Path, asked: Wanted) -> None:
    """What `wandb-metadata.json` says of the machine (wandb 0.31.0 sdk/lib/… writes it)."""
    if not path.is_file() or path.stat().st_size > _LARGEST:
        return
    try:
        facts = loads(path.read_bytes().decode("utf-8", "replace"))
    except ValueError:
        return
    if not isinstance(facts, dict):
        return
    found.name(facts.get("username"))
    found.host(facts.get("host"))
    found.add(EMAILS, facts.get("email"))
    for name in _METADATA_PATHS:
        found.path(facts.get(name))
    git = facts.get("git")
    found.remote(git.get("remote") or git.get("remote_url") if isinstance(git, dict) else None)
    for key in asked.keys:
        found.words |= set(_texts(values_at(facts, key)))
