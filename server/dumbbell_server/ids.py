"""Node ids: base64 of `Kind:…`, in the forms that clients decode (docs/protocol/graphql.md#ids)."""

from __future__ import annotations

import base64
import binascii

MAX_ID = 2**31 - 1  # what both databases hold in the number of a row


def encode(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def _text(node_id: str) -> str | None:
    try:
        return base64.b64decode(node_id, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def decode(kind: str, node_id: str) -> int | None:
    """The number in an id of this kind, None for anything else."""
    text = _text(node_id)
    head, _, tail = (text or "").partition(":")
    return row_number(tail) if head == kind else None


def row_number(text: str) -> int | None:
    """The number of a row, None where the text can be none."""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MAX_ID)):
        return None
    number = int(text)
    return number if number <= MAX_ID else None


def encode_run(name: str, project: str, entity: str) -> str:
    return base64.b64encode(f"Run:v1:{name}:{project}:{entity}".encode()).decode()


def decode_run(node_id: str) -> tuple[str, str, str] | None:
    """Name, project and entity of a run's id; None for anything else."""
    text = _text(node_id)
    if text is None or "\0" in text or not text.startswith("Run:v1:"):
        return None
    parts = text.removeprefix("Run:v1:").rsplit(":", 2)
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None  # noqa: PLR2004 - name, project, entity
