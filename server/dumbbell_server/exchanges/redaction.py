"""Secrets taken out of what is about to be recorded."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

import re2

REMOVED = "REMOVED"
_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-wandb-api-key",
                      "x-amz-security-token"})
# What follows such a name and "=", in URLs wherever they stand: of ours, of buckets, of links to sign in.
_PARAMETERS = (r"signature|x-amz-signature|x-amz-credential|x-amz-security-token|awsaccesskeyid|x-goog-signature"
               r"|x-goog-credential|sig|token|api_?key|password|key")
_FIELDS = r"api_?keys?|password|secret|token|access_?token|id_?token|client_?secret|authorization|cookie"
# A key as this server makes them, that of the README, and the newer ones of W&B. A git commit looks the same.
_KEYS = r"\b(?:[0-9a-f]{40}|local[0-9a-z]{35}|wandb_v1_[A-Za-z0-9_]{20,})\b"
_PARAMETER = rf"\b({_PARAMETERS})(=|%3D)([^&\"'\s\\<>]+)"
# JSON may be a text in JSON, and values of a config are objects with `value` in them.
_FIELD = rf"(\\*\"(?:{_FIELDS})\\*\"\s*:\s*(?:\{{\s*\\*\"value\\*\"\s*:\s*)?\\*\")([^\"\\]+)"
# RE2 looks for all of them at once, which takes a fiftieth of Python's own; most texts hold none.
_ANY = re2.compile(rf"(?i:{_PARAMETER}|{_FIELD}|{_KEYS})")
_REPLACED = (
    (re.compile(_PARAMETER, re.IGNORECASE), rf"\1\2{REMOVED}"),
    (re.compile(_FIELD, re.IGNORECASE), rf"\1{REMOVED}"),
    (re.compile(_KEYS, re.IGNORECASE), REMOVED),
)
_BETWEEN = " \t\r\n\"'&,;<>"  # words


def without_secrets(text: str, own: Iterable[str] = ()) -> str:
    """The text without keys, signatures and passwords; `own` are secrets that its sender is known to have."""
    for secret in own:
        if secret in text:
            text = text.replace(secret, REMOVED)
    if _ANY.search(text) is None:
        return text
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    return text


def cut_text(text: str, own: Iterable[str] = ()) -> str:
    """The same for a text that was cut off: its last word goes, which may be half of a secret."""
    end = 1 + max(text.rfind(letter) for letter in _BETWEEN)
    return without_secrets(text[:end], own)


def safe_headers(headers: Iterable[tuple[bytes, bytes]], own: Iterable[str] = ()) -> tuple[tuple[str, str], ...]:
    """Heads as they may be stored, names in small letters."""
    found = []
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        found.append((name, REMOVED if name in _HEADERS else raw_value.decode("latin-1")))
    together = "\n".join(value for _, value in found)
    if without_secrets(together, own) == together:  # as nearly always: one search for all of them
        return tuple(found)
    return tuple((name, without_secrets(value, own)) for name, value in found)


def secrets_of(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, ...]:
    """What the head of a request lets its sender in with, in all spellings, the longest first."""
    found: set[str] = set()
    for name, value in headers:
        if name == b"authorization":
            word = value.decode("latin-1").partition(" ")[2].strip()
            found.update((word, _unpacked(word).partition(":")[2]))
        elif name == b"cookie":
            found.update(part.partition("=")[2].strip() for part in value.decode("latin-1").split(";"))
        elif name in {b"x-api-key", b"x-wandb-api-key"}:
            found.add(value.decode("latin-1"))
    return tuple(sorted((word for word in found if len(word) >= _SHORTEST), key=len, reverse=True))


_SHORTEST = 8  # letters: to take out less would take parts of words


def _unpacked(word: str) -> str:
    try:
        return base64.b64decode(word, validate=True).decode()
    except (ValueError, UnicodeDecodeError):
        return ""
