"""What a log says, held against what a fixture can say: refusals then name the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from dumbbell_server.errors import BadInput
from dumbbell_server.seeding.form.documents import Part


def checked(model: type[Part], fields: Mapping[str, Any], where: str) -> None:
    """BadInput, with where it was read, for the first thing that cannot be stored."""
    try:
        model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        path = ".".join(str(step) for step in first["loc"] if not str(step).startswith("~"))
        raise BadInput(f"{where}: {path}: {first['msg'].removeprefix('Value error, ')}") from None
