"""Fault rules by the admin port."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel

from dumbbell_server.admin.commands import Commands, body_of
from dumbbell_server.backend import Backend
from dumbbell_server.errors import NotFound
from dumbbell_server.exchanges.faults import FAULTS, Faults, Rule


class Added(BaseModel):
    """Its number."""

    id: int


class Listed(BaseModel):
    """A rule, and what has come of it."""

    id: int
    rule: dict[str, Any]
    matched: int
    fired: int


class AllRules(BaseModel):
    """The rules in the order in which they are looked at, and the numbers of those that never matched."""

    rules: list[Listed]
    unmatched: list[int]


def faults_router(backend: Backend, commands: Commands, refused: dict[int | str, dict[str, Any]]) -> APIRouter:
    router = APIRouter(prefix="/admin", responses=refused, tags=["faults"],
                       dependencies=[Security(HTTPBearer(scheme_name="token", auto_error=False))])

    @router.post("/faults", summary="Have answers go wrong", openapi_extra=body_of(Rule))
    async def add(request: Request) -> Added:
        return Added(id=_faults(backend).add(await commands.read(request, Rule)))

    @router.get("/faults", summary="The rules, and those that never matched")
    async def listed() -> AllRules:
        found = _faults(backend).listed()
        rules = [Listed(id=number, rule=rule.model_dump(exclude_defaults=True), matched=matched, fired=fired)
                 for number, rule, matched, fired in found]
        return AllRules(rules=rules, unmatched=[each.id for each in rules if not each.matched])

    @router.delete("/faults", summary="No rules")
    async def remove_all() -> dict[str, int]:
        return {"removed": _faults(backend).remove()}

    @router.delete("/faults/{number}", summary="Without this rule")
    async def remove(number: int) -> dict[str, int]:
        return {"removed": _faults(backend).remove(number)}

    return router


def _faults(backend: Backend) -> Faults:
    found = backend.provided(FAULTS)
    if found is None:
        raise NotFound("this server has no main port on which anything could go wrong")
    return found
