"""From a document's text to an answer: parse and validate once, execute, shape errors."""

from __future__ import annotations

import re
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NoUnusedFragmentsRule,
    NoUnusedVariablesRule,
    OperationType,
    ValidationContext,
    ValidationRule,
    execute_sync,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from graphql.validation.rules import overlapping_fields_can_be_merged

from dumbbell_server.budget import Limits, QueryEnded, TooMuchAtOnce
from dumbbell_server.errors import BadInput, Busy, Damaged, DumbbellError
from dumbbell_server.graph.context import Context
from dumbbell_server.graph.planned import PlanningExecutor
from dumbbell_server.graph.price import Price, prices
from dumbbell_server.graph.texts import clean_literals, clean_variables

_log = structlog.get_logger()

# Clients declare variables and carry fragments that they then do not use (docs/protocol/graphql.md#tolerances).
RULES = [rule for rule in specified_rules if rule not in (NoUnusedFragmentsRule, NoUnusedVariablesRule)]
_QUOTED = re.compile(r"'([^']*)'")
_TOKEN = re.compile(r'"""|"[^"]*"|\.{3}|\w+|[^\s,\w]')
_MAX_TOKENS = 20_000
# Documents of `wandb` have at most 2,000 characters.
_LONGEST_OF_STRANGERS = 10_000
# What fields of one name are compared for, before validation gives up; documents of `wandb` take 187 at most. The
# default lets 28 KB take three seconds.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 20_000
_ABORTED = "Validation aborted."
_TOO_COMPLEX = "the document is too complex: it has too many errors, or asks for fields of the same name too often"
_LONGEST_CACHED = 64 * 1024
_TOKEN_WEIGHT = 256  # bytes that a token has in the tree at most, measured
_FIRST_WEIGHT = 2048  # bytes of the shortest document
_NAME_WEIGHT = 160  # bytes that a name has in a set of them


@dataclass(frozen=True)
class Document:
    """What is wrong with a text, or its tree and what it names."""

    node: DocumentNode | None
    errors: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()  # types whose fields it selects, and those fields as `Type.field`
    unstorable: str | None = None  # where it had text that cannot be stored
    prices: Mapping[str | None, Price] = field(default_factory=dict)  # of its operations, by name
    weight: int = 0  # bytes that it has in memory


class _Names(ValidationRule):
    """No rule: it takes down what the document names on the way that validation goes anyway."""

    def __init__(self, context: ValidationContext, names: set[str]) -> None:
        super().__init__(context)
        self._names = names

    def enter_field(self, node: FieldNode, *_: object) -> None:
        parent = self.context.get_parent_type()
        if parent is not None:
            self._names.update((parent.name, f"{parent.name}.{node.name.value}"))


@dataclass(frozen=True)
class BeforeQuery:
    """A step to be done before a query that names one of these, once a request: time alone changes what it shows."""

    names: frozenset[str]  # as in Document.names
    step: Callable[[Context], None]


@dataclass(frozen=True)
class Answer:
    """An HTTP status and the body's document."""

    status: int
    body: dict[str, Any]


class Documents:
    """Parsed and validated texts, the most recently used of them, bounded by count and by bytes of memory."""

    def __init__(self, schema: GraphQLSchema, count: int = 512, size: int = 32 * 2**20) -> None:
        self._schema = schema
        self._count, self._size = count, size
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._held = 0

    def get(self, text: str, *, stranger: bool = False) -> Document:
        """The document of a text; a stranger's is shorter, and does not stay where it is not known already."""
        with self._lock:
            kept = self._kept.get(text)
            if kept is not None:
                self._kept.move_to_end(text)
                return kept
        if stranger and len(text) > _LONGEST_OF_STRANGERS:
            message = f"the document has {len(text)} characters; without a key at most {_LONGEST_OF_STRANGERS} are read"
            return Document(None, (message,))
        document = self._read(text)
        if not stranger and len(text) <= _LONGEST_CACHED and document.weight <= self._size:
            with self._lock:
                if text not in self._kept:
                    self._kept[text] = document
                    self._held += document.weight
                while len(self._kept) > self._count or self._held > self._size:
                    self._held -= self._kept.popitem(last=False)[1].weight
        return document

    def _read(self, text: str) -> Document:
        try:
            node = parse(text, max_tokens=_MAX_TOKENS, no_location=True)  # places in the text take most of the memory
        except GraphQLError as error:
            return Document(None, (error.message,), weight=_plain(text, error.message))
        except RecursionError:
            return Document(None, ("Syntax Error: the document is nested too deeply.",), weight=_plain(text))
        node, unstorable = clean_literals(text, node)
        names: set[str] = set()
        collect: Any = partial(_Names, names=names)
        errors = validate(self._schema, node, [*RULES, collect], max_errors=20)
        # SDK probes match on double quotes, graphql-core writes single ones (docs/protocol/graphql.md#errors).
        messages = tuple(_QUOTED.sub(r'"\1"', error.message).replace(_ABORTED, _TOO_COMPLEX) for error in errors)
        if messages:
            return Document(None, messages, weight=_plain(text, *messages))
        return Document(node, (), frozenset(names), unstorable, prices(self._schema, node), _weight(text, names))


def _plain(*texts: str) -> int:
    return sum(map(sys.getsizeof, texts))


def _weight(text: str, names: set[str]) -> int:
    """At least what the text, its tree, which has strings of its own, and the names in it have in memory."""
    tokens = sum(1 for _ in _TOKEN.finditer(text))
    return _FIRST_WEIGHT + 2 * sys.getsizeof(text) + tokens * _TOKEN_WEIGHT + len(names) * _NAME_WEIGHT


class OnlyReads(Exception):
    """It is for the threads of queries."""


class Executor:
    """Runs documents against the schema, on the calling thread."""

    def __init__(self, schema: GraphQLSchema, before_queries: Sequence[BeforeQuery] = ()) -> None:
        self.schema = schema
        self.documents = Documents(schema)
        self._before_queries = before_queries

    def run(self, text: str, variables: dict[str, Any] | None, operation: str | None, context: Context, *,
            allow_queries: bool = True) -> Answer:
        """BadInput where the document is too long, or asks for too much; Busy where all queries together do.

        OnlyReads, before anything is executed, for a query where none are allowed.
        """
        limits = context.budget.limits
        if len(text) > limits.length:
            raise BadInput(f"the document has {len(text)} characters; at most {limits.length} are read "
                           "(DUMBBELL_MAX_QUERY_LENGTH): what is long belongs into variables")
        document = self.documents.get(text, stranger=context.viewer is None)
        if document.errors or document.node is None:
            return Answer(200, {"errors": [{"message": message} for message in document.errors]})
        unstorable = document.unstorable or clean_variables(variables or {})
        chosen = get_operation_ast(document.node, operation or None)
        if chosen is not None:
            _check_price(document.prices[chosen.name.value if chosen.name else None], variables or {}, limits)
        reads = chosen is not None and chosen.operation is OperationType.QUERY
        if reads and not allow_queries:
            raise OnlyReads
        if not reads:
            context.unstorable = unstorable
        try:
            with context.budget.applied(timed=reads):
                return self._executed(document, variables, operation, context, reads=reads)
        except TooMuchAtOnce as ended:
            raise Busy(str(ended)) from None
        except QueryEnded as ended:
            raise BadInput(str(ended)) from None

    def _executed(self, document: Document, variables: dict[str, Any] | None, operation: str | None, context: Context,
                  *, reads: bool) -> Answer:
        assert document.node is not None  # noqa: S101 - it has no errors
        for before in self._before_queries if reads else ():
            if not before.names.isdisjoint(document.names):
                before.step(context)
        result = execute_sync(
            self.schema,
            document.node,
            variable_values=variables,
            operation_name=operation or None,  # "" is what the core sends for none
            context_value=context,
            executor_class=PlanningExecutor,
        )
        return _answer(result)


def _check_price(price: Price, variables: Mapping[str, Any], limits: Limits) -> None:
    if price.of(variables) > limits.price:
        raise BadInput(f"the query asks for more than {limits.price} values, by the sizes of its nested lists "
                       "(DUMBBELL_MAX_QUERY_PRICE); ask for smaller pages, or for fewer levels at once")


def _answer(result: ExecutionResult) -> Answer:
    if not result.errors:
        return Answer(200, {"data": result.data})
    shaped = [_shape(error) for error in result.errors]
    status = next((status for status, _ in shaped if status != 200), 200)  # noqa: PLR2004 - OK
    body: dict[str, Any] = {"errors": [error for _, error in shaped]}
    if status == 200:  # noqa: PLR2004 - OK
        body["data"] = result.data
    return Answer(status, body)


def _shape(error: GraphQLError) -> tuple[int, dict[str, Any]]:
    """A refusal of ours keeps its status and words; a surprise is logged and told as such, without its insides."""
    cause = error.original_error
    path = {"path": error.path} if error.path else {}
    if isinstance(cause, Damaged):  # one thing is null, and the rest is answered
        return 200, {"message": cause.message, **path}
    if isinstance(cause, DumbbellError):
        return cause.status, {"message": cause.message, **path}
    if cause is None or isinstance(cause, GraphQLError):
        return 200, {"message": _QUOTED.sub(r'"\1"', error.message), **path}
    _log.error("a resolver failed", path=error.path, exc_info=cause)
    return 500, {"message": "internal error; the server's log says more", **path}
