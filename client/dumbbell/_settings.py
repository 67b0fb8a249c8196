"""Where to ask and as whom: defaults, the settings file, the environment, and what the caller says."""

from __future__ import annotations

import configparser
import contextlib
import getpass
import os
import re
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dumbbell import _json, _netrc
from dumbbell.errors import InvalidValueError, UsageError, WrongTypeError

DEFAULT_BASE_URL = "https://api.wandb.ai"
DEFAULT_TIMEOUT = 9.0  # seconds a request may take
_ENVIRONMENT = {"entity": "WANDB_ENTITY", "project": "WANDB_PROJECT", "base_url": "WANDB_BASE_URL",
                "run": "WANDB_RUN_ID", "organization": "WANDB_ORGANIZATION"}
_NETWORK = {"http_proxy": "WANDB_HTTP_PROXY", "https_proxy": "WANDB_HTTPS_PROXY",
            "x_extra_http_headers": "WANDB_X_EXTRA_HTTP_HEADERS", "insecure_disable_ssl": "WANDB_INSECURE_DISABLE_SSL"}
_OLDER = {"WANDB_X_EXTRA_HTTP_HEADERS": "WANDB__EXTRA_HTTP_HEADERS"}
_LEAST_KEY = 40  # characters, as wandb 0.31 has it (sdk/lib/wbauth/validation.py:check_api_key)
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_SECRET = re.compile(r"[\w-]+", re.ASCII)


def read_settings(overrides: Mapping[str, Any] | None, said: Mapping[str, str] | None = None) -> dict[str, Any]:
    """All settings, the caller's strongest: base_url (without a slash at its end), entity, project, run, organization.

    Args:
        overrides: by name.
        said: what settings files say, where they were read already.
    """
    said = read_files() if said is None else said
    settings: dict[str, Any] = {"base_url": DEFAULT_BASE_URL, **dict.fromkeys(_ENVIRONMENT.keys() - {"base_url"})}
    settings.update({key: said[key] for key in _ENVIRONMENT if said.get(key)})
    if _chosen:
        settings["base_url"] = list(_chosen)[-1]
    settings.update({key: os.environ[name] for key, name in _ENVIRONMENT.items() if os.environ.get(name)})
    if overrides is not None and not isinstance(overrides, Mapping):
        raise WrongTypeError(f"overrides is {overrides!r}; it is a dict, such as {{'entity': 'my-team'}}")
    given = dict(overrides or {})
    if "username" in given:
        warnings.warn("Passing `username` to Api is deprecated; please use `entity` instead.", DeprecationWarning,
                      stacklevel=3)
        given.setdefault("entity", given.pop("username"))
        given.pop("username", None)
    settings.update({key: value for key, value in given.items() if value is not None})
    settings["base_url"] = _checked_url(str(settings["base_url"]))
    return settings


def _checked_url(text: str) -> str:
    url = text.strip().rstrip("/")
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise InvalidValueError(f"base_url for {parts.hostname} holds a name or a password; the key is api_key= of Api "
                                "or WANDB_API_KEY")
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise InvalidValueError(f"base_url {text!r} is not a URL; it looks like {DEFAULT_BASE_URL} or "
                                "http://localhost:8080")
    return url


@dataclass(frozen=True)
class Network:
    """How the server is reached, where it is not the plain way.

    Attributes:
        proxies: the proxy for http:// and for https:// URLs, beside those of the environment's *_PROXY.
        headers: sent along to the server itself; stores of files, which are others, do not get them.
        verify: False trusts any certificate.
    """

    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)  # with their passwords
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    verify: bool = True


def read_network(given: Mapping[str, str] | None = None, said: Mapping[str, str] | None = None) -> Network:
    """What settings files and the environment say of the network.

    Args:
        given: proxies by scheme, `http` and `https`, that the caller asks for.
        said: what settings files say, where they were read already.

    Raises:
        InvalidValueError: something is not written as it should be.
    """
    said = dict(read_files() if said is None else said)
    for key, name in _NETWORK.items():
        text = os.environ.get(name) or os.environ.get(_OLDER.get(name, ""))
        if text:
            said[key] = text
    proxies = {f"{scheme}://": said[f"{scheme}_proxy"] for scheme in ("http", "https") if said.get(f"{scheme}_proxy")}
    older = given or _texts("WANDB__PROXIES", os.environ.get("WANDB__PROXIES"))
    proxies |= {f"{scheme}://": str(url) for scheme, url in older.items() if url and scheme in {"http", "https"}}
    headers = _texts(_NETWORK["x_extra_http_headers"], said.get("x_extra_http_headers"))
    disabled = said.get("insecure_disable_ssl", "").strip().lower() in {"1", "true", "yes", "on"}
    return Network(proxies, headers, verify=not disabled)


def _texts(name: str, text: str | None) -> dict[str, str]:
    """A JSON object of texts out of the environment."""
    try:
        found = _json.loads(text) if text else {}
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise InvalidValueError(f'{name} is not a JSON object of texts, such as {{"name": "value"}}')
    return found


def read_files() -> dict[str, str]:
    """What `wandb login` and `wandb init` left behind; the project's own file wins."""
    home = Path(os.environ.get("WANDB_CONFIG_DIR") or Path.home() / ".config" / "wandb")
    found: dict[str, str] = {}
    for path in (home / "settings", Path(os.environ.get("WANDB_DIR") or ".") / "wandb" / "settings"):
        parser = configparser.ConfigParser(interpolation=None)
        with contextlib.suppress(OSError, configparser.Error, UnicodeDecodeError):
            parser.read_string(path.read_text())
            section = parser["default"] if parser.has_section("default") else {}
            found |= {key: value for key, value in section.items() if value}
    return found


def default_timeout() -> float:
    """WANDB_HTTP_TIMEOUT, or 9 seconds."""
    text = os.environ.get("WANDB_HTTP_TIMEOUT")
    if not text:
        return DEFAULT_TIMEOUT
    try:
        return float(text)
    except ValueError:
        raise InvalidValueError(f"WANDB_HTTP_TIMEOUT is {text!r}; it must be a number of seconds") from None


_chosen: dict[str, str] = {}  # what `login` chose for this process: keys by server, of which the last is asked


def choose(base_url: str, key: str) -> None:
    """What later calls of this process ask, and as whom."""
    _chosen.pop(base_url, None)
    _chosen[base_url] = key


def find_key(base_url: str, *, prompt: bool = True) -> str:
    """The key for this server: of `login`, WANDB_API_KEY, the netrc entry of its host, or the terminal.

    Args:
        base_url: the server.
        prompt: whether the terminal may be asked.

    Raises:
        UsageError: there is none, or what is there is no key.
    """
    if (chosen := _chosen.get(base_url)) is not None:
        return chosen
    said = os.environ.get("WANDB_API_KEY")
    if os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        raise UsageError("WANDB_IDENTITY_TOKEN_FILE is set, and tokens are not exchanged for access here: unset it, "
                         "and set WANDB_API_KEY")
    if said:
        return checked_key(said, "WANDB_API_KEY")
    key = _netrc.key_of(base_url)
    if not key and prompt and sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        key = getpass.getpass(f"API key for {base_url} (see {base_url}/authorize): ")
    if not key:
        raise UsageError(f"no API key for {base_url}: set WANDB_API_KEY, add the host to your netrc, "
                         "or pass api_key= to Api")
    return checked_key(key)


def checked_key(key: str, name: str = "the API key") -> str:
    """The key without blanks around it. UsageError if it cannot be one; the key itself is never shown."""
    if not isinstance(key, str):
        raise UsageError(f"{name} is of type {type(key).__name__}; it is a text")
    plain = key.strip()
    secret = plain.partition("-")[2] if "-" in plain else plain  # a prefix and a dash come before those of servers
    if _TOKEN.fullmatch(plain):
        return plain
    if not plain:
        raise UsageError(f"{name} is empty")
    if not _SECRET.fullmatch(secret):
        raise UsageError(f"{name} holds characters that no key has; there are letters, digits, _ and -")
    if len(secret) < _LEAST_KEY:
        raise UsageError(f"{name} is too short: {len(secret)} characters, and keys have {_LEAST_KEY} or more"
                         + (" after the first -" if "-" in plain else ""))
    return plain
