"""URLs that need no key: a method and a path, signed, for a while."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import quote

from dumbbell_server.clock import Clock
from dumbbell_server.errors import Forbidden

EXPIRED = "this URL has expired; ask for a new one"


class Signer:
    """`lifetime` is in seconds. A signature covers the decoded path, so that re-encoding on the way does no harm."""

    def __init__(self, secret: str, clock: Clock, lifetime: float) -> None:
        self._secret = secret.encode()
        self._clock = clock
        self._lifetime = lifetime

    def url(self, base_url: str, method: str, path: str) -> str:
        """An absolute, percent-encoded URL on which only `method` (and HEAD, for GET) works."""
        expires = int(self._clock.seconds() + self._lifetime)
        return f"{base_url}{quote(path)}?expires={expires}&signature={self._sign(method, path, expires)}"

    def check(self, method: str, path: str, expires: str, signature: str) -> None:
        wanted = "GET" if method == "HEAD" else method
        moment = int(expires) if expires.isascii() and expires.isdigit() and len(expires) < 16 else 0  # noqa: PLR2004
        if not hmac.compare_digest(self._sign(wanted, path, moment).encode(), signature.encode()):
            raise Forbidden("the signature of this URL is wrong; ask for a new one")
        if moment < self._clock.seconds():
            raise Forbidden(EXPIRED)

    def derive(self, purpose: str) -> str:
        """40 hex characters that only this server can make."""
        return hmac.new(self._secret, purpose.encode(), hashlib.sha256).hexdigest()[:40]

    def _sign(self, method: str, path: str, expires: int) -> str:
        text = f"{method}\n{path}\n{expires}"
        return hmac.new(self._secret, text.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()
