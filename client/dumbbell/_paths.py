"""The forms in which a run, a project or an artifact may be named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from dumbbell.errors import InvalidValueError, NotFoundError, WrongTypeError

_FOLDERS = frozenset({"runs", "sweeps"})
_T = TypeVar("_T")
_RUN_PARTS = 3
DEFAULT_PROJECT = "uncategorized"  # where a server puts artifacts, runs and sweeps that name none

Entity = Callable[[], "str | None"]


def plain(path: str | None, settings: Mapping[str, Any]) -> str | None:
    """The path that the address of a page stands for; a path as it is.

    Raises:
        InvalidValueError: it is a page of another server.
    """
    if path is not None and not isinstance(path, str):
        raise WrongTypeError(f"the path is {path!r}; it is a text, such as entity/project/run_id")
    if path is None or not path.strip().startswith(("http://", "https://")):
        return path
    page, base = urlsplit(path.strip()), urlsplit(settings["base_url"])
    if _site(page.netloc) != _site(base.netloc) or not page.path.startswith(f"{base.path}/"):
        raise InvalidValueError(f"{path!r} is no page of {settings['base_url']}")
    entity, project, kind, name, *rest = [*page.path.removeprefix(base.path).strip("/").split("/"), "", "", "", ""]
    if kind in {*_FOLDERS, "reports"} and name:
        return f"{entity}/{project}/{kind}/{name}"
    if kind == "artifacts" and rest[1]:
        return "/".join(unquote(part) for part in (entity, project, f"{rest[0]}:{rest[1]}"))
    return f"{entity}/{project}"


def _site(host: str) -> str:
    return host.lower().removeprefix("api.").removeprefix("app.")


def split(path: str | None) -> list[str]:
    """The parts of a path without the blanks and slashes around them; `%20` and its like are read."""
    return [unquote(part.strip()) for part in (path or "").strip().strip("/").split("/") if part.strip()]


def run_path(path: str | None, settings: Mapping[str, Any], entity: Entity, what: str = "run") -> tuple[str, str, str]:
    """(entity, project, id) of a run or sweep. InvalidValueError names what is missing."""
    parts = split(plain(path, settings))
    wanted = f"{what} path {path!r}"
    if len(parts) == _RUN_PARTS + 1 and parts[2] in _FOLDERS:
        parts.pop(2)
    if len(parts) > _RUN_PARTS:
        raise InvalidValueError(f"{wanted} has too many parts; it looks like entity/project/{what}_id")
    if parts and ":" in parts[-1] and len(parts) < _RUN_PARTS:
        parts[-1:] = parts[-1].split(":", 1)
    name = parts.pop() if parts else settings.get("run")
    project = parts.pop() if parts else settings.get("project")
    if not name:
        raise InvalidValueError(f"{wanted} names no {what}: give entity/project/{what}_id, or set `run` in the "
                                "overrides of Api")
    if not project:
        raise InvalidValueError(f"{wanted} names no project: give entity/project/{what}_id, or set `project` in the "
                                "overrides of Api")
    return parts.pop() if parts else needed_entity(entity, wanted), str(project), str(name)


def project_path(path: str | None, settings: Mapping[str, Any], entity: Entity, *,
                 fallback: bool = False) -> tuple[str, str]:
    """(entity, project); with `fallback` a project that is named nowhere is `uncategorized`."""
    parts = split(plain(path, settings))
    if len(parts) > _RUN_PARTS - 1:
        raise InvalidValueError(f"project path {path!r} has too many parts; it looks like entity/project")
    project = parts.pop() if parts else settings.get("project") or (DEFAULT_PROJECT if fallback else None)
    if not project:
        raise InvalidValueError(f"project path {path!r} names no project: give entity/project, or set `project` in "
                                "the overrides of Api")
    return parts.pop() if parts else needed_entity(entity, f"project path {path!r}"), str(project)


def artifact_path(path: str | None, settings: Mapping[str, Any], entity: Entity) -> tuple[str, str, str]:
    """(entity, project, name:alias) of an artifact."""
    path = plain(path, settings)
    if not path or not path.strip().strip("/"):
        raise InvalidValueError("an artifact needs a name, such as entity/project/name:alias")
    parts = path.strip().strip("/").split("/")
    if len(parts) > _RUN_PARTS:
        raise InvalidValueError(f"artifact path {path!r} has too many parts; it looks like entity/project/name:alias")
    name = parts.pop()
    project = parts.pop() if parts else settings.get("project") or DEFAULT_PROJECT
    return parts.pop() if parts else needed_entity(entity, f"artifact path {path!r}"), str(project), name


def needed_entity(entity: Entity, wanted: str) -> str:
    """The default entity, asked for only now. InvalidValueError if there is none."""
    found = entity()
    if not found:
        raise InvalidValueError(f"{wanted} names no entity, and there is no default one: put the entity in front, or "
                                "set `entity` in the overrides of Api")
    return found


def quoted(*parts: str) -> list[str]:
    """The parts as they stand in a URL; a blank is %20."""
    return [quote(part, safe="") for part in parts]


def with_blanks(make: Callable[[str, str, str], _T], place: tuple[str, str, str]) -> _T:
    """What the path names; where that is nothing and it holds `+`, with blanks instead, as old clients wrote them."""
    try:
        return make(*place)
    except NotFoundError:
        entity, project, name = (part.replace("+", " ") for part in place)
        if (entity, project, name) == place:
            raise
        return make(entity, project, name)
