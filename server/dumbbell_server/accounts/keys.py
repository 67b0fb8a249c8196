"""API keys: made, hashed, checked. A key is random enough that one fast hash keeps it safe."""

from __future__ import annotations

import hashlib
import re

from dumbbell_server.accounts.events import AccountsChanged
from dumbbell_server.accounts.queries import key_by_digest
from dumbbell_server.accounts.tables import ApiKeyRow
from dumbbell_server.clock import Clock
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Conflict

# After an optional prefix such as "local-", 40 and more of these: what the SDK accepts
# (wandb 0.31.0 sdk/lib/wbauth/validation.py:check_api_key)
_KEY = re.compile(r"[A-Za-z0-9_-]{40,512}")
_SHOWN = 8


def digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def well_formed(key: str) -> bool:
    return _KEY.fullmatch(key) is not None


def make_key(clock: Clock) -> str:
    """40 hex characters, the one length that every client accepts."""
    return clock.token(40)


def add_key(unit: Unit, user_id: int, key: str, description: str | None = None) -> ApiKeyRow:
    """The key works from now on. BadInput for a malformed one, Conflict for one that somebody has."""
    if not well_formed(key):
        raise BadInput("an API key has at least 40 characters, all of them letters, digits, '_' or '-'")
    if key_by_digest(unit.session, digest(key)) is not None:
        raise Conflict("this API key is taken")
    row = ApiKeyRow(user_id=user_id, prefix=key[:_SHOWN], digest=digest(key), description=description,
                    created_at=unit.clock.text())
    unit.session.add(row)
    unit.session.flush()
    unit.emit(AccountsChanged())
    return row
