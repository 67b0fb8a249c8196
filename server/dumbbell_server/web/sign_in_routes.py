"""Signing in, out, and the page of the API key to which `wandb login` leads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from dumbbell_server.accounts.keys import add_key, make_key
from dumbbell_server.database.engine import reading
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import DumbbellError
from dumbbell_server.http.forwarding import reached
from dumbbell_server.http.state import state_of
from dumbbell_server.web.html import document, escape
from dumbbell_server.web.sign_in import (
    PUBLIC_KEY,
    SignIn,
    at_this_machine,
    check_own_page,
    form_of,
    form_page,
    refused_page,
    to_sign_in,
)

T = TypeVar("T")
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_WRONG = "This key is not known here."


def sign_in_of(request: Request) -> SignIn:
    found: SignIn = request.app.state.sign_in
    return found


async def _read(request: Request, read: Callable[[Session], T]) -> T:
    state = state_of(request)

    def run() -> T:
        with reading(state.backend.database) as session:
            return read(session)
    return await asyncio.get_running_loop().run_in_executor(state.pool, run)


async def _login(request: Request) -> Response:
    """The form; with the token of a printed link, the way in."""
    sign_in = sign_in_of(request)
    target = request.query_params.get("next", "/")
    token = request.query_params.get("token")
    if token is None:
        return form_page(request, target)
    key = await _read(request, lambda session: sign_in.take_link(token, session))
    if key is None:
        return form_page(request, target, "This link was used, or is too old; the server prints one as it starts.", 403)
    return sign_in.signed_in(request, key, target)


async def _enter(request: Request) -> Response:
    sign_in = sign_in_of(request)
    try:
        check_own_page(request)
        form = await form_of(request)
        key = await _read(request, lambda session: sign_in.take_key(form.get("key", ""), session))
    except DumbbellError as error:
        return refused_page(error)
    if key is None:
        return form_page(request, form.get("next", "/"), _WRONG, 403)
    return sign_in.signed_in(request, key, form.get("next", "/"))


async def _logout(request: Request) -> Response:
    try:
        check_own_page(request)
    except DumbbellError as error:
        return refused_page(error)
    return sign_in_of(request).signed_out(request)


async def _authorize(request: Request) -> Response:
    """Keys are stored as hashes: who is signed in may have another made. The public one is no secret."""
    sign_in = sign_in_of(request)
    viewer = await _read(request, lambda session: sign_in.viewer(request, session))
    if viewer is None:
        return to_sign_in(request)
    if sign_in.is_open and at_this_machine(request):
        return _key_page(PUBLIC_KEY)
    where = escape(f"{reached(request).prefix}/authorize")
    return HTMLResponse(document("Your API key", [
        f"<p>Signed in as {escape(viewer.username)}. A key is shown once, when it is made.</p>",
        f'<form method=post action="{where}"><button>Make a key</button></form>',
        f'<form method=post action="{escape(reached(request).prefix)}/logout"><button>Sign out</button></form>',
    ]), headers=_PRIVATE)


async def _make_key(request: Request) -> Response:
    sign_in, backend = sign_in_of(request), state_of(request).backend
    try:
        check_own_page(request)
    except DumbbellError as error:
        return refused_page(error)
    viewer = await _read(request, lambda session: sign_in.viewer(request, session))
    if viewer is None:
        return to_sign_in(request)
    key = make_key(backend.clock)

    def make(unit: Unit) -> None:
        add_key(unit, viewer.user_id, key, "made in a browser")
    await backend.write_soon(viewer, make)
    return _key_page(key)


def _key_page(key: str) -> Response:
    return HTMLResponse(document("Your API key", [
        f"<pre>{escape(key)}</pre><p>It is what <code>wandb login</code> asks for.</p>"]), headers=_PRIVATE)


ROUTES = [
    Route("/login", _login, methods=["GET"]),
    Route("/login", _enter, methods=["POST"]),
    Route("/logout", _logout, methods=["POST"]),
    Route("/authorize", _authorize, methods=["GET"]),
    Route("/settings", _authorize, methods=["GET"]),
    Route("/authorize", _make_key, methods=["POST"]),
]
