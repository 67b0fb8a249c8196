"""Users by name on a backend of their own."""

from support.town import backend, executor, town

__all__ = ["backend", "executor", "town"]
