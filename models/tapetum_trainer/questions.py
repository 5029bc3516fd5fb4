"""Probes chosen by themselves: pictures of which the answer is certain enough that another accelerator gives it too.

A device asks a new model its probes before it trusts it. What is expected is what the int8 model itself says here, and
only where it says so by a margin: an accelerator that rounds differently moves scores by a few hundredths.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tapetum import data
from tapetum.inference.contract import Expected, ModelSpec, Probe
from tapetum.inference.decode import Floats
from tapetum.inference.labels import NAMELESS
from tapetum.inference.preprocess import Preprocessor
from tapetum.inference.probes import check
from tapetum.inference.tflite import Detector
from tapetum.scene import Box
from tapetum_trainer.data.pictures import pixels
from tapetum_trainer.data.readers import Frames

TOLERANCE = 0.1
"""By how much a score may differ on another accelerator."""
_LEAST = 0.02  # score of the answers that are looked at
_MOST_EXPECTED = 5  # detections of a probe, the surest
_EVERY = 8  # frames of the clip: 25 pictures
_APART = 0.3  # IoU below which two things of a label are two: what is expected must not be met by another


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A picture as the model takes it, what it surely says of it, and how sure of the least sure of that."""

    pixels: NDArray[np.uint8]
    expected: tuple[Expected, ...]
    margin: float


def probes(spec: ModelSpec, pictures: Iterable[NDArray[np.uint8]], most: int = 4) -> tuple[Probe, ...]:
    """Return up to `most` probes made of `pictures` (h, w, 3), the last with nothing in it where there is such a one.

    spec: its `min_score` is that of each label. Each label gets a probe as far as they suffice, the surest first; where
    no picture shows nothing, even gray does. Raises Unsuitable when the model does not answer them itself.
    """
    detector = Detector(spec.content, 1, spec.contract)
    seen = list(_candidates(spec, detector, pictures))
    chosen = _varied([one for one in seen if one.expected], spec.labels, most - 1)
    empty = [one for one in seen if not one.expected] or list(_candidates(spec, detector, [_gray(detector)]))
    found = tuple(_probe(one) for one in (*chosen, *[one for one in empty if not one.expected][:1]))
    answering = ModelSpec(spec.name, spec.content, spec.labels, spec.contract, spec.min_score, probes=found)
    check(answering, "this machine", lambda asked: ([detector.detect(one, _LEAST) for one in asked], 0.0), _LEAST)
    return found


def _gray(detector: Detector) -> NDArray[np.uint8]:
    return np.full((detector.height, detector.width, 3), 128, np.uint8)


def _probe(one: _Candidate) -> Probe:
    return Probe(one.pixels, one.expected, TOLERANCE)


def _candidates(spec: ModelSpec, detector: Detector, pictures: Iterable[NDArray[np.uint8]]) -> Iterator[_Candidate]:
    """Yield the pictures that surely show something, and those that surely show nothing."""
    maker = Preprocessor(detector.contract.input)
    for picture in pictures:
        pixels = maker.picture(picture)[0].copy()
        rows = detector.detect(pixels, _LEAST)
        margins = _margins(rows, spec.labels, spec.min_score)
        sure = np.flatnonzero(margins >= TOLERANCE)[:_MOST_EXPECTED]
        if not (margins > -TOLERANCE).any():
            yield _Candidate(pixels, (), float(-margins.max(initial=-1)))
        elif len(sure) and _distinct(rows[sure]):
            expected = tuple(_expected(rows[index], spec.labels) for index in sure)
            yield _Candidate(pixels, expected, float(margins[sure].min()))


def _margins(rows: Floats, labels: Sequence[str], least: Mapping[str, float]) -> NDArray[np.float64]:
    """Return by how much each score lies above its label's threshold; -1 for a class without a label.

    As a share of half of what there is above, where that is less than the tolerance: of a threshold of 0.9, 0.05.
    """
    return np.array([_margin(row, labels, least) for row in rows])


def _margin(row: NDArray[np.float32], labels: Sequence[str], least: Mapping[str, float]) -> float:
    if not 0 <= row[0] < len(labels) or labels[int(row[0])] in NAMELESS:
        return -1.0
    threshold = least.get(labels[int(row[0])], 0.5)
    above = float(row[1]) - threshold
    return above * max(1.0, 2 * TOLERANCE / (1 - threshold)) if above > 0 and threshold < 1 else above


def _expected(row: NDArray[np.float32], labels: Sequence[str]) -> Expected:
    left, top, right, bottom = (round(float(edge), 4) for edge in row[2:])
    return Expected(labels[int(row[0])], round(float(row[1]), 3), (left, top, right, bottom))


def _distinct(rows: Floats) -> bool:
    """Whether no two of a class lie on each other: which of them comes out may be chance."""
    pairs = [(one, other) for place, one in enumerate(rows) for other in rows[:place] if one[0] == other[0]]
    return all(Box(*map(float, one[2:])).iou(Box(*map(float, other[2:]))) < _APART for one, other in pairs)


def _varied(seen: Sequence[_Candidate], labels: Sequence[str], most: int) -> list[_Candidate]:
    """Return the surest picture of each label, then the surest of all others."""
    ranked = sorted(range(len(seen)), key=lambda index: -seen[index].margin)
    first = [
        next((index for index in ranked if label in {one.label for one in seen[index].expected}), None)
        for label in labels
    ]
    order = dict.fromkeys([index for index in first if index is not None] + ranked)
    return [seen[index] for index in list(order)[: max(0, most)]]


def of_the_clip() -> list[NDArray[np.uint8]]:
    """Return pictures of the clip that ships with Tapetum, which are free to be given away."""
    frames = Frames(path=str(data.clip()), every=_EVERY).read(Path("/"))
    return [pixels(one.path) for one in frames]
