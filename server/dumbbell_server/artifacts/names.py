"""What types, collections, aliases and tags may be called."""

from __future__ import annotations

import re

from dumbbell_server.errors import BadInput

LATEST = "latest"
_LONGEST_NAME = 256
_LONGEST_LABEL = 128
_LONGEST_TEXT = 1 << 20
_TAG = re.compile(r"[-\w]+( +[-\w]+)*")
_VERSION = re.compile(r"v(0|[1-9]\d{0,8})")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# Where bytes lie is the server's affair; `minio-local` is what the SDK's own tests ask for
# (docs/protocol/behaviours.md#artifacts).
_REGIONS = frozenset({"", "default", "minio-local"})


def checked_name(name: str, what: str) -> str:
    """The name of a type or collection."""
    if not name.strip() or len(name) > _LONGEST_NAME or re.search(r"[/:]", name) or _UNPRINTABLE.search(name):
        raise BadInput(f"{what} name {name[:140]!r} is not allowed: "
                       f"use 1 to {_LONGEST_NAME} characters, none of / : and no control characters")
    return name


def checked_alias(alias: str) -> str:
    if not alias.strip() or len(alias) > _LONGEST_LABEL or re.search(r"[/:]", alias) or _UNPRINTABLE.search(alias):
        raise BadInput(f"alias {alias[:140]!r} is not allowed: "
                       f"use 1 to {_LONGEST_LABEL} characters, none of / : and no control characters")
    return alias


def checked_tag(tag: str) -> str:
    """Clients look for "Invalid tag" (docs/protocol/behaviours.md#artifacts)."""
    if len(tag) > _LONGEST_LABEL or _TAG.fullmatch(tag) is None:
        raise BadInput(f"Invalid tag {tag[:140]!r}: use 1 to {_LONGEST_LABEL} letters, digits, - and _, "
                       "with spaces between words only")
    return tag


def checked_text(text: str | None, what: str) -> str | None:
    if text is not None and len(text) > _LONGEST_TEXT:
        raise BadInput(f"{what} is longer than {_LONGEST_TEXT} characters")
    return text


def checked_region(region: str | None) -> str | None:
    if region is not None and region not in _REGIONS:
        raise BadInput(f"storage region {region[:80]!r} is not known to this server; leave it out")
    return region


def version_number(alias: str) -> int | None:
    """N of `vN`, which names a version in each collection without being an alias."""
    match = _VERSION.fullmatch(alias)
    return int(match.group(1)) if match else None
