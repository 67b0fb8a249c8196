"""Keys in the netrc file, by the host that they are for."""

from __future__ import annotations

import netrc
import os
import shlex
import tempfile
from pathlib import Path
from urllib.parse import urlsplit


def key_of(base_url: str) -> str | None:
    """The key of this host and port, or else of the host at any port."""
    parts = urlsplit(base_url)
    for path in _paths():
        try:
            entries = netrc.netrc(str(path)).hosts
        except (OSError, netrc.NetrcParseError):
            continue
        for host in (parts.netloc, parts.hostname):
            if host and host in entries:
                return entries[host][2]
    return None


def write_key(machine: str, key: str) -> Path:
    """Put a key in, in place of the one that this machine (such as `localhost:8080`) had. Returns the file.

    All else in the file stays as it is. The file is readable by its owner only. Raises OSError.
    """
    path = _path_to_write().resolve()  # a link stays one
    before = path.read_text() if path.exists() else ""
    entry = f"machine {shlex.quote(machine)}\n  login user\n  password {shlex.quote(key)}\n"
    _replace(path, _without(before, machine) + entry)
    return path


def _paths() -> list[Path]:
    given = os.environ.get("NETRC")
    return [Path(given).expanduser()] if given else [Path.home() / ".netrc", Path.home() / "_netrc"]


def _path_to_write() -> Path:
    paths = _paths()
    return next((path for path in paths if path.exists()), paths[0])


def _without(text: str, machine: str) -> str:
    """The lines of a file without the entry of a machine, which ends where the next one or a macro begins."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        words = _words(line)
        if words[:1] in (["machine"], ["default"], ["macdef"]):
            inside = words[:2] == ["machine", machine]
        if not inside:
            lines.append(f"{line}\n")
    return "".join(lines)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # quotes that do not end, which other programs may read in another way
        return line.split()


def _replace(path: Path, text: str) -> None:
    """All of the new text or all of the old one, never readable by others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # 0600
    waiting = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        waiting.replace(path)
    except BaseException:
        waiting.unlink(missing_ok=True)
        raise
