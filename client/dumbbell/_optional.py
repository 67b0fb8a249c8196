"""Packages that are used where they are installed."""

from __future__ import annotations

import importlib
from typing import Any

from dumbbell.errors import UsageError


def library(name: str, otherwise: str) -> Any:
    """The module. UsageError, with what to do otherwise, where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UsageError(otherwise) from None
