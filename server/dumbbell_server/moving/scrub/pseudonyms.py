"""Words to pseudonyms of the same length, in bytes of any kind.

A word is found in any letter case, inside of longer words, and as JSON, URLs and Windows paths write it. Where it is
short, or a part of what the form of a folder needs (`_step`), it is found only by itself.
"""

from __future__ import annotations

import itertools
import json
import re
import secrets
import string
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote

from dumbbell_server.seeding.form import documents

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
_STARTS = rb"(?:(?<![a-z0-9._%+\-\\])|(?<=\\[nrtbf])|(?<=\\u[0-9a-f]{4}))"
_EMAIL = re.compile(_STARTS + rb"[a-z0-9._%+\-]{1,64}@(?:[a-z0-9\-]{1,63}\.){1,6}[a-z]{2,24}(?![a-z0-9\-])")
_BEFORE_AT = 72  # bytes: the longest that stands before it, and what that is told from
_HOME = re.compile(rb"(?:(?<=/home/)|(?<=/users/))[^/\\\s\"'`:;,<>|*?()\[\]{}\x00-\x1f]{1,64}"
                   rb"|(?<=[\\/]users\\)\\{0,3}[^/\\\s\"'`:;,<>|*?\x00-\x1f]{1,64}")
_HOMES = (b"/home/", b"/users/", b"users\\")
_SHA256 = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_JSON = re.compile(rb'\s*(\{\s*["}]|\[\s*[\[{"\]])')
_BACKSLASH = 92
_AFTER_AT = 480
_NOTHING: frozenset[int] = frozenset()
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789")
_NAME = _WORD | frozenset(b"_")
_ESCAPES = frozenset((b"b", b"f", b"n", b"r", b"t", b"u", b'"', b"/"))
_ESCAPE = re.compile(rb"\\+u[0-9a-f]{4}")
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
        self._forms = frozenset(forms)
        self._words = list(_patterns(forms))
        self._emails, self._homes = emails, homes
        self._overlap = max([_LEAST_OVERLAP, *(2 * len(form) for form in forms)])

    def __len__(self) -> int:
        """How many words have been met."""
        return len(self._known)

    def data(self, data: bytes, *, as_json: bool = False) -> bytes:
        return self._until(data, 0, len(data), as_json=as_json)[0]

    def text(self, text: str) -> str:
        """The same for a text, which may be JSON."""
        data = text.encode("utf-8", "surrogatepass")
        return self.data(data, as_json="\\" in text and _is_json(text)).decode("utf-8", "surrogatepass")

    def stream(self, source: BinaryIO, target: BinaryIO) -> None:
        """The same for a file of any length; whether it is JSON is seen by how it begins."""
        self.met = False
        piece = source.read(PIECE)
        as_json = _JSON.match(piece) is not None
        before, rest = b"", b""
        while True:
            data = before + rest + piece
            limit = max(len(before), len(data) - self._overlap) if piece else len(data)
            done, end = self._until(data, len(before), limit, as_json=as_json)
            target.write(done)
            if not piece:
                return
            before, rest = data[max(0, end - _BEHIND):end], data[end:]
            piece = source.read(PIECE)

    def _until(self, data: bytes, start: int, limit: int, *, as_json: bool) -> tuple[bytes, int]:
        """What stands from `start` to at least `limit`, with pseudonyms, and where it ends in the data."""
        found: list[bytes] = []
        place = start
        for first, end in sorted(self._places(data.lower(), start, as_json=as_json), key=lambda each: (
                each[0], -each[1])):
            if first >= limit:
                break
            if first >= place:
                found += [data[place:first], self._replacement(data[first:end])]
                place = end
        end = max(place, limit)
        return b"".join([*found, data[place:end]]), end

    def _places(self, lower: bytes, start: int, *, as_json: bool) -> Iterator[tuple[int, int]]:
        """Where something is to be replaced; places may overlap."""
        for words in self._words:
            yield from words.places(lower, start, as_json=as_json)
        others = [_SHA256]
        if self._homes and any(each in lower for each in _HOMES):
            others.append(_HOME)
        for pattern in others:
            yield from (match.span() for match in pattern.finditer(lower, start))
        at = lower.find(b"@", start) if self._emails else -1
        while at >= 0:
            match = _EMAIL.search(lower, max(start, at - _BEFORE_AT), at + _AFTER_AT)
            if match is not None:
                yield match.span()
            at = lower.find(b"@", at + 1)

    def _replacement(self, word: bytes) -> bytes:
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
            plain = _ESCAPE.sub(lambda escape: b"x" * len(escape[0]), word)  # `\\u00fc` is a letter
            found = bytes(_other(each) for each in plain)
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


@dataclass(frozen=True)
class _Words:
    """Words that are found alike."""

    pattern: re.Pattern[bytes]
    behind: AbstractSet[int]  # bytes that may not stand before one
    escapes: bool  # whether they begin with a letter of an escape

    def places(self, lower: bytes, start: int, *, as_json: bool) -> Iterator[tuple[int, int]]:
        escapes = self.escapes and as_json
        for match in self.pattern.finditer(lower, start):
            first = match.start()
            before = lower[first - 1] if first else -1
            if before in self.behind or (escapes and before == _BACKSLASH and lower[first - 2:first - 1] != b"\\"):
                continue  # not the n of a line break; behind an escaped backslash it is a name
            yield match.span()


def _patterns(forms: AbstractSet[bytes]) -> Iterator[_Words]:
    """Those that are found anywhere, those that stand by themselves, and those that name something."""
    reserved = b"\0".join(sorted(name.lower().encode() for name in _reserved()))
    named = {form for form in forms if form in reserved}
    short = {form for form in forms - named if len(form) < _SHORT}
    for some, behind, ahead in ((forms - named - short, _NOTHING, b""), (short, _WORD, rb"(?![a-z0-9])"),
                                (named, _NAME, rb"(?![a-z0-9_]|\\{0,3}\"\s*:)")):  # a field's name stays
        escaped = {form for form in some if form[:1] in _ESCAPES}
        for each, escapes in ((some - escaped, False), (escaped, True)):
            if each:
                yield _Words(re.compile(tree_pattern(each) + ahead), behind, escapes)


def tree_pattern(forms: Iterable[bytes]) -> bytes:
    """A pattern of many words that looks at each byte once: what they begin with alike stands in it once."""
    ordered = sorted(set(forms))
    return _branches(ordered, 0)


def _branches(forms: list[bytes], start: int) -> bytes:
    """Of sorted words that are alike up to `start`; the longest is found."""
    ends, longer = [form for form in forms if len(form) == start], [form for form in forms if len(form) > start]
    found: list[bytes] = []
    for _, group in itertools.groupby(longer, lambda form: form[start]):
        some = list(group)
        alike = _alike(some[0], some[-1])
        found.append(re.escape(some[0][start:alike]) + _branches(some, alike))
    if not found:
        return b""
    return b"(?:" + b"|".join(found) + b")" + (b"?" if ends else b"")


def _alike(one: bytes, other: bytes) -> int:
    """How many bytes they begin with alike."""
    return next((number for number, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
                min(len(one), len(other)))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
