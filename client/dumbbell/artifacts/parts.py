"""Very large files, which go up in parts: no store takes more than 5 GiB at once, and a fault costs only a part."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dumbbell._client import Client
from dumbbell._documents import artifacts as documents
from dumbbell._download import Told
from dumbbell.errors import CommError, DigestError
from dumbbell.files import Piece, put_file

LARGE = 2 << 30  # bytes from which on a file goes up in parts; as in wandb 0.31
PART = 100 << 20
_MOST = 10_000  # parts that S3 takes
_UNIT = 4096
_THREADS = 8


@dataclass(frozen=True)
class Part:
    """A piece of a file, and the MD5 of its bytes."""

    number: int
    piece: Piece
    md5: bytes


def parts_of(place: Path, size: int, digest: str) -> list[Part]:
    """What a file is cut into; nothing for one that goes up whole.

    Raises:
        DigestError: (a ValueError) its bytes are no more those of the digest; who joins the parts could not tell.
    """
    if size < LARGE:
        return []
    width = max(PART, -(-size // (_MOST * _UNIT)) * _UNIT)
    pieces = [Piece(place, start, min(width, size - start)) for start in range(0, size, width)]
    with ThreadPoolExecutor(_THREADS) as pool:
        whole = pool.submit(_md5, Piece.whole(place))
        parts = [Part(number, piece, md5) for number, (piece, md5) in enumerate(
            zip(pieces, pool.map(_md5, pieces), strict=True), start=1)]
    if base64.b64encode(whole.result()).decode() != digest:
        raise DigestError(f"{place} has changed since it was added to the artifact")
    return parts


def _md5(piece: Piece) -> bytes:
    md5 = hashlib.md5(usedforsecurity=False)
    for content in piece.read():
        md5.update(content)
    return md5.digest()


def announced(parts: list[Part]) -> list[dict[str, Any]] | None:
    """The parts as the server is told of them; None for a file that goes up whole."""
    return [{"partNumber": part.number, "hexMD5": part.md5.hex()} for part in parts] or None


def send_parts(client: Client, artifact_id: str, node: Mapping[str, Any], parts: list[Part],
               headers: Mapping[str, str], told: Told) -> None:
    """Upload the parts to where the server said, several at a time, and have them joined.

    Raises:
        CommError: the server gave no place for a part, or refused something.
    """
    upload = node["uploadMultipartUrls"]
    urls = {int(each["partNumber"]): str(each["uploadUrl"]) for each in upload["uploadUrlParts"]}
    if missing := [part.number for part in parts if part.number not in urls]:
        raise CommError(f"the server gave no place for part {missing[0]} of {parts[0].piece.place}")

    def send(part: Part) -> dict[str, Any]:
        checked = {**headers, "Content-MD5": base64.b64encode(part.md5).decode()}
        answer = put_file(client, urls[part.number], part.piece, checked, told)
        return {"partNumber": part.number, "hexMD5": answer.headers.get("etag") or part.md5.hex()}
    client.execute(documents.JOIN_PARTS, {"input": {
        "artifactID": artifact_id, "completeMultipartAction": "Complete", "completedParts": list(_each(send, parts)),
        "storagePath": node["storagePath"], "uploadID": upload["uploadID"]}})


def _each(send: Callable[[Part], dict[str, Any]], parts: list[Part]) -> Iterator[dict[str, Any]]:
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="dumbbell-parts")
    try:
        yield from pool.map(send, parts)
    finally:
        pool.shutdown(cancel_futures=True)  # the first fault ends it
