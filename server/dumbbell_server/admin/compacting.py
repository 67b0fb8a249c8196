"""Asking a running server to do the work that waits in the background."""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from collections.abc import Callable

_PAUSE = 0.2  # seconds between two questions
_PATIENCE = 60.0  # seconds for an answer


def ask(url: str, key: str, on_progress: Callable[[int], None]) -> None:
    """Returns once the server has nothing left to do; OSError where it refuses.

    `on_progress` hears how many runs are left.
    """
    reported = None
    left = _left(url, key, "POST")
    while left:
        if left != reported:
            on_progress(left)
            reported = left
        time.sleep(_PAUSE)
        left = _left(url, key, "POST")


def _left(url: str, key: str, method: str) -> int:
    token = base64.b64encode(f"api:{key}".encode()).decode()
    request = urllib.request.Request(f"{url.rstrip('/')}/compact", method=method,  # noqa: S310 - what the user names
                                     headers={"Authorization": f"Basic {token}"})
    with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310 - likewise
        return int(json.load(answer)["left"])
