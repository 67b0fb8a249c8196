from __future__ import annotations

from support.artifact_worlds import driver, through_us, world

__all__ = ["driver", "through_us", "world"]
