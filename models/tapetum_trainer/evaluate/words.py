"""A result in words: as JSON, as a table for a terminal, and as the few figures that a bundle keeps."""

from collections.abc import Iterable, Sequence

import msgspec

from tapetum_trainer.evaluate.latency import Latency
from tapetum_trainer.evaluate.matches import Operating
from tapetum_trainer.evaluate.moved import Loss
from tapetum_trainer.evaluate.result import Result
from tapetum_trainer.evaluate.scores import Figure, Scores

_HEAD = ("", "things", "AP", "AP50", "small", "medium", "large")


def json(result: Result) -> bytes:
    """Return all of it as JSON, indented; the same figures give the same bytes."""
    return msgspec.json.format(msgspec.json.encode(result, order="sorted"), indent=1) + b"\n"


def told(figure: Figure) -> str:
    """Return a figure of 0..1 with three digits, `-` where there is none."""
    return "-" if figure is None else f"{figure:.3f}"


def text(result: Result) -> str:
    """Return the result as tables of plain text."""
    lines = [f"{result.name}: {result.scores.pictures} pictures, {result.scores.truths} things"]
    lines += ["", *table([head(result.scores), *rows(result.scores)])]
    for title, parts in (("condition", result.conditions), ("camera", result.groups)):
        if parts:
            named = [("as it is", result.scores), *parts.items()] if title == "condition" else list(parts.items())
            lines += ["", *table([(title, *_HEAD[1:]), *(overall(name, scores) for name, scores in named)])]
    if result.latency:
        lines += ["", *timed(result.latency)]
    return "\n".join(lines) + "\n"


def timed(latency: Sequence[Latency]) -> list[str]:
    """Return how long models take, as lines of a table."""
    taken = [(one.name, f"{one.median_ms:.2f}", f"{one.cpu_ms:.2f}", f"{one.ratio:.2f}") for one in latency]
    return table([("1 thread, this machine", "ms", "CPU ms", "ratio"), *taken])


def head(scores: Scores) -> tuple[str, ...]:
    """Return the names of the columns of `rows`."""
    return (*_HEAD, *(f"recall at {rate} FP" for rate in scores.recall))


def side_by_side(before: Result, after: Result) -> str:
    """Return the AP50 of a float model and of the int8 one of it, class by class."""
    pairs = zip(before.scores.classes, after.scores.classes, strict=True)
    lines = [(one.label, str(one.truths), told(one.ap50), told(other.ap50)) for one, other in pairs]
    whole = "all", str(before.scores.truths), told(before.scores.ap50), told(after.scores.ap50)
    return "\n".join(table([("AP50", "things", "float", "int8"), *lines, whole]))


def lost(losses: Sequence[Loss]) -> str:
    """Return what int8 lost, in a line."""
    points = ", ".join(f"{one.label} {one.points:.1f} +- {one.error:.1f}" for one in losses)
    return f"Points of AP50 that int8 loses against float, the mean of several views of each picture: {points}"


def rows(scores: Scores) -> list[tuple[str, ...]]:
    """Return a row for all classes and one for each."""
    every = [(*overall("all", scores), *_recalls(scores.recall.values()))]
    for one in scores.classes:
        figures = one.ap, one.ap50, one.sizes.small, one.sizes.medium, one.sizes.large
        recalls = _recalls(one.recall.values()) if one.truths else ["-"] * len(one.recall)
        every.append((one.label, str(one.truths), *map(told, figures), *recalls))
    return every


def overall(name: str, scores: Scores) -> tuple[str, ...]:
    """Return one row of the first seven columns."""
    figures = scores.ap, scores.ap50, scores.sizes.small, scores.sizes.medium, scores.sizes.large
    return (name, str(scores.truths), *map(told, figures))


def _recalls(points: Iterable[Operating]) -> list[str]:
    return [f"{point.recall:.3f}" for point in points]


def table(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return lines of columns: the first to the left, the others to the right."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def flat(scores: Scores, prefix: str = "") -> dict[str, float]:
    """Return the figures by name (`ap50`, `ap50/person`, `recall@0.1`), what there is none of left out."""
    found: dict[str, Figure] = {"ap": scores.ap, "ap50": scores.ap50, "ap75": scores.ap75}
    found |= {f"ap/{size}": getattr(scores.sizes, size) for size in ("small", "medium", "large")}
    found |= {f"recall@{rate}": point.recall for rate, point in scores.recall.items()}
    for one in scores.classes:
        found |= {f"ap/{one.label}": one.ap, f"ap50/{one.label}": one.ap50}
    return {prefix + name: round(figure, 6) for name, figure in found.items() if figure is not None}
