"""The key in a request."""

from __future__ import annotations

import base64
import binascii

from starlette.requests import Request

from dumbbell_server.errors import Unauthenticated

# README, Makefile and docker-compose.yml have it: everybody knows it.
PUBLIC_KEY = "local" + "0" * 35


def key_of(request: Request) -> str | None:
    """The API key of `Authorization: Basic api:<key>` or `Bearer <key>`; None without the header."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip()
    if scheme.lower() == "basic":
        try:
            text = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            text = ""
        _, colon, key = text.partition(":")  # the user part is always "api"
        if colon and key:
            return key
    raise Unauthenticated("the Authorization header holds no API key; send Basic base64(api:KEY) or Bearer KEY")
