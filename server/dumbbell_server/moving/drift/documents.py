"""The GraphQL documents inside a release of `wandb`, and which of them our schema does not fit."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, parse, validate

from dumbbell_server.errors import BadInput
from dumbbell_server.graph.execution import RULES
from dumbbell_server.moving.drift.waiting import waits_for
from dumbbell_server.schema import build_schema

_COLLECT = Path(__file__).with_name("collect.py")
_PATIENCE = 120.0  # seconds
# What releases fill in as they run, with fields that a server has been asked about before.
_GAPS = {"_PROJECT_QUERY_": "project { id name entity { id name } }", "_CLI_QUERY_": "serverInfo { cliVersionInfo }",
         "_MULTIPART_UPLOAD_FIELDS_": "storagePath", "_Server_Settings_": "serverSettings { __typename }"}


@dataclass(frozen=True)
class Refused:
    """An operation of a release, and why the schema does not take it."""

    name: str
    errors: tuple[str, ...]
    waits_for: str | None  # None: it was thought to work


def documents_of(python: Path) -> dict[str, list[str]]:
    """Texts by where they are, `python` and `core`, in the release that this Python has. BadInput where it has none."""
    with tempfile.TemporaryDirectory(prefix="dumbbell-") as folder:
        target = Path(folder) / "documents.json"
        done = subprocess.run([str(python), str(_COLLECT), str(target)], cwd=folder, timeout=_PATIENCE, text=True,  # noqa: S603 - one of ours
                              capture_output=True, check=False, env=_environment(folder))
        if done.returncode:
            raise BadInput(f"the documents of this release cannot be read: {done.stderr.strip()[-300:]}")
        found: dict[str, list[str]] = json.loads(target.read_text())
        return found


def _environment(folder: str) -> dict[str, str]:
    """Nothing of the user's own, and nothing goes out."""
    return {"HOME": folder, "PATH": os.environ.get("PATH", ""), "WANDB_SILENT": "true", "WANDB_MODE": "offline",
            "WANDB_ERROR_REPORTING": "false"}


def refused(documents: dict[str, list[str]]) -> list[Refused]:
    """Those that the schema does not fit, in the order of their names; of several with one name the errors of all."""
    schema = build_schema()
    found: dict[str, list[str]] = {}
    for text in (text for texts in documents.values() for text in texts):
        document = _parsed(text)
        if document is None:
            continue
        errors = [error.message for error in validate(schema, document, RULES)]
        for name in names_of(document):
            if errors:
                found.setdefault(name, []).extend(errors)
    return [Refused(name, tuple(dict.fromkeys(found[name])), waits_for(name)) for name in sorted(found)]


def _parsed(text: str) -> DocumentNode | None:
    """None for a piece of a document, which a release puts together as it runs."""
    for gap, filling in _GAPS.items():
        text = text.replace(gap, filling)
    try:
        return parse(text)
    except GraphQLError:
        return None


def names_of(document: DocumentNode) -> Iterator[str]:
    """The names of its operations."""
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            yield definition.name.value if definition.name else "without a name"
