"""The command of a sweep's program, with values in the places of its macros.

What each macro stands for is `wandb 0.31.0 sdk/launch/sweeps/utils.py:create_sweep_command_args`.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dumbbell import _json
from dumbbell.errors import InvalidValueError

DEFAULT = ("${env}", "${interpreter}", "${program}", "${args}")
FILE = "args_json_file"
_VARIABLE = re.compile(r"\$\{envvar:([A-Z0-9_]*)\}")
_MACRO = re.compile(r"\$\{(\w+)\}")


def command_of(template: Sequence[Any], program: str | None, values: Mapping[str, Any], file: Path) -> list[str]:
    """The arguments to start a program with.

    Args:
        template: the `command` of the sweep's config.
        program: its `program`.
        values: those of the parameters, by name.
        file: where the values are as JSON.

    Raises:
        InvalidValueError: a macro is not known, or there is no program for its macro.
    """
    known = _macros(program, values, file)
    found: list[str] = []
    for part in (_VARIABLE.sub(_variable, str(part)) for part in template):
        match = _MACRO.fullmatch(part)
        if match is None:
            found.append(part)
        elif match[1] in known:
            found += known[match[1]]
        elif match[1] == "program":
            raise InvalidValueError("the config of the sweep names no program: add `program: train.py`, or a `command` "
                                    "without ${program}")
        else:
            raise InvalidValueError(f"the command of the sweep has the macro {part}; there are "
                                    f"{', '.join(f'${{{name}}}' for name in sorted(known))} and ${{envvar:NAME}}")
    return found


def uses_file(template: Sequence[Any]) -> bool:
    """Whether the values are wanted in a file."""
    return f"${{{FILE}}}" in template


def _variable(match: re.Match[str]) -> str:
    return os.environ.get(match[1], match[1])  # its name where it is not set, as wandb has it


def _macros(program: str | None, values: Mapping[str, Any], file: Path) -> dict[str, list[str]]:
    plain = [f"{name}={value}" for name, value in values.items()]
    python = "python" if shutil.which("python") else sys.executable
    return {
        "env": [] if sys.platform == "win32" else ["/usr/bin/env"],
        "interpreter": [python],
        **({} if program is None else {"program": [program]}),
        "args": [f"--{text}" for text in plain],
        "args_no_hyphens": plain,
        "args_append_hydra": [f"+{text}" for text in plain],
        "args_override_hydra": [f"++{text}" for text in plain],
        "args_no_equals": [text for name, value in values.items() for text in (f"--{name}", str(value))],
        "args_no_boolean_flags": [_flag(name, value) for name, value in values.items() if value is not False],
        "args_json": [_json.dumps(values)],
        FILE: [str(file)],
    }


def _flag(name: str, value: Any) -> str:
    return f"--{name}" if value is True else f"--{name}={value}"
