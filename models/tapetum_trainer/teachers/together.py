"""Two teachers, each trusted most where it is best: what both see is surer than what one sees.

What one found is laid on what the other found of the same label (intersection over union above a half, each once): the
score is the mean of both, weighted by how far each is trusted for that label, 0 standing for what one did not see; the
box is the mean weighted by score and trust.

On 277 pictures of COCO and VOC AP50 of person, vehicle, bicycle, cat, dog, and the mean, was

| | | | | | | |
|---|---|---|---|---|---|---|
| Objectron, 2 x 2 and 3 x 3 tiles | .535 | .280 | .686 | .875 | .748 | .625 |
| NanoDet, 2 x 2 tiles | .678 | .457 | .559 | .543 | .521 | .552 |
| both, 2 to 1 as in `TRUST` | .704 | .465 | .646 | .876 | .803 | .699 |

NanoDet has seen the pictures of COCO among them in its training. On the 100 of VOC alone, which neither has, the means
are .663, .643 and .815.

R. Solovyev, W. Wang, T. Gabruseva, "Weighted boxes fusion: ensembling boxes from different object detection models",
Image and Vision Computing 107, 2021.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.teachers import nanodet
from tapetum_trainer.teachers.answers import Floats, Pixels, Seer
from tapetum_trainer.teachers.fetch import OBJECTRON
from tapetum_trainer.teachers.objectron import Objectron
from tapetum_trainer.teachers.passes import Look, Passes

TRUST: Mapping[str, tuple[float, float]] = {
    "person": (1, 2), "vehicle": (1, 2), "bicycle": (2, 1), "cat": (2, 1), "dog": (2, 1),
}  # fmt: skip
"""How far Objectron and NanoDet are trusted; of all parts only those were tried that are 1 to 1, 2 to 1, 3 to 1."""
_SAME = 0.5  # intersection over union


def together(cache: Path) -> "Together":
    """Return both teachers, for the labels of the shipped detector; fetched into the folder `cache` where they are not.

    Raises TeacherError when they cannot be had; needs TensorFlow when NanoDet is converted, once.
    """
    passes = Passes()
    one = Look(Objectron(OBJECTRON.fetched(cache).read_bytes()), passes)
    other = Look(nanodet.NanoDet(nanodet.fetched(cache).read_bytes()), Passes(grids=passes.grids[:1]))
    return Together(one, other, TRUST)


@dataclass(frozen=True, slots=True)
class Together:
    """Two seers of the same labels, as one."""

    one: Seer
    other: Seer
    trust: Mapping[str, tuple[float, float]]  # of each label, in the first and in the second

    def __post_init__(self) -> None:
        if not self.one.labels == self.other.labels == tuple(self.trust):
            raise ValueError(f"labels differ: {self.one.labels}, {self.other.labels}, {tuple(self.trust)}")

    @property
    def labels(self) -> tuple[str, ...]:
        """What they can tell apart."""
        return self.one.labels

    @property
    def key(self) -> str:
        """What their answers depend on besides the picture."""
        return f"{self.one.key} + {self.other.key} {dict(self.trust)}"

    def rows(self, pixels: Pixels) -> Floats:
        """Return (k, 6) as of `Seer`."""
        trust = np.array(list(self.trust.values()), np.float32)
        trust /= trust.sum(axis=1, keepdims=True)
        weighed = [_weighed(seer.rows(pixels), trust[:, index]) for index, seer in enumerate((self.one, self.other))]
        return _fused(*weighed)


def _weighed(rows: Floats, trust: Floats) -> Floats:
    """Return rows whose scores are multiplied by the trust (labels,) in them."""
    weighed = rows.copy()
    weighed[:, 1] *= trust[rows[:, 0].astype(int)]
    return weighed


def _fused(one: Floats, other: Floats) -> Floats:
    """Return rows (k, 6) of both, those of one thing as one: scores added, boxes averaged by them. Best first."""
    pairs = _pairs(_overlaps(one, other))
    first, second = (np.array(indexes, int) for indexes in (zip(*pairs, strict=True) if pairs else ((), ())))
    both = one[first].copy()
    both[:, 1] += other[second, 1]
    share = (one[first, 1] / np.maximum(both[:, 1], 1e-9))[:, None]
    both[:, 2:] = share * one[first, 2:] + (1 - share) * other[second, 2:]
    rows = np.concatenate([both, np.delete(one, first, axis=0), np.delete(other, second, axis=0)])
    return np.asarray(rows[np.argsort(-rows[:, 1], kind="stable")])


def _pairs(overlaps: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Return which row (best first) goes with which column: the one that it overlaps most, each once."""
    free = np.where(overlaps > _SAME, overlaps, 0)
    pairs = []
    for row in np.flatnonzero(free.any(axis=1)).tolist():
        column = int(free[row].argmax())
        if free[row, column]:
            pairs.append((row, column))
            free[:, column] = 0
    return pairs


def _overlaps(one: Floats, other: Floats) -> Floats:
    """Return the intersection over union of each of (k, 6) with each of (n, 6); 0 where their labels differ."""
    low = np.maximum(one[:, None, 2:4], other[None, :, 2:4])
    shared = (np.minimum(one[:, None, 4:], other[None, :, 4:]) - low).clip(0).prod(axis=2)
    areas = [(rows[:, 4:] - rows[:, 2:4]).prod(axis=1) for rows in (one, other)]
    union = np.add.outer(*areas) - shared
    return np.asarray(shared / np.maximum(union, 1e-9) * np.equal.outer(one[:, 0], other[:, 0]), np.float32)
