"""MD5s of files, in base64 as manifests have them and in hex as paths have them."""

from __future__ import annotations

import base64
import binascii

_BYTES = 16


def hex_of(digest: str) -> str | None:
    """A base64 MD5 in hex; None for anything else."""
    try:
        raw = base64.b64decode(digest, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.hex() if len(raw) == _BYTES else None


def digest_of(hexadecimal: str) -> str | None:
    """The base64 of an MD5 in hex."""
    try:
        raw = bytes.fromhex(hexadecimal)
    except ValueError:
        return None
    return base64.b64encode(raw).decode() if len(raw) == _BYTES else None
