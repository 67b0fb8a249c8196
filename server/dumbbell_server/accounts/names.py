"""What users, teams and organizations may be called."""

from __future__ import annotations

import re

from dumbbell_server.errors import BadInput

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_ORGANIZATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,126}[A-Za-z0-9_.-]|[A-Za-z0-9]")
_EMAIL = re.compile(r"[^@\s\x00]{1,128}@[^@\s\x00]{1,128}")

# First segments of our own paths: an entity of such a name would hide its pages behind them.
RESERVED = frozenset({"graphql", "files", "storage", "artifacts", "artifactsV2", "sdk", "oidc", "ready", "healthz",
                      "health", "authorize", "settings", "orgs", "static", "evaluations", "admin", "login", "signup"})


def is_entity_name(name: str) -> bool:
    """Whether users and teams may be called so."""
    return _NAME.fullmatch(name) is not None and name not in RESERVED


def entity_name(name: str, what: str = "name") -> str:
    """A checked user or team name."""
    if not is_entity_name(name):
        raise BadInput(f"{what} {name[:140]!r} is not allowed: use 1 to 128 letters, digits, '_', '.' or '-', "
                       "beginning with a letter or digit, and no name of ours such as 'settings'")
    return name


def organization_name(name: str) -> str:
    if not _ORGANIZATION.fullmatch(name):
        raise BadInput(f"organization name {name[:140]!r} is not allowed: "
                       "use 1 to 128 letters, digits, spaces, '_', '.' or '-'")
    return name


def email_address(email: str) -> str:
    if not _EMAIL.fullmatch(email):
        raise BadInput(f"{email[:140]!r} is not an e-mail address")
    return email
