"""How often what is said of crops is right: of all of them, by class, and what is taken for what. By Keras' metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int32]
Figure = float | None


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Of one class. crops: that show it. precision: of those it is said of; recall: of those that show it."""

    label: str
    crops: int
    precision: Figure
    recall: Figure


@dataclass(frozen=True, slots=True)
class Figures:
    """Of all crops. top1: the share said right. balanced: the mean of the classes' recalls.

    matrix: a row for each class that is shown; in it a column for each that is said, and the last for none of them.
    """

    crops: int
    top1: float
    balanced: float
    classes: tuple[ClassFigures, ...]
    matrix: tuple[tuple[int, ...], ...]


def figures(truth: Places, said: Places, labels: Sequence[str]) -> Figures:
    """Return the figures of what was `said` (n,), where `truth` (n,) is shown; as many as there are labels: none."""
    classes = tuple(_of_class(place, label, truth, said) for place, label in enumerate(labels))
    recalls = [one.recall for one in classes if one.recall is not None]
    top1 = _read(keras.metrics.Accuracy(), truth, said) if len(truth) else 0.0
    return Figures(len(truth), top1, fmean(recalls) if recalls else 0.0, classes, _matrix(truth, said, len(labels)))


def flat(found: Figures, prefix: str = "") -> dict[str, float]:
    """Return the figures by name (`top1`, `recall/person`), what there is none of left out."""
    told: dict[str, Figure] = {"top1": found.top1, "balanced": found.balanced}
    for one in found.classes:
        told |= {f"precision/{one.label}": one.precision, f"recall/{one.label}": one.recall}
    return {f"{prefix}{name}": round(figure, 6) for name, figure in told.items() if figure is not None}


def _of_class(place: int, label: str, truth: Places, said: Places) -> ClassFigures:
    shown, told = truth == place, said == place
    precision = _read(keras.metrics.Precision(), shown, told) if told.any() else None
    recall = _read(keras.metrics.Recall(), shown, told) if shown.any() else None
    return ClassFigures(label, int(shown.sum()), precision, recall)


def _read(metric: Any, truth: NDArray[Any], said: NDArray[Any]) -> float:
    metric.update_state(truth.astype(np.float32), said.astype(np.float32))
    return float(metric.result())


def _matrix(truth: Places, said: Places, count: int) -> tuple[tuple[int, ...], ...]:
    pairs = np.bincount(truth.astype(np.int64) * (count + 1) + said, minlength=count * (count + 1))
    return tuple(tuple(row) for row in pairs.reshape(count, count + 1).tolist())
