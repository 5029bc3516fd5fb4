"""A Raspberry Pi camera, through a picamera2 that behaves as the real one."""

import sys
import time
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest

from tapetum.capture import Picamera
from tapetum.capture.picamera import PicameraSource
from tapetum.clock import SystemClock
from tapetum.errors import ConfigError, SourceError
from tests.capture.conftest import Reader
from tests.simulators.clock import FakeClock
from tests.simulators.picamera2 import Rig, picture

SMALL = Picamera(width=320, height=240, fps=30, analysis_width=160)


@pytest.fixture
def source(rig: Rig, clock: SystemClock) -> Iterator[PicameraSource]:
    source = SMALL.open("door", clock)
    yield source
    rig.plugged.set()
    source.close()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a camera that gives nothing be given up soon."""
    monkeypatch.setattr("tapetum.capture.picamera._TIMEOUT_S", 0.3)


@pytest.mark.parametrize("stride", [64, 192, 448])
@pytest.mark.parametrize("size", [(320, 240), (640, 482), (640, 362)])
def test_rows_are_taken_without_their_padding(rig: Rig, clock: SystemClock, stride: int, size: tuple[int, int]) -> None:
    rig.stride = stride
    source = Picamera(width=size[0], height=size[1], analysis_width=320).open("door", clock)
    for number in (1, 2, 3):
        frame = source.read()
        for plane, truth in zip((frame.y, frame.u, frame.v), picture(number, size), strict=True):
            assert np.array_equal(plane, truth)
    source.close()


def test_luma_is_the_cameras_own_small_picture(source: PicameraSource) -> None:
    frame = source.read()
    width = frame.luma.shape[1]
    assert np.array_equal(frame.luma, picture(1, (width, 120), "lores")[0])
    assert width == 128, "160 aligned to 64"


def test_a_frames_time_is_the_sensors(rig: Rig) -> None:
    source = SMALL.open("door", FakeClock(start_ns=5))
    before_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    frame = source.read()
    assert before_ns <= frame.t_ns <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    source.close()


def test_the_camera_never_starves_in_a_thousand_frames(rig: Rig, source: PicameraSource) -> None:
    for number in range(1, 1001):
        assert source.read().seq == number
        assert rig.device.outstanding == 0
    assert rig.device.requested == 1000


def test_frames_that_are_kept_starve_nobody_and_stay_as_they_were(source: PicameraSource) -> None:
    kept = [source.read() for _ in range(12)]
    for number, frame in enumerate(kept, start=1):
        assert np.array_equal(frame.y, picture(number, (320, 240))[0])


def test_memory_is_used_again_when_nobody_looks_at_it(source: PicameraSource) -> None:
    addresses = set()
    for _ in range(20):
        frame = source.read()
        addresses.add((frame.y.ctypes.data, frame.luma.ctypes.data))
    assert len(addresses) <= 2


@pytest.mark.parametrize("stream", ["main", "lores"])
def test_a_request_is_released_even_when_its_memory_cannot_be_mapped(
    rig: Rig, source: PicameraSource, stream: str
) -> None:
    def fail(mapped: str) -> None:
        if mapped == stream:
            raise OSError("mmap failed")

    source.read()
    rig.on_map = fail
    for _ in range(10):
        with pytest.raises(OSError, match="mmap failed"):
            source.read()
        assert rig.device.outstanding == 0
    rig.on_map = lambda _: None
    assert source.read().seq == 2


def test_the_frame_rate_is_a_control(rig: Rig, clock: SystemClock) -> None:
    source = Picamera(width=320, height=240, fps=5).open("door", clock)
    assert rig.device.configuration["controls"] == {"FrameDurationLimits": (200_000, 200_000)}
    assert rig.device.configuration["queue"] is False, "a picture taken before it was asked for is an old one"
    source.close()


def test_controls_that_the_camera_lacks_are_passed_over(rig: Rig, clock: SystemClock) -> None:
    controls: dict[str, float | int | bool] = {"ExposureTime": 9000, "AfMode": 2}
    del rig.controls["FrameDurationLimits"]
    source = Picamera(width=320, height=240, controls=controls).open("door", clock)
    assert rig.device.configuration["controls"] == {"ExposureTime": 9000}
    assert source.read().seq == 1
    source.close()


@pytest.mark.parametrize(("align", "width"), [(64, 640), (128, 640), (64, 700), (128, 700)])
def test_sizes_are_those_that_the_camera_aligned(rig: Rig, clock: SystemClock, align: int, width: int) -> None:
    rig.align = align
    source = Picamera(width=width, height=360, analysis_width=200).open("door", clock)
    frame = source.read()
    assert frame.size == (width - width % align, 360)
    assert frame.luma.shape[1] % align == 0
    source.close()


@pytest.mark.parametrize("analysis_width", [64, 384, 1920])
def test_any_width_of_analysis_leaves_the_camera_a_small_picture(
    rig: Rig, clock: SystemClock, analysis_width: int
) -> None:
    rig.align = 128  # a Pi 5
    source = Picamera(analysis_width=analysis_width).open("door", clock)
    height, width = source.read().luma.shape
    assert 128 <= width <= 1280
    assert 30 <= height <= 720
    source.close()


@pytest.mark.usefixtures("short")
def test_a_camera_that_was_unplugged_is_an_error_and_can_be_closed(rig: Rig, source: PicameraSource) -> None:
    source.read()
    rig.plugged.clear()
    with pytest.raises(SourceError, match=r"camera 0 gave no picture for 0\.3 s"):
        source.read()
    source.close()
    assert not rig.device.is_open


@pytest.mark.usefixtures("short")
def test_a_slow_camera_is_given_time(rig: Rig, clock: SystemClock) -> None:
    source = Picamera(width=320, height=240, fps=4).open("door", clock)
    rig.plugged.clear()
    begun_s = time.monotonic()
    with pytest.raises(SourceError, match="gave no picture"):
        source.read()
    assert 0.7 < time.monotonic() - begun_s < 1.5, "three of its intervals"


def test_closing_ends_a_read_under_way(rig: Rig, source: PicameraSource) -> None:
    rig.plugged.clear()
    reader = Reader(source.read)
    reader.join(0.1)
    assert reader.is_alive()
    source.close()
    reader.join(1)
    assert isinstance(reader.result, SourceError)
    assert not rig.device.is_open


def test_a_closed_camera_can_be_opened_again_and_an_open_one_not(
    rig: Rig, source: PicameraSource, clock: SystemClock
) -> None:
    with pytest.raises(SourceError, match="camera 0 cannot be opened"):
        SMALL.open("door", clock)
    source.close()
    again = SMALL.open("door", clock)
    assert again.read().seq == 1
    again.close()


def test_a_camera_that_is_not_there_is_an_error(rig: Rig, clock: SystemClock) -> None:
    with pytest.raises(SourceError, match="camera 3 cannot be opened: No camera number 3 found"):
        Picamera(camera=3).open("door", clock)


def test_a_camera_that_cannot_be_configured_is_let_go(rig: Rig, clock: SystemClock) -> None:
    rig.align = 4096
    with pytest.raises(SourceError, match="camera 0 cannot be started: Invalid camera configuration"):
        SMALL.open("door", clock)
    assert not rig.device.is_open


def test_a_value_that_a_control_cannot_take_is_the_operators_to_mend(
    rig: Rig, clock: SystemClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise ValueError("Unsupported control type")

    monkeypatch.setattr("tests.simulators.picamera2.Camera.start", refuse)
    with pytest.raises(ConfigError, match=r"controls = \{'ExposureTime': 0.5\}: Unsupported control type"):
        Picamera(width=320, height=240, controls={"ExposureTime": 0.5}).open("door", clock)
    assert not rig.device.is_open


def test_without_picamera2_the_package_to_install_is_named(clock: SystemClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(ConfigError, match=r"sudo apt install python3-picamera2.*--system-site-packages"):
        SMALL.open("door", clock)


def test_a_picamera2_built_for_another_numpy_is_the_operators_to_mend(
    clock: SystemClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(ModuleType):
        """What `import picamera2` finds: simplejpeg's complaint."""

    class Finder:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "picamera2":
                raise ValueError("numpy.dtype size changed, may indicate binary incompatibility")

    monkeypatch.delitem(sys.modules, "picamera2", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    with pytest.raises(ConfigError, match=r"numpy\.dtype size changed.*python3-picamera2"):
        SMALL.open("door", clock)
