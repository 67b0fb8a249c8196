"""Regular expressions in RE2's syntax, which match in a time that grows with pattern and text, and no faster."""

from __future__ import annotations

import re
from collections.abc import Callable

import re2

from dumbbell_server.budget import current
from dumbbell_server.errors import BadInput

LONGEST = 1000
_MOST_WORK = 1 << 27  # instructions of the program times bytes of the text; the worst patterns take seconds for so many
_OPTIONS = frozenset("imsxu")
# Of `x`: a comment, blanks, or what keeps its blanks: an escape or a set.
_EXTENDED = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|#[^\n]*|\s+", re.DOTALL)


def search_of(pattern: str, options: str, where: str) -> Callable[[str], bool]:
    """A search for the pattern anywhere in a text."""
    if len(pattern) > LONGEST:
        raise BadInput(f"{where}: the pattern is {len(pattern)} characters long; at most {LONGEST} are allowed")
    unknown = set(options) - _OPTIONS
    if unknown:
        raise BadInput(f"{where}: option {min(unknown)!r} is not known; $options holds some of i, m, s, x")
    if "x" in options:
        pattern = _EXTENDED.sub(lambda found: found[0] if found[0][0] in "\\[" else "", pattern)
    current().look()  # some take a third of a second to compile, and a filter may hold many
    settings = re2.Options()
    settings.log_errors = False
    settings.case_sensitive = "i" not in options
    settings.dot_nl = "s" in options
    try:
        compiled = re2.compile(f"(?m:{pattern})" if "m" in options else pattern, settings)
    except (re2.error, UnicodeEncodeError) as error:
        raise BadInput(f"{where}: {pattern[:80]!r} is no pattern in RE2's syntax: {_reason(error)}") from None
    search, longest = compiled.search, _MOST_WORK // compiled.programsize

    def found(text: str) -> bool:
        if len(text) > longest:
            raise BadInput(f"{where}: {pattern[:80]!r} is too much to look for in a text of {len(text)} characters; "
                           "use fewer repetitions and classes")
        try:
            return search(text) is not None
        except UnicodeEncodeError:  # half a surrogate pair
            return search(text.encode(errors="replace").decode()) is not None
    return found


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else error
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
