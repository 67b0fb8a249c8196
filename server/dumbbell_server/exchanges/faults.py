"""Rules by which answers go wrong on purpose. None until a test gives one."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from dumbbell_server.backend import Provided
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.listing.regex import LONGEST, search_of

MOST_RULES = 100
_LONGEST_DELAY = 300.0  # seconds
_LONGEST_BODY = 64 << 10  # characters
_MOST_HEADERS = 20
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\t\x20-\x7e]{0,1000}")
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})

_Text = Annotated[str, Field(min_length=1, max_length=LONGEST)]
_Seconds = Annotated[float, Field(ge=0, le=_LONGEST_DELAY)]


class Effect(BaseModel):
    """What is done to one exchange."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["none", "status", "rate_limit", "cut", "truncate", "damage", "expired"] = Field(
        "none", description="none: the right answer, late or slowly; status: this one instead of the answer; "
                            "rate_limit: 429 as W&B's limiter; cut: the connection ends; truncate: half of the body, "
                            "as if it were all; damage: one byte of the body is another, so that its digest is wrong; "
                            "expired: 403, as of a URL whose time is over")
    status: int = Field(503, ge=200, le=599, description="for status")
    headers: dict[str, str] = Field({}, max_length=_MOST_HEADERS, description="for status and rate_limit")
    body: str | None = Field(None, max_length=_LONGEST_BODY, description="for status; without it an error in JSON")
    limit: float = Field(100, ge=0, description="RateLimit-Limit")
    remaining: float = Field(0, ge=0, description="RateLimit-Remaining")
    reset: float = Field(1, ge=0, description="RateLimit-Reset, in seconds")
    when: Literal["before", "unanswered", "middle", "after"] = Field(
        "before", description="for cut. before: nothing is done; unanswered: all is done and nothing said; middle: in "
                              "half of the answer's body; after: once the answer is whole")
    how: Literal["close", "reset"] = Field("close", description="for cut: as a peer ends, or by a TCP reset")
    delay: _Seconds = Field(0, description="seconds before anything is done")
    jitter: _Seconds = Field(0, description="up to so many seconds more, by the rule's seed")
    bytes_per_second: float | None = Field(None, gt=0, description="how quickly the answer's body goes out")
    slice: int = Field(16 << 10, ge=1, le=1 << 20, description="bytes of it that go at once")

    @field_validator("headers")
    @classmethod
    def _can_be_sent(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not _HEADER.fullmatch(name) or not _VALUE.fullmatch(text):
                raise ValueError(f"{name[:40]!r} is no header that can be sent; its value is printable ASCII")
            if name.lower() in _FRAMING:
                raise ValueError(f"{name[:40]!r} follows from the body; use truncate or cut for one that is wrong")
        return value


class Rule(BaseModel):
    """Which requests, and what is done to them. What is left out is any."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: _Text | None = Field(None, description="name of a GraphQL operation, in any case")
    method: _Text | None = None
    route: _Text | None = Field(None, description="template of a path, such as `/graphql`")
    path: _Text | None = Field(None, description="a pattern in RE2's syntax, found anywhere in the path")
    run: _Text | None = Field(None, description="name of a run, in path or variables")
    headers: dict[str, _Text] = Field({}, max_length=_MOST_HEADERS, description="patterns of headers by name")
    after: int = Field(0, ge=0, description="how many matching requests are spared first")
    times: int | None = Field(None, ge=1, description="how often at most; without it always")
    probability: float = Field(1.0, gt=0, le=1, description="of each, by the seed")
    seed: int = 0
    effect: Effect | None = None
    sequence: list[Effect] = Field([], max_length=MOST_RULES, description="one after the other, then right answers")

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if (self.effect is None) is not bool(self.sequence):
            raise ValueError("a rule has either an effect or a sequence of effects")
        if self.sequence and self.times is not None:
            raise ValueError("times goes with an effect; a sequence has its own length")
        return self


class Asked(NamedTuple):
    """What rules look at."""

    method: str
    path: str
    route: str
    headers: Mapping[str, str]
    operation: str | None
    run: str | None


class Fault(NamedTuple):
    rule: int
    effect: Effect
    delay: float


@dataclass
class _Active:
    rule: Rule
    random: Random
    path: Callable[[str], bool] | None
    headers: Mapping[str, Callable[[str], bool]]
    matched: int = 0
    fired: int = 0

    def matches(self, asked: Asked) -> bool:
        rule = self.rule
        if rule.method is not None and rule.method.upper() != asked.method:
            return False
        if rule.operation is not None and rule.operation.lower() != (asked.operation or "").lower():
            return False
        if (rule.route is not None and rule.route != asked.route) or (rule.run is not None and rule.run != asked.run):
            return False
        if self.path is not None and not self.path(asked.path):
            return False
        return all(name in asked.headers and found(asked.headers[name]) for name, found in self.headers.items())

    def next_effect(self) -> Effect | None:
        """For a request that matches. None where it is spared."""
        self.matched += 1
        rule = self.rule
        spared = self.matched <= rule.after or (rule.probability < 1 and self.random.random() >= rule.probability)
        most = len(rule.sequence) if rule.effect is None else rule.times
        if spared or (most is not None and self.fired >= most):
            return None
        self.fired += 1
        return rule.sequence[self.fired - 1] if rule.effect is None else rule.effect


@dataclass
class Faults:
    """The rules of a server, by number, in the order in which they came."""

    rules: dict[int, _Active] = field(default_factory=dict)
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, rule: Rule) -> int:
        """The rule holds from now on. Returns its number. BadInput for a pattern that is none, or too many rules."""
        path = None if rule.path is None else search_of(rule.path, "", "path")
        headers = {name.lower(): search_of(pattern, "", f"headers.{name[:40]}")
                   for name, pattern in rule.headers.items()}
        with self._lock:
            if len(self.rules) >= MOST_RULES:
                raise BadInput(f"there are {MOST_RULES} rules already; remove some first")
            self._count += 1
            self.rules[self._count] = _Active(rule, Random(rule.seed), path, headers)  # noqa: S311 - repeatable
            return self._count

    def remove(self, number: int | None = None) -> int:
        """The rule is gone, or all are. Returns how many. NotFound where there is none of this number."""
        with self._lock:
            if number is None:
                count = len(self.rules)
                self.rules.clear()
                return count
            if self.rules.pop(number, None) is None:
                raise NotFound(f"there is no fault rule {number}; GET /admin/faults lists them")
            return 1

    def listed(self) -> Sequence[tuple[int, Rule, int, int]]:
        """Number, rule, how many requests matched it, and how often it did something."""
        with self._lock:
            return [(number, each.rule, each.matched, each.fired) for number, each in self.rules.items()]

    def of(self, asked: Asked) -> Fault | None:
        """What the first rule that does something does to this request; all that match count it."""
        found: Fault | None = None
        with self._lock:
            for number, active in self.rules.items():
                if not active.matches(asked):
                    continue
                effect = active.next_effect() if found is None else None
                if effect is not None:
                    found = Fault(number, effect, effect.delay + active.random.random() * effect.jitter)
        return found


FAULTS: Provided[Faults] = Provided("faults")
