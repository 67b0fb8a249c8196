"""Words to pseudonyms of the same length, in bytes of any kind.

A word is found in any letter case, inside of longer words, and as JSON, URLs and Windows paths write it. Where it is
short, or a part of what the form of a folder needs (`_step`), it is found only by itself.
"""

from __future__ import annotations

import json
import re
import secrets
import string
from collections.abc import Iterable
from typing import BinaryIO
from urllib.parse import quote

from dumbbell_server.seeding import documents

PIECE = 1 << 20
_SHORT = 4
_LEAST_OVERLAP = 1024
_TRIES = 200
_BEHIND = 16  # bytes that a pattern looks back
_HEX_LENGTH = 64
_FORM = re.compile(r'"([a-z_]+)": \{')  # names of fields, in the schema of documents
_ROWS = {"_step", "_runtime", "_timestamp", "_wandb", "_type", "value", "desc", "storagePolicy", "storagePolicyConfig",
         "storageLayout", "contents", "digest", "version", "birthArtifactID", "extra", "wandb-storage-policy-v1",
         "content", "level", "label", "NaN", "Infinity", "true", "false", "null", "sha256", "path", "size",
         "wandb-artifact", "manifest.json", "history.jsonl", "system.jsonl", "output.log", "borrowed.jsonl", "dumbbell"}
_STARTS = rb"(?:(?<![A-Za-z0-9._%+\-\\])|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4}))"
_EMAIL = _STARTS + rb"[A-Za-z0-9._%+\-]{1,64}@(?:[A-Za-z0-9\-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9\-])"
_HOME = rb"(?<=/home/|/Users/)[^/\\\s\"'`:;,<>|*?()\[\]{}\x00-\x1f]{1,64}"
_WINDOWS_HOME = rb"(?<=[\\/]Users\\)\\{0,3}[^/\\\s\"'`:;,<>|*?\x00-\x1f]{1,64}"
_SHA256 = rb"(?<![0-9a-fA-F])[0-9a-f]{64}(?![0-9a-fA-F])"
_JSON = re.compile(rb'\s*(\{\s*["}]|\[\s*[\[{"\]])')
_LETTERS = frozenset(string.ascii_letters.encode())


class Pseudonyms:
    """The pseudonyms of one folder: the same word has the same one everywhere, and no two words share one.

    Attributes:
        digests: SHA-256 in hex of bytes that have changed, old to new; these are replaced too.
        met: whether the last stream held a SHA-256.
    """

    def __init__(self, words: Iterable[str], *, emails: bool = False, homes: bool = False) -> None:
        self.digests: dict[bytes, bytes] = {}
        self.met = False
        self._known: dict[bytes, bytes] = {}
        self._taken: set[bytes] = set()
        forms = {form for word in words for form in _forms(word)}
        reserved = b"\0".join(sorted(name.lower().encode() for name in _reserved()))
        parts = [_SHA256, *([_EMAIL] if emails else []), *([_HOME, _WINDOWS_HOME] if homes else [])]
        ordered = [(form, _pattern(form, reserved)) for form in sorted(forms, key=lambda form: (-len(form), form))]
        self._forms = frozenset(forms)
        self._raw = _compiled([*parts, *(pattern for _, pattern in ordered)])
        self._json = _compiled([*parts, *(_in_json(form, pattern) for form, pattern in ordered)])
        self._overlap = max([_LEAST_OVERLAP, *(2 * len(form) for form in forms)])

    def __len__(self) -> int:
        """How many words have been met."""
        return len(self._known)

    def bytes(self, data: bytes, *, as_json: bool = False) -> bytes:
        return (self._json if as_json else self._raw).sub(self._replacement, data)

    def text(self, text: str) -> str:
        """The same for a text, which may be JSON."""
        data = text.encode("utf-8", "surrogatepass")
        return self.bytes(data, as_json="\\" in text and _is_json(text)).decode("utf-8", "surrogatepass")

    def stream(self, source: BinaryIO, target: BinaryIO) -> None:
        """The same for a file of any length; whether it is JSON is seen by how it begins."""
        self.met = False
        piece = source.read(PIECE)
        pattern = self._json if _JSON.match(piece) else self._raw
        before, rest = b"", b""
        while True:
            data = before + rest + piece
            limit = max(len(before), len(data) - self._overlap) if piece else len(data)
            done, end = self._until(pattern, data, len(before), limit)
            target.write(done)
            if not piece:
                return
            before, rest = data[max(0, end - _BEHIND):end], data[end:]
            piece = source.read(PIECE)

    def _until(self, pattern: re.Pattern[bytes], data: bytes, start: int, limit: int) -> tuple[bytes, int]:
        """What stands from `start` to at least `limit`, with pseudonyms, and where it ends in the data."""
        found: list[bytes] = []
        place = start
        for match in pattern.finditer(data, start):
            if match.start() >= limit:
                break
            found += [data[place:match.start()], self._replacement(match)]
            place = match.end()
        end = max(place, limit)
        return b"".join([*found, data[place:end]]), end

    def _replacement(self, match: re.Match[bytes]) -> bytes:
        word = match[0]
        if len(word) == _HEX_LENGTH and word.lower() not in self._forms:
            self.met = True
            return self.digests.get(word, word)
        known = self._known.get(word.lower())
        if known is None:
            known = self._known[word.lower()] = self._new(word.lower())
        return bytes(new - 32 if new in range(97, 123) and old in range(65, 91) else new
                     for old, new in zip(word, known, strict=True))

    def _new(self, word: bytes) -> bytes:
        """Letters for letters and digits for digits; what separates them stays."""
        for _ in range(_TRIES):
            found = bytes(_other(each) for each in word)
            if found != word and found not in self._taken and not any(form in found for form in self._forms):
                break
        self._taken.add(found)
        return found


def _other(byte: int) -> int:
    if byte in range(48, 58):
        return secrets.choice(b"0123456789")
    return secrets.choice(b"abcdefghijklmnopqrstuvwxyz") if byte in _LETTERS or byte > 127 else byte  # noqa: PLR2004


def _reserved() -> set[str]:
    return _ROWS | set(_FORM.findall(json.dumps(documents.json_schema())))


def _forms(word: str) -> set[bytes]:
    """A word as it may be written."""
    cases = {word, word.lower(), word.upper(), word.title(), word.casefold()} if not word.isascii() else {word}
    found: set[bytes] = set()
    for case in cases:
        texts = {case, quote(case, safe=""), quote(case), quote(case, safe=" +=@,()-_"), case.replace(" ", "+")}
        for _ in range(2):  # JSON, and JSON in JSON
            texts |= {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for text in texts for ascii_only in (True, False)}
        found |= {text.encode("utf-8", "surrogatepass").lower() for text in texts}
    return {form for form in found if form}


def _pattern(form: bytes, reserved: bytes) -> bytes:
    escaped = re.escape(form)
    if form in reserved:  # not where it is the name of something
        return rb"(?<![A-Za-z0-9_])" + escaped + rb"(?![A-Za-z0-9_]|\\{0,3}\"\s*:)"
    return rb"(?<![A-Za-z0-9])" + escaped + rb"(?![A-Za-z0-9])" if len(form) < _SHORT else escaped


def _in_json(form: bytes, pattern: bytes) -> bytes:
    """Not the letter of an escape: in `\\nora` it is a line break before `ora`; `C:\\\\nora` is a folder."""
    return rb"(?<!(?<!\\)\\)" + pattern if form[:1] in b'bfnrtu"/' else pattern


def _compiled(parts: list[bytes]) -> re.Pattern[bytes]:
    return re.compile(b"|".join(parts), re.IGNORECASE)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
