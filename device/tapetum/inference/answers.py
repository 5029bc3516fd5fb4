"""What a worker answers, as answers to a camera."""

from collections.abc import Sequence

from tapetum.inference.contract import ModelSpec
from tapetum.inference.decode import Floats
from tapetum.inference.labels import NAMELESS
from tapetum.inference.model import Answer, Crop
from tapetum.scene import Box, Detection


def answer(spec: ModelSpec, crop: Crop, rows: Floats, min_score: float) -> Answer:
    """Return `rows`, (k, 6) as of `decode`, as detections in fractions of the frame.

    Classes that have no label are left out, and scores below the label's own least, or `min_score`. Of a model whose
    contract is not known it is taken that it says where things are.
    """
    known = spec.labels
    named = [row for row in rows.tolist() if 0 <= row[0] < len(known) and known[int(row[0])] not in NAMELESS]
    found = (Detection(known[int(row[0])], row[1], _within(crop.box, row[2:])) for row in named)
    sure = tuple(one for one in found if one.score >= spec.min_score.get(one.label, min_score))
    return Answer(crop.track, crop.box, sure, spec.name, places(spec))


def places(spec: ModelSpec) -> bool:
    """Return whether the model says where things are, as far as its contract tells."""
    return spec.contract is None or spec.contract.decoder.PLACES


def _within(box: Box, edges: Sequence[float]) -> Box:
    """Return the box with `edges` (left, top, right, bottom) in fractions of `box` in fractions of the frame."""
    across = [box.left + edge * box.width for edge in edges[::2]]
    down = [box.top + edge * box.height for edge in edges[1::2]]
    return Box(across[0], down[0], across[1], down[1])
