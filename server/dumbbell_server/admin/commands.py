"""Commands of the admin port: JSON bodies, read as what a model says."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from dumbbell_server.admin.guard import JSON
from dumbbell_server.errors import BadInput
from dumbbell_server.http.bodies import json_object, read_body
from dumbbell_server.http.memory import LARGE, Memory

_MEMORY = 16 << 20  # bytes of JSON bodies at once

_Model = TypeVar("_Model", bound=BaseModel)


class Commands:
    """Reads bodies of a bounded size, and a bounded number of bytes at once."""

    def __init__(self) -> None:
        self._memory = Memory(_MEMORY)

    async def read(self, request: Request, model: type[_Model]) -> _Model:
        """The body as what the model says. BadInput for anything else."""
        with self._memory.lease(known=True) as lease:
            found = json_object(await read_body(request, LARGE, "a command is short", lease))
        try:
            return model.model_validate(found, strict=True)
        except ValidationError as error:
            raise BadInput(first_said(error.errors())) from None


def first_said(errors: Any) -> str:
    """The first thing that pydantic has to say, with its place."""
    first = errors[0]
    text = first["msg"].removeprefix("Value error, ")
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {text}" if place else text


def body_of(model: type[BaseModel], *, more: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the document says of a body that the function reads by itself: FastAPI's own way has no bound."""
    return {"requestBody": {"required": True, "content": {JSON: {"schema": model.model_json_schema()}, **(more or {})}}}
