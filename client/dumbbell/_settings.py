"""Where to ask and as whom: defaults, the settings file, the environment, and what the caller says."""

from __future__ import annotations

import configparser
import contextlib
import getpass
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dumbbell import _netrc
from dumbbell.errors import InvalidValueError, UsageError

DEFAULT_BASE_URL = "https://api.wandb.ai"
DEFAULT_TIMEOUT = 9.0  # seconds a request may take
_ENVIRONMENT = {"entity": "WANDB_ENTITY", "project": "WANDB_PROJECT", "base_url": "WANDB_BASE_URL",
                "run": "WANDB_RUN_ID"}


def read_settings(overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    """All settings, the caller's strongest: base_url (without a slash at its end), entity, project, run."""
    settings: dict[str, Any] = {"base_url": DEFAULT_BASE_URL, "entity": None, "project": None, "run": None}
    settings.update(_from_files())
    settings.update({key: os.environ[name] for key, name in _ENVIRONMENT.items() if os.environ.get(name)})
    if overrides is not None and not isinstance(overrides, Mapping):
        raise InvalidValueError(f"overrides is {overrides!r}; it is a dict, such as {{'entity': 'my-team'}}")
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
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise InvalidValueError(f"base_url {text!r} is not a URL; it looks like {DEFAULT_BASE_URL} or "
                                "http://localhost:8080")
    return url


def _from_files() -> dict[str, str]:
    """What `wandb login` and `wandb init` left behind; the project's own file wins."""
    home = Path(os.environ.get("WANDB_CONFIG_DIR") or Path.home() / ".config" / "wandb")
    found: dict[str, str] = {}
    for path in (home / "settings", Path(os.environ.get("WANDB_DIR") or ".") / "wandb" / "settings"):
        parser = configparser.ConfigParser(interpolation=None)
        with contextlib.suppress(OSError, configparser.Error, UnicodeDecodeError):
            parser.read_string(path.read_text())
            section = parser["default"] if parser.has_section("default") else {}
            found |= {key: section[key] for key in _ENVIRONMENT if section.get(key)}
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


def find_key(base_url: str) -> str:
    """The key for this server: WANDB_API_KEY, the netrc entry of its host, or the terminal. UsageError without."""
    key = os.environ.get("WANDB_API_KEY") or _netrc.key_of(base_url)
    if not key and sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        key = getpass.getpass(f"API key for {base_url} (see {base_url}/authorize): ").strip()
    if not key:
        raise UsageError(f"no API key for {base_url}: set WANDB_API_KEY, add the host to your netrc, "
                         "or pass api_key= to Api")
    return key.strip()
