"""EfficientDet, its heads as they are: an export without post-processing (`only_network` of its authors).

Two outputs for each level of the pyramid, strides 8, 16, 32, 64, 128: classes (1, h, w, anchors x classes) before the
sigmoid, boxes (1, h, w, anchors x 4) as y, x, height, width relative to the anchor. A cell has 9 anchors: sizes
2^0, 2^(1/3), 2^(2/3) times stride times `anchor_scale`, each as 1:1, 2:1 and 1:2. Models with post-processing are read
as `ssd`.

M. Tan, R. Pang, Q. V. Le, "EfficientDet: scalable and efficient object detection", CVPR 2020; the box coding is that of
S. Ren et al., "Faster R-CNN", 2015, section 3.1.2.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from tapetum.inference.decode.rows import Index, Suppressing, around, logit, sigmoid, sound, stacked
from tapetum.inference.tensors import Floats, Tensor, TensorSpec
from tapetum.settings import Positive

Levels = Annotated[tuple[Index, ...], Meta(min_length=1, max_length=8)]
_OCTAVES = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
_ASPECTS = (1.0, 2.0, 0.5)  # width by height
_ANCHORS = len(_OCTAVES) * len(_ASPECTS)
_LARGE = 512  # pixels of the input from which the anchors are larger: Lite 3 and 4
_LARGEST = 8.0  # of the logarithm of a size: no overflow, and nothing in a picture is so large


class EfficientDet(Suppressing, tag="efficientdet", frozen=True, kw_only=True):
    """Which outputs are what, the finest level first, and how large the anchors are."""

    WANTED: ClassVar = "for each level classes (1, h, w, 9 x classes) and boxes (1, h, w, 9 x 4)"
    MEAN_STD: ClassVar = (127.0, 128.0)

    classes: Levels
    boxes: Levels
    anchor_scale: Positive = 3.0  # of the stride: 3 in Lite 0 to 2, 4 in Lite 3, Lite 4 and D0 to D7

    @classmethod
    def recognised(cls, picture: TensorSpec, outputs: Sequence[TensorSpec]) -> "EfficientDet | None":
        """Return the decoder for these outputs, or None when they are another's."""
        ranked = sorted(range(len(outputs)), key=lambda index: (-np.prod(outputs[index].shape[1:3], dtype=int), index))
        boxes = [index for index in ranked if outputs[index].shape[3:] == (_ANCHORS * 4,)]
        if len(boxes) == len(outputs):  # four classes: the names tell
            boxes = [index for index in boxes if "box" in outputs[index].name.lower()]
        classes = [index for index in ranked if index not in boxes]
        if not boxes or len(outputs) > 16 or len(boxes) != len(classes):
            return None
        scale = 4.0 if min(picture.shape[1:3]) >= _LARGE else 3.0
        found = cls(classes=tuple(classes), boxes=tuple(boxes), anchor_scale=scale)
        return found if found.fits(outputs) else None

    def fits(self, outputs: Sequence[TensorSpec]) -> bool:
        """Whether the outputs have the shapes that `decode` reads."""
        if max(self.classes + self.boxes) >= len(outputs) or len(self.classes) != len(self.boxes):
            return False
        shapes = [
            (outputs[one].shape, outputs[other].shape) for one, other in zip(self.classes, self.boxes, strict=True)
        ]
        channels = {classes[3:] for classes, _ in shapes}
        return (
            all(classes[:3] == boxes[:3] and boxes[3:] == (_ANCHORS * 4,) for classes, boxes in shapes)
            and all(classes[:1] == (1,) for classes, _ in shapes)
            and len(channels) == 1
            and all(len(one) == 1 and one[0] > 0 and one[0] % _ANCHORS == 0 for one in channels)
        )

    def told_apart(self, outputs: Sequence[TensorSpec]) -> int:
        """Return how many classes there are."""
        return outputs[self.classes[0]].shape[3] // _ANCHORS

    def decode(self, outputs: Sequence[Tensor], min_score: float) -> Floats:
        """Return as of `AnyDecoder`."""
        rows = np.concatenate(list(self._levels(outputs, min_score)))
        return sound(self.suppressed(rows[rows[:, 1] >= min_score]), min_score)

    def _levels(self, outputs: Sequence[Tensor], min_score: float) -> Iterator[Floats]:
        """Yield the rows of each level."""
        for one, other in zip(self.classes, self.boxes, strict=True):
            logits, boxes = outputs[one], outputs[other]
            count = logits.values.shape[3] // _ANCHORS
            least = logits.spec.least(logit(min_score) - 1e-3)
            seeing = np.unique(np.flatnonzero(logits.values >= least) // count)
            scores = sigmoid(logits.spec.real(logits.values.reshape(-1, count)[seeing]))
            codes = boxes.spec.real(boxes.values.reshape(-1, 4)[seeing]).T
            anchors = _anchors(*logits.values.shape[1:3], self.anchor_scale)[:, seeing]
            yield stacked(scores.argmax(axis=1), scores.max(axis=1, initial=0), _boxes(codes, anchors))


def _boxes(codes: Floats, anchors: Floats) -> Floats:
    """Return (4, k) edges of boxes coded as y, x, height, width (4, k) by anchors x, y, width, height (4, k)."""
    size = anchors[2:] * np.exp(codes[:1:-1].clip(-_LARGEST, _LARGEST))
    return around(anchors[:2] + codes[1::-1] * anchors[2:], size)


@lru_cache(maxsize=16)
def _anchors(rows: int, columns: int, scale: float) -> Floats:
    """Return the anchors of one level (4, n): x, y, width, height in fractions of the input, cell after cell."""
    y, x = np.mgrid[:rows, :columns].reshape(2, -1, 1) + 0.5
    sizes = np.array([(scale * o * a**0.5, scale * o / a**0.5) for o in _OCTAVES for a in _ASPECTS]).T
    parts = np.broadcast_arrays(x / columns, y / rows, sizes[0] / columns, sizes[1] / rows)
    return np.stack([part.ravel() for part in parts], dtype=np.float32)
