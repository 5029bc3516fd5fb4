"""What int8 loses, told apart from chance: on pictures seen several times, each time a little moved and mirrored.

AP50 jumps when a single box comes to overlap by 0.49 instead of 0.51, or a false alarm passes the only right answer.
Any change of a model does that, also one that makes it no worse. (A float detector whose channels were scaled up behind
one layer and down before the next, the same function, gained 7.4 points of a class with 7 things.) The same things seen
moved give other errors of rounding, so the mean over views says what int8 costs, and its standard error how sure that
is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.evaluate.answers import Judged, answers
from tapetum_trainer.evaluate.mapping import Labels
from tapetum_trainer.evaluate.scores import Scores, scored
from tapetum_trainer.evaluate.truth import Pictures

ALL = "all"
_CUT = 0.05  # of width or height, at most, from each side


@dataclass(frozen=True, slots=True)
class Loss:
    """Of a class, or of all: AP50 (0..1), the means over the views. error: the standard error of `points`."""

    label: str
    before: float
    after: float
    error: float

    @property
    def points(self) -> float:
        """What was lost, in hundredths; below 0 where it rose."""
        return 100 * (self.before - self.after)


@dataclass(frozen=True)
class Moved:
    """`pictures`, each with a margin of its own cut off, which follows from `seed`; every second one mirrored."""

    pictures: Pictures
    seed: int
    labels: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", self.pictures.labels)

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self.pictures)

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return (h, w, 3) RGB."""
        whole = self.pictures.picture(index)
        left, top, right, bottom = self._edges(index, whole.shape)
        return np.ascontiguousarray(whole[top:bottom, left:right][:, :: -1 if self._mirrored(index) else 1])

    def boxes(self, index: int) -> NDArray[np.float32]:
        """Return (k, 4), fractions of what is left of the picture."""
        height, width, _ = shape = self.pictures.picture(index).shape
        left, top, right, bottom = self._edges(index, shape)
        corners = self.pictures.boxes(index).reshape(-1, 2, 2) * (width, height) - (left, top)
        found = (corners / (right - left, bottom - top)).clip(0, 1).reshape(-1, 4)
        if self._mirrored(index):
            found[:, [0, 2]] = 1 - found[:, [2, 0]]
        return np.asarray(found, np.float32)

    def ignored(self, index: int) -> NDArray[np.bool_]:
        """Return (k,): also of what was cut off."""
        boxes = self.boxes(index)
        gone = (boxes[:, 2:] <= boxes[:, :2]).any(axis=1)
        return np.asarray(self.pictures.ignored(index) | gone, np.bool_)

    def classes(self, index: int) -> NDArray[np.int32]:
        """Return (k,): index into `labels`."""
        return self.pictures.classes(index)

    def known(self, index: int) -> NDArray[np.bool_]:
        """Return (labels,): of which classes each thing in the picture has its box."""
        return self.pictures.known(index)

    def origin(self, index: int) -> str:
        """Return where it came from."""
        return self.pictures.origin(index)

    def group(self, index: int) -> str:
        """Return the camera or clip that it is of."""
        return self.pictures.group(index)

    def _mirrored(self, index: int) -> bool:
        return (index + self.seed) % 2 == 1

    def _edges(self, index: int, shape: Sequence[int]) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom, pixels."""
        cut = np.random.default_rng((self.seed, index)).uniform(0, _CUT, 4) * (shape[1], shape[0], shape[1], shape[0])
        left, top, right, bottom = (int(side) for side in cut)
        return left, top, shape[1] - right, shape[0] - bottom


def losses(
    before: Judged, after: Judged, pictures: Pictures, views: int = 6, mapping: Labels | None = None
) -> tuple[Loss, ...]:
    """Return what `after` lost against `before`: of all, then of each class that there is something of.

    views: of each picture, the first as it is; two at least. mapping: our label -> the models', where they differ.
    """
    seen = [pictures, *(Moved(pictures, seed) for seed in range(1, views))]
    pairs = [tuple(_figures(scored(answers(model, one, mapping), one)) for model in (before, after)) for one in seen]
    labels = [label for label in pairs[0][0] if all(label in figures for pair in pairs for figures in pair)]
    return tuple(_loss(label, [(one[label], other[label]) for one, other in pairs]) for label in labels)


def _figures(scores: Scores) -> dict[str, float]:
    """Return AP50 by class, first that of all, each class weighing as the root of its things."""
    found = {ALL: scores.weighed, **{one.label: one.ap50 for one in scores.classes}}
    return {label: figure for label, figure in found.items() if figure is not None}


def _loss(label: str, pairs: Sequence[tuple[float, float]]) -> Loss:
    values = np.array(pairs)
    spread = 100 * float(np.std(values[:, 0] - values[:, 1], ddof=1))
    before, after = (float(one) for one in values.mean(axis=0))
    return Loss(label, before, after, spread / len(pairs) ** 0.5)
