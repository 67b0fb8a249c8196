"""The one seam to the server: `execute(document, variables)`, and bytes by URL."""

from __future__ import annotations

import base64
import contextlib
import ssl
import threading
import urllib.request
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx2

from dumbbell import _json
from dumbbell._retry import GRAPHQL_WINDOW, CutError, StatusError, retried
from dumbbell._settings import find_key
from dumbbell._version import __version__
from dumbbell.errors import AuthenticationError, CommError, PermissionDeniedError

_T = TypeVar("_T")

USER_AGENT = f"W&B Public Client {__version__}"
_LIMITS = httpx2.Limits(max_connections=64, max_keepalive_connections=64)
_LONGEST_TEXT = 4096  # of an error's body


class _Secure(httpx2.BaseTransport):
    """Connections with TLS, whose certificates are read only when there is one: that takes 20 ms and more."""

    def __init__(self) -> None:
        self._inner: httpx2.HTTPTransport | None = None
        self._lock = threading.Lock()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        with self._lock:
            if self._inner is None:
                self._inner = httpx2.HTTPTransport(limits=_LIMITS)
        return self._inner.handle_request(request)

    def close(self) -> None:
        if self._inner is not None:
            self._inner.close()


def _plain() -> httpx2.HTTPTransport:
    """Connections without TLS; the empty context trusts nobody."""
    return httpx2.HTTPTransport(limits=_LIMITS, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


class Transport:
    """A pool of connections to one server, with its key. Threads may share it."""

    def __init__(self, base_url: str, timeout: float, key: str | None = None,
                 inner: httpx2.BaseTransport | None = None) -> None:
        self.base_url = base_url
        self.timeout = timeout
        self._key = key
        self._inner = inner
        self._http: httpx2.Client | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_http": None, "_lock": None}  # connections do not travel

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    @property
    def key(self) -> str:
        """The key, looked for when it is first needed."""
        with self._lock:
            if self._key is None:
                self._key = find_key(self.base_url)
            return self._key

    @property
    def http(self) -> httpx2.Client:
        """The connections, made when first needed: importing and constructing cost nothing."""
        with self._lock:
            if self._http is None:
                inner = self._inner
                proxied = bool(urllib.request.getproxies())
                mounts = {"http://": _plain()} if inner is None and not proxied else None
                self._http = httpx2.Client(
                    transport=inner or (None if proxied else _Secure()), mounts=mounts, limits=_LIMITS,
                    timeout=self.timeout, follow_redirects=True, headers={"User-Agent": USER_AGENT})
                weakref.finalize(self, self._http.close)  # nobody has to close an Api
            return self._http

    def execute(self, document: str, variables: Mapping[str, Any] | None = None,
                window: float = GRAPHQL_WINDOW) -> dict[str, Any]:
        """Run a GraphQL document and return its `data`.

        Tried again on faults of the network and of the server for `window` seconds.

        Raises:
            AuthenticationError: the key is unknown (401).
            PermissionDeniedError: the server refuses or hides the thing (403, 404).
            CommError: anything else, with the server's own message.
        """
        sent = _json.body({"query": document, "variables": dict(variables or {})})
        headers = {"Content-Type": "application/json", "Use-Admin-Privileges": "true", **self._authorization()}
        answer = self.telling(lambda: retried(lambda: self._post(sent, headers), window))
        errors = answer.get("errors")
        if errors:
            raise CommError(_message(errors) or "the server answered with an error that says nothing", None)
        data: dict[str, Any] = answer.get("data") or {}
        return data

    def _post(self, sent: bytes, headers: dict[str, str]) -> dict[str, Any]:
        answer = self.http.post(f"{self.base_url}/graphql", content=sent, headers=headers)
        if not answer.is_success:
            raise _status_error(answer, answer.text)
        try:
            found = _json.loads(answer.content)
        except ValueError:
            raise CutError(f"{self.base_url}/graphql answered with something that is not JSON: "
                           f"{answer.text[:200]!r}") from None
        if not isinstance(found, dict):
            raise CutError(f"{self.base_url}/graphql answered with something that is not an object")
        return found

    @contextlib.contextmanager
    def stream(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[httpx2.Response]:
        """An open answer to a GET; the caller reads it. The key goes along only to the server's own host.

        Raises:
            StatusError: any status but 200 and 206.
        """
        asked = {"Accept-Encoding": "identity", **(headers or {}), **self._authorization_for(self.absolute(url))}
        with self.http.stream("GET", self.absolute(url), headers=asked) as answer:
            if answer.status_code not in {200, 206}:
                answer.read()
                raise _status_error(answer, answer.text)
            yield answer

    def fetched(self, url: str, parse: Callable[[bytes], _T]) -> _T:
        """What `parse` makes of the bytes of a URL; bytes that it cannot read are asked for again, as faults are."""
        def read() -> _T:
            with self.stream(url) as answer:
                content = answer.read()
            try:
                return parse(content)
            except CommError:
                raise
            except (ValueError, KeyError, TypeError) as error:
                raise CutError(f"{url.partition('?')[0]} is not what it should be: {error}") from error
        return self.telling(lambda: retried(read))

    def put(self, url: str, content: Any, headers: Mapping[str, str]) -> httpx2.Response:
        """PUT bytes to a URL that the server gave out; an iterator needs a Content-Length among `headers`."""
        answer = self.http.put(self.absolute(url), content=content, timeout=None,
                               headers={**headers, **self._authorization_for(self.absolute(url))})
        if not answer.is_success:
            raise _status_error(answer, answer.text)
        return answer

    def absolute(self, url: str) -> str:
        """A URL that may begin with `/`, which is below the base URL's own path, as one with a host."""
        if url.startswith("/") and not url.startswith("//"):
            return self.base_url + url
        return urljoin(f"{self.base_url}/", url)

    def own(self, url: str) -> bool:
        """Whether the URL belongs to this server: the same scheme, host, port and path prefix."""
        mine, other = urlsplit(self.base_url), urlsplit(url)
        return ((mine.scheme, mine.netloc.lower()) == (other.scheme, other.netloc.lower())
                and other.path.startswith(f"{mine.path}/"))

    def telling(self, function: Callable[[], _T]) -> _T:
        """Call; faults of the way are raised as errors of the tree."""
        try:
            return function()
        except (StatusError, CutError, httpx2.HTTPError) as error:
            raise self.told(error) from error

    def told(self, error: Exception) -> CommError:
        """The error of the tree that says what went wrong on the way."""
        if not isinstance(error, StatusError):
            return CommError(f"could not talk to {self.base_url}: {str(error) or type(error).__name__}", error)
        said = _said(error)
        if error.status == httpx2.codes.UNAUTHORIZED:
            return AuthenticationError(said or f"the API key is not known to {self.base_url}", error)
        if error.status in {httpx2.codes.FORBIDDEN, httpx2.codes.NOT_FOUND}:
            return PermissionDeniedError(said or f"permission denied: {error}", error)
        return CommError(said or str(error), error)

    def _authorization(self) -> dict[str, str]:
        token = base64.b64encode(f"api:{self.key}".encode()).decode()
        return {"Authorization": f"Basic {token}"}

    def _authorization_for(self, url: str) -> dict[str, str]:
        return self._authorization() if self.own(url) else {}


def _status_error(answer: httpx2.Response, text: str) -> StatusError:
    return StatusError(answer.status_code, answer.reason_phrase, text[:_LONGEST_TEXT],
                       answer.headers.get("retry-after"))


def _said(error: StatusError) -> str | None:
    """What the body says, if it is a sentence: the first message of its errors, or its text."""
    try:
        found = _json.loads(error.text)
    except ValueError:
        return None  # an HTML page, say: the status tells more
    if isinstance(found, dict):
        text = _message(found.get("errors")) or found.get("error") or found.get("message")
        return str(text) if text else error.text
    return None


def _message(errors: Any) -> str | None:
    if isinstance(errors, list) and errors:
        first = errors[0]
        return str(first.get("message") or "") if isinstance(first, dict) else str(first)
    return None
