"""Names of runs: ids, and the adjective-noun-number that people see."""

from __future__ import annotations

import re

from dumbbell_server.clock import Clock
from dumbbell_server.errors import BadInput

_ADJECTIVES = (
    "amber ancient balmy bold brave breezy bright brisk calm celestial cheerful clear clever cool coral cosmic "
    "crimson crisp curious daily dainty daring dark dashing dazzling deep desert devoted distant divine dulcet dry "
    "eager earnest easy effortless electric elated enchanting exalted expert faithful fallen fanciful fast fearless "
    "feasible fiery firm fine floral fluent flowing fragrant fresh frosty generous gentle giddy glad glamorous "
    "glorious glowing golden good graceful grateful hardy happy hearty honest hopeful icy jolly jumping kind lemon "
    "light lilac lively logical lucky lunar magic major merry mild misty morning neat noble olive peach pious "
    "pleasant polar polished proud pretty quiet radiant rare resilient restful robust rose rural sage scarlet serene "
    "sleek smart smooth snowy soft solar sparkling spring stellar still stoic sunny super swift tough treasured "
    "twilight upbeat usual valiant vibrant visionary vital vivid volcanic wandering warm whole wild winter wise woven "
    "young zany"
).split()
_NOUNS = (
    "aardvark armadillo bee bird blaze breeze brook bush butterfly capybara cherry cloud cosmos darkness dawn deluge "
    "dew dragon dream durian dust eon elevator energy etchings feather field fire firebrand firefly fish flower fog "
    "forest frog frost galaxy gorge glade glitter grass grass harbor haze hill jazz leaf leaves lake lion meadow "
    "microwave monkey moon morning mountain music night oath paper pine planet plant plasma pond puddle pyramid rain "
    "resonance river sea serenity shadow shape silence sky smoke snow snowball snowflake sound spaceship star sun "
    "sunset surf terrain thunder totem tree universe valley violet vortex voice water waterfall wave wildflower wind "
    "wood yogurt"
).split()

# What 0.31 refuses itself (wandb 0.31.0 sdk/wandb_settings.py:Settings.validate_run_id), and what `wandb.init`
# documents besides: with a `%` in the id its core finds no file's URL, and `finish` never ends.
_FORBIDDEN_IN_ID = re.compile(r"[:;,#?/'%\\\x00-\x1f\x7f\ud800-\udfff]")
_LONGEST_ID = 128


def make_display_name(clock: Clock, number: int, noun: str | None = None) -> str:
    """Such as `calm-river-12`; runs that a sweep makes are called `calm-sweep-12`."""
    return f"{clock.random.choice(_ADJECTIVES)}-{noun or clock.random.choice(_NOUNS)}-{number}"


def checked_run_id(name: str) -> str:
    """The id of a run that is made: one that fits into a URL. Earlier versions made others, which go on."""
    found = _FORBIDDEN_IN_ID.search(name)
    if found is not None:
        raise BadInput(f"run id {name[:140]!r} is not allowed: it holds {found.group()!r}, which links and file names "
                       "cannot; use none of / \\ # ? % : ; , ' and no control characters")
    if not name or name != name.strip() or len(name) > _LONGEST_ID or name in {".", ".."}:
        raise BadInput(f"run id {name[:140]!r} is not allowed: use 1 to {_LONGEST_ID} characters, "
                       "and no spaces around them")
    return name
