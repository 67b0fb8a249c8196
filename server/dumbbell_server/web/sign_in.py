"""Who looks at a page: by a key, by a cookie, or without either where the key is public anyway.

A cookie names the API key that it was made for, so that it ends with the key or its user. It is signed with a secret
of the database, and so outlives a restart. It is good for pages only: no other route looks at it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from urllib.parse import parse_qs, quote, urlsplit

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dumbbell_server.accounts import queries
from dumbbell_server.accounts.access import actor_of_user
from dumbbell_server.accounts.keys import digest
from dumbbell_server.accounts.tables import ApiKeyRow, UserRow
from dumbbell_server.backend import Backend
from dumbbell_server.errors import DumbbellError, Forbidden, TooLarge, Unauthenticated
from dumbbell_server.http.forwarding import reached
from dumbbell_server.http.state import actor_of
from dumbbell_server.identity import Actor
from dumbbell_server.web.html import document, escape

# The key that README and the Makefile print: the same on every machine.
PUBLIC_KEY = "local" + "0" * 35
COOKIE_LIFETIME = 14 * 86_400  # seconds
LINK_LIFETIME = 3600  # seconds
_LONGEST_FORM = 8192  # bytes
_MOST_FAILURES, _WINDOW = 30, 60.0  # wrong keys in so many seconds, of all who try
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class SignIn:
    """Cookies and one-time links of one server. `find` says whose a key is, or raises Unauthenticated."""

    def __init__(self, backend: Backend, find: Callable[[str], Actor]) -> None:
        self._backend = backend
        self._find = find
        self._secret = backend.signer.derive("cookies of pages").encode()
        self.cookie = f"dumbbell_{backend.signer.derive('name of the cookie')[:8]}"  # ports of a host share cookies
        self._links: dict[str, float] = {}  # digests of the tokens that were printed, and when they expire
        self._failures: deque[float] = deque()
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether the public key is somebody's here."""
        try:
            self._find(PUBLIC_KEY)
        except Unauthenticated:
            return False
        return True

    def link(self, base_url: str) -> str:
        """An address that signs in as the first user, once, for an hour."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._links[digest(token)] = time.monotonic() + LINK_LIFETIME
        return f"{base_url}/login?token={token}"

    def viewer(self, request: Request, session: Session) -> Actor | None:
        """Who asks for a page; None for a stranger. Unauthenticated for a key that nobody has."""
        return actor_of(request) or self._by_cookie(request, session) or self._by_public_key(request)

    def _by_cookie(self, request: Request, session: Session) -> Actor | None:
        number, _, rest = request.cookies.get(self.cookie, "").partition(".")
        expires, _, signature = rest.partition(".")
        plain = all(part.isascii() and part.isdigit() and len(part) < 16 for part in (number, expires))  # noqa: PLR2004
        if not plain or int(expires) < self._backend.clock.seconds():
            return None
        row = session.get(ApiKeyRow, int(number))
        if row is None or not hmac.compare_digest(self._sign(row, expires), signature.encode("latin-1", "replace")):
            return None
        user = session.get(UserRow, row.user_id)
        return actor_of_user(session, user) if user is not None and user.deleted_at is None else None

    def _by_public_key(self, request: Request) -> Actor | None:
        """Only at this very machine as far as can be seen, and not for the script of another page."""
        if not at_this_machine(request):
            return None
        try:
            return self._find(PUBLIC_KEY)
        except Unauthenticated:
            return None

    def take_link(self, token: str, session: Session) -> ApiKeyRow | None:
        """The key of the first user, once for each link."""
        with self._lock:
            expires = self._links.pop(digest(token), 0.0)
        if expires < time.monotonic():
            return None
        user = queries.user_by_name(session, self._backend.settings.user)
        if user is None or user.deleted_at is not None:
            return None
        return next(iter(queries.keys_of(session, user.id)), None)

    def take_key(self, key: str, session: Session) -> ApiKeyRow | None:
        """The row of a key. Forbidden once too many wrong ones were tried."""
        now = time.monotonic()
        with self._lock:
            while self._failures and self._failures[0] < now - _WINDOW:
                self._failures.popleft()
            if len(self._failures) >= _MOST_FAILURES:
                raise Forbidden("too many wrong keys were tried here; wait a minute")
        row = queries.key_by_digest(session, digest(key.strip()))
        user = session.get(UserRow, row.user_id) if row is not None else None
        if user is None or user.deleted_at is not None:
            with self._lock:
                self._failures.append(now)
            return None
        return row

    def signed_in(self, request: Request, key: ApiKeyRow, target: str) -> Response:
        """Off to the page, with a cookie."""
        answer = RedirectResponse(local_target(request, target), 303, _PRIVATE)
        expires = str(int(self._backend.clock.seconds()) + COOKIE_LIFETIME)
        value = f"{key.id}.{expires}.{self._sign(key, expires).decode()}"
        how = reached(request)
        answer.set_cookie(self.cookie, value, COOKIE_LIFETIME, path=f"{how.prefix}/", secure=how.scheme == "https",
                          httponly=True, samesite="lax")
        return answer

    def signed_out(self, request: Request) -> Response:
        answer = RedirectResponse(f"{reached(request).prefix}/login", 303, _PRIVATE)
        answer.delete_cookie(self.cookie, path=f"{reached(request).prefix}/")
        return answer

    def _sign(self, key: ApiKeyRow, expires: str) -> bytes:
        """With the key's hash: the number of a key that is gone may become another's."""
        text = f"{key.id}.{key.digest}.{expires}"
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest().encode()


def at_this_machine(request: Request) -> bool:
    """As far as headers say: by a name of loopback, through no proxy, and by no other page but a link in it."""
    how = reached(request)
    host = how.received.lower()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    site = request.headers.get("sec-fetch-site", "none")
    followed = request.method == "GET" and request.headers.get("sec-fetch-mode") == "navigate"
    return (name in _LOOPBACK and not how.forwarded and how.origin in {None, how.site}
            and (site in {"none", "same-origin"} or followed))


def check_own_page(request: Request) -> None:
    """Forbidden where the page of another website sends a form."""
    how = reached(request)
    if how.origin not in {None, how.site} or request.headers.get("sec-fetch-site", "none") not in {
            "none", "same-origin"}:
        raise Forbidden("a form is sent by a page of this server only")


def local_target(request: Request, target: str) -> str:
    """A path of ours to go on to, whatever the address says: never another site's."""
    parts = urlsplit(target)
    ours = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    printable = target.isascii() and target.isprintable() and "\\" not in target
    return reached(request).prefix + (target if ours and printable else "/")


def to_sign_in(request: Request) -> Response:
    """Where a browser goes that nobody has signed in with, whether there is a page or not."""
    query = request.scope["query_string"].decode("latin-1")
    target = request.scope["path"] + (f"?{query}" if query else "")
    return RedirectResponse(f"{reached(request).prefix}/login?next={quote(target, safe='/')}", 303, _PRIVATE)


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            raise TooLarge(f"the form is longer than {_LONGEST_FORM} bytes")
    found = parse_qs(body.decode("latin-1"), max_num_fields=16)
    return {name: values[0] for name, values in found.items()}


def form_page(request: Request, target: str, problem: str = "", status: int = 200) -> Response:
    where = escape(f"{reached(request).prefix}/login")
    return HTMLResponse(document("Sign in", [
        f"<p>{escape(problem)}</p>" if problem else "",
        (f'<form method=post action="{where}"><input type=hidden name=next value="{escape(target)}">'
        '<label>API key <input type=password name=key size=48 autofocus required autocomplete=current-password>'
        "</label> <button>Sign in</button></form>"),
        "<p><code>dumbbell token</code>, run beside the server, makes a key.</p>"]), status, _PRIVATE)


def refused_page(error: DumbbellError) -> Response:
    return HTMLResponse(document("Not possible", [f"<p>{escape(error.message)}</p>"]), error.status, _PRIVATE)
