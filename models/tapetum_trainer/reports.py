"""How good a model is, and two beside each other, as a web page: one file that needs nothing else."""

from collections.abc import Sequence
from typing import Any

from tapetum.inference.decode import Floats
from tapetum_trainer import compare, pages
from tapetum_trainer.evaluate import Pictures, Result, Scores
from tapetum_trainer.evaluate.words import head, overall, rows, told
from tapetum_trainer.mistakes import Marked, drawn, marked, worst

_COLOURS = ("#0b8a8a", "#d9731a", "#7a5cc7", "#b3263f", "#3f8f3a", "#2f6fc4", "#9a7b00", "#c2499a")
"""Of lines, seen on white and on black."""
_SIZES = ("small", "medium", "large")


def evaluation(result: Result, answers: Sequence[Floats], pictures: Pictures, most: int = 12) -> str:
    """Return the page of one model. answers: those on the pictures as they are; most: pictures shown."""
    shown = _marked(result.scores, answers, pictures)
    return pages.render(
        "evaluation.html",
        result.name,
        scores=result.scores,
        cards=_cards(result.scores),
        head=head(result.scores),
        rows=rows(result.scores),
        bars=_bars(result.scores),
        curves=_curves(result.scores),
        parts_of=_parts(result),
        latency=[(one.name, f"{one.median_ms:.2f}", f"{one.cpu_ms:.2f}", f"{one.ratio:.2f}") for one in result.latency],
        pictures=[_figure(one, pictures) for one in worst(shown, most)],
    )


def comparison(
    found: compare.Compared,
    answers: tuple[Sequence[Floats], Sequence[Floats]],
    pictures: Pictures,
    most: int = 12,
) -> str:
    """Return the page of two models: the figures, and the pictures in which one is much worse than the other."""
    pair = [_marked(scores, one, pictures) for scores, one in zip(found.scores, answers, strict=True)]
    both = list(zip(*pair, strict=True))
    apart = sorted(both, key=lambda two: (-abs(two[0].weight - two[1].weight), two[0].index))
    return pages.render(
        "comparison.html",
        " and ".join(found.names),
        names=found.names,
        count=found.scores[0].pictures,
        truths=found.scores[0].truths,
        whole=found.differences[0] if found.differences else None,
        share=100 * found.share,
        head=compare.head(found),
        rows=compare.rows(found),
        every=[(name, *overall("", scores)[2:]) for name, scores in zip(found.names, found.scores, strict=True)],
        parts_of=[(title, compare.part_head(title), compare.part_rows(found, title)) for title in found.parts],
        pictures=[[_figure(one, pictures) for one in two] for two in apart[:most] if two[0].weight != two[1].weight],
    )


def _marked(scores: Scores, answers: Sequence[Floats], pictures: Pictures) -> list[Marked]:
    return marked(answers, pictures, [one.best.min_score for one in scores.classes])


def _figure(one: Marked, pictures: Pictures) -> dict[str, Any]:
    return {
        "source": pages.picture(drawn(pictures.picture(one.index), one.marks)),
        "title": one.origin,
        "wrong": one.count("wrong"),
        "missed": one.count("missed"),
        "right": one.count("right"),
    }


def _cards(scores: Scores) -> list[tuple[str, str]]:
    recalls = [(f"{point.recall:.3f}", f"found at {rate} wrong a picture") for rate, point in scores.recall.items()]
    return [(told(scores.ap50), "AP50"), (told(scores.ap), "AP, IoU 0.50 to 0.95"), *recalls]


def _bars(scores: Scores) -> list[dict[str, Any]]:
    """Return for each class of which there are things the AP of each size, as shares of the widest bar."""
    return [
        {"label": one.label, "colour": colour(index), "sizes": [(size, getattr(one.sizes, size)) for size in _SIZES]}
        for index, one in enumerate(scores.classes)
        if one.truths
    ]


def _curves(scores: Scores) -> list[dict[str, Any]]:
    """Return for each class of which there are things its curve, as points of a 100 x 100 drawing."""
    return [
        {
            "label": one.label,
            "colour": colour(index),
            "points": " ".join(f"{recall},{100 - 100 * value:.1f}" for recall, value in enumerate(one.curve)),
            "dot": (100 * one.best.recall, 100 - 100 * one.best.precision),
            "best": one.best,
        }
        for index, one in enumerate(scores.classes)
        if one.curve
    ]


def colour(index: int) -> str:
    """Return the colour of the class with this number."""
    return _COLOURS[index % len(_COLOURS)]


def _parts(result: Result) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Return the tables of conditions and cameras, where there are such."""
    found = []
    for title, parts in (("Conditions", result.conditions), ("Cameras", result.groups)):
        if parts:
            first = [overall("as they are", result.scores)] if title == "Conditions" else []
            found.append((title, [*first, *(overall(name, scores) for name, scores in parts.items())]))
    return found
