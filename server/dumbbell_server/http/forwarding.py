"""How a request came here: the scheme, host and prefix that its sender used, as far as a trusted proxy says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.types import Scope

from dumbbell_server.errors import BadInput
from dumbbell_server.http.hosts import loopback
from dumbbell_server.settings import Settings

Network = IPv4Network | IPv6Network

FOR, PROTO, HOST, PREFIX = b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-prefix"
_SIGNS = frozenset({FOR, PROTO, HOST, PREFIX, b"forwarded", b"via", b"x-real-ip", b"x-forwarded-port",
                    b"x-forwarded-server"})
_PREFIX = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*")
_LONGEST = 64  # characters of an address with its port
_KEY = "dumbbell.reached"


class Reached(NamedTuple):
    """How a request came here. `host` has its port, `prefix` is empty or such as `/wandb`."""

    scheme: str
    host: str
    prefix: str
    sender: str  # the address of who sent this to the first of the trusted proxies, or here
    received: str  # the Host header itself, which no script in a browser can set
    origin: str | None  # the Origin header: the page whose script sends this
    forwarded: bool  # whether any header says that a proxy was on the way, trusted or not
    public_site: str  # of the public URL, empty without one

    @property
    def at_home(self) -> bool:
        """Whether its sender calls this server by a name of the machine that both are on, and no proxy was between."""
        return not self.forwarded and loopback(self.received)

    @property
    def site(self) -> str:
        """What `Origin` is for a page of ours."""
        return f"{self.scheme}://{self.host}"

    @property
    def of_own_page(self) -> bool:
        """Whether a page of ours sends this, or none."""
        return self.origin is None or self.origin in {self.site, self.public_site}

    @property
    def base_url(self) -> str:
        return self.site + self.prefix


def reached(request: Request) -> Reached:
    found: Reached = request.scope[_KEY]
    return found


class Forwarding:
    """Headers of proxies, for all requests of one app."""

    def __init__(self, settings: Settings) -> None:
        self._trusted = _among(settings.trusted_proxies)
        public = urlsplit(settings.public_url or "")
        self._public_prefix = public.path.rstrip("/")
        self._public_site = f"{public.scheme}://{public.netloc}".lower() if settings.public_url else ""

    def read(self, scope: Scope) -> Reached:
        """What stands in `scope` for `reached` from now on; a prefix goes from its path. BadInput for odd headers."""
        host, origin = b"", None
        proxies: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            if name == b"host":
                host = host or value
            elif name == b"origin":
                origin = value.decode("latin-1")
            elif name in _SIGNS:
                proxies.setdefault(name, []).extend(value.decode("latin-1").split(","))
        received = host.decode("latin-1") or _own_name(scope)
        found = Reached(scope["scheme"], received, "", _peer(scope), received, origin, bool(proxies), self._public_site)
        if proxies and self._trusted(_peer(scope)):
            found = self._believed(found, proxies)
        if self._public_site:
            found = self._public(found, scope)
        scope[_KEY] = found
        return found

    def _public(self, found: Reached, scope: Scope) -> Reached:
        """With what the public URL says: such a proxy need not say anything."""
        if self._public_site == f"https://{found.host.lower()}":
            found = found._replace(scheme="https")
        if self._public_prefix and not found.prefix:
            _strip(scope, unquote(self._public_prefix))
            found = found._replace(prefix=self._public_prefix)
        return found

    def _believed(self, found: Reached, proxies: dict[bytes, list[str]]) -> Reached:
        """With what trusted proxies say."""
        depth = self._depth(proxies.get(FOR, []))
        scheme = _at(proxies.get(PROTO, []), depth).lower() or found.scheme
        if scheme not in {"http", "https"}:
            raise BadInput(f"X-Forwarded-Proto {scheme[:40]!r} is neither http nor https; the proxy sets it")
        # each proxy that takes a prefix away adds it to the list
        prefix = "".join(part.strip().rstrip("/") for part in proxies.get(PREFIX, []))
        if _PREFIX.fullmatch(prefix) is None:
            raise BadInput(f"X-Forwarded-Prefix {prefix[:40]!r} is no path; the proxy sets it to one such as /wandb")
        sender = _without_port(_at(proxies.get(FOR, []), depth))[:_LONGEST] or found.sender
        return found._replace(scheme=scheme, host=_at(proxies.get(HOST, []), depth) or found.host, prefix=prefix,
                              sender=sender)

    def _depth(self, addresses: list[str]) -> int:
        """How many trusted proxies were on the way: each adds whom it heard from at the end of X-Forwarded-For."""
        depth = 1
        for address in reversed(addresses):
            if len(address) > _LONGEST or not self._trusted(_without_port(address.strip())):
                break
            depth += 1
        return depth


def _among(networks: Sequence[Network]) -> Callable[[str], bool]:
    @lru_cache(1024)
    def trusted(address: str) -> bool:
        try:
            found: IPv4Address | IPv6Address = ip_address(address)
        except ValueError:
            return False
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in network for network in networks)
    return trusted


def _at(values: list[str], depth: int) -> str:
    """What the outermost trusted proxy said, or the next that said anything; what stands before is a stranger's."""
    return values[-min(depth, len(values))].strip() if values else ""


def _without_port(address: str) -> str:
    bracketed = re.fullmatch(r"\[(.*)\](:\d+)?", address)
    if bracketed is not None:
        return bracketed[1]
    return address.partition(":")[0] if address.count(":") == 1 else address


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _own_name(scope: Scope) -> str:
    """What clients of HTTP/1.0 mean, who send no Host."""
    name, port = scope.get("server") or ("localhost", None)
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def _strip(scope: Scope, prefix: str) -> None:
    """Take the prefix from the path, where a proxy left it there."""
    path: str = scope["path"]
    if path != prefix and not path.startswith(f"{prefix}/"):
        return
    scope["path"] = path[len(prefix):] or "/"
    segments = scope["raw_path"].split(b"/")
    scope["raw_path"] = b"/" + b"/".join(segments[prefix.count("/") + 1:])
