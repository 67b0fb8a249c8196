"""A fixture read and checked: its documents, and the files that they name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from dumbbell_server.errors import BadInput, DumbbellError
from dumbbell_server.seeding.form import folder
from dumbbell_server.seeding.form.documents import Document
from dumbbell_server.seeding.form.texts import Source

_MOST_BYTES = 64 << 20  # of one document
_EXPECTED = {  # by pydantic's names of what is wrong
    "string_type": "text, in quotes where it looks like something else,", "int_type": "a whole number",
    "int_from_float": "a whole number", "float_type": "a number", "bool_type": "true or false", "list_type": "a list",
    "dict_type": "a mapping (key: value)", "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)"}
SHIPPED = "dumbbell_fixtures"


class Located(BadInput):
    """A refusal that says where in a file."""


@dataclass(frozen=True)
class Read:
    """A document, where it lies, and where in it things stand."""

    document: Document
    source: Source
    folder: Path
    root: Path

    def where(self, *path: str | int) -> str:
        return self.source.where(path)

    def wrong(self, path: Sequence[str | int], problem: object) -> BadInput:
        return Located(f"{self.source.where(path)}: {problem}")

    @contextmanager
    def at(self, *path: str | int) -> Iterator[None]:
        """Refusals inside name this part of the file, or a part of it."""
        try:
            yield
        except Located:
            raise
        except DumbbellError as error:
            raise self.wrong(path, error) from error

    def file(self, name: str) -> Path:
        """A file that the document names: beside it, and inside the fixture. BadInput otherwise."""
        found = Path(os.path.normpath(self.folder / name))
        if Path(name).is_absolute() or "\0" in name or not found.resolve().is_relative_to(self.root.resolve()):
            raise BadInput(f"{name[:140]!r} leads out of the fixture's folder; use a relative path inside of it")
        if not found.is_file():
            raise BadInput(f"there is no file {name[:140]!r} beside the document")
        return found

    def blob(self, md5: str) -> Path:
        found = folder.Folder(self.root).blob(md5)
        if not found.is_file() or found.is_symlink():
            raise BadInput(f"there are no bytes {folder.BLOBS}/{md5[:2]}/{md5} in the fixture")
        return found


@dataclass(frozen=True)
class Fixture:
    """Documents of one or several fixtures, in the order in which they were named."""

    documents: tuple[Read, ...] = field(default_factory=tuple)

    @cached_property
    def first_user(self) -> str | None:
        """What the fixture calls the server's first user."""
        return next((user.name for read in self.documents for user in read.document.users if user.first), None)

    def __add__(self, other: Fixture) -> Fixture:
        return Fixture(self.documents + other.documents)


def shipped() -> list[str]:
    """The names of the fixtures that come with Dumbbell."""
    return sorted(entry.name for entry in files(SHIPPED).iterdir()
                  if entry.is_dir() and not entry.name.startswith(("_", ".")))


def read_fixture(name_or_path: str | Path) -> Fixture:
    """The shipped fixture of that name, or the folder or file at that path. BadInput as `FILE:LINE: what is wrong`."""
    name = str(name_or_path)
    if name in shipped():
        return _read_folder(Path(str(files(SHIPPED) / name)))
    path = Path(name)
    if path.is_dir():
        return _read_folder(path)
    if path.is_file() and folder.is_document(path.name):
        return Fixture((_read(path, path.parent),))
    if path.exists():
        raise BadInput(f"{name!r} is no fixture: its name must end in {' or '.join(folder.SUFFIXES)}")
    raise BadInput(f"{name!r} is neither a fixture that is shipped ({', '.join(shipped())}) nor a folder or file that "
                   "is there")


def _read_folder(root: Path) -> Fixture:
    found = folder.documents(root)
    if not found:
        raise BadInput(f"there is no {' or '.join('*' + suffix for suffix in folder.SUFFIXES)} in {str(root)!r}")
    return Fixture(tuple(_read(path, root) for path in found))


def _read(path: Path, root: Path) -> Read:
    shown = str(path.relative_to(root))
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadInput(f"{shown}:1: a document has at most {_MOST_BYTES} bytes; put runs into files of their own")
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{shown}:1: the file cannot be read: {error}") from None
    return parse(text, shown, path.parent, root)


def parse(text: str, file: str, beside: Path = Path(), root: Path = Path()) -> Read:
    """A checked document. BadInput as `FILE:LINE: what is wrong`."""
    source = Source(file, text)
    values = source.values()
    try:
        document = Document.model_validate(values)
    except ValidationError as error:
        raise _refusal(source, error) from None
    return Read(document, source, beside, root)


def _refusal(source: Source, error: ValidationError) -> BadInput:
    """The first thing that is wrong, and how many more are."""
    details = error.errors(include_url=False, include_context=True)
    # what is missing may be there under a name with a slip in it
    first = next((each for each in details if each["type"] == "extra_forbidden"), details[0])
    path = tuple(step.strip("`") if isinstance(step, str) else step for step in first["loc"] if not _is_shape(step))
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return BadInput(f"{source.where(path)}: {_problem(first, path)}{more}")


def _is_shape(step: str | int) -> bool:
    """Of a place in the model that the file does not have: a form that a part can take, or a key itself."""
    return isinstance(step, str) and (step.startswith("~") or step == "[key]")


def _problem(details: ErrorDetails, path: Sequence[str | int]) -> str:
    name = next((step for step in reversed(path) if isinstance(step, str)), "the document")
    given = _shown(details["input"])
    kind = details["type"]
    if kind in _EXPECTED:
        return f"{name}: {_EXPECTED[kind]} is expected, not {given}"
    if kind == "extra_forbidden":
        return f"unknown key {name!r}; known here are {', '.join(_known(path[:-1]))}"
    if kind == "missing":
        return f"{name!r} is missing"
    if kind == "literal_error":
        return f"{name} {given} is not known; it is one of {details['ctx']['expected']}"
    message = details["msg"]
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    message = message.removeprefix("Input ")
    return f"{name}: {given} {message[:1].lower()}{message[1:]}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else repr(value)[:80]


def _known(path: Sequence[str | int]) -> list[str]:
    """The keys that the part at a path can have."""
    schema = Document.model_json_schema(by_alias=True)
    nodes = _choices(schema, schema)
    for step in path:
        nodes = [choice for node in nodes for below in _below(node, step) for choice in _choices(schema, below)]
    return list(next((node["properties"] for node in nodes if "properties" in node), {}))


def _choices(schema: dict[str, Any], node: dict[str, Any]) -> list[dict[str, Any]]:
    """What a node of a schema allows, one by one."""
    if "$ref" in node:
        return _choices(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    several = node.get("anyOf") or node.get("oneOf")
    return [each for one in several for each in _choices(schema, one)] if several else [node]


def _below(node: dict[str, Any], step: str | int) -> list[dict[str, Any]]:
    if isinstance(step, int):
        return [node["items"]] if "items" in node else []
    if "properties" in node:
        return [node["properties"][step]] if step in node["properties"] else []
    return [value for value in (node.get("additionalProperties"), *node.get("patternProperties", {}).values())
            if isinstance(value, dict)]
