"""ByteTrack, fed by a model on every frame, as the packages have it that are here.

Y. Zhang et al., "ByteTrack: multi-object tracking by associating every detection box", ECCV 2022. `edgefirst-tracker`
comes with the extra `bench`; `trackers` brings the full OpenCV and wants an environment of its own (`scripts/bench
tracks` makes it). Each has the settings that it comes with.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum.bench.tracks.truth import Known
from tapetum.scene import Box, Detection

Update = Callable[[Sequence[Detection], int], Known]
"""Detections of a frame and its time, ns -> the tracks there."""


def present(shape: tuple[int, ...], fps: float) -> dict[str, Update]:
    """Return those that are installed, running, for pictures of `shape` (height, width) at `fps`."""
    found: dict[str, Update] = {}
    if find_spec("edgefirst"):
        found["ByteTrack (edgefirst-tracker)"] = _edgefirst()
    if find_spec("trackers"):
        found["ByteTrack (trackers)"] = _trackers(shape, fps)
    return found


def _edgefirst() -> Update:
    from edgefirst.tracker import ByteTrack  # noqa: PLC0415  an extra

    tracker = ByteTrack()
    numbers: dict[Any, int] = {}

    def update(detections: Sequence[Detection], t_ns: int) -> Known:
        found = tracker.update(_edges(detections), _scores(detections), np.zeros(len(detections), np.uint64), t_ns)
        pairs = zip(detections, found, strict=True)
        return [(numbers.setdefault(track.uuid, len(numbers)), one.box) for one, track in pairs if track is not None]

    return update


def _trackers(shape: tuple[int, ...], fps: float) -> Update:
    import supervision  # noqa: PLC0415  comes with trackers
    from trackers import ByteTrackTracker  # noqa: PLC0415  not among the dependencies

    height, width = shape[:2]
    tracker = ByteTrackTracker(frame_rate=fps)

    def update(detections: Sequence[Detection], t_ns: int) -> Known:
        del t_ns
        boxes = _edges(detections) * np.array([width, height, width, height], np.float32)
        classes = np.zeros(len(detections), int)
        found = tracker.update(supervision.Detections(xyxy=boxes, confidence=_scores(detections), class_id=classes))
        there = found[found.tracker_id >= 0]
        rows = (there.xyxy / (width, height, width, height)).tolist()
        return [(who, Box(*edges)) for who, edges in zip(there.tracker_id.tolist(), rows, strict=True)]

    return update


def _edges(detections: Sequence[Detection]) -> NDArray[np.float32]:
    boxes = [(one.box.left, one.box.top, one.box.right, one.box.bottom) for one in detections]
    return np.array(boxes, np.float32).reshape(-1, 4)


def _scores(detections: Sequence[Detection]) -> NDArray[np.float32]:
    return np.array([one.score for one in detections], np.float32)
