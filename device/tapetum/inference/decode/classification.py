"""Classification: one score for each class, and no box: what is found fills the input.

One output, (1, n) or (1, 1, 1, n). The scores are probabilities where the model ends with a softmax, and logits where
it does not. Quantized, the range of what can be stored tells: a softmax has 0..1 in every TFLite model. In floats the
sum of a picture's scores does: those of a softmax make 1. A float model with several classes at once (a sigmoid each)
needs `scores = "probability"`.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from tapetum.inference.decode.rows import Family, Index, sound, stacked
from tapetum.inference.tensors import Floats, Tensor, TensorSpec
from tapetum.settings import Count

_ONE = 0.02  # the sum of a softmax is this near to 1, half-precision included


class Classification(Family, tag="classification", frozen=True, kw_only=True):
    """Which output has the scores, and what they are."""

    WANTED: ClassVar = "(1, classes), two at least"

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
        scores = outputs[self.output].floats().ravel()
        if self._are_logits(scores, outputs[self.output].spec):
            scores = _softmax(scores)
        seen = np.flatnonzero(scores >= min_score)
        edges = np.repeat([[0.0], [0.0], [1.0], [1.0]], len(seen), axis=1)
        return sound(stacked(seen, scores[seen], edges), min_score)[: self.most]

    def _are_logits(self, scores: Floats, spec: TensorSpec) -> bool:
        """Whether the scores still want a softmax."""
        if self.scores != "told":
            return self.scores == "logit"
        if spec.quantized:
            return not (spec.lowest() >= 0 and spec.highest() <= 1 + 2 * spec.scale)
        return bool(scores.min() < 0 or abs(scores.sum() - 1) > _ONE)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum(), np.float32)
