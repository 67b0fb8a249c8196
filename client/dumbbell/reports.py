"""Reports: what people wrote about runs, with the runs they chose."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from dumbbell import _html, _json
from dumbbell._attrs import Attrs
from dumbbell._client import Client
from dumbbell._documents import reports as documents
from dumbbell._paginator import Page, Paginator, page_of
from dumbbell.errors import NotFoundError
from dumbbell.filters import QueryGenerator
from dumbbell.runs import Runs
from dumbbell.users import User

_ALL = 1  # selections.root: every run but those that are listed


class Reports(Paginator["BetaReport"]):
    """Reports is an iterable collection of `BetaReport` objects. `len()` loads all of them."""

    def __init__(self, client: Client, project: Any, name: str | None = None, entity: str | None = None,
                 per_page: int | None = 50) -> None:
        self.project = getattr(project, "name", project)
        self.entity = entity or getattr(project, "entity", None)
        self.name = name
        super().__init__(client, {"project": self.project, "entity": self.entity, "viewName": name,
                                  "viewType": "runs"}, per_page)

    @property
    def length(self) -> int | None:
        """How many there are, when all are loaded."""
        self._reach(None)
        return len(self.objects)

    def _fetch(self, cursor: str | None) -> tuple[dict[str, Any], Page]:
        data = self.client.execute(documents.REPORTS, {
            **self.variables, "reportCursor": cursor, "reportLimit": self.per_page})
        project = data.get("project")
        if project is None:
            raise NotFoundError(f"could not find project {self.entity}/{self.project}: there is none, or this key "
                                "may not see it")
        return data, page_of(project["allViews"] or {})

    def _converted(self, row: Any) -> BetaReport:
        return BetaReport(self.client, row["node"], self.entity, self.project)

    def __repr__(self) -> str:
        return f"<Reports {self.entity}/{self.project}{self._described()}>"

    def _repr_html_(self) -> str:
        return _html.table({"title": report.display_name, "updated": report.updated_at} for report in self)


class BetaReport(Attrs, _html.Framed):
    """BetaReport is a class associated with reports created in wandb.

    WARNING: this API will likely change in a future release

    Attributes:
        name: (string) report name, as the server has it; the title is `display_name`
        description: (string) report description
        user: (User) the user that created the report
        spec: (dict) the spec of the report
        updated_at: (string) timestamp of last update
    """

    id: str
    name: str
    display_name: str | None
    description: str | None
    updated_at: str | None
    created_at: str | None

    def __init__(self, client: Client, attrs: Mapping[str, Any], entity: str | None = None,
                 project: str | None = None) -> None:
        super().__init__(client, attrs)
        self.entity, self.project = entity, project
        self.query_generator = QueryGenerator()

    @property
    def user(self) -> User | None:
        """Who wrote it."""
        found = self._attrs.get("user")
        return None if found is None else User(self.client, found)

    @property
    def spec(self) -> dict[str, Any]:
        """What it shows; empty where nothing was stored."""
        return _json.mapping(self._attrs.get("spec"))

    @property
    def sections(self) -> list[dict[str, Any]]:
        """The groups of panels, each with the sets of runs that it shows."""
        found: list[dict[str, Any]] = self.spec.get("panelGroups") or []
        return found

    def runs(self, section: Mapping[str, Any], per_page: int = 50, only_selected: bool = True) -> Runs:
        """The runs of a section, filtered and in order as it shows them.

        Args:
            section: one of `sections`.
            per_page: number of results per page.
            only_selected: only those that are ticked.
        """
        chosen = section["runSets"][section.get("openRunSet", 0)]
        generator = self.query_generator
        order = None
        sort = chosen.get("sort") or {}
        if sort.get("key"):
            order = ("+" if sort.get("ascending") else "-") + generator.key_to_server_path(sort["key"])
        elif sort.get("keys"):
            order = generator.keys_to_order(sort)[0]
        filters = generator.filter_to_mongo(chosen.get("filters") or {}) or {}
        ticked = chosen.get("selections")
        selected = _selected(ticked) if only_selected and ticked else None
        if selected is not None:
            filters = _narrowed(filters, selected)
        return Runs(self.client, str(self.entity), str(self.project), filters, order, per_page)

    @property
    def url(self) -> str:
        """The page of the report."""
        slug = re.sub(r"\W+", "-", self.display_name or "").strip("-")
        place = "/".join(quote(str(part), safe="") for part in (self.entity, self.project))
        return f"{self.client.app_url}/{place}/reports/{quote(slug)}--{self.id.replace('=', '')}"

    def to_html(self, height: int = 1024, hidden: bool = False) -> str:
        """The page of the report in a frame.

        Args:
            height: of the frame, in pixels.
            hidden: show it only after a click.
        """
        return _html.frame(f"{self.url}?jupyter=true", height, hidden=hidden, title="Show report")

    def _repr_html_(self) -> str:
        return _html.facts(self.display_name or self.name, self.url, {
            "by": self.user, "updated": self.updated_at, "description": self.description})

    def __repr__(self) -> str:
        return f"<BetaReport {self.entity}/{self.project}/{self._attrs.get('displayName') or self.name}>"


def id_of(last: str) -> str:
    """The server's id in the last part of a report's path: `Title--ID`, or an id alone."""
    text = last.rpartition("--")[2]
    return text + "=" * (-len(text) % 4)


def same_id(one: str, other: str) -> bool:
    """Whether two ids name the same thing, with or without the padding at their end."""
    return one.rstrip("=") == other.rstrip("=") or _plain(one) == _plain(other)


def _plain(text: str) -> bytes | str:
    try:
        return base64.b64decode(id_of(text), validate=True)
    except ValueError:
        return text


def _selected(selections: Mapping[str, Any]) -> dict[str, Any] | None:
    """Which runs are ticked; None for all."""
    names = list(_names(selections.get("tree") or []))
    if selections.get("root") == _ALL:
        return {"name": {"$nin": names}} if names else None
    return {"name": {"$in": names}}


def _names(tree: Any) -> Iterator[str]:
    """Ids in a selection, whatever groups they lie in."""
    for item in tree:
        if isinstance(item, Mapping):
            yield from _names(item.get("children") or [])
        elif isinstance(item, list):
            yield from _names(item)
        else:
            yield str(item)


def _narrowed(filters: dict[str, Any], selected: dict[str, Any]) -> dict[str, Any]:
    """The filters, and the selection within; the usual shape of a report's filters is kept."""
    groups = filters.get("$or")
    if len(filters) == 1 and groups and len(groups) == 1 and set(groups[0]) == {"$and"}:
        return {"$or": [{"$and": [*groups[0]["$and"], selected]}]}
    return {"$and": [filters, selected]} if filters else selected
