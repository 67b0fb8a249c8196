"""Run by the Python that has a wandb: writes every GraphQL document of that package to a file, as JSON.

It imports nothing of ours: that Python has not got it.

Documents that a function composes are put together from what that function assigns, each part added, no branch taken.
The Go core carries its documents as plain text too.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import json
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import wandb  # type: ignore[import-not-found]

_STARTS = re.compile(r"\s*(#graphql\s+)?(query|mutation|subscription)\b[^{}]*\{")
_IN_BINARY = re.compile(rb"(?:query|mutation) [A-Za-z_]\w* *[({]")
_FRAGMENT = re.compile(rb"\s*(?=fragment \w+ on \w+ *\{)")
_LONGEST = 32_768
_PACKAGES = ("wandb.apis", "wandb.sdk", "wandb.automations", "wandb.cli")


class Names(dict[str, Any]):
    """A function's names: its own, then its module's; one that only a call would know is empty."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__()
        self._module = module

    def __missing__(self, name: str) -> Any:
        # the arguments of Run._load_with_fragment
        given = {"fragment": "RUN_FRAGMENT", "fragment_name": "RUN_FRAGMENT_NAME"}.get(name, name)
        return getattr(self._module, given, "")

    def of(self, node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "<document>", "eval"), {}, self)  # noqa: S307 - of the package itself


def modules() -> Iterator[ModuleType]:
    for package in _PACKAGES:
        try:
            found = importlib.import_module(package)
        except ImportError:  # not every release has it
            continue
        for info in pkgutil.walk_packages(found.__path__, f"{package}.", onerror=lambda _: None):
            with contextlib.suppress(Exception, SystemExit):  # parts that want packages which are not there
                yield importlib.import_module(info.name)


def texts_of(module: ModuleType) -> Iterator[str]:
    for owner in (module, *(value for value in vars(module).values() if isinstance(value, type))):
        for value in list(vars(owner).values()):
            if isinstance(value, str):
                yield value
            elif type(value).__name__ == "DocumentNode":
                yield value.loc.source.body
    if module.__file__ is None:
        return
    tree = ast.parse(Path(module.__file__).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield from composed(module, node)


def composed(module: ModuleType, function: ast.FunctionDef) -> Iterator[str]:
    names = Names(module)
    for node in sorted((node for node in ast.walk(function) if isinstance(node, ast.stmt)),
                       key=lambda node: node.lineno):
        with contextlib.suppress(Exception):  # what takes more than names and literals
            _take(names, node)
    parts: set[ast.AST] = set()
    for part in ast.walk(function):  # a whole comes before its parts
        if part in parts or not isinstance(part, ast.expr):
            continue
        if isinstance(part, ast.JoinedStr) or _is_format(part):
            parts.update(ast.walk(part))
            with contextlib.suppress(Exception):
                yield str(names.of(part))
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def _take(names: Names, node: ast.stmt) -> None:
    if any(isinstance(part, ast.Call) for part in ast.walk(node)) and not isinstance(node, ast.Expr):
        return
    match node:
        case ast.Assign(targets=[ast.Name(name)], value=value) | ast.AnnAssign(target=ast.Name(name), value=value):
            if value is not None:
                names[name] = names.of(value)
        case ast.AugAssign(target=ast.Name(name), value=value):
            names[name] = names[name] + names.of(value)
        case ast.Expr(ast.Call(ast.Attribute(ast.Name(name), "append"), [value])):
            names[name] = [*names[name], names.of(value)]


def _is_format(node: ast.expr) -> bool:
    return (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"
            and isinstance(node.func.value, ast.Constant))


def in_binary(body: bytes) -> Iterator[str]:
    for found in _IN_BINARY.finditer(body):
        end = _closing(body, found.start())
        while end is not None and (more := _FRAGMENT.match(body, end)):
            end = _closing(body, more.end())
        if end is not None:
            yield body[found.start():end].decode(errors="replace")


def _closing(body: bytes, at: int) -> int | None:
    depth = 0
    for place in range(at, min(at + _LONGEST, len(body))):
        depth += (body[place] == ord("{")) - (body[place] == ord("}"))
        if depth == 0 and body[place] == ord("}"):
            return place + 1
    return None


def main(target: str) -> None:
    python = {text for module in modules() for text in texts_of(module) if _STARTS.match(text)}
    core = Path(wandb.__file__).parent / "bin" / "wandb-core"
    binary = set(in_binary(core.read_bytes())) if core.exists() else set()
    Path(target).write_text(json.dumps({"python": sorted(python), "core": sorted(binary)}))


if __name__ == "__main__":
    main(sys.argv[1])
