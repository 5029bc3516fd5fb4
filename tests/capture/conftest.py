"""Clips, made once, and cameras that are simulated at the edge where the product meets them."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest

from tapetum.clock import SystemClock
from tests.simulators import clips, v4l2
from tests.simulators.clock import FakeClock
from tests.simulators.picamera2 import Rig

DEADLINE_S = 10.0


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for `condition`; fail, saying `what` was waited for, when it does not come true."""
    end_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end_s, f"waited in vain: {what}"
        time.sleep(0.005)


class Reader(threading.Thread):
    """A read in a thread of its own; `result` is the frame, None, or the error it ended with."""

    def __init__(self, read: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._read = read
        self.result: object = self
        self.ended_s = 0.0
        self.start()

    def run(self) -> None:
        try:
            self.result = self._read()
        except Exception as error:
            self.result = error
        self.ended_s = time.monotonic()


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture
def fake_clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the clips of this run lie."""
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def mp4(folder: Path) -> Path:
    """50 pictures of 160x120, 25 a second, H.264."""
    return clips.h264(folder / "clip.mp4")


@pytest.fixture(scope="session")
def transport_stream(folder: Path) -> Path:
    """150 pictures as a network camera sends them over HTTP; its times begin at 1.4 s, as they do in this format."""
    return clips.h264(folder / "clip.ts", frames=150)


@pytest.fixture(scope="session")
def elementary(folder: Path) -> Path:
    """20 pictures of 320x240 with no container at all: large enough to be cut into several packets."""
    return clips.h264(folder / "clip.h264", frames=20, size="320x240")


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A Pi with one camera, and picamera2 installed."""
    rig = Rig()
    monkeypatch.setitem(sys.modules, "picamera2", rig.module)
    yield rig
    rig.plugged.set()


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> v4l2.Device:
    """The Video4Linux device that OpenCV opens, whatever file it is told to."""
    device = v4l2.Device()
    monkeypatch.setattr(cv2, "VideoCapture", device)
    return device
