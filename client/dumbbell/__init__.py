"""The public client: read and write what `wandb` logged, on this server or on W&B's own.

Example:
    import dumbbell

    api = dumbbell.Api()
    for run in api.runs("entity/project", {"state": "finished"}):
        print(run.name, run.config, run.summary)
"""

import importlib
from typing import TYPE_CHECKING, Any

from dumbbell._version import __version__ as __version__

if TYPE_CHECKING:
    from dumbbell._public import *  # noqa: F403 - its list of names is the only one
    from dumbbell._public import __all__ as __all__
else:

    def __getattr__(name: str) -> Any:
        """A public name or module; all are imported when the first is used, so that the command starts at once."""
        if name.startswith("_") and name != "__all__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        public = importlib.import_module("dumbbell._public")
        importlib.import_module("dumbbell.apis.public")
        globals().update({known: getattr(public, known) for known in public.__all__}, __all__=public.__all__)
        try:
            return globals()[name]
        except KeyError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None

    def __dir__() -> list[str]:
        return [*globals(), *__getattr__("__all__")]
