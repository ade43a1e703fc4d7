"""Builds tables for Jupyter: escaped, and readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape

_CELL = "text-align:left;vertical-align:top;padding:.2em .9em .2em 0;white-space:pre-wrap"
_HEAD = f"{_CELL};opacity:.65;font-weight:normal"
_TITLE = "text-align:left;font-weight:bold;padding:.3em 0"


def table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a titled table; "none" if it has no rows."""
    head = "".join(f'<th style="{_HEAD}">{escape(cell)}</th>' for cell in header)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    empty = f'<tr><td style="{_CELL}" colspan="{len(header)}">none</td></tr>'
    return _table(title, f"<thead><tr>{head}</tr></thead><tbody>{body or empty}</tbody>")


def facts(title: str, values: Mapping[str, object]) -> str:
    """Return a titled table of names and values; unknown values are left out."""
    known = {name: value for name, value in values.items() if value not in (None, "")}
    rows = "".join(
        f'<tr><th style="{_HEAD}">{escape(name)}</th>{_cells((value,))}</tr>'
        for name, value in known.items()
    )
    return _table(title, f"<tbody>{rows}</tbody>")


def _table(title: str, inner: str) -> str:
    return f'<table><caption style="{_TITLE}">{escape(title)}</caption>{inner}</table>'


def _cells(row: Iterable[object]) -> str:
    return "".join(f'<td style="{_CELL}">{escape(_text(value))}</td>' for value in row)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}Z"
    return str(value)
