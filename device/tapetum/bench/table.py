"""A bench's figures for people: a line for each, a table for those that come in rows."""

from collections.abc import Mapping, Sequence
from typing import Any


def lines(figures: Mapping[str, Any]) -> list[str]:
    """Return `figures` as lines of text."""
    plain = {name: value for name, value in figures.items() if not _is_rows(value)}
    width = max((len(name) for name in plain), default=0)
    found = [f"{name.replace('_', ' '):<{width}}  {_text(value)}" for name, value in plain.items()]
    for rows in figures.values():
        if _is_rows(rows):
            found += ["", *_columns(rows)]
    return found


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    names = list(rows[0])
    cells = [[name.replace("_", " ") for name in names], *([_text(row[name]) for name in names] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return " to ".join(map(str, value))
    return str(value)
