"""What a run printed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dumbbell import _html
from dumbbell._attrs import Attrs
from dumbbell._client import Client
from dumbbell._documents import runs as documents
from dumbbell._paginator import Page, Paginator, page_of
from dumbbell.errors import NotFoundError, check_count

if TYPE_CHECKING:
    from dumbbell.run_core import RunCore


class ConsoleLogLine(Attrs):
    """A line of console output.

    Attributes:
        number: of the line, from 0.
        timestamp: ISO time at which it was printed, where that is known.
        level: such as "error" for stderr.
        label: of the process, where several share a run.
        content: the line without its end.
    """

    number: int
    timestamp: str | None
    level: str | None
    label: str | None

    @property
    def content(self) -> str:
        """The line without its end."""
        return str(self._attrs.get("line") or "")

    def __repr__(self) -> str:
        return f"<ConsoleLogLine {self._attrs.get('number')}: {self.content}>"


class ConsoleLogs(Paginator[ConsoleLogLine]):
    """The lines that a run printed, in their order; the server tells no total, so `len()` raises ValueError."""

    def __init__(self, client: Client, run: RunCore, per_page: int | None = 1000, last: int | None = None) -> None:
        if last is not None:
            check_count("last", last)
        super().__init__(client, {"entity": run.entity, "project": run.project, "name": run.id}, per_page)
        self.run, self.last = run, last

    def _fetch(self, cursor: str | None) -> tuple[dict[str, Any], Page]:
        asked: Mapping[str, Any] = {"first": self.per_page, "after": cursor} if self.last is None else {
            "last": self.last}
        data = self.client.execute(documents.CONSOLE if self.last is None else documents.CONSOLE_TAIL, {
            **self.variables, **asked})
        run = (data.get("project") or {}).get("run")
        if run is None:
            raise NotFoundError(f"could not find run {'/'.join(self.run.path)}")
        page = page_of(run["logLines"] or {})
        return data, page if self.last is None else Page(page.rows, None, more=False, total=len(page.rows))

    def _converted(self, row: Any) -> ConsoleLogLine:
        return ConsoleLogLine(self.client, row["node"])

    def __repr__(self) -> str:
        return f"<ConsoleLogs {'/'.join(self.run.path)}>"

    def _repr_html_(self) -> str:
        return _html.table({"line": line.number, "content": line.content} for line in self)
