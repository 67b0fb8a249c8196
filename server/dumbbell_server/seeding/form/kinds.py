"""Texts and times of a fixture, checked as they are read: each field's type says what is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from dumbbell_server.accounts.names import email_address, entity_name, organization_name
from dumbbell_server.artifacts.names import checked_alias, checked_name, checked_tag
from dumbbell_server.clock import to_text
from dumbbell_server.errors import BadInput
from dumbbell_server.files.names import clean
from dumbbell_server.ids import MAX_ID
from dumbbell_server.json_text import checked_object, loads, storable
from dumbbell_server.projects.access import ACCESSES
from dumbbell_server.projects.service import checked_name as checked_project
from dumbbell_server.runs.names import checked_run_id
from dumbbell_server.runs.states import STATES, checked_state

_RELATIVE = re.compile(r"([+-])(\d{1,9}(?:\.\d{1,6})?)([smhdw])")
_ABSOLUTE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}  # seconds
_MOMENT = rf"^({_ABSOLUTE.pattern}|{_RELATIVE.pattern})$"
_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_SIZE = re.compile(r"(\d{1,12}) ?(k|M|G|Ki|Mi|Gi)?B?")


def right(check: Callable[[str], object]) -> AfterValidator:
    """A text that this check lets through; its refusal is the error's text."""
    def checked(text: str) -> str:
        try:
            check(text)
        except BadInput as error:
            raise ValueError(str(error)) from None
        return text
    return AfterValidator(checked)


def checked_user(name: str) -> None:
    """ValueError for what no user can be called."""
    try:
        entity_name(name, "username")
    except BadInput as error:
        raise ValueError(str(error)) from None


def _stored(text: str) -> str:
    if not storable(text):
        raise ValueError("the text holds a NUL or half a surrogate pair, which cannot be stored")
    return text


def _moment(text: str) -> str:
    if _RELATIVE.fullmatch(text) is None:
        try:
            datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text[:40]!r} is no time; write 2026-01-05T10:00:00Z, -3d for three days before it is "
                             "loaded, or +2h for two hours after the file's `created`") from None
    return text


def _json(text: str) -> None:
    try:
        loads(text)
    except ValueError as error:
        raise BadInput(f"this is not JSON: {error}") from None


def _one_of(what: str, known: Iterable[str]) -> Callable[[str], None]:
    def check(text: str) -> None:
        if text not in known:
            raise BadInput(f"{what} {text[:40]!r} is not known; it is one of {', '.join(sorted(known))}")
    return check


def _size(value: Any) -> Any:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) * _BYTES[match[2] or ""] if match else value


Text = Annotated[str, AfterValidator(_stored)]
Moment = Annotated[str, AfterValidator(_moment), Field(
    json_schema_extra={"pattern": _MOMENT},
    description="2026-01-05T10:00:00Z; -3d: before it is loaded; +2h: after the file's `created`")]
UserRef = Annotated[Text, Field(description="a user's name")]
UserName = Annotated[str, right(entity_name), Field(
    json_schema_extra={"pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"})]
OrganizationName = Annotated[str, right(organization_name), Field(
    json_schema_extra={"pattern": r"^[A-Za-z0-9][A-Za-z0-9_. -]{0,127}$"})]
ProjectName = Annotated[str, right(checked_project), Field(json_schema_extra={"pattern": r"^[^/\\#?%:]{1,128}$"})]
RunId = Annotated[str, right(checked_run_id), Field(json_schema_extra={"pattern": r"^[^:;,#?/'%\\]{1,128}$"})]
CollectionName = Annotated[str, right(lambda text: checked_name(text, "artifact")), Field(
    json_schema_extra={"pattern": r"^[^/:]{1,256}$"})]
TypeName = Annotated[str, right(lambda text: checked_name(text, "artifact type")), Field(
    json_schema_extra={"pattern": r"^[^/:]{1,256}$"})]
Alias = Annotated[str, right(checked_alias), Field(json_schema_extra={"pattern": r"^[^/:]{1,128}$"})]
Tag = Annotated[str, right(checked_tag), Field(json_schema_extra={"pattern": r"^[-\w]+( +[-\w]+)*$"})]
FileName = Annotated[str, right(clean), Field(json_schema_extra={"pattern": r"^[^/].*$"})]
Email = Annotated[str, right(email_address), Field(json_schema_extra={"pattern": r"^[^@\s]+@[^@\s]+$"})]
JsonText = Annotated[Text, right(_json)]
ObjectText = Annotated[str, right(lambda text: checked_object(text, "the text"))]
Md5 = Annotated[str, Field(pattern="^[0-9a-f]{32}$", description="MD5 in hex: the bytes lie in blobs/ of the fixture")]
Version = Annotated[str, Field(pattern=r"^[^/:]+/[^/:]+/[^/:]+:v(0|[1-9][0-9]{0,8})$",
                               description="ENTITY/PROJECT/NAME:vN")]
Row = Annotated[int, Field(ge=1, le=MAX_ID, description="number of the row, which ids on the wire hold; kept where it "
                                                        "is free")]
Access = Annotated[str, right(_one_of("access", ACCESSES)), Field(json_schema_extra={"enum": sorted(ACCESSES)})]
RunState = Annotated[str, right(checked_state), Field(json_schema_extra={"enum": sorted(STATES)})]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Big = Annotated[int, Field(ge=-2**62, lt=2**62)]
Size = Annotated[int, BeforeValidator(_size), Field(ge=0, le=1 << 40, description="bytes: 2000, 20kB, 2MiB",
                                                    json_schema_extra={"type": ["integer", "string"]})]


def moment(text: str, base: datetime, now: datetime) -> datetime:
    """The moment that a text means."""
    match = _RELATIVE.fullmatch(text)
    if match is None:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    distance = timedelta(seconds=float(match[2]) * _UNITS[match[3]])
    return base + distance if match[1] == "+" else now - distance


def moment_text(text: str, base: datetime, now: datetime) -> str:
    """The same as it is stored."""
    return to_text(moment(text, base, now))
