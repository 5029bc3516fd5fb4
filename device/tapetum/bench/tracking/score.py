"""How well one thing was followed: the one-pass evaluation of OTB, and visibility as TLD's authors judge it.

Success is the share of frames whose overlap with the truth is above a threshold; its AUC the mean over the thresholds
0, 0.05 .. 1 (Y. Wu, J. Lim and M.-H. Yang, "Object tracking benchmark", IEEE TPAMI 37(9):1834-1848, 2015). It and
precision count the frames in which the thing is there, and the box, whether its follower believes in it or not. For
visibility that counts: found is what a follower claims with an overlap above a quarter (Z. Kalal, K. Mikolajczyk and
J. Matas, "Tracking-learning-detection", IEEE TPAMI 34(7):1409-1422, 2012); a claim without that is false, whether the
thing is elsewhere or nowhere.
"""

import statistics
from dataclasses import dataclass, field

import numpy as np

from tapetum.scene import Box

_THRESHOLDS = np.linspace(0, 1, 21)
_NEAR = 20.0  # pixels between the centres
_FOUND = 0.25


@dataclass(slots=True)
class Record:
    """What a follower did on a sequence, frame by frame: CPU seconds, overlaps and distances where the thing is."""

    costs_s: list[float] = field(default_factory=list)
    ious: list[float] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)
    there: int = 0
    claimed: int = 0
    found: int = 0

    def count(self, box: Box, visible: bool, truth: Box | None, shape: tuple[int, ...]) -> None:
        """Count one frame's answer, in a picture of `shape`, against the `truth`; None: the thing is absent."""
        self.claimed += visible
        if truth is None:
            return
        iou = box.iou(truth)
        self.ious.append(iou)
        self.distances.append(_distance(box, truth, shape))
        self.there += 1
        self.found += visible and iou > _FOUND

    @property
    def auc(self) -> float:
        """Area under the success curve, 0..1."""
        return float((np.asarray(self.ious)[:, None] > _THRESHOLDS).mean())

    @property
    def precision(self) -> float:
        """Share of the frames in which the centre is at most 20 pixels off, 0..1."""
        return float((np.asarray(self.distances) <= _NEAR).mean())

    @property
    def visibility_f1(self) -> float:
        """Harmonic mean of the share of the claims that are true and of the share of its frames where it is found."""
        return 2 * self.found / max(1, self.claimed + self.there)

    @property
    def median_ms(self) -> float:
        """Median of the CPU time of a frame."""
        return 1e3 * statistics.median(self.costs_s)


def _distance(box: Box, truth: Box, shape: tuple[int, ...]) -> float:
    """Return the distance of the centres in pixels of a picture of `shape`."""
    (x, y), (wanted_x, wanted_y) = box.centre, truth.centre
    return float(np.hypot((x - wanted_x) * shape[1], (y - wanted_y) * shape[0]))
