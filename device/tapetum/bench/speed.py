"""What a crop costs on its way from a frame to its detections, beside what the model alone costs for the same crop.

The way is the product's own: cut out of a frame of 1920 x 1080, made the model's input, over the socket to the worker,
through the model, decoded, back, and collected as the loop does. Its cost is the CPU time of both processes: all
threads of this one, and all that the worker does until the next crop. The reference is a bare `Interpreter.invoke()` of
the same model on the same crop, with as many threads, in this process. The two take turns, crop by crop, so that what
disturbs one disturbs both.
"""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from tapetum import bundle
from tapetum.bench.steady import one_thread
from tapetum.capture import File
from tapetum.clock import SystemClock
from tapetum.errors import ConfigError, TapetumError
from tapetum.inference.accelerators import Cpu
from tapetum.inference.client import Worker
from tapetum.inference.contract import Input
from tapetum.inference.crops import shaped
from tapetum.inference.model import Crop
from tapetum.inference.preprocess import Pixels, Preprocessor, Quantizer
from tapetum.inference.scheduler import Scheduling
from tapetum.inference.settings import Inference
from tapetum.inference.tflite import runtime
from tapetum.progress import Progress
from tapetum.replay import worker
from tapetum.scene import Box, Frame, Plane

_SIZE = 1920, 1080
_PICTURE = 60  # of the clip: people are in it
_SETTLE = 20  # crops until processor and caches are warm
_CPU = Cpu()
_CROPS = {
    "far person": Box(0.475, 0.4, 0.525, 0.55).grown(Scheduling().context),
    "near person": Box(0.44, 0.3, 0.56, 0.65).grown(Scheduling().context),
    "whole frame": Box(0, 0, 1, 1),
}
"""Around a track of a person 16 m and 7 m before a camera that sees 40 degrees upright; and a look at everything."""


@dataclass(frozen=True, slots=True)
class _Cost:
    """Of one crop, seconds: CPU time of this process, of the worker and of the bare model; time gone by with it."""

    loop_s: float
    worker_s: float
    bare_s: float
    wall_s: float
    bare_wall_s: float


def run(clip: Path, inference: Inference, crops: int) -> dict[str, Any]:
    """Return medians of what `crops` crops of each size cost.

    Raises ConfigError when no model is named, TapetumError when its worker does not answer.
    """
    settings = msgspec.structs.replace(inference, accelerators=(_CPU,), spare=False)  # a spare would start meanwhile
    spec = bundle.load(settings)
    if spec is None:
        raise ConfigError("bench speed: --model is wanted: a .tflite whose way is measured")
    frame = _frame(clip)
    with one_thread(), worker(settings) as model, Progress("speed", len(_CROPS) * (_SETTLE + crops)) as bar:
        way = _Way(model, frame, spec.content)
        rows = [{"crop": name, **_figures(way, box, crops, bar)} for name, box in _CROPS.items()]
    return {
        "model": Path(inference.model).name,
        "input": _text(way.input.size),
        "frame": _text(_SIZE),
        "count": crops,
        "crops": rows,
    }


def _figures(way: "_Way", around: Box, crops: int, bar: Progress) -> dict[str, Any]:
    box = shaped(around, _SIZE, way.input.size)
    costs = []
    for _ in range(_SETTLE + crops):
        costs.append(way.cost(box))
        bar.step()
    settled = costs[_SETTLE:]
    loop_ms, worker_ms, bare_ms, wall_ms, bare_wall_ms = (
        1e3 * statistics.median(getattr(cost, name) for cost in settled) for name in _Cost.__slots__
    )
    cpu_ms = 1e3 * statistics.median(cost.loop_s + cost.worker_s for cost in settled)
    return {
        "pixels": _text((round(box.width * _SIZE[0]), round(box.height * _SIZE[1]))),
        "cpu_ms": round(cpu_ms, 3),
        "loop_ms": round(loop_ms, 3),
        "worker_ms": round(worker_ms, 3),
        "bare_ms": round(bare_ms, 3),
        "ratio": round(cpu_ms / bare_ms, 3),
        "wall_ms": round(wall_ms, 3),
        "bare_wall_ms": round(bare_wall_ms, 3),
    }


class _Way:
    """From one frame through one worker, and the same model bare."""

    def __init__(self, model: Worker, frame: Frame, content: bytes) -> None:
        if not model.input or not model.pid:
            raise TapetumError("no worker runs the model")
        self.input: Input = model.input
        self._model, self._port, self._frame = model, model.port("speed"), frame
        self._preprocessor = Preprocessor(self.input)
        self._worker_clock = (~model.pid << 3) | 2  # of a process's CPU time, in ns: clock_getcpuclockid(3)
        self._bare = runtime().Interpreter(model_content=content, num_threads=_CPU.threads)
        self._bare.allocate_tensors()
        self._place = self._bare.get_input_details()[0]["index"]
        self._quantizer = Quantizer(self.input)

    def cost(self, box: Box) -> _Cost:
        """Ask the worker about `box` of the frame, and the bare model too."""
        worker_s = self._worker_s()
        loop_s, wall_s = time.process_time(), time.perf_counter()
        pixels = self._ask(box)
        loop_s, wall_s = time.process_time() - loop_s, time.perf_counter() - wall_s
        self._quantizer.into(pixels, self._bare.tensor(self._place)()[0])
        bare_s, bare_wall_s = time.process_time(), time.perf_counter()
        self._bare.invoke()
        bare_s, bare_wall_s = time.process_time() - bare_s, time.perf_counter() - bare_wall_s
        return _Cost(loop_s, self._worker_s() - worker_s, bare_s, wall_s, bare_wall_s)

    def _ask(self, box: Box) -> Pixels:
        pixels, shown = self._preprocessor.crop(self._frame, box)
        self._port.offer([Crop(0, shown, pixels)])
        self._model.settle()
        if not self._port.collect():
            raise TapetumError(f"the worker does not answer: {self._model.state().last_error}")
        return pixels

    def _worker_s(self) -> float:
        try:
            return time.clock_gettime(self._worker_clock)
        except OSError:
            raise TapetumError(f"the worker has gone: {self._model.state().last_error}") from None


def _frame(clip: Path) -> Frame:
    """Return a picture of `clip` as a camera of 1920 x 1080 would give it."""
    source = File(path=str(clip), pace="analysis").open("speed", SystemClock())
    found = None
    for _ in range(_PICTURE):
        found = source.read() or found
    source.close()
    if found is None:
        raise ConfigError(f"--clip {clip}: there is no picture in it")
    half = _SIZE[0] // 2, _SIZE[1] // 2
    y, u, v = (_enlarged(plane, size) for plane, size in ((found.y, _SIZE), (found.u, half), (found.v, half)))
    return Frame(found.camera, found.seq, found.t_ns, y, u, v, found.luma)


def _enlarged(plane: Plane, size: tuple[int, int]) -> Plane:
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _text(size: tuple[int, int]) -> str:
    return "x".join(map(str, size))
