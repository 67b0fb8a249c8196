"""`dumbbell.login`: the server and the key of this process, as `wandb.login` chooses them."""

from __future__ import annotations

import getpass
from urllib.parse import urlsplit

from dumbbell import _netrc, _settings
from dumbbell.api import Api
from dumbbell.errors import UsageError


def login(key: str | None = None, relogin: bool | None = None, host: str | None = None, force: bool | None = None,
          timeout: int | None = None, verify: bool = True, referrer: str | None = None, prompt: bool = True) -> bool:
    """Choose the server and the key of this process, as `wandb.login` does.

    Args:
        key: the key, which is written to the netrc file for this server too. Without one, that of WANDB_API_KEY, of
            the netrc file, or of a prompt where there is a terminal.
        relogin: ask at the terminal, whatever is known.
        host: the server; it is asked by later `Api()` of this process unless WANDB_BASE_URL says otherwise.
        force: accepted because wandb has it; there is no working offline.
        timeout: seconds that the server has to answer.
        verify: try the key.
        referrer: accepted because wandb has it.
        prompt: False never asks.

    Returns:
        Whether there is a key.

    Raises:
        AuthenticationError: the server does not know the key.
        UsageError: what was given is no key.
    """
    del force, referrer
    overrides = {"base_url": host} if host else {}
    base_url = _settings.read_settings(overrides)["base_url"]
    found = _settings.checked_key(key) if key is not None else _known(base_url, relogin=bool(relogin), prompt=prompt)
    if found is None:
        return False
    if verify:
        _ = Api({"base_url": base_url}, api_key=found, timeout=timeout).viewer
    if key is not None or relogin:
        _netrc.write_key(urlsplit(base_url).netloc, found)
    _settings.choose(base_url, found)
    return True


def _known(base_url: str, *, relogin: bool, prompt: bool) -> str | None:
    if relogin:
        return _settings.checked_key(getpass.getpass(f"API key for {base_url}: "))
    try:
        return _settings.find_key(base_url, prompt=prompt)
    except UsageError:
        return None
