"""What all pages look like."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

__all__ = ["document", "escape"]

_STYLE = ("body{font:15px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}pre{background:#f4f4f4;"
          "padding:.7rem;overflow:auto}table{border-collapse:collapse}td{padding:.1rem 1rem .1rem 0}")


def document(title: str, parts: Iterable[str]) -> str:
    """A page of these parts, which are HTML; the title is a text."""
    return (f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
            f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{''.join(parts)}</html>")
