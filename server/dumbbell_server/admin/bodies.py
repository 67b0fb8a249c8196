"""JSON bodies of the admin port: read with a bound, and as the document says."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from dumbbell_server.admin.guard import JSON
from dumbbell_server.errors import BadInput
from dumbbell_server.http.bodies import json_object, read_body
from dumbbell_server.http.memory import LARGE, Memory

_Model = TypeVar("_Model", bound=BaseModel)


def said_of(errors: Any) -> str:
    first = errors[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def body_of(model: type[BaseModel], *, more: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the document says of a body that the function reads by itself: FastAPI's own way has no bound."""
    return {"requestBody": {"required": True, "content": {JSON: {"schema": model.model_json_schema()}, **(more or {})}}}


async def read_model(request: Request, model: type[_Model], memory: Memory) -> _Model:
    """The body as what the model says. BadInput for anything else."""
    with memory.lease(known=True) as lease:
        found = json_object(await read_body(request, LARGE, "a command is short", lease))
    try:
        return model.model_validate(found, strict=True)
    except ValidationError as error:
        raise BadInput(said_of(error.errors())) from None
