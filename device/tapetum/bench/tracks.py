"""How well tracks keep to the truth: MOTA and IDF1 against a MOTChallenge file, by the package `motmetrics`.

K. Bernardin and R. Stiefelhagen, "Evaluating multiple object tracking performance: the CLEAR MOT metrics", EURASIP
Journal on Image and Video Processing 2008; E. Ristani et al., "Performance measures and a data set for multi-target,
multi-camera tracking", ECCV workshops 2016 (IDF1). A track fits a person where their boxes' IoU is at least 0.5.
"""

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from tapetum.capture import Synthetic
from tapetum.clock import SystemClock
from tapetum.config import CameraSettings
from tapetum.errors import ConfigError
from tapetum.inference.settings import Inference
from tapetum.progress import Progress
from tapetum.replay import Tally, replay, worker
from tapetum.scene import Box, State

_FITS = 0.5

Truth = dict[int, list[tuple[int, Box]]]
"""Frame (1 the first) -> (identity, box)."""


def run(clip: Path, truth: Path, inference: Inference) -> dict[str, Any]:
    """Return mota, idf1, recall, precision, switches, over the frames that `truth` covers."""
    metrics = _library()
    stages = CameraSettings(source=Synthetic())
    accumulator = metrics.MOTAccumulator(auto_id=True)
    tally = Tally()
    wanted: Truth = {}
    with worker(inference) as model, Progress("tracks", 0) as bar:
        for frame, result in replay(clip, stages, model, SystemClock(), tally):
            wanted = wanted or _read(truth, frame.y.shape)
            if frame.seq > max(wanted):
                break
            bar.step()
            there = [track for track in result.tracks if track.state in (State.CONFIRMED, State.STILL)]
            known = wanted.get(frame.seq, [])
            distances = _distances([box for _, box in known], [track.box for track in there])
            accumulator.update([identity for identity, _ in known], [track.id for track in there], distances)
    names = ["num_frames", "mota", "idf1", "recall", "precision", "num_switches", "num_objects"]
    found = metrics.metrics.create().compute(accumulator, metrics=names, return_dataframe=False)
    return {
        "clip": clip.name,
        "frames": int(found["num_frames"]),
        "boxes": int(found["num_objects"]),
        "mota": round(float(found["mota"]), 4),
        "idf1": round(float(found["idf1"]), 4),
        "recall": round(float(found["recall"]), 4),
        "precision": round(float(found["precision"]), 4),
        "switches": int(found["num_switches"]),
        "asked": tally.asked,
    }


def _library() -> Any:
    try:
        import motmetrics  # noqa: PLC0415  an extra
    except ImportError:
        raise ConfigError('tracks are measured by motmetrics: pip install "tapetum[bench]"') from None
    return motmetrics


def _read(truth: Path, shape: tuple[int, ...]) -> Truth:
    """Read a MOTChallenge file: frame, id, left, top, width, height in pixels, and columns that are passed over."""
    wanted: Truth = defaultdict(list)
    try:
        with truth.open(newline="") as lines:
            for row in csv.reader(lines):
                left, top, width, height = (float(value) for value in row[2:6])
                box = Box.of_pixels(left, top, left + width, top + height, shape)
                wanted[int(row[0])].append((int(row[1]), box.clipped()))
    except OSError as error:
        raise ConfigError(f"--truth {truth}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"--truth {truth}: is no MOTChallenge file: {error}") from None
    return dict(wanted)


def _distances(truth: list[Box], tracks: list[Box]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Return 1 - IoU for each pair, not a number where they do not fit."""
    ious = np.array([[person.iou(track) for track in tracks] for person in truth]).reshape(len(truth), len(tracks))
    return np.where(ious >= _FITS, 1 - ious, np.nan)
