"""What all pages look like, and what browsers may do with them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dumbbell_server.http.state import state_of

__all__ = ["answer", "document", "escape", "for_frames", "in_frame"]

_STYLE = ("body{font:15px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}pre{background:#f4f4f4;"
          "padding:.7rem;overflow:auto}table{border-collapse:collapse}td{padding:.1rem 1rem .1rem 0}")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# A page that is out of date, or made for somebody else, must not come out of a cache.
_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'self'"
# A policy has no way to name ::1.
_LOOPBACK = ("http://localhost:*", "https://localhost:*", "http://127.0.0.1:*", "https://127.0.0.1:*")
# No forms and no scripts; what is clicked opens elsewhere.
_READ_ONLY = "sandbox allow-popups allow-popups-to-escape-sandbox"


def document(title: str, parts: Iterable[str]) -> str:
    """A page of these parts, which are HTML; the title is a text."""
    return (f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
            f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{''.join(parts)}</html>")


def answer(text: str, status: int = 200, *, has_form: bool = False) -> Response:
    """A page that no other page shows in a frame: people type keys in it, or are shown one."""
    headers = {**_HEADERS, "Content-Security-Policy": f"{_POLICY}; frame-ancestors 'none'"}
    if has_form:  # by no-referrer, what it sends would have `Origin: null`, as if from anywhere
        headers["Referrer-Policy"] = "same-origin"
    return HTMLResponse(text, status, headers)


def for_frames(request: Request, text: str, status: int = 200) -> Response:
    """A page that notebooks show in a frame too, which they ask for as it is to be read only."""
    given = state_of(request).backend.settings.frame_ancestors
    policy = f"{_POLICY}; frame-ancestors {' '.join([*_LOOPBACK, *given])} 'self'"
    if in_frame(request):
        text = text.replace("<meta ", "<base target=_blank><meta ", 1)
        policy = f"{policy}; {_READ_ONLY}"
    return HTMLResponse(text, status, {**_HEADERS, "Content-Security-Policy": policy})


def in_frame(request: Request) -> bool:
    """Whether a notebook asks (wandb 0.31.0 sdk/wandb_run.py:Run.to_html), or a pipeline's page.

    The latter is wandb 0.31.0 integration/kfp/helpers.py:add_wandb_visualization.
    """
    query = request.query_params
    return "true" in {query.get("jupyter"), query.get("kfp")}
