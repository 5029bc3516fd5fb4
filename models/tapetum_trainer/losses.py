"""How wrong the detector is: its heatmap by a focal loss, its boxes by their overlap and their distance.

Focal loss with fewer penalties near centres: H. Law and J. Deng, "CornerNet", 2018, equation 1, alpha 2 and beta 4. Of
boxes, the generalized intersection over union says how far off they are even where they do not overlap (H. Rezatofighi
et al., 2019); the plain distance of size and offset keeps pulling when the overlap is nearly right.

Written with keras.ops, so the same on TensorFlow, JAX and PyTorch.
"""

from typing import Any

from keras import ops

from tapetum_trainer.sharing import summed
from tapetum_trainer.streams import STREAM, missed
from tapetum_trainer.targets import HINT

TINY = 1e-6  # added under logarithms and divisions, rather than clipping: what is clipped learns nothing


def losses(truth: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """Return the parts heatmap, overlap and distance, each a mean over the objects of the batch.

    Where workers share a batch, what they return adds up to that.

    truth: the fields of `targets.Targets`; with those of a teacher's hints too, there is a part teacher, with what
    flows between its blocks a part streams. said: heatmap (B, h, w, C), size and offset (B, h, w, 2), and what flows.
    """
    truth = {name: ops.cast(values, "float32") for name, values in truth.items()}
    said = {name: ops.cast(values, "float32") for name, values in said.items()}
    hints = {name.removeprefix(HINT): values for name, values in truth.items() if name.startswith(HINT)}
    parts = {"heatmap": focal(truth, said["heatmap"])} | _boxes(truth, said)
    if hints:
        parts["teacher"] = guidance(hints, said["heatmap"]) + sum(_boxes(hints, said).values())
    streams = {name: values for name, values in truth.items() if name.startswith(STREAM) and name in said}
    if streams:
        parts["streams"] = missed(streams, said)
    return parts


def _boxes(truth: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    mask = truth["mask"]
    total = summed(ops.sum(mask)) + TINY
    overlap = generalized_overlap(_edges(said), _edges(truth))
    distance = ops.sum(ops.abs(said["size"] - truth["size"]) + ops.abs(said["offset"] - truth["offset"]), axis=-1)
    return {"overlap": ops.sum(mask * (1 - overlap)) / total, "distance": ops.sum(mask * distance) / total}


def guidance(hints: dict[str, Any], said: Any) -> Any:
    """Return how far the heatmap `said` is from a teacher's, divided by the sum of its scores, at least 1.

    Cross entropy with soft targets, times the square of the distance: the many cells in which both say nothing do not
    drown the few that matter (X. Li et al., "Generalized focal loss", 2020, equation 3, beta 2).
    """
    wanted = hints["heatmap"]
    entropy = -wanted * ops.log(said + TINY) - (1 - wanted) * ops.log(1 - said + TINY)
    far = hints["negative"] * ops.square(wanted - said)
    return ops.sum(far * entropy) / ops.maximum(summed(ops.sum(hints["positive"])), 1.0)


def focal(truth: dict[str, Any], said: Any) -> Any:
    """Return the focal loss of the heatmap `said`, divided by the weight of all centres, at least 1."""
    positive, here = truth["positive"], ops.cast(truth["positive"] > 0, "float32")
    hit = -positive * ops.square(1 - said) * ops.log(said + TINY)
    far = ops.square(ops.square(1 - truth["heatmap"])) * truth["negative"] * (1 - here)
    alarm = -far * ops.square(said) * ops.log(1 - said + TINY)
    return (ops.sum(hit) + ops.sum(alarm)) / ops.maximum(summed(ops.sum(positive)), 1.0)


def generalized_overlap(one: Any, other: Any) -> Any:
    """Return the generalized intersection over union, -1..1, of boxes (..., 4) left, top, right, bottom."""
    inner = ops.maximum(ops.minimum(one[..., 2:], other[..., 2:]) - ops.maximum(one[..., :2], other[..., :2]), 0.0)
    outer = ops.maximum(one[..., 2:], other[..., 2:]) - ops.minimum(one[..., :2], other[..., :2])
    shared, hull = inner[..., 0] * inner[..., 1], outer[..., 0] * outer[..., 1]
    union = _area(one) + _area(other) - shared
    return shared / (union + TINY) - (hull - union) / (hull + TINY)


def _area(box: Any) -> Any:
    return (box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1])


def _edges(maps: dict[str, Any]) -> Any:
    """Return (B, h, w, 4) boxes in cells, each beside its own cell's corner: only differences are looked at."""
    _, height, width, _ = maps["offset"].shape
    half = ops.square(maps["size"]) * (max(width, height) / 2)
    return ops.concatenate([maps["offset"] - half, maps["offset"] + half], axis=-1)
