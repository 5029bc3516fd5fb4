"""A new model beside the one in use: it is asked about the same crops, and both answers are compared.

Nobody sees its answers, and nobody waits for them: of the crops that come while it is busy it is shown none. A crop
was made for the model in use, and is resized where the new one takes pictures of another size.

Two detections agree when they have the same label and their boxes overlap by half (the criterion of PASCAL VOC and
COCO). What one is sure of must be among all that the other reports, so that a score on this side of a threshold for
one and beyond it for the other is no disagreement; labels that only one of them has are not looked at. Where one of
the models does not say where things are, the surest answer of each counts, by its label alone.

M. Everingham et al., "The PASCAL Visual Object Classes (VOC) Challenge", IJCV 88(2):303-338, 2010.
"""

import contextlib
import queue
import statistics
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.inference.answers import answer, places
from tapetum.inference.contract import Input, ModelSpec
from tapetum.inference.decode import Floats
from tapetum.inference.model import Crop
from tapetum.inference.preprocess import Preprocessor
from tapetum.inference.takeover import Candidate
from tapetum.install.album import Seen
from tapetum.install.settings import Trials
from tapetum.scene import Box, Detection

_OVERLAP = 0.5
_ENOUGH = 10  # detections, of both: fewer say nothing
_TIMES = 5  # answers of which the median is told
_REMEMBERED = 1000  # answers, the last ones: a time beside the old one may be a day
_NOISE_MS = 10.0  # by which a busy processor delays an answer of any model


@dataclass(slots=True)
class Comparison:
    """What came out so far. shown: detections that could be compared, of both models; agreed: how many of them did."""

    crops: int = 0
    shown: int = 0
    agreed: int = 0
    old_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    new_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def fault(self, settings: Trials) -> str:
        """Return what is wrong with the new model, in words; "" where nothing is, or too little was seen to tell."""
        slow = too_slow(self.new_ms, statistics.median(self.old_ms) if self.old_ms else 0.0, settings)
        if len(self.new_ms) >= _TIMES and slow:
            return slow
        if self.shown >= _ENOUGH and self.agreed < settings.agreement * self.shown:
            share = f"{self.agreed / self.shown:.0%} of {self.shown} detections in {self.crops} crops"
            return f"it sees something else than the model in use: they agree in {share}"
        return ""


def too_slow(times_ms: Sequence[float], old_ms: float, settings: Trials) -> str:
    """Return that answers take too long, in words; "" where they do not, or it is not known how long is usual."""
    if not times_ms or not old_ms:
        return ""
    taken_ms, most_ms = statistics.median(times_ms), settings.slower * old_ms + _NOISE_MS
    return f"an answer takes {taken_ms:.1f} ms; up to {most_ms:.1f} are taken" if taken_ms > most_ms else ""


class Shadow:
    """`heed` is called by the thread that asks the model in use, `look` by the one that tries the new one."""

    def __init__(self, candidate: Candidate, min_score: float) -> None:
        """Compare with `candidate`. min_score: as of `Inference`."""
        self.found = Comparison()
        self._candidate = candidate
        self._min_score = min_score
        self._seen: queue.Queue[Seen] = queue.Queue(1)
        self._preprocessor: Preprocessor | None = None

    def heed(self, spec: ModelSpec, crops: Sequence[Crop], rows: Sequence[Floats], ms: float) -> None:
        """Have what the model `spec` has just answered compared, unless another batch waits for it."""
        with contextlib.suppress(queue.Full):
            self._seen.put_nowait(Seen(spec, crops, rows, ms))

    def look(self, timeout_s: float) -> None:
        """Compare what was seen, if something is within `timeout_s`; raises InferenceError where the model fails."""
        try:
            seen = self._seen.get(timeout=timeout_s)
        except queue.Empty:
            return
        self.found.new_ms += self.compare(seen)
        self.found.old_ms += [seen.ms / len(seen.crops)] * len(seen.crops)

    def compare(self, seen: Seen) -> list[float]:
        """Ask the candidate about what was `seen` at any time; return the milliseconds of each answer.

        Raises InferenceError where the model fails.
        """
        times = []
        for crop, rows in zip(seen.crops, seen.rows, strict=True):
            shown = self._shown(crop)
            (found,), taken_ms = self._candidate.ask([shown.pixels])
            self._compare(seen.spec, (crop, rows), (shown, found))
            times.append(taken_ms)
        return times

    def _compare(self, spec: ModelSpec, old: tuple[Crop, Floats], new: tuple[Crop, Floats]) -> None:
        other, least = self._candidate.spec, self._min_score
        labels = set(spec.labels) & set(other.labels)
        sure = [answer(one, *asked, least).detections for one, asked in ((spec, old), (other, new))]
        every = [_everything(one, *asked) for one, asked in ((spec, old), (other, new))]
        overlap = _OVERLAP if places(spec) and places(other) else 0.0
        self.found.crops += 1
        for mine, theirs in zip(sure, reversed(every), strict=True):
            compared = [one for one in mine if one.label in labels][: None if overlap else 1]
            self.found.shown += len(compared)
            self.found.agreed += sum(_agrees(one, theirs, overlap) for one in compared)

    def _shown(self, crop: Crop) -> Crop:
        """Return the crop as the new model takes it."""
        taken = self._candidate.input
        if taken.shape == crop.pixels.shape:
            return crop
        if self._preprocessor is None:
            self._preprocessor = Preprocessor(taken)
        pixels, box = self._preprocessor.picture(_coloured(crop.pixels, taken))
        return Crop(crop.track, _within(crop.box, box), pixels)


def _coloured(pixels: NDArray[np.uint8], taken: Input) -> NDArray[np.uint8]:
    """Return a picture with the channels from which one for `taken` can be made."""
    if pixels.shape[2] == 3:
        return pixels
    flat = pixels[:, :, 0]
    return flat if taken.channels == 1 else np.asarray(cv2.cvtColor(flat, cv2.COLOR_GRAY2RGB), np.uint8)


def _within(outer: Box, box: Box) -> Box:
    """Return `box`, in fractions of `outer`, in fractions of the frame."""
    across = [outer.left + edge * outer.width for edge in (box.left, box.right)]
    down = [outer.top + edge * outer.height for edge in (box.top, box.bottom)]
    return Box(across[0], down[0], across[1], down[1])


def _everything(spec: ModelSpec, crop: Crop, rows: Floats) -> tuple[Detection, ...]:
    """Return all that the worker reported, whatever its score."""
    return answer(replace(spec, min_score={}), crop, rows, 0.0).detections


def _agrees(one: Detection, others: Collection[Detection], overlap: float) -> bool:
    return any(other.label == one.label and other.box.iou(one.box) >= overlap for other in others)
