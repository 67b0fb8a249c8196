"""The classes of the client under the name that wandb has for them."""

from dumbbell._public import *  # noqa: F403 - its list of names is the only one
from dumbbell._public import __all__  # noqa: F401 - with the names
