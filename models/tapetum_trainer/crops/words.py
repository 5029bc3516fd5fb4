"""The figures of a classifier as tables, for a terminal and a card."""

from collections.abc import Mapping

import msgspec

from tapetum_trainer.crops.figures import Figures
from tapetum_trainer.crops.judge import Result
from tapetum_trainer.evaluate.words import table, told

Rows = list[tuple[str, ...]]


def rows(before: Figures, after: Figures, names: tuple[str, str] = ("float", "int8")) -> Rows:
    """Return the figures of two models side by side: a line of titles, of all crops, and of each class."""
    titles = [f"{figure} {name}" for figure in ("precision", "recall") for name in names]
    lines = [
        (one.label, str(one.crops), *map(told, (one.precision, other.precision, one.recall, other.recall)))
        for one, other in zip(before.classes, after.classes, strict=True)
    ]
    whole = [
        (name, str(after.crops), "", "", told(one), told(other))
        for name, one, other in (("top-1", before.top1, after.top1), ("balanced", before.balanced, after.balanced))
    ]
    return [("", "crops", *titles), *lines, *whole]


def matrix(found: Figures) -> Rows:
    """Return what is taken for what: a row for each class that is shown; the column of none where there is some."""
    labels = [one.label for one in found.classes]
    none = any(row[-1] for row in found.matrix)
    heads = [*labels, "none of them"] if none else labels
    lines = [(label, *map(str, row[: len(heads)])) for label, row in zip(labels, found.matrix, strict=True)]
    return [("is, and is said", *heads), *lines]


def text(result: Result) -> str:
    """Return the result as tables of plain text."""
    found = result.figures
    classes = [(one.label, str(one.crops), told(one.precision), told(one.recall)) for one in found.classes]
    lines = [f"{result.name}: {found.crops} crops, top-1 {found.top1:.3f}, balanced {found.balanced:.3f}", ""]
    lines += [*table([("", "crops", "precision", "recall"), *classes]), "", *table(matrix(found))]
    for title, parts in (("condition", result.conditions), ("camera", result.groups)):
        if parts:
            named = {"as it is": found, **parts} if title == "condition" else parts
            lines += ["", *table([(title, "crops", "top-1", "balanced"), *_parts(named)])]
    return "\n".join(lines) + "\n"


def json(result: Result) -> bytes:
    """Return all of it as JSON, indented; the same figures give the same bytes."""
    return msgspec.json.format(msgspec.json.encode(result, order="sorted"), indent=1) + b"\n"


def _parts(parts: Mapping[str, Figures]) -> Rows:
    return [(name, str(one.crops), told(one.top1), told(one.balanced)) for name, one in parts.items()]
