"""The names by which this server answers strangers.

Whoever owns a public name can let it lead to this machine: a page of theirs then speaks to us as if we were its own
server, and reads the answers (DNS rebinding). What their page cannot change is the Host header, which has that name.
So at a name that is neither private nor known, only those are answered who have a key of their own
(`state.py:check_stranger`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from dumbbell_server.settings import Settings

_HOST = re.compile(r"(\[[0-9a-f:.]+(?:%[a-z0-9_.%-]+)?\]|[a-z0-9_.-]+)(:\d*)?")
_LONGEST = 300  # characters of a Host header that is looked at: names have 253 at most
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
# Nobody can let a name below these lead anywhere for others.
_PRIVATE = (".localhost", ".local", ".internal", ".test", ".svc", ".svc.cluster.local")


def name_of(host: str) -> str | None:
    """The name or address in a Host header, in small letters and without brackets. None where there is none."""
    match = _HOST.fullmatch(host.lower()) if len(host) <= _LONGEST else None
    return match[1].strip("[]").rstrip(".") or None if match else None


def loopback(host: str) -> bool:
    """Whether a Host header is one that leads from a machine to itself."""
    name = name_of(host) or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def known_names(settings: Settings, *more: str) -> Callable[[str], bool]:
    """Whether a Host header is one with which no page of somebody else comes, or one that the settings name."""
    given = [urlsplit(settings.public_url or "").hostname, settings.host, *more, *settings.allowed_hosts]
    names = frozenset(name.lower() for name in given if name)
    endings = tuple(name[1:] for name in names if name.startswith("*."))

    @lru_cache(1024)
    def looked_up(host: str) -> bool:
        name = name_of(host)
        return name is not None and (name in names or name.endswith(endings) or _unrebindable(name))

    def known(host: str) -> bool:
        return "*" in names or (len(host) <= _LONGEST and looked_up(host))
    return known


def _unrebindable(name: str) -> bool:
    """An address, a name of this network, or one that no public server of names answers for."""
    last = name.rpartition(".")[2]
    return ":" in name or "." not in name or _NUMBER.fullmatch(last) is not None or name.endswith(_PRIVATE)
