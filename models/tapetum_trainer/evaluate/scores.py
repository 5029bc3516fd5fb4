"""The figures: average precision by COCO's rules, and what is found at a bearable rate of false alarms.

* `ap`: COCO's mAP, the mean over classes and over IoU 0.50, 0.55, ... 0.95; `ap50`, `ap75`: at one IoU.
* by size: things below 32 x 32, from 96 x 96 and between, in a picture of which the longer side has 640 pixels.
* `recall`: of the things wanted, the share that is found when the threshold is set so that there are 0.1 or 1 wrong
  answers for each picture, the mean: what counts where each answer may wake somebody. One threshold for all classes;
  of a class, its own.

A figure of which there is nothing in the pictures is None. Every mean over classes leaves such classes out, as COCO's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tapetum.inference.decode import Floats
from tapetum_trainer.evaluate import coco
from tapetum_trainer.evaluate.matches import Matches, Operating, of_class, together
from tapetum_trainer.evaluate.truth import Pictures

RATES = (0.1, 1.0)
"""Wrong answers for each picture at which recall is told."""
_ALL, _AT_50, _AT_75 = slice(None), 0, 5  # of pycocotools' ten IoUs
Figure = float | None


@dataclass(frozen=True, slots=True)
class Sizes:
    """Average precision (mean over IoU 0.50 to 0.95) of things of one size."""

    small: Figure
    medium: Figure
    large: Figure


@dataclass(frozen=True, slots=True)
class ClassScores:
    """One class. truths: things wanted. curve: precision at recall 0, 0.01, ... 1, IoU 0.5; () where there are none.

    recall: rate of false positives -> what its threshold comes to.
    """

    label: str
    truths: int
    ap: Figure
    ap50: Figure
    sizes: Sizes
    recall: Mapping[str, Operating]
    best: Operating
    curve: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """All classes together, and each. recall: rate of false positives -> what one threshold for all comes to."""

    pictures: int
    truths: int
    ap: Figure
    ap50: Figure
    ap75: Figure
    sizes: Sizes
    recall: Mapping[str, Operating]
    classes: tuple[ClassScores, ...]

    @property
    def weighed(self) -> float:
        """The mean AP50 of the classes, each counting as the root of its things: three things say little of a model."""
        counts = np.sqrt([one.truths for one in self.classes])
        values = np.array([one.ap50 or 0.0 for one in self.classes])
        return float((counts * values).sum() / max(1.0, counts.sum()))


def scored(
    answers: Sequence[Floats], pictures: Pictures, indices: Sequence[int] | None = None, rates: Sequence[float] = RATES
) -> Scores:
    """Return the figures of `answers`: rows (k, 6) in the classes of `pictures`, for each of `indices` (None: all)."""
    chosen = range(len(pictures)) if indices is None else indices
    work = coco.evaluated(answers, pictures, chosen)
    found = _matches(work, pictures, chosen)
    classes = tuple(_of_class(work, number, one, pictures.labels, rates) for number, one in enumerate(found))
    whole = together(found, len(chosen))
    return Scores(
        pictures=len(chosen),
        truths=whole.truths,
        ap=_mean(work, _ALL, 0),
        ap50=_mean(work, _AT_50, 0),
        ap75=_mean(work, _AT_75, 0),
        sizes=_sizes(work, _ALL),
        recall=_recall(whole, rates),
        classes=classes,
    )


def matched(answers: Sequence[Floats], pictures: Pictures, indices: Sequence[int] | None = None) -> list[Matches]:
    """Return for each class which answers are right, for thresholds of one's own."""
    chosen = range(len(pictures)) if indices is None else indices
    return _matches(coco.evaluated(answers, pictures, chosen), pictures, chosen)


def _matches(work: Any, pictures: Pictures, chosen: Sequence[int]) -> list[Matches]:
    known = np.array([pictures.known(index) for index in chosen]).reshape(len(chosen), -1).sum(axis=0)
    return [of_class(work, number, int(known[number])) for number in range(len(pictures.labels))]


def _of_class(work: Any, number: int, found: Matches, labels: Sequence[str], rates: Sequence[float]) -> ClassScores:
    curve = work.eval["precision"][_AT_50, :, number, 0, 0]
    return ClassScores(
        label=labels[number],
        truths=found.truths,
        ap=_mean(work, _ALL, 0, number),
        ap50=_mean(work, _AT_50, 0, number),
        sizes=_sizes(work, number),
        recall=_recall(found, rates),
        best=found.best(),
        curve=tuple(round(float(value), 4) for value in curve) if found.truths else (),
    )


def _recall(found: Matches, rates: Sequence[float]) -> dict[str, Operating]:
    return {f"{rate:g}": found.with_false_positives(rate) for rate in rates}


def _sizes(work: Any, number: int | slice) -> Sizes:
    return Sizes(*(_mean(work, _ALL, size, number) for size in range(1, len(coco.SIZES))))


def _mean(work: Any, iou: int | slice, size: int, number: int | slice = _ALL) -> Figure:
    """Return the mean precision at this IoU, size and class (slice(None): over all); None where nothing is wanted."""
    values = work.eval["precision"][iou, :, number, size, 0]
    values = values[values > -1]
    return round(float(values.mean()), 6) if values.size else None
