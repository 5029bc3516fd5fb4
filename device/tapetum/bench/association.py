"""What it costs to join boxes into tracks, beside ByteTrack, and what the whole stage does, beside MOG2.

Boxes of as many things as are wanted go their ways, each evenly, and are measured with an error of a pixel. What is
timed is from the boxes of a frame to the track of each, predicted and corrected; the form in which a peer takes boxes
is made before. ByteTrack is that of the packages that are here, as they come (Y. Zhang et al., "ByteTrack: multi-object
tracking by associating every detection box", ECCV 2022). All in one thread, by the CPU time of the process.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import cycle
from typing import Any

import cv2
import numpy as np

from tapetum.bench import walkers
from tapetum.bench.motion.course import turns
from tapetum.bench.steady import one_thread
from tapetum.scene import Plane
from tapetum.tracking import Tracking
from tapetum.tracking.assign import assign
from tapetum.tracking.predict import Edges, Predictors

_FRAME_NS = 100_000_000
_WIDTH, _HEIGHT = 1920, 1080
_ERROR = 1.0  # pixels
_SPEED = 3.0  # pixels a frame, at most
_SIZES = (40.0, 80.0)  # pixels wide, and twice as high


@dataclass(frozen=True, slots=True)
class _Party:
    """One that is timed. prepare: makes of boxes, fractions of the frame, what `join` takes with the time, ns."""

    name: str
    prepare: Callable[[Edges], Any]
    join: Callable[[Any, int], int]


def run(tracks: int, frames: int) -> dict[str, Any]:
    """Return the medians over `frames` frames of `tracks` boxes each, and those of the whole stage."""
    parties = [_ours(), *_theirs()]
    with one_thread():
        (*costs_s, peer_s), (*known, _) = _timed([*parties, _mog2()], tracks, frames)
        stage = walkers.run(frames)
    own_s, mog2_s = statistics.median(costs_s[0]), statistics.median(peer_s)
    return {
        "tracks": tracks,
        "frames": frames,
        "association": [
            {
                "tracker": party.name,
                "median_ms": round(1e3 * statistics.median(costs), 4),
                "times_ours": round(statistics.median(costs) / own_s, 1),
                "of_mog2": round(statistics.median(costs) / mog2_s, 3),
                "known": round(count / (tracks * (frames - _FIRST)), 4),
            }
            for party, costs, count in zip(parties, costs_s, known, strict=True)
        ],
        "stage": [stage],
    }


_PICTURES = 32  # that MOG2 is shown
_FIRST = 10  # frames in which each begins its tracks: not timed


def _timed(parties: list[_Party], tracks: int, frames: int) -> tuple[list[list[float]], list[int]]:
    """Return for each party the CPU seconds of each frame, and how many boxes it knew again; they take turns."""
    costs_s: list[list[float]] = [[] for _ in parties]
    known = [0] * len(parties)
    for number, turn in enumerate(turns(enumerate(_seen(tracks, frames)))):
        for index in np.roll(np.arange(len(parties)), -number).tolist():
            shown = [(at, parties[index].prepare(boxes)) for at, boxes in turn]
            for at, boxes in shown:
                start_s = time.process_time()
                count = parties[index].join(boxes, at * _FRAME_NS)
                spent_s = time.process_time() - start_s
                if at >= _FIRST:
                    costs_s[index].append(spent_s)
                    known[index] += count
    return costs_s, known


def _seen(tracks: int, frames: int) -> Iterator[Edges]:
    """Yield the boxes of each frame, in no order that means anything."""
    random = np.random.default_rng(1)
    place = random.uniform((_SIZES[1], 2 * _SIZES[1]), (_WIDTH - _SIZES[1], _HEIGHT - 2 * _SIZES[1]), (tracks, 2))
    speed = random.uniform(-_SPEED, _SPEED, (tracks, 2))
    half = random.uniform(*_SIZES, (tracks, 1)) * (0.5, 1.0)
    for _ in range(frames):
        place += speed
        speed[(place < 0) | (place > (_WIDTH, _HEIGHT))] *= -1
        measured = (place + random.normal(0, _ERROR, place.shape))[random.permutation(tracks)]
        yield np.hstack([measured - half, measured + half]) / (_WIDTH, _HEIGHT, _WIDTH, _HEIGHT)


def _ours() -> _Party:
    predictors, limit = Predictors(), Tracking().match

    def join(boxes: Edges, t_ns: int) -> int:
        rows, columns = assign(predictors.predicted(t_ns), boxes, limit)
        predictors.correct(rows, boxes[columns], t_ns)
        if len(rows) < len(boxes):
            predictors.add(np.delete(boxes, columns, axis=0), t_ns)
        return len(rows)

    return _Party("tapetum", lambda boxes: boxes, join)


def _mog2() -> _Party:
    """Return what the stage is measured by, in turn with the others: no machine is as fast in every second.

    Some pictures are shown to it to and fro.
    """
    pictures = [frame.luma for frame, _ in walkers.shown(_PICTURES)]
    lumas = cycle(pictures + pictures[-2:0:-1])
    peer = cv2.createBackgroundSubtractorMOG2(detectShadows=False)

    def join(luma: Plane, _: int) -> int:
        peer.apply(luma)
        return 0

    return _Party("MOG2", lambda _: next(lumas), join)


def _theirs() -> list[_Party]:
    made = (_trackers,) if find_spec("trackers") else ()
    return [make() for make in (*made, *((_edgefirst,) if find_spec("edgefirst") else ()))]


def _trackers() -> _Party:
    import supervision  # noqa: PLC0415  comes with trackers
    from trackers import ByteTrackTracker  # noqa: PLC0415  not among the dependencies: it brings the full OpenCV

    tracker = ByteTrackTracker(frame_rate=1e9 / _FRAME_NS)

    def prepare(boxes: Edges) -> Any:
        pixels = boxes * (_WIDTH, _HEIGHT, _WIDTH, _HEIGHT)
        return supervision.Detections(pixels, confidence=np.ones(len(boxes)), class_id=np.zeros(len(boxes), int))

    return _Party("ByteTrack (trackers)", prepare, lambda shown, _: int((tracker.update(shown).tracker_id >= 0).sum()))


def _edgefirst() -> _Party:
    from edgefirst.tracker import ByteTrack  # noqa: PLC0415  an extra

    tracker: Any = ByteTrack()

    def prepare(boxes: Edges) -> Any:
        return boxes.astype(np.float32), np.ones(len(boxes), np.float32), np.zeros(len(boxes), np.uint64)

    def join(shown: Any, t_ns: int) -> int:
        return sum(one is not None for one in tracker.update(*shown, t_ns))

    return _Party("ByteTrack (edgefirst-tracker)", prepare, join)
