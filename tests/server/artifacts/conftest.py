from __future__ import annotations

from support.artifact_worlds import driver, world

__all__ = ["driver", "world"]
