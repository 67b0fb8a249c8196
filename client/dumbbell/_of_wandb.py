"""Objects of the `wandb` package that somebody has made in the same process. Nothing is imported to know them."""

from __future__ import annotations

import sys
from typing import Any


def is_of_wandb(value: Any) -> bool:
    """Whether its class is one of `wandb`."""
    return type(value).__module__.partition(".")[0] == "wandb"


def is_artifact_of_wandb(value: Any) -> bool:
    """Whether it is a `wandb.Artifact`."""
    theirs = getattr(sys.modules.get("wandb"), "Artifact", None)
    return isinstance(theirs, type) and isinstance(value, theirs)
