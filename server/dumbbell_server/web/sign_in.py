"""Who looks at a page: by a key, by a cookie, or without either where the key is public anyway.

A cookie names the API key that it was made for, so that it ends with the key or its user. It is signed with a secret
of the database, and so outlives a restart. It is good for pages only: no other route looks at it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from urllib.parse import parse_qs, quote

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dumbbell_server.accounts import queries
from dumbbell_server.accounts.access import actor_of_user
from dumbbell_server.accounts.first_user import first_user
from dumbbell_server.accounts.keys import digest
from dumbbell_server.accounts.tables import ApiKeyRow, UserRow
from dumbbell_server.backend import Backend
from dumbbell_server.errors import BadInput, DumbbellError, Forbidden, TooLarge
from dumbbell_server.http.credentials import PUBLIC_KEY
from dumbbell_server.http.forwarding import reached
from dumbbell_server.http.state import actor_of
from dumbbell_server.identity import Actor
from dumbbell_server.web.attempts import Attempts
from dumbbell_server.web.html import answer, document, escape, for_frames

COOKIE_LIFETIME = 14 * 86_400  # seconds
LINK_LIFETIME = 3600  # seconds
_LONGEST_FORM = 8192  # bytes
_MOST_FIELDS = 16
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}  # of answers that are no page


class SignIn:
    """Cookies and one-time links of one server."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.attempts = Attempts(backend.clock)
        self._secret = backend.signer.derive("cookies of pages").encode()
        self.cookie = f"dumbbell_{backend.signer.derive('name of the cookie')[:8]}"  # ports of a host share cookies
        self._links: dict[str, float] = {}  # digests of the tokens that were printed, and when they expire
        self._lock = threading.Lock()

    def public_user(self, session: Session) -> UserRow | None:
        """Whose the public key is, if anybody's here; with `--open` every key is the first user's."""
        row = queries.key_by_digest(session, digest(PUBLIC_KEY))
        if row is None and self._backend.settings.open:
            return first_user(session, self._backend.settings.user)
        return _user_of(session, row)

    def link(self, base_url: str) -> str:
        """An address that signs in as the first user, once, for an hour."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._links[digest(token)] = self._backend.clock.seconds() + LINK_LIFETIME
        return f"{base_url.rstrip('/')}/login?token={token}"

    def viewer(self, request: Request, session: Session) -> Actor | None:
        """Who asks for a page; None for a stranger. Unauthenticated for a key that nobody has."""
        return actor_of(request) or self._by_cookie(request, session) or self._by_public_key(request, session)

    def _by_cookie(self, request: Request, session: Session) -> Actor | None:
        number, _, rest = request.cookies.get(self.cookie, "").partition(".")
        expires, _, signature = rest.partition(".")
        plain = all(part.isascii() and part.isdigit() and len(part) < 16 for part in (number, expires))  # noqa: PLR2004
        if not plain or int(expires) < self._backend.clock.seconds():
            return None
        row = session.get(ApiKeyRow, int(number))
        if row is None or not hmac.compare_digest(self._sign(row, expires), signature.encode("latin-1", "replace")):
            return None
        user = _user_of(session, row)
        return actor_of_user(session, user) if user else None

    def _by_public_key(self, request: Request, session: Session) -> Actor | None:
        """Only at this very machine as far as can be seen, and not for the script of another page."""
        user = self.public_user(session) if at_this_machine(request) else None
        return actor_of_user(session, user) if user else None

    def take_link(self, token: str, session: Session) -> ApiKeyRow | None:
        """The key of the first user, once for each link."""
        with self._lock:
            expires = self._links.pop(digest(token), 0.0)
        if expires < self._backend.clock.seconds():
            return None
        user = first_user(session, self._backend.settings.user)
        return next(iter(queries.keys_of(session, user.id)), None) if user else None

    def take_key(self, key: str, sender: str, session: Session) -> ApiKeyRow | None:
        """The row of a key; one that is nobody's is counted."""
        row = queries.key_by_digest(session, digest(key.strip()))
        if _user_of(session, row) is not None:
            return row
        self.attempts.wrong(sender)
        return None

    def signed_in(self, request: Request, key: ApiKeyRow, target: str) -> Response:
        """Off to the page, with a cookie."""
        redirect = RedirectResponse(local_target(request, target), 303, _PRIVATE)
        expires = str(int(self._backend.clock.seconds()) + COOKIE_LIFETIME)
        value = f"{key.id}.{expires}.{self._sign(key, expires).decode()}"
        how = reached(request)
        redirect.set_cookie(self.cookie, value, COOKIE_LIFETIME, path=f"{how.prefix}/", secure=how.scheme == "https",
                            httponly=True, samesite="lax")
        return redirect

    def signed_out(self, request: Request) -> Response:
        redirect = RedirectResponse(f"{reached(request).prefix}/login", 303, _PRIVATE)
        redirect.delete_cookie(self.cookie, path=f"{reached(request).prefix}/")
        return redirect

    def _sign(self, key: ApiKeyRow, expires: str) -> bytes:
        """With the key's hash: the number of a key that is gone may become another's."""
        text = f"{key.id}.{key.digest}.{expires}"
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest().encode()


def _user_of(session: Session, key: ApiKeyRow | None) -> UserRow | None:
    user = session.get(UserRow, key.user_id) if key else None
    return user if user and user.deleted_at is None else None


def at_this_machine(request: Request) -> bool:
    """As far as headers say: by a name of loopback, through no proxy, and by no other page but a link in it."""
    how = reached(request)
    followed = request.method == "GET" and request.headers.get("sec-fetch-mode") == "navigate" and how.origin is None
    return how.at_home and (followed or _by_own_page(request))


def check_own_page(request: Request) -> None:
    """Forbidden where the page of another website sends a form."""
    if not _by_own_page(request):
        raise Forbidden("a form is sent by a page of this server only")


def _by_own_page(request: Request) -> bool:
    """Whether a page of ours sends this, or none. To plain HTTP on other machines, browsers say so by `Origin` only."""
    site = request.headers.get("sec-fetch-site")
    return reached(request).of_own_page if site is None else site in {"none", "same-origin"}


def local_target(request: Request, target: str) -> str:
    """A path of ours to go on to, whatever the address says: never another site's."""
    ours = target.startswith("/") and not target.startswith("//")
    plain = target.isascii() and target.isprintable() and "\\" not in target
    return reached(request).prefix + (target if ours and plain else "/")


def to_sign_in(request: Request) -> Response:
    """Where a browser goes that nobody has signed in with, whether there is a page or not."""
    query = request.scope["query_string"]
    return RedirectResponse(_login(request, b"?" + query if query else b""), 303, _PRIVATE)


def link_to_sign_in(request: Request) -> Response:
    """The same in a frame, where no key is typed: the page itself then opens beside the notebook."""
    where = escape(_login(request))
    text = document("Sign in", [f'<p><a href="{where}">Sign in</a>, then show this again.</p>'])
    return for_frames(request, text, 401)


def _login(request: Request, query: bytes = b"") -> str:
    """The form, which leads back to the path that is asked here."""
    return f"{reached(request).prefix}/login?next={quote(request.scope['raw_path'] + query, safe='/')}"


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            raise TooLarge(f"the form is longer than {_LONGEST_FORM} bytes")
    try:
        found = parse_qs(body.decode("latin-1"), max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BadInput(f"the form has more than {_MOST_FIELDS} fields") from error
    return {name: values[0] for name, values in found.items()}


def form_page(request: Request, target: str, problem: str = "", status: int = 200) -> Response:
    where = escape(f"{reached(request).prefix}/login")
    return answer(document("Sign in", [
        f"<p>{escape(problem)}</p>" if problem else "",
        (f'<form method=post action="{where}"><input type=hidden name=next value="{escape(target)}">'
        '<label>API key <input type=password name=key size=48 autofocus required autocomplete=current-password>'
        "</label> <button>Sign in</button></form>"),
        "<p><code>dumbbell token</code>, run beside the server, makes a key.</p>"]), status, has_form=True)


def refused_page(error: DumbbellError) -> Response:
    return answer(document("Not possible", [f"<p>{escape(error.message)}</p>"]), error.status)
