"""The report of a recipe's pictures as a web page: one file that needs nothing else."""

from collections.abc import Iterator, Sequence
from math import sqrt
from pathlib import Path
from statistics import median
from typing import Any

from tapetum_trainer import pages
from tapetum_trainer.data.pictures import pixels
from tapetum_trainer.data.report import Report, Shown
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.data.split import SPLITS
from tapetum_trainer.data.words import short

_SAMPLES = 60  # pictures drawn for all classes together
_EACH = 6  # of one class, at most
_DOUBTED = 12
_TWINS = 24
_EMPTY = 12
_FINDINGS = 200
_LONGEST = 360  # pixels of a picture in the page
_SIZES = (0.02, 0.04, 0.08, 0.16, 0.32, 0.64)  # square roots of areas, fractions of the picture
_SIZE_WORDS = ("<2", "2", "4", "8", "16", "32", "64+")
_ASPECTS = (0.25, 0.5, 1.0, 2.0, 4.0)  # width by height, in pixels
_ASPECT_WORDS = ("<1:4", "1:4", "1:2", "1:1", "2:1", "4:1+")


def page(report: Report, root: Path, title: str) -> str:
    """Return the page. root: the folder of the data, by which files are told.

    Raises DataError when a picture that is shown cannot be read any more.
    """
    figures = _Figures(root)
    twins = sorted(report.twins, key=lambda one: not one.apart)
    empty = [one for one in report.shown if one.empty]
    return pages.render(
        "dataset.html",
        title,
        report=report,
        cards=_cards(report),
        classes=[_of_class(report, label) for label in report.classes],
        sources=[_of_source(report, number) for number in range(len(report.sources))],
        by_source=[
            (label, *(report.things(label, source=number) for number in range(len(report.sources))))
            for label in report.classes
        ],
        shapes=[_shape(report, label) for label in report.classes if report.things(label)],
        findings=[(one.stops, short(one.where, root), short(one.what, root)) for one in report.findings[:_FINDINGS]],
        doubted=_doubted(report, figures),
        twins=[(one.apart, [(figures.of(each), each) for each in (one.first, one.second)]) for one in twins[:_TWINS]],
        samples=[(label, found) for label in report.classes if (found := _samples(report, label, figures))],
        empty=[figures.of(one) for one in _spread(empty, _EMPTY)],
        left_out=list(report.left_out.items()),
    )


class _Figures:
    """Pictures as figures, named by their places in the folder of the data."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def of(self, one: Shown, label: str = "") -> dict[str, Any]:
        """Return a picture with its boxes; those of `label` stand out."""
        picture = one.picture
        return {
            "source": pages.picture(pixels(picture.path), _LONGEST),
            "title": short(str(picture.path), self._root),
            "split": one.split,
            "width": picture.width,
            "height": picture.height,
            "boxes": [_marked(thing, picture, label) for thing in picture.things],
        }


def _marked(thing: Thing, picture: Labelled, label: str) -> dict[str, Any]:
    box = thing.box
    kind = "crowd" if thing.crowd else "wanted" if thing.label == label or not label else "other"
    return {
        "x": box.left * picture.width,
        "y": box.top * picture.height,
        "width": box.width * picture.width,
        "height": box.height * picture.height,
        "kind": kind,
        "label": thing.label,
    }


def _cards(report: Report) -> list[tuple[str, str, str]]:
    stops, doubts = report.mistakes, len(report.findings) - report.mistakes
    return [
        (str(len(report.shown)), "pictures", ""),
        (str(sum(map(report.things, report.classes))), "things", ""),
        (str(stops), "mistakes, to be mended", "bad" if stops else "good"),
        (str(doubts), "doubts", "warn" if doubts else "good"),
        (str(sum(one.empty for one in report.shown)), "show no object", ""),
        (str(len(report.twins)), f"look like another; {report.moved} moved", ""),
    ]


def _of_class(report: Report, label: str) -> tuple[Any, ...]:
    things = [thing for one in report.shown for thing in one.picture.things if thing.label == label]
    pictures = sum(any(thing.label == label for thing in one.picture.things) for one in report.shown)
    counts = [report.things(label, split) for split in SPLITS]
    return label, *counts, sum(counts), sum(thing.crowd for thing in things), pictures


def _of_source(report: Report, number: int) -> tuple[Any, ...]:
    shown = [one for one in report.shown if one.source == number]
    splits = [sum(one.split == split for one in shown) for split in SPLITS]
    things = sum(not thing.crowd for one in shown for thing in one.picture.things)
    counts = sum(one.empty for one in shown), sum(one.unlabelled for one in shown)
    return report.sources[number], *splits, len(shown), things, *counts


def _shape(report: Report, label: str) -> dict[str, Any]:
    """Return how large the things of a class are, and how wide."""
    found = [
        (sqrt(thing.box.area), thing.box.width * one.picture.width / (thing.box.height * one.picture.height))
        for one in report.shown
        for thing in one.picture.things
        if thing.label == label and not thing.crowd
    ]
    sizes, aspects = [size for size, _ in found], [aspect for _, aspect in found]
    return {
        "label": label,
        "count": len(found),
        "median": 100 * median(sizes),
        "charts": [
            ("size, % of the picture", _bars(sizes, _SIZES, _SIZE_WORDS)),
            ("width : height", _bars(aspects, _ASPECTS, _ASPECT_WORDS)),
        ],
    }


def _bars(values: Sequence[float], edges: Sequence[float], words: Sequence[str]) -> list[tuple[str, int, float]]:
    """Return for each bin its word, how many are in it, and its share of the fullest."""
    counts = [0] * len(words)
    for value in values:
        counts[sum(value >= edge for edge in edges)] += 1
    return [(word, count, count / max(counts)) for word, count in zip(words, counts, strict=True)]


def _doubted(report: Report, figures: _Figures) -> list[tuple[dict[str, Any], list[str]]]:
    """Return the first pictures that are doubtful themselves, with what is said of each."""
    said: dict[str, list[str]] = {}
    for one in report.findings:
        if not one.stops:
            said.setdefault(one.where, []).append(one.what)
    found = [(one, said[str(one.picture.path)]) for one in report.shown if str(one.picture.path) in said]
    return [(figures.of(one), list(dict.fromkeys(what))) for one, what in found[:_DOUBTED]]


def _samples(report: Report, label: str, figures: _Figures) -> list[dict[str, Any]]:
    most = max(1, min(_EACH, _SAMPLES // len(report.classes)))
    return [figures.of(one, label) for one in _spread([one for one in report.shown if _shows(one, label)], most)]


def _shows(one: Shown, label: str) -> bool:
    return any(thing.label == label and not thing.crowd for thing in one.picture.things)


def _spread(shown: Sequence[Shown], most: int) -> Iterator[Shown]:
    """Give at most so many of them, from the first to the last, evenly."""
    count = min(most, len(shown))
    return (shown[at * len(shown) // count] for at in range(count))
