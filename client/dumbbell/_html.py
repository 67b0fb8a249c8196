"""What a notebook shows of an object."""

from __future__ import annotations

import html
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


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """The first rows as a table; the columns are those of all of them, in the order of their coming."""
    shown = [row for row, _ in zip(rows, range(_ROWS), strict=False)]
    names = list(columns or dict.fromkeys(key for row in shown for key in row))
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{_cell(row.get(name))}</td>" for name in names) + "</tr>" for row in shown)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def frame(url: str, height: int, *, hidden: bool, title: str) -> str:
    """The page itself, in a frame; behind a click if hidden."""
    page = (f'<iframe src="{html.escape(url, quote=True)}" style="border:none;width:100%;height:{int(height)}px;">'
            "</iframe>")
    if not hidden:
        return page
    return f"<details><summary>{html.escape(title)}</summary>{page}</details>"


def _cell(value: Any) -> str:
    return "" if value is None else html.escape(f"{value:.6g}" if isinstance(value, float) else str(value))
