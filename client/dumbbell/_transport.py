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
from dumbbell._retry import GRAPHQL_WINDOW, CutError, StatusError, described, left, retried
from dumbbell._settings import Network, checked_key, find_key, read_network
from dumbbell._version import __version__
from dumbbell.errors import AuthenticationError, CommError, PermissionDeniedError, UsageError

_T = TypeVar("_T")

USER_AGENT = f"W&B Public Client {__version__}"
_LIMITS = httpx2.Limits(max_connections=64, max_keepalive_connections=64)
_LONGEST_TEXT = 4096  # of an error's body
_REFUSED = dict.fromkeys((401, 403, 404), PermissionDeniedError)
_LONG_ANSWER = 300.0  # seconds for the answer to an upload: stores look at all of it first


class _Secure(httpx2.BaseTransport):
    """Connections with TLS, whose certificates are read only when there is one: that takes 20 ms and more."""

    def __init__(self, *, verify: bool) -> None:
        self._inner: httpx2.HTTPTransport | None = None
        self._verify = verify
        self._lock = threading.Lock()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        with self._lock:
            if self._inner is None:
                self._inner = httpx2.HTTPTransport(limits=_LIMITS, verify=self._verify)
        return self._inner.handle_request(request)

    def close(self) -> None:
        if self._inner is not None:
            self._inner.close()


def _plain() -> httpx2.HTTPTransport:
    """Connections without TLS; the empty context trusts nobody."""
    return httpx2.HTTPTransport(limits=_LIMITS, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def _connections(inner: httpx2.BaseTransport | None, network: Network, timeout: float) -> httpx2.Client:
    """A pool: of the caller's own transport, through proxies, or straight."""
    more: dict[str, Any] = {"timeout": timeout, "follow_redirects": True, "headers": {"User-Agent": USER_AGENT}}
    if inner is not None:
        return httpx2.Client(transport=inner, **more)
    mounts: dict[str, httpx2.BaseTransport | None] = {
        pattern: httpx2.HTTPTransport(limits=_LIMITS, verify=network.verify, proxy=url)
        for pattern, url in network.proxies.items()}
    if mounts or urllib.request.getproxies():
        return httpx2.Client(mounts=mounts, limits=_LIMITS, verify=network.verify, **more)
    return httpx2.Client(transport=_Secure(verify=network.verify), mounts={"http://": _plain()}, **more)


class Transport:
    """A pool of connections to one server, with its key. Threads may share it."""

    def __init__(self, base_url: str, timeout: float, key: str | None = None,
                 inner: httpx2.BaseTransport | None = None, network: Network | None = None) -> None:
        self.base_url = base_url
        self.timeout = timeout
        self._key = None if key is None else checked_key(key, "api_key")
        self._given = key is not None
        self._lost = False  # whether the key that was given stayed behind when this was pickled
        self._inner = inner
        self._network = network or Network()
        self._http: httpx2.Client | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Connections and secrets do not travel: pickles lie around in caches and on queues."""
        return {**self.__dict__, "_http": None, "_lock": None, "_network": None, "_key": None, "_given": False,
                "_lost": self._lost or self._given}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock(), _network=read_network())

    @property
    def key(self) -> str:
        """The key, looked for when it is first needed.

        Raises:
            UsageError: there is none; or the one that was passed to `Api` did not come along in a pickle.
        """
        with self._lock:
            if self._key is None and self._lost:
                raise UsageError("the API key that was passed to Api is not in the pickle: set it again by "
                                 "`.client.transport.key = ...`, or make this from a new Api")
            if self._key is None:
                self._key = find_key(self.base_url)
            return self._key

    @key.setter
    def key(self, key: str) -> None:
        with self._lock:
            self._key, self._given, self._lost = checked_key(key), True, False

    @property
    def http(self) -> httpx2.Client:
        """The connections, made when first needed: importing and constructing cost nothing."""
        with self._lock:
            if self._http is None:
                self._http = _connections(self._inner, self._network, self.timeout)
                weakref.finalize(self, self._http.close)  # nobody has to close an Api
            return self._http

    def close(self) -> None:
        """Close the connections, until they are needed again."""
        with self._lock:
            http, self._http = self._http, None
        if http is not None:
            http.close()

    def execute(self, document: str, variables: Mapping[str, Any] | None = None,
                window: float = GRAPHQL_WINDOW) -> dict[str, Any]:
        """Run a GraphQL document and return its `data`.

        Tried again on faults of the network and of the server for `window` seconds.

        Raises:
            AuthenticationError: the key is unknown (401).
            PermissionDeniedError: the server refuses or hides the thing (403, 404).
            CommError: anything else, with the server's own message.
        """
        body = {"query": document, "variables": dict(variables or {})}
        answer = self.post("/graphql", body, window, {"Use-Admin-Privileges": "true"})
        errors = answer.get("errors")
        if errors:
            raise CommError(_message(errors) or "the server answered with an error that says nothing", None)
        data: dict[str, Any] = answer.get("data") or {}
        return data

    def post(self, path: str, body: Any, window: float = GRAPHQL_WINDOW,
             headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Send an object as JSON to a path of the server, and return the object that it answers.

        Tried again and refused as `execute` is.
        """
        sent = _json.body(body)
        url = f"{self.base_url}{path}"
        asked = {"Content-Type": "application/json", **(headers or {}), **self._own_headers()}
        return self.attempt(lambda: self._post(url, sent, asked), window)

    def _post(self, url: str, sent: bytes, headers: dict[str, str]) -> dict[str, Any]:
        answer = self.http.post(url, content=sent, headers=headers, follow_redirects=False,
                                timeout=left(self.timeout))
        if not answer.is_success:
            raise _status_error(answer, answer.text)
        try:
            found = _json.loads(answer.content)
        except ValueError:
            raise CutError(f"{url} answered with something that is not JSON: "
                           f"{answer.text[:200]!r}") from None
        if not isinstance(found, dict):
            raise CutError(f"{url} answered with something that is not an object")
        return found

    @contextlib.contextmanager
    def stream(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[httpx2.Response]:
        """An open answer to a GET; the caller reads it. The key goes along only to the server's own host.

        Raises:
            StatusError: any status but 200 and 206.
        """
        asked = {"Accept-Encoding": "identity", **(headers or {}), **self._headers_for(self.absolute(url))}
        with self.http.stream("GET", self.absolute(url), headers=asked, timeout=left(self.timeout)) as answer:
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
        return self.attempt(read)

    def put(self, url: str, content: Any, headers: Mapping[str, str]) -> httpx2.Response:
        """PUT bytes to a URL that the server gave out; an iterator needs a Content-Length among `headers`."""
        patience = httpx2.Timeout(_LONG_ANSWER, connect=left(self.timeout))
        answer = self.http.put(self.absolute(url), content=content, timeout=patience,
                               headers={**headers, **self._headers_for(self.absolute(url))})
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

    def attempt(self, function: Callable[[], _T], window: float = GRAPHQL_WINDOW) -> _T:
        """Call until it succeeds, or is known to fail for `window` seconds; faults of the way are errors of the tree.

        Where nobody can be connected to, it fails after `timeout` seconds, if that is less.
        """
        try:
            return retried(function, window, self.timeout)
        except (StatusError, CutError, httpx2.HTTPError) as error:
            raise self.told(error) from error

    def told(self, error: Exception) -> CommError:
        """The error of the tree that says what went wrong on the way, and with which host."""
        if isinstance(error, httpx2.RequestError):
            _without_key(error)
        if not isinstance(error, StatusError):
            return CommError(f"could not talk to {self.base_url}: {described(error)}", error)
        said = _said(error) or described(error)
        if not self.own(error.url):
            return _REFUSED.get(error.status, CommError)(f"{error.url.partition('?')[0]} cannot be had: {said}", error)
        if error.status == httpx2.codes.UNAUTHORIZED:
            return AuthenticationError(_said(error) or f"the API key is not known to {self.base_url}", error)
        return _REFUSED.get(error.status, CommError)(said, error)

    def _own_headers(self) -> dict[str, str]:
        """What goes along to the server itself, and to nobody else."""
        token = base64.b64encode(f"api:{self.key}".encode()).decode()
        return {**self._network.headers, "Authorization": f"Basic {token}"}

    def _headers_for(self, url: str) -> dict[str, str]:
        return self._own_headers() if self.own(url) else {}


def _status_error(answer: httpx2.Response, text: str) -> StatusError:
    asked = str(answer.request.url)
    if answer.is_redirect:
        text = _json.dumps({"error": f"{asked} leads on to {answer.headers['location']}: set WANDB_BASE_URL to that "
                                     "server's address"})
    return StatusError(answer.status_code, answer.reason_phrase, text[:_LONGEST_TEXT],
                       answer.headers.get("retry-after"), asked.partition("?")[0])  # what follows may be a signature


def _without_key(error: httpx2.RequestError) -> None:
    """Errors are logged, pickled and shown with what they hold."""
    with contextlib.suppress(RuntimeError):  # made without a request
        error.request.headers.pop("authorization", None)


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
