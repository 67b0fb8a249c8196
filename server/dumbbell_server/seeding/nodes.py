"""YAML with line numbers: every refusal says where in the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import yaml

from dumbbell_server.errors import BadInput, DumbbellError

T = TypeVar("T")
_KINDS = {str: "text", int: "a whole number", datetime: "a time such as 2026-01-05T10:00:00Z"}


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not allowed", problem_mark=mark)
        return super().compose_node(parent, index)


@contextmanager
def at(where: str) -> Iterator[None]:
    """Refusals inside name this line of the file."""
    try:
        yield
    except DumbbellError as error:
        raise BadInput(f"{where}: {error}") from error


@dataclass(frozen=True)
class Part:
    """A node of the file."""

    file: str
    node: yaml.Node

    @property
    def where(self) -> str:
        return f"{self.file}:{self.node.start_mark.line + 1}"

    def wrong(self, problem: str) -> BadInput:
        return BadInput(f"{self.where}: {problem}")

    def fields(self, required: str, optional: str = "") -> dict[str, Part]:
        """The mapping, all of whose keys are these and which has all that are required."""
        allowed = [*required.split(), *optional.split()]
        found = self.mapping()
        for key, part in found.items():
            if key not in allowed:
                raise part.wrong(f"unknown key {key!r}; known here are {', '.join(allowed)}")
        for key in required.split():
            if key not in found:
                raise self.wrong(f"{key!r} is missing")
        return found

    def mapping(self) -> dict[str, Part]:
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong(f"a mapping (key: value) is expected, not {self._shown()}")
        found: dict[str, Part] = {}
        for key, value in self.node.value:
            name = Part(self.file, key).scalar(str)
            if name in found:
                raise Part(self.file, key).wrong(f"{name!r} is there twice")
            found[name] = Part(self.file, value)
        return found

    def items(self) -> list[Part]:
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.wrong(f"a list is expected, not {self._shown()}")
        return [Part(self.file, item) for item in self.node.value]

    def texts(self) -> tuple[str, ...]:
        return tuple(item.scalar(str) for item in self.items())

    def scalar(self, kind: type[T]) -> T:
        value = self._built() if isinstance(self.node, yaml.ScalarNode) else None
        if type(value) is not kind:
            raise self.wrong(f"{_KINDS[kind]} is expected, not {self._shown()}")
        return value

    def moment(self) -> datetime:
        value = self.scalar(datetime)
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)

    def json(self) -> Any:
        """Whatever JSON can say."""
        if isinstance(self.node, yaml.MappingNode):
            return {key: part.json() for key, part in self.mapping().items()}
        if isinstance(self.node, yaml.SequenceNode):
            return [part.json() for part in self.items()]
        value = self._built()
        if value is not None and not isinstance(value, str | int | float | bool):
            raise self.wrong(f"{self._shown()} is a {type(value).__name__}, which JSON has not; put it into quotes")
        return value

    def _built(self) -> Any:
        loader = _Loader("")
        try:
            return loader.construct_object(self.node)
        except (yaml.YAMLError, ValueError) as error:
            raise self.wrong(f"{self._shown()} cannot be read: {error}") from None
        finally:
            loader.dispose()

    def _shown(self) -> str:
        if isinstance(self.node, yaml.ScalarNode):
            return repr(self.node.value[:80])
        return "a list" if isinstance(self.node, yaml.SequenceNode) else "a mapping"


def read_yaml(text: str, file: str) -> Part:
    """The whole file."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInput(f"{file}:{line}: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise BadInput(f"{file}:1: this is not YAML: {error}") from None
    if node is None:
        raise BadInput(f"{file}:1: the file is empty")
    return Part(file, node)
