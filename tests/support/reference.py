"""The page of the client's public names, out of their docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import dumbbell

_SECTION = re.compile(r"^(Args|Arguments|Attributes|Returns|Yields|Raises|Example|Examples|Note|Notes):$")
_ENTRY = re.compile(r"^ {4}(\w[\w*, ]*):( |$)")
_QUOTED = re.compile(r"(: |-> )'([^']*)'")
_GUIDE = "client.md"
_HEAD = f"""# Reference of the client

This page is made from the docstrings of `client/dumbbell` by `make docs`. [The client]({_GUIDE}) is the guide.
"""
_TYPES = re.compile(r"dumbbell\.[\w.]*\.")


def page() -> str:
    names = sorted(dumbbell.__all__, key=lambda name: (not name[0].isupper(), name != "Api", name))
    parts = [_HEAD]
    parts += [_shown(name, getattr(dumbbell, name)) for name in names if not name.startswith("__")]
    return "\n".join(parts)


def _shown(name: str, value: Any) -> str:
    if not inspect.isclass(value):
        return f"## {name}\n\n{_signature(name, value)}\n\n{_text(value)}\n"
    members = "".join(_member(name, member, found) for member, found in sorted(_members(value)))
    return f"## {name}\n\n{_text(value)}\n{members}"


def _members(value: type) -> Iterator[tuple[str, Any]]:
    """What the class, or one of ours that it is made of, says itself."""
    seen: set[str] = set()
    for base in value.__mro__:
        if not base.__module__.startswith("dumbbell"):
            continue
        for name, found in vars(base).items():
            public = not name.startswith("_") and name not in seen
            if public and (isinstance(found, property) or inspect.isfunction(inspect.unwrap(_plain(found)))):
                seen.add(name)
                yield name, found


def _plain(found: Any) -> Any:
    return found.__func__ if isinstance(found, staticmethod | classmethod) else found


def _member(owner: str, name: str, found: Any) -> str:
    if isinstance(found, property):
        return f"\n### {owner}.{name}\n\n{_text(found)}\n"
    return f"\n### {owner}.{name}()\n\n{_signature(name, _plain(found))}\n\n{_text(_plain(found))}\n"


def _signature(name: str, function: Any) -> str:
    try:
        said = str(inspect.signature(function))
    except (TypeError, ValueError):
        return ""
    said = _QUOTED.sub(r"\1\2", re.sub(r" at 0x[0-9a-f]+", "", said))
    said = _TYPES.sub("", said).replace("(self, ", "(").replace("(self)", "()")
    return f"```python\n{name}{said}\n```"


def _text(value: Any) -> str:
    """A docstring as Markdown: sections are bold, their entries a list, and examples code."""
    lines: list[str] = []
    section = ""
    for line in (inspect.getdoc(value) or "").splitlines():
        heading = _SECTION.match(line)
        if heading:
            section = heading[1]
            lines += ["", f"**{section}**", ""]
            continue
        section = section if line.startswith(" ") or not line else ""
        lines.append(_line(line, section))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _line(line: str, section: str) -> str:
    if section in {"", "Example", "Examples"}:
        return line if section == "" or line.startswith(" " * 8) else line[4:]
    entry = _ENTRY.match(line)
    if entry:
        return f"- `{entry[1]}`:{line[entry.end() - 1:] if entry[2] else ''}"
    return f"  {line.strip()}" if line.strip() else ""
