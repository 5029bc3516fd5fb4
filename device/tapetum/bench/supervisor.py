"""How soon the model answers again after its worker is killed or hangs, and that the camera's frames go on meanwhile.

A drawn scene of 15 frames a second goes through the real pipeline, one frame waiting at most, and a picture that no
worker has seen goes to the model with each frame. The worker in use is killed (SIGKILL) or stopped (SIGSTOP), again and
again; the time counts from there to the next answer.
"""

import os
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tapetum.alerts.stamp import SequenceStamper
from tapetum.capture import Synthetic
from tapetum.clock import SystemClock
from tapetum.config import CameraSettings
from tapetum.errors import ConfigError, SourceError, TapetumError
from tapetum.inference.client import Worker
from tapetum.inference.model import Crop
from tapetum.inference.settings import Inference
from tapetum.latest import Latest
from tapetum.pipeline import Pipeline
from tapetum.progress import Progress
from tapetum.replay import worker
from tapetum.scene import Box, Frame

_FPS = 15.0
_DEADLINE_S = 0.5  # of the worker: a hang is known by it
_AGAIN_S = 2.0  # the promise
_PATIENCE_S = 60.0
_CALM_S = 1.0  # between an answer and the next fault


def run(inference: Inference, kills: int, hangs: int) -> dict[str, Any]:
    """Return how long it took to answer again, which frames were lost, and what was left behind.

    Raises ConfigError when no model is named, TapetumError when none answers any more.
    """
    if not inference.model:
        raise ConfigError("bench supervisor: --model is wanted: a .tflite whose worker is killed")
    settings = msgspec.structs.replace(inference, deadline_s=_DEADLINE_S)
    with worker(settings) as model, _camera(model) as seen, Progress("supervisor", kills + hangs) as bar:
        asker = _Asker(model, seen)
        asker.answer()
        before = _settled(model, asker)
        faults = [signal.SIGKILL] * kills + [signal.SIGSTOP] * hangs
        times = [_fault(model, asker, number, bar) for number in faults]
        after = _settled(model, asker)
    return {
        "model": Path(inference.model).name,
        "deadline_s": _DEADLINE_S,
        **_told("kill", times[:kills]),
        **_told("hang", times[kills:]),
        "late": sum(taken_s > _AGAIN_S for taken_s in times),
        "frames": seen.analysed,
        "lost_frames": seen.box.dropped,
        "left": [name for name, count in after.items() if count > before[name]],
    }


def _told(what: str, times: list[float]) -> dict[str, Any]:
    median, most = (round(statistics.median(times), 3), round(max(times), 3)) if times else (None, None)
    return {f"{what}s": len(times), f"{what}_median_s": median, f"{what}_max_s": most}


class _Seen:
    """The frames of one camera, from the one that draws them to the one that analyses them."""

    def __init__(self) -> None:
        self.box: Latest[Frame] = Latest()
        self.analysed = 0
        self.turn = threading.Condition()


class _Asker:
    """Asks about a new picture with each frame."""

    def __init__(self, model: Worker, seen: _Seen) -> None:
        self._port = model.port("asker")
        self._seen = seen
        self._random = np.random.default_rng(1)

    def answer(self) -> None:
        """Ask until there is an answer."""
        deadline_s = time.monotonic() + _PATIENCE_S
        self._port.collect()
        while not self._port.collect():
            if time.monotonic() > deadline_s:
                raise TapetumError(f"no answer within {_PATIENCE_S:g} s")
            self._ask()
            with self._seen.turn:
                self._seen.turn.wait(1 / _FPS)

    def _ask(self) -> None:
        picture = self._port.input
        if picture:
            pixels = self._random.integers(0, 256, picture.shape, np.uint8)
            self._port.offer([Crop(0, Box(0, 0, 1, 1), pixels)])


def _fault(model: Worker, asker: _Asker, number: signal.Signals, bar: Progress) -> float:
    """Let the worker in use fail; return the seconds until there is an answer again."""
    asker.answer()
    pid = model.pid
    start_s = time.monotonic()
    if pid:
        os.kill(pid, number)
    asker.answer()
    while model.pid in (pid, None):  # that answer was under way
        asker.answer()
    taken_s = time.monotonic() - start_s
    bar.step()
    time.sleep(_CALM_S)
    return taken_s


@contextmanager
def _camera(model: Worker) -> Iterator[_Seen]:
    """Draw and analyse frames in two threads, as the daemon does."""
    seen, end, clock = _Seen(), threading.Event(), SystemClock()
    settings = CameraSettings(source=Synthetic(fps=_FPS))
    pipeline = Pipeline.start(settings, model.port("bench"), SequenceStamper(clock, 1))
    source = settings.source.open("bench", clock)

    def draw() -> None:
        with suppress(SourceError):  # closed
            while not end.is_set() and (frame := source.read()) is not None:
                seen.box.put(frame)

    def analyse() -> None:
        while not end.is_set():
            frame = seen.box.take(0.1)
            if frame is not None:
                pipeline.step(frame)
                with seen.turn:
                    seen.analysed += 1
                    seen.turn.notify_all()

    threads = [threading.Thread(target=body, daemon=True) for body in (draw, analyse)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        end.set()
        source.close()
        for thread in threads:
            thread.join()


def _settled(model: Worker, asker: _Asker) -> dict[str, int]:
    """Return how many descriptors, processes and shared segments there are, once a spare worker has come."""
    found: dict[str, int] = {}
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        asker.answer()
        time.sleep(_CALM_S)
        now = _held()
        if now == found and model.pid:
            break
        found = now
    return found


def _held() -> dict[str, int]:
    children = 0
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # a thread that has just ended
            children += len((task / "children").read_text().split())
    maps = Path("/proc/self/maps").read_text()
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "processes": children,
        "shared segments": maps.count("/dev/shm/") + maps.count("/SYSV"),  # noqa: S108  looked for, not used
    }
