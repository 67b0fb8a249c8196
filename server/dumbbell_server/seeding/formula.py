"""Formulas of histories: arithmetic over `step`, read by a whitelist of syntax. Nothing is ever run as Python."""

from __future__ import annotations

import ast
import hashlib
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dumbbell_server.errors import BadInput

_LONGEST = 500
_MOST_NODES = 100
_DIGITS = 6  # after the point, so that every machine stores the same
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "sin": math.sin, "cos": math.cos, "exp": math.exp, "log": math.log, "sqrt": math.sqrt, "min": min, "max": max}
_SEVERAL = {"min", "max"}  # the others take one argument
_NAMES = ("noise", "step")
# floats all the way: a power is one machine operation, which overflows instead of growing
_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Mod: operator.mod, ast.Pow: math.pow}
_UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


@dataclass(frozen=True)
class Formula:
    """A checked formula."""

    text: str
    tree: ast.expr

    def at(self, step: int, seed: str) -> float:
        """The value at a step; `noise` repeats for the same seed. BadInput where it is no finite number."""
        try:
            value = float(_value(self.tree, {"step": float(step), "noise": noise(seed, step)}))
        except (ArithmeticError, ValueError) as error:
            raise BadInput(f"formula {self.text!r} has no value at step {step}: {error}") from None
        if not math.isfinite(value):
            raise BadInput(f"formula {self.text!r} is not a finite number at step {step}")
        return round(value, _DIGITS)


def noise(seed: str, step: int) -> float:
    """A number from -1 to 1 that is always the same for the same seed and step."""
    drawn = hashlib.blake2b(f"{seed}:{step}".encode(), digest_size=6).digest()
    return int.from_bytes(drawn, "big") / 2**47 - 1


def read_formula(text: str) -> Formula:
    """The formula, if it is nothing but arithmetic. BadInput otherwise."""
    if len(text) > _LONGEST:
        raise BadInput(f"a formula has at most {_LONGEST} characters, this one {len(text)}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise BadInput(f"formula {text!r} cannot be read") from None
    if sum(1 for _ in ast.walk(tree)) > _MOST_NODES:
        raise BadInput(f"formula {text[:80]!r} is too long: at most {_MOST_NODES} numbers, names and operators")
    _check(tree, text)
    return Formula(text, tree)


def _check(node: ast.expr, text: str) -> None:
    match node:
        case ast.Constant(value=value) if type(value) in {int, float}:
            _check_constant(value, text)
        case ast.Name(id=name) if name in _NAMES:
            pass
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            _check(operand, text)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            _check(left, text)
            _check(right, text)
        case ast.Call(func=ast.Name(id=name), args=[_, *rest] as args, keywords=[]) if name in _FUNCTIONS and \
                bool(rest) == (name in _SEVERAL):
            for argument in args:
                _check(argument, text)
        case _:
            raise BadInput(f"formula {text!r} is not allowed at {ast.unparse(node)!r}: use numbers, + - * / % **, "
                           f"{', '.join(_NAMES)}, and {', '.join(_FUNCTIONS)} with one argument (min, max: several)")


def _check_constant(value: object, text: str) -> None:
    try:
        float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise BadInput(f"formula {text[:80]!r} holds a number that is too large") from None


def _value(node: ast.expr, names: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return names[name]
        case ast.UnaryOp(op=sign, operand=operand):
            return _UNARY[type(sign)](_value(operand, names))
        case ast.BinOp(left=left, op=operation, right=right):
            return _BINARY[type(operation)](_value(left, names), _value(right, names))
        case ast.Call(func=ast.Name(id=name), args=args):
            return _FUNCTIONS[name](*(_value(argument, names) for argument in args))
    raise AssertionError(node)  # checked before
