"""Classification: one score for each class, and no box: what is found fills the input.

One output, (1, n) or (1, 1, 1, n). The scores are probabilities where the model ends with a softmax, and logits where
it does not. Quantized, the range of what can be stored tells: a softmax has 0..1 in every TFLite model. In floats the
sum of a picture's scores does: those of a softmax make 1. A float model with several classes at once (a sigmoid each)
needs `scores = "probability"`.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tapetum.inference.decode.rows import Family, Index, sound, stacked
from tapetum.inference.tensors import Floats, Tensor, TensorSpec
from tapetum.settings import Count

_ONE = 0.02  # the sum of a softmax is this near to 1, half-precision included


class Classification(Family, tag="classification", frozen=True, kw_only=True):
    """Which output has the scores, and what they are."""

    WANTED: ClassVar = "(1, classes), two at least"
    PLACES: ClassVar = False

    output: Index = 0
    scores: Literal["probability", "logit", "told"] = "told"  # told: by the range or the sum of the numbers
    most: Count = 5  # classes, the best

    @classmethod
    def recognised(cls, picture: TensorSpec, outputs: Sequence[TensorSpec]) -> "Classification | None":  # noqa: ARG003  others look at it
        """Return the decoder for this output, or None when it is another's."""
        found = cls()
        return found if len(outputs) == 1 and found.fits(outputs) else None

    def fits(self, outputs: Sequence[TensorSpec]) -> bool:
        """Whether the output has the shape that `decode` reads."""
        if self.output >= len(outputs):
            return False
        shape = outputs[self.output].shape
        return len(shape) in (2, 4) and set(shape[:-1]) == {1} and shape[-1] > 1

    def told_apart(self, outputs: Sequence[TensorSpec]) -> int:
        """Return how many classes there are."""
        return outputs[self.output].shape[-1]

    def decode(self, outputs: Sequence[Tensor], min_score: float) -> Floats:
        """Return as of `AnyDecoder`."""
        spec, stored = outputs[self.output].spec, outputs[self.output].values.ravel()
        if self._are_logits(stored, spec):
            scores = _softmax(spec.real(stored))
            seen = np.flatnonzero(scores >= min_score)
            return self._rows(seen, scores[seen], min_score)
        seen = np.flatnonzero(stored >= spec.least(min_score))
        return self._rows(seen, spec.real(stored[seen]), min_score)

    def _rows(self, classes: NDArray[np.intp], scores: Floats, min_score: float) -> Floats:
        if not len(classes):
            return np.empty((0, 6), np.float32)
        edges = np.repeat([[0.0], [0.0], [1.0], [1.0]], len(classes), axis=1)
        return sound(stacked(classes, scores, edges), min_score)[: self.most]

    def _are_logits(self, stored: NDArray[Any], spec: TensorSpec) -> bool:
        """Whether the scores still want a softmax."""
        if self.scores != "told":
            return self.scores == "logit"
        if spec.quantized:
            return not (spec.lowest() >= 0 and spec.highest() <= 1 + 2 * spec.scale)
        return bool(stored.min() < 0 or abs(stored.sum() - 1) > _ONE)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum(), np.float32)
