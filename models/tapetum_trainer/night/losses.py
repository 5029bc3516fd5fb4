"""What a picture that was raised well is like, told without one to compare with (Zero-DCE, section 3.3).

* spatial: neighbouring regions of 4 x 4 pixels differ by as much as they did, so that nothing is flattened (eq. 4);
* exposure: regions are as bright as the level that is wanted (eq. 5, squared, as its authors train);
* colour: the means of the channels are alike over a picture, by the gray-world assumption (eq. 6; G. Buchsbaum, "A
  spatial processor model for object colour perception", 1980);
* smooth: neighbouring cells of the curves are alike (eq. 7), as light is.

Written with keras.ops, so the same on TensorFlow, JAX and PyTorch.
"""

from typing import Any

from keras import ops

from tapetum_trainer.night.curve import PASSES
from tapetum_trainer.night.settings import Wanted

_NEAR = 4  # pixels, the side of the regions that are compared with their neighbours


def losses(picture: Any, curve: Any, wanted: Wanted) -> dict[str, Any]:
    """Return the four parts, each a mean over the batch.

    picture: (B, s, s, 3), 0..1, s a multiple of 16. curve: (B, g, g, 3), 0..1.
    """
    bright = raised(picture, curve)
    before, after = (ops.mean(one, axis=-1, keepdims=True) for one in (picture, bright))
    return {
        "spatial": _spatial(_pooled(before, _NEAR), _pooled(after, _NEAR)),
        "exposure": ops.mean(ops.square(_pooled(after, wanted.region) - wanted.level)),
        "colour": _colour(ops.mean(bright, axis=(1, 2))),
        "smooth": _smooth(curve),
    }


def raised(picture: Any, curve: Any) -> Any:
    """Return (B, s, s, 3): what `tapetum_trainer.night.curve` makes of a picture, not rounded."""
    size = tuple(picture.shape[1:3])
    amount = ops.image.resize(curve, size, "bilinear", data_format="channels_last")
    for _ in range(PASSES):
        picture = picture + amount * picture * (1 - picture)
    return picture


def _pooled(picture: Any, side: int) -> Any:
    """Return the means of regions of side x side."""
    return ops.average_pool(picture, side, side, padding="valid", data_format="channels_last")


def _spatial(before: Any, after: Any) -> Any:
    across = ops.abs(_step(after, 2)) - ops.abs(_step(before, 2))
    down = ops.abs(_step(after, 1)) - ops.abs(_step(before, 1))
    return 2 * (ops.mean(ops.square(across)) + ops.mean(ops.square(down)))  # each pair is seen from both of its sides


def _step(maps: Any, axis: int) -> Any:
    """Return by how much each differs from the one before it, along height (1) or width (2)."""
    return maps[:, 1:] - maps[:, :-1] if axis == 1 else maps[:, :, 1:] - maps[:, :, :-1]


def _colour(means: Any) -> Any:
    """Return how far the channels' means (B, 3) lie apart."""
    red, green, blue = means[:, 0], means[:, 1], means[:, 2]
    return ops.mean(ops.square(red - green) + ops.square(red - blue) + ops.square(green - blue))


def _smooth(curve: Any) -> Any:
    across, down = _step(curve, 2), _step(curve, 1)
    return ops.mean(ops.square(across)) + ops.mean(ops.square(down))
