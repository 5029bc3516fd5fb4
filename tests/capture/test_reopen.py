"""A camera that fails is opened again: soon at first, then slower and slower."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tapetum.capture import AnySource, File, Picamera, Pipe, Stream, V4l2
from tapetum.capture.framing import Framer
from tapetum.capture.reopen import Reopening
from tapetum.capture.source import SourceSettings
from tapetum.clock import Clock, SystemClock
from tapetum.errors import ConfigError, SourceError
from tapetum.scene import Frame
from tests.capture.conftest import DEADLINE_S, until
from tests.simulators import v4l2
from tests.simulators.clock import FakeClock
from tests.simulators.picamera2 import Rig
from tests.simulators.rtsp import RtspCamera


class Faulty(SourceSettings, tag="faulty", frozen=True, kw_only=True):
    """A camera of which each opening gives so many frames, and then the error."""

    script: list[int | None]  # None: it cannot even be opened
    error: type[Exception] = SourceError

    def open(self, camera: str, clock: Clock) -> "FaultySource":
        frames = self.script.pop(0) if self.script else None
        if frames is None:
            raise self.error("cannot be opened")
        return FaultySource(frames, self.error, Framer(camera, 64), clock)


class FaultySource:
    lossless = False
    corrupt = 3
    closed = 0

    def __init__(self, frames: int, error: type[Exception], framer: Framer, clock: Clock) -> None:
        self.frames, self.error, self.framer, self.clock = frames, error, framer, clock

    def read(self) -> Frame:
        if self.frames == 0:
            raise self.error("failed")
        self.frames -= 1
        planes = [np.zeros(shape, np.uint8) for shape in ((64, 64), (32, 32), (32, 32))]
        return self.framer.frame(*planes, self.clock.now_ns())

    def close(self) -> None:
        FaultySource.closed += 1


class StopAfter(FakeClock):
    """A clock that sets an event once it was waited on so often."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.stop = threading.Event()
        self._left = waits

    def wait(self, event: threading.Event, seconds: float) -> bool:
        super().wait(event, seconds)
        self._left -= 1
        if self._left == 0:
            self.stop.set()
        return event.is_set()


def run(
    script: list[int | None], waits: int, error: type[Exception] = SourceError
) -> tuple[Reopening, list[Frame], list[float]]:
    """Run a faulty camera until it was waited for so often; return what came of it and how long each wait was."""
    clock, frames = StopAfter(waits), list[Frame]()
    settings: AnySource = Faulty(script=script, error=error)  # type: ignore[assignment]
    reopening = Reopening("door", settings, clock, lambda frame, _: frames.append(frame))
    reopening.run(clock.stop)
    return reopening, frames, clock.waits


def test_the_waits_double_from_one_second_to_thirty() -> None:
    _, _, waits = run([], waits=9)
    assert all(1 <= wait <= 30 for wait in waits)
    for wait, base in zip(waits, [1, 2, 4, 8, 16, 30, 30, 30, 30], strict=True):
        assert base <= wait <= min(30, 1.5 * base)


def test_cameras_that_failed_together_do_not_come_back_together() -> None:
    assert len({run([], waits=1)[2][0] for _ in range(5)}) > 1


def test_a_camera_that_worked_is_opened_again_soon() -> None:
    _, frames, waits = run([None, None, None, None, 2, None], waits=6)
    assert len(frames) == 2
    assert waits[3] >= 8
    assert waits[4] <= 1.5, "it worked in between"
    assert 2 <= waits[5] <= 3


@pytest.mark.parametrize("error", [SourceError, ConfigError])
def test_whoever_must_act_the_camera_is_tried_again(error: type[Exception]) -> None:
    reopening, frames, _ = run([None, 1], waits=3, error=error)
    assert len(frames) == 1
    assert reopening.failures == 3
    assert reopening.last_error == "cannot be opened; look at camera.door.source.type"


def test_a_bug_is_not_taken_for_a_camera_that_failed() -> None:
    with pytest.raises(ZeroDivisionError):
        run([1], waits=1, error=ZeroDivisionError)


def test_frames_are_counted_over_all_openings() -> None:
    reopening, frames, _ = run([3, 2, None, 4], waits=4)
    assert [frame.seq for frame in frames] == list(range(1, 10))
    assert reopening.corrupt == 9, "so are packets that could not be decoded"


def test_every_opening_is_closed_before_the_next() -> None:
    FaultySource.closed = 0
    run([1, 1, 1], waits=3)
    assert FaultySource.closed == 3


def test_the_same_failure_is_told_once_and_a_new_one_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    run([None, None, None, 1, None, None], waits=6)
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "camera door: cannot be opened; look at camera.door.source.type; it is opened again",
        "camera door: failed; look at camera.door.source.type; it is opened again",
        "camera door: cannot be opened; look at camera.door.source.type; it is opened again",
    ]


def test_a_clip_that_ends_is_not_opened_again(mp4: Path, fake_clock: FakeClock) -> None:
    frames: list[bool] = []
    reopening = Reopening(
        "door", File(path=str(mp4), pace="analysis"), fake_clock, lambda _, lossless: frames.append(lossless)
    )
    reopening.run(threading.Event())
    assert reopening.ended
    assert reopening.failures == 0
    assert frames == [True] * 50, "none of them may be lost"


class Capture:
    """A capture thread."""

    def __init__(self, settings: AnySource, clock: Clock) -> None:
        self.seqs: list[int] = []
        self.stop = threading.Event()
        self.reopening = Reopening("door", settings, clock, lambda frame, _: self.seqs.append(frame.seq))
        self.thread = threading.Thread(target=self.reopening.run, args=(self.stop,), daemon=True)
        self.thread.start()

    def frames(self, count: int) -> None:
        """Wait until so many more frames have come."""
        wanted = len(self.seqs) + count
        until(lambda: len(self.seqs) >= wanted, f"{count} more frames: {self.reopening.last_error}")

    def end(self) -> None:
        self.stop.set()
        self.reopening.close()
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive()


Start = Callable[[AnySource], Capture]


@pytest.fixture
def start(clock: SystemClock, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start a capture whose waits between two openings are short."""
    monkeypatch.setattr("tapetum.capture.reopen._SHORTEST_S", 0.01)
    monkeypatch.setattr("tapetum.capture.reopen._LONGEST_S", 0.1)
    return lambda settings: Capture(settings, clock)


def test_a_network_camera_that_went_away_and_came_back_is_seen_again(start: Start, elementary: Path) -> None:
    with RtspCamera(elementary) as camera:
        capture = start(Stream(url=camera.url, timeout_s=1))
        capture.frames(5)
        camera.cut()
        until(lambda: capture.reopening.failures >= 1, "the cut is noticed")
        capture.frames(5)
        camera.faults.status = 404
        camera.cut()
        until(lambda: "404" in capture.reopening.last_error, "the refusal is noticed")
        camera.faults.status = 200
        capture.frames(5)
        assert camera.open_connections == 1, "none is left over from before"
        assert capture.reopening.last_error == ""
        capture.end()
    assert capture.seqs == list(range(1, len(capture.seqs) + 1))


def test_a_stalled_network_camera_is_opened_again_and_again(start: Start, elementary: Path) -> None:
    with RtspCamera(elementary) as camera:
        camera.faults.stall_after = 10
        capture = start(Stream(url=camera.url, timeout_s=1))
        until(lambda: camera.connections >= 3, "it is opened for the third time")
        assert camera.open_connections <= 2, "at most the last one is still being closed"
        capture.end()
    assert capture.reopening.failures >= 2


def test_a_command_that_dies_is_started_again(start: Start, mp4: Path) -> None:
    capture = start(Pipe(command=["ffmpeg", "-v", "error", "-i", str(mp4), "-f", "yuv4mpegpipe", "-"]))
    capture.frames(120)
    capture.end()
    assert capture.reopening.failures >= 2
    assert capture.seqs == list(range(1, len(capture.seqs) + 1))


def test_a_pi_camera_that_was_unplugged_is_seen_again(start: Start, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapetum.capture.picamera._TIMEOUT_S", 0.3)
    capture = start(Picamera(width=320, height=240, fps=100, analysis_width=160))
    capture.frames(5)
    rig.plugged.clear()
    until(lambda: capture.reopening.failures >= 2, "it is given up, and tried again")
    rig.plugged.set()
    capture.frames(5)
    capture.end()
    assert sum(device.is_open for device in rig.devices) == 0


def test_a_usb_camera_that_was_unplugged_is_seen_again(start: Start, device: v4l2.Device, tmp_path: Path) -> None:
    path = tmp_path / "video0"
    path.touch()
    capture = start(V4l2(device=str(path)))
    capture.frames(3)
    device.there = False
    device.plugged.clear()
    until(lambda: "no camera" in capture.reopening.last_error, "it is gone")
    device.there = True
    device.plugged.set()
    capture.frames(3)
    capture.end()
    assert device.holder is None


def test_a_capture_that_waits_to_open_its_camera_ends_when_told(clock: SystemClock) -> None:
    capture = Capture(File(path="/nowhere.mp4"), clock)
    until(lambda: capture.reopening.failures, "it failed")
    capture.end()
