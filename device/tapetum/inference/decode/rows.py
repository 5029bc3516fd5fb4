"""What all decoders share: rows of class, score, left, top, right, bottom, and what overlaps among them.

Of several boxes around one thing the best is kept: greedy non-maximum suppression, class by class, computed for all
rows at once. A row stays if no better row that stays overlaps it; put as a rule on the whole set, this is applied from
"all stay" until nothing changes, which is the greedy result (Cluster-NMS: Z. Zheng et al., "Enhancing geometric factors
in model learning and inference for object detection and instance segmentation", IEEE Transactions on Cybernetics
52(8):8574-8586, 2022).
"""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.inference.tensors import Floats
from tapetum.settings import Count, Fraction, Settings

Index = Annotated[int, Meta(ge=0, le=31)]
Side = Annotated[int, Meta(ge=1, le=4096)]
CANDIDATES = 1024  # rows compared with each other, the best: bounds the memory at 4 bytes for each pair


class Family(Settings, tag_field="type", frozen=True, kw_only=True):
    """Base of all decoders: what the models of a family take where their tensors do not say it, and what they give."""

    WANTED: ClassVar[str]  # the outputs' shapes, in words
    MEAN_STD: ClassVar[tuple[float, float]] = (127.5, 127.5)  # of a float input: real = (pixel - mean) / std
    FIT: ClassVar[Literal["stretch", "letterbox"]] = "stretch"
    PAD: ClassVar[int] = 128  # gray beside a letterboxed picture
    PLACES: ClassVar[bool] = True  # it says where in the picture a thing is


class Suppressing(Family, frozen=True, kw_only=True):
    """Base of the decoders whose model finds one thing several times."""

    iou: Fraction = 0.45  # two boxes of a class that overlap by more than this intersection over union are one thing
    most: Count = 100  # detections, the best

    def suppressed(self, rows: Floats) -> Floats:
        """Return the rows (k, 6) that are the best around their thing, best first; any order comes in."""
        ranked = _ranked(rows)
        return ranked[kept(_doubles(ranked, self.iou))][: self.most]

    def blended(self, rows: Floats) -> Floats:
        """Return as `suppressed`, each box the mean of those it stands for, weighted by their scores.

        V. Bazarevsky et al., "BlazeFace: sub-millisecond neural face detection on mobile GPUs", 2019, section 3.4: it
        holds stiller from picture to picture.
        """
        ranked = _ranked(rows)
        doubles = _doubles(ranked, self.iou)
        stay = np.flatnonzero(kept(doubles))
        if not len(stay):
            return ranked
        stands_for = doubles[stay] | (stay[:, None] == np.arange(len(ranked)))
        once = stands_for & (stands_for.cumsum(axis=0) == 1)  # the best of those that it doubles has it
        weights = once * ranked[:, 1].clip(1e-6)
        means = weights @ ranked[:, 2:] / weights.sum(axis=1, keepdims=True)
        return np.concatenate([ranked[stay, :2], means], axis=1, dtype=np.float32)[: self.most]


def stacked(classes: NDArray[Any], scores: Floats, edges: NDArray[Any]) -> Floats:
    """Return (k, 6) of k classes, k scores and (4, k) edges: left, top, right, bottom."""
    return np.stack([classes, scores, *edges], axis=1, dtype=np.float32)


def around(centre: Floats, size: Floats) -> Floats:
    """Return (4, k) edges left, top, right, bottom of boxes (2, k) by centre x, y and width, height."""
    return np.concatenate([centre - size / 2, centre + size / 2])


def sound(rows: Floats, min_score: float) -> Floats:
    """Return the rows that say something, best first, their boxes cut to the input, scores to 0..1.

    What is no number, empty, of no class or below `min_score` is left out.
    """
    rows = rows[np.isfinite(rows).all(axis=1)]
    rows[:, 2:] = rows[:, 2:].clip(0, 1)
    good = (rows[:, 1] >= min_score) & (rows[:, 4] > rows[:, 2]) & (rows[:, 5] > rows[:, 3]) & (rows[:, 0] >= 0)
    kept = rows[good]
    kept[:, 1] = kept[:, 1].clip(0, 1)
    return kept[np.argsort(-kept[:, 1], kind="stable")]


def sigmoid(logits: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)), with x cut to +-80: beyond it nothing changes but that exp overflows."""
    return np.asarray(1 / (1 + np.exp(-logits.clip(-80, 80))), np.float32)


def logit(probability: float) -> float:
    """Return the x whose `sigmoid` is `probability`; +-infinity for 1 and 0."""
    if not 0 < probability < 1:
        return float("inf") if probability >= 1 else float("-inf")
    return float(np.log(probability / (1 - probability)))


def _ranked(rows: Floats) -> Floats:
    """Return the rows that are numbers, best first, no more than can be compared."""
    rows = rows[np.isfinite(rows).all(axis=1)]
    return rows[np.argsort(-rows[:, 1], kind="stable")][:CANDIDATES]


def _doubles(rows: Floats, iou: float) -> NDArray[np.bool_]:
    """Return (k, k): whether the row is better than the column, of its class, and overlaps it by more than `iou`."""
    left, top, right, bottom = rows[:, 2:].T
    width = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    height = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top)
    shared = width.clip(0) * height.clip(0)
    area = (right - left).clip(0) * (bottom - top).clip(0)
    same = np.equal.outer(rows[:, 0], rows[:, 0])
    return np.triu((shared > iou * (np.add.outer(area, area) - shared)) & same, 1)


def kept(doubles: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (k,): which rows stay, of which none better that stays is a double."""
    stay: NDArray[np.bool_] = np.ones(len(doubles), bool)
    while True:
        again = np.asarray(~doubles[stay].any(axis=0))
        if (again == stay).all():
            return stay
        stay = again
