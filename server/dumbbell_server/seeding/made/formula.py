"""Formulas of histories: arithmetic over `step`, read by a whitelist of syntax. Nothing is ever run as Python."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dumbbell_server.errors import BadInput

Values = NDArray[np.float64]

_LONGEST = 500
_MOST_NODES = 100
_DIGITS = 6  # after the point, so that every machine stores the same
_ONE: dict[str, Callable[[Any], Any]] = {
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "tanh": np.tanh, "exp": np.exp, "log": np.log, "sqrt": np.sqrt,
    "abs": np.abs, "floor": np.floor, "round": np.round}
_SEVERAL: dict[str, Callable[[Any, Any], Any]] = {"min": np.minimum, "max": np.maximum}
_NOISE = "noise"  # a name, and a function of how much
_NAMES = ("step", _NOISE, "pi")
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide, ast.Mod: np.mod,
    ast.Pow: np.power}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.UAdd: np.positive, ast.USub: np.negative}


@dataclass(frozen=True)
class Formula:
    """A checked formula."""

    text: str
    tree: ast.expr

    def values(self, count: int, seed: str) -> list[float]:
        """Its values from step 0 on; `noise` repeats for the same seed. BadInput where one is no finite number."""
        steps = np.arange(count, dtype=np.float64)
        names = {"step": steps, _NOISE: noise(seed, count), "pi": np.full(count, np.pi)}
        with np.errstate(all="ignore"):
            found = np.round(np.broadcast_to(_value(self.tree, names), (count,)), _DIGITS)
        wrong = np.flatnonzero(~np.isfinite(found))
        if wrong.size:
            raise BadInput(f"formula {self.text!r} is no finite number at step {wrong[0]}")
        values: list[float] = found.tolist()
        return values


def noise(seed: str, count: int) -> Values:
    """Numbers from -1 to 1, always the same for the same seed and step (splitmix64)."""
    start = int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest(), "big")
    with np.errstate(over="ignore"):
        mixed = np.uint64(start) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))).astype(np.float64) / 2.0**63 - 1.0


def read_formula(text: str) -> Formula:
    """The formula, if it is nothing but arithmetic. BadInput otherwise."""
    if len(text) > _LONGEST:
        raise BadInput(f"a formula has at most {_LONGEST} characters, this one {len(text)}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise BadInput(f"formula {text!r} cannot be read; write one such as exp(-step/200) + noise(0.01)") from None
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
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if _takes(name, len(args)):
            for argument in args:
                _check(argument, text)
        case _:
            raise BadInput(f"formula {text!r} is not allowed at {ast.unparse(node)!r}: use numbers, + - * / % **, "
                           f"{', '.join(_NAMES)}, {', '.join((*_ONE, _NOISE))} with one argument, and "
                           f"{', '.join(_SEVERAL)} with several")


def _takes(name: str, count: int) -> bool:
    return count == 1 if name in _ONE or name == _NOISE else name in _SEVERAL and count > 1


def _check_constant(value: object, text: str) -> None:
    try:
        float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise BadInput(f"formula {text[:80]!r} holds a number that is too large") from None


def _value(node: ast.expr, names: Mapping[str, Values]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number):
            return np.float64(number)
        case ast.Name(id=name):
            return names[name]
        case ast.UnaryOp(op=sign, operand=operand):
            return _UNARY[type(sign)](_value(operand, names))
        case ast.BinOp(left=left, op=operation, right=right):
            return _BINARY[type(operation)](_value(left, names), _value(right, names))
        case ast.Call(func=ast.Name(id=name), args=args):
            return _called(name, [_value(argument, names) for argument in args], names)
    raise AssertionError(node)  # checked before


def _called(name: str, arguments: list[Any], names: Mapping[str, Values]) -> Any:
    if name == _NOISE:
        return arguments[0] * names[_NOISE]
    return reduce(_SEVERAL[name], arguments) if name in _SEVERAL else _ONE[name](arguments[0])
