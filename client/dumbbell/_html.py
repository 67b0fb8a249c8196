"""What a notebook shows of an object."""

from __future__ import annotations

import html
import importlib
import sys
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_ROWS = 20


def facts(title: str, url: str | None, values: Mapping[str, Any]) -> str:
    """A title that is a link, and a table of names and values."""
    head = html.escape(title)
    if url:
        head = f'<a href="{html.escape(url, quote=True)}" target="_blank" rel="noopener">{head}</a>'
    rows = "".join(f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{_cell(value)}</td></tr>"
                   for name, value in values.items())
    return f"<div><b>{head}</b><table>{rows}</table></div>"


class Framed:
    """What has a page that can be shown in a notebook."""

    @abstractmethod
    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """The page in a frame."""

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show the page in the notebook; whether this is one.

        Args:
            height: of the frame, in pixels.
            hidden: show it only after a click.
        """
        shell = sys.modules.get("IPython")
        if shell is None or shell.get_ipython() is None:
            return False
        shown = importlib.import_module("IPython.display")
        shown.display(shown.HTML(self.to_html(height, hidden)))
        return True


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None, total: int | None = None) -> str:
    """The first rows as a table, and how many there are in all where that is known and more.

    The columns are those of all of the rows, in the order of their coming.
    """
    shown = [row for row, _ in zip(rows, range(_ROWS), strict=False)]
    if not shown:
        return "<i>nothing</i>"
    names = list(columns or dict.fromkeys(key for row in shown for key in row))
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{_cell(row.get(name))}</td>" for name in names) + "</tr>" for row in shown)
    rest = f"<p>{len(shown)} of {total}</p>" if total is not None and total > len(shown) else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def frame(url: str, height: int, *, hidden: bool, title: str) -> str:
    """The page itself, in a frame; behind a click if hidden."""
    page = (f'<iframe src="{html.escape(url, quote=True)}" style="border:none;width:100%;height:{int(height)}px;">'
            "</iframe>")
    if not hidden:
        return page
    return f"<details><summary>{html.escape(title)}</summary>{page}</details>"


def _cell(value: Any) -> str:
    return "" if value is None else html.escape(f"{value:.6g}" if isinstance(value, float) else str(value))
