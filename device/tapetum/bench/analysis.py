"""What the analysis of a frame costs, beside two things that everybody knows, on the same frames in the same run.

Ours is all that happens to a decoded frame: the reduction to the analysis size, motion, tracking, and, where a model is
given, the crops made for it; not decoding, and not the model, which works in a process of its own. The peers only find
what moves: `cv2.absdiff` with a threshold, and OpenCV's MOG2 (Z. Zivkovic, ICPR 2004), each on the full luma, as one
would use them, and on the reduced one that ours looks at, which they are given for nothing: so one comparison says what
is saved, the other what the method itself costs. All on one thread, in CPU time.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tapetum.alerts.stamp import SequenceStamper
from tapetum.bench.steady import one_thread
from tapetum.capture import Synthetic
from tapetum.capture.decode import Decoder, existing
from tapetum.capture.framing import Framer
from tapetum.clock import SystemClock
from tapetum.config import CameraSettings
from tapetum.inference.settings import Inference
from tapetum.pipeline import Pipeline
from tapetum.progress import Progress
from tapetum.replay import frame_count, worker
from tapetum.scene import Frame, Plane

_SETTLE = 50  # frames until every method has its background
_THRESHOLD = 25
_TIMEOUT_S = 10.0
_ON_FULL, _ON_REDUCED = "MOG2", "MOG2, analysis size"


@dataclass(slots=True)
class _Difference:
    """`cv2.absdiff` against the previous frame, and a threshold."""

    previous: Plane | None = None
    out: Plane | None = None

    def apply(self, luma: Plane) -> None:
        if self.previous is not None:
            self.out = np.asarray(cv2.absdiff(luma, self.previous, dst=self.out), np.uint8)
            cv2.threshold(self.out, _THRESHOLD, 255, cv2.THRESH_BINARY, dst=self.out)
        self.previous = luma


def run(clip: Path, inference: Inference) -> dict[str, Any]:
    """Return the median and the 99th percentile of milliseconds of CPU a frame for ours and for the peers."""
    with one_thread(), worker(inference) as model, Progress("analysis", frame_count(clip)) as bar:
        clock = SystemClock()
        stages = CameraSettings(source=Synthetic())
        pipeline = Pipeline.start(stages, model.port("bench"), SequenceStamper(clock, 1))
        framer = Framer("bench", stages.source.analysis_width)
        decoder = Decoder(str(existing(str(clip))), _TIMEOUT_S, _TIMEOUT_S)
        peers = _peers()
        costs: dict[str, list[float]] = defaultdict(list)
        start_ns, frame = clock.now_ns(), None
        while (picture := decoder.read()) is not None:
            t_ns = start_ns + int(1e9 * _time_s(picture.time_s, len(costs["tapetum"]), decoder.rate))
            begin_s = time.thread_time()
            frame = picture.frame(framer, t_ns)
            pipeline.step(frame)
            costs["tapetum"].append(time.thread_time() - begin_s)
            for name, peer in peers.items():
                costs[name].append(_cost(peer, frame))
            model.settle()
            bar.step()
    return _figures(clip, frame, costs, pipeline.labeller.asked)


def _time_s(time_s: float | None, index: int, rate: float) -> float:
    """Return the clip's time of picture `index`, seconds: its own, or by the rate where the container does not say."""
    return index / rate if time_s is None else time_s


def _peers() -> dict[str, Callable[[Frame], Any]]:
    full, small = _Difference(), _Difference()
    mog2, mog2_small = (cv2.createBackgroundSubtractorMOG2(detectShadows=True) for _ in range(2))
    return {
        "absdiff": lambda frame: full.apply(frame.y),
        "absdiff, analysis size": lambda frame: small.apply(frame.luma),
        _ON_FULL: lambda frame: mog2.apply(frame.y),
        _ON_REDUCED: lambda frame: mog2_small.apply(frame.luma),
    }


def _cost(peer: Callable[[Frame], Any], frame: Frame) -> float:
    start_s = time.thread_time()
    peer(frame)
    return time.thread_time() - start_s


def _figures(clip: Path, frame: Frame | None, costs: dict[str, list[float]], asked: int) -> dict[str, Any]:
    settled = {name: taken[_SETTLE:] or taken for name, taken in costs.items()}
    medians = {name: 1e3 * statistics.median(taken) for name, taken in settled.items() if taken}
    return {
        "clip": clip.name,
        "size": "x".join(map(str, frame.size)) if frame else "",
        "analysis_size": "x".join(map(str, frame.luma.shape[::-1])) if frame else "",
        "frames": len(costs["tapetum"]),
        "asked": asked,
        "methods": [
            {
                "method": name,
                "median_ms": round(median, 3),
                "p99_ms": round(1e3 * float(np.percentile(settled[name], 99)), 3),
                "of_mog2": round(median / medians[_ON_FULL], 3),
                "of_mog2_analysis_size": round(median / medians[_ON_REDUCED], 3),
            }
            for name, median in medians.items()
        ],
    }
