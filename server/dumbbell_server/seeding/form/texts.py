"""YAML and JSON as values, and the line of each: a refusal says where in the file.

YAML is read as its version 1.2 has it: `1e-3` is a number, `no` a text, and so is a date; and so is `007`, an id.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson
import yaml

from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import MOST_LEVELS

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # eight times as fast, where it was built
_CONSTANTS = {"null": None, "Null": None, "NULL": None, "~": None, "": None, "true": True, "True": True, "TRUE": True,
              "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")} | {"!"}  # of what says none
_LONGEST_NUMBER = 400


class _Loader(_Base):  # type: ignore[misc]
    """Scalars come as they are written; what they mean is said below."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as PyYAML has it


class Source:
    """A file that was read, with what its parts say and where they stand."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self._text = text
        self._node: yaml.Node | None = None

    def values(self) -> Any:
        """What the file says. BadInput with its line where it is neither YAML nor JSON."""
        if self.file.endswith(".json"):
            try:
                return orjson.loads(self._text)
            except orjson.JSONDecodeError as error:
                raise BadInput(f"{self.file}:{error.lineno}: this is not JSON: {error.msg}") from None
        try:
            return _Values(self.file).of(self._root(), 0)
        except RecursionError:
            raise BadInput(f"{self.file}:1: nested more than {MOST_LEVELS} levels deep") from None

    def _root(self) -> yaml.Node:
        if self._node is None:
            try:
                self._node = yaml.compose(self._text, Loader=_Loader)
            except yaml.MarkedYAMLError as error:
                line = error.problem_mark.line + 1 if error.problem_mark else 1
                raise BadInput(f"{self.file}:{line}: this is not YAML: {error.problem}") from None
            except (yaml.YAMLError, RecursionError, ValueError) as error:
                raise BadInput(f"{self.file}:1: this is not YAML: {error}") from None
        if self._node is None:
            raise BadInput(f"{self.file}:1: the file is empty")
        return self._node

    def where(self, path: Sequence[str | int]) -> str:
        """`FILE:LINE` of the part at this path, or of the nearest around it that is there."""
        node = self._root()
        line = node.start_mark.line
        for step in path:
            found = _child(node, step)
            if found is not None:
                line, node = found
        return f"{self.file}:{line + 1}"


def _child(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    """The line on which a key or an item begins, and its value."""
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark.line, value) for key, value in node.value
                     if isinstance(key, yaml.ScalarNode) and key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line, node.value[step]
    return None


class _Values:
    def __init__(self, file: str) -> None:
        self._file = file
        self._seen: set[int] = set()

    def of(self, node: yaml.Node, depth: int) -> Any:
        if depth > MOST_LEVELS:
            raise self._wrong(node, f"nested more than {MOST_LEVELS} levels deep")
        if id(node) in self._seen:  # of few of them a document without end can be made
            raise self._wrong(node, "aliases (*name) are not allowed; write the part again")
        self._seen.add(id(node))
        if node.tag not in _TAGS:
            raise self._wrong(node, f"the tag {node.tag[:40]!r} is not allowed; write the value without it")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.of(item, depth + 1) for item in node.value]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._wrong(key, "a key must be a text")
            if key.value in found:
                raise self._wrong(key, f"{key.value[:80]!r} is there twice")
            found[key.value] = self.of(value, depth + 1)
        return found

    def _scalar(self, node: yaml.Node) -> Any:
        text: str = node.value
        if getattr(node, "style", None) or node.tag == "!":  # in quotes, or a block
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if len(text) <= _LONGEST_NUMBER:
            if _INT.fullmatch(text):
                return int(text, 0) if text[:2] in {"0x", "0o"} else int(text)
            if _FLOAT.fullmatch(text):
                return float(text)
        match = _NOT_FINITE.fullmatch(text)
        return float((match[1] or "") + (match[2] or match[3])) if match else text

    def _wrong(self, node: yaml.Node, problem: str) -> BadInput:
        return BadInput(f"{self._file}:{node.start_mark.line + 1}: {problem}")
