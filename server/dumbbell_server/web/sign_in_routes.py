"""Signing in, out, and the page of the API key to which `wandb login` leads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dumbbell_server.accounts import service
from dumbbell_server.accounts.tables import UserRow
from dumbbell_server.database.engine import reading
from dumbbell_server.errors import DumbbellError
from dumbbell_server.http.credentials import PUBLIC_KEY
from dumbbell_server.http.forwarding import reached
from dumbbell_server.http.state import state_of
from dumbbell_server.identity import Actor
from dumbbell_server.web.html import answer, document, escape
from dumbbell_server.web.sign_in import (
    SignIn,
    at_this_machine,
    check_own_page,
    form_of,
    form_page,
    refused_page,
    to_sign_in,
)

T = TypeVar("T")
_WRONG = "This key is not known here."
_TOO_MANY = "Too many wrong keys came from your address. Wait a minute."


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
    if token is None or request.method == "HEAD":  # who only looks does not use the link up
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
    except DumbbellError as error:
        return refused_page(error)
    target, sender = form.get("next", "/"), reached(request).sender
    if sign_in.attempts.too_many(sender):
        return form_page(request, target, _TOO_MANY, 429)
    key = await _read(request, lambda session: sign_in.take_key(form.get("key", ""), sender, session))
    if key is None:
        return form_page(request, target, _WRONG, 403)
    return sign_in.signed_in(request, key, target)


async def _logout(request: Request) -> Response:
    try:
        check_own_page(request)
    except DumbbellError as error:
        return refused_page(error)
    return sign_in_of(request).signed_out(request)


async def _authorize(request: Request) -> Response:
    """Keys are stored as hashes: who is signed in may have another made. The public one is no secret."""
    sign_in = sign_in_of(request)

    def read(session: Session) -> tuple[Actor | None, UserRow | None]:
        return sign_in.viewer(request, session), sign_in.public_user(session)
    viewer, public = await _read(request, read)
    if viewer is None:
        return to_sign_in(request)
    if public is not None and public.id == viewer.user_id and at_this_machine(request):
        return _key_page(PUBLIC_KEY)
    prefix = escape(reached(request).prefix)
    return answer(document("Your API key", [
        f"<p>Signed in as {escape(viewer.username)}. A key is shown once, when it is made.</p>",
        f'<form method=post action="{prefix}/authorize"><button>Make a key</button></form>',
        f'<form method=post action="{prefix}/logout"><button>Sign out</button></form>',
    ]), has_form=True)


async def _make_key(request: Request) -> Response:
    sign_in, backend = sign_in_of(request), state_of(request).backend
    try:
        check_own_page(request)
    except DumbbellError as error:
        return refused_page(error)
    viewer = await _read(request, lambda session: sign_in.viewer(request, session))
    if viewer is None:
        return to_sign_in(request)
    _, key = await backend.write_soon(viewer, service.generate_key, "made in a browser")
    return _key_page(key)


def _key_page(key: str) -> Response:
    return answer(document("Your API key", [
        f"<pre>{escape(key)}</pre><p>It is what <code>wandb login</code> asks for.</p>"]))


ROUTES = [
    Route("/login", _login, methods=["GET"]),
    Route("/login", _enter, methods=["POST"]),
    Route("/logout", _logout, methods=["POST"]),
    Route("/authorize", _authorize, methods=["GET"]),
    Route("/settings", _authorize, methods=["GET"]),
    Route("/authorize", _make_key, methods=["POST"]),
]
