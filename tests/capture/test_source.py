"""Every source of pictures, whatever it is made of, keeps the same promises."""

import contextlib
import time
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tapetum.capture import AnySource, File, Picamera, Pipe, Source, Stream, Synthetic, V4l2
from tapetum.clock import SystemClock
from tapetum.errors import SourceError
from tapetum.scene import Frame
from tests.capture.conftest import Reader
from tests.simulators import clips, v4l2
from tests.simulators.http import HttpCamera
from tests.simulators.picamera2 import Rig


@dataclass
class Camera:
    """How to open a member, with pictures twice as wide as the analysis; and how to let it fall silent."""

    settings: AnySource
    silent: AnySource  # after its first picture
    fall_silent: Callable[[], object] = lambda: None
    own_luma: bool = False  # the camera's own scaler makes it
    soon_s: float = 1.0  # a read under way ends within it


def file(mp4: Path, folder: Path, **_: object) -> Camera:
    slow = folder / "slow.avi"
    if not slow.exists():
        clips.ffmpeg("-f", "lavfi", "-i", "testsrc=s=160x120:r=1/8", "-frames:v", "2", "-c:v", "mjpeg", str(slow))
    return Camera(File(path=str(mp4), analysis_width=80), File(path=str(slow)))


def synthetic(**_: object) -> Camera:
    return Camera(Synthetic(width=160, height=120, fps=60, analysis_width=80), Synthetic(width=64, height=64, fps=0.1))


def pipe(mp4: Path, **_: object) -> Camera:
    ffmpeg = f"ffmpeg -v error -i {mp4} -f yuv4mpegpipe"
    silent = ["sh", "-c", f"{ffmpeg} -frames:v 1 -; sleep 60"]
    return Camera(Pipe(command=[*ffmpeg.split(), "-"], analysis_width=80), Pipe(command=silent, timeout_s=30))


def picamera(rig: Rig, **_: object) -> Camera:
    settings = Picamera(width=640, height=360, analysis_width=320)
    return Camera(settings, settings, fall_silent=rig.plugged.clear, own_luma=True)


def v4l2_device(device: v4l2.Device, tmp_path: Path, **_: object) -> Camera:
    (tmp_path / "video0").touch()
    settings = V4l2(device=str(tmp_path / "video0"), analysis_width=320)
    return Camera(settings, settings, fall_silent=device.plugged.clear)


CAMERAS: dict[type, Callable[..., object]] = {
    File: file,
    Synthetic: synthetic,
    Pipe: pipe,
    Picamera: picamera,
    V4l2: v4l2_device,
    Stream: lambda **_: None,  # by `http_camera`
}


@pytest.fixture(params=typing.get_args(AnySource), ids=lambda kind: kind.__name__)
def camera(
    request: pytest.FixtureRequest,
    folder: Path,
    mp4: Path,
    transport_stream: Path,
    tmp_path: Path,
) -> Iterator[Camera]:
    if request.param is Stream:
        content = transport_stream.read_bytes()
        with HttpCamera(content) as live, HttpCamera(content, stall_after=len(content) // 2) as stalled:
            settings = Stream(url=live.url, analysis_width=80)
            yield Camera(settings, Stream(url=stalled.url, timeout_s=1), soon_s=2.0)
        return
    edge = {Picamera: "rig", V4l2: "device"}.get(request.param)
    fakes = {edge: request.getfixturevalue(edge)} if edge else {}
    yield CAMERAS[request.param](folder=folder, mp4=mp4, tmp_path=tmp_path, **fakes)


@pytest.fixture
def source(camera: Camera, clock: SystemClock) -> Iterator[Source]:
    with contextlib.closing(camera.settings.open("door", clock)) as source:
        yield source


def frames(source: Source, count: int) -> list[Frame]:
    found = [source.read() for _ in range(count)]
    assert None not in found
    return [frame for frame in found if frame is not None]


def test_pictures_are_planar_yuv_with_half_as_much_colour_each_way(source: Source) -> None:
    for frame in frames(source, 3):
        height, width = frame.y.shape
        assert frame.size == (width, height)
        assert frame.u.shape == frame.v.shape == (-(-height // 2), -(-width // 2))
        assert all(plane.dtype == np.uint8 for plane in (frame.y, frame.u, frame.v, frame.luma))
        assert frame.camera == "door"
        assert frame.y.std() > 5, "it shows something"


def test_nobody_can_draw_into_a_picture(source: Source) -> None:
    frame = frames(source, 1)[0]
    for plane in (frame.y, frame.u, frame.v, frame.luma):
        with pytest.raises(ValueError, match="read-only"):
            plane[0, 0] = 1


def test_luma_is_the_mean_of_whole_squares_of_pixels(camera: Camera, source: Source) -> None:
    for frame in frames(source, 2):
        height, width = frame.luma.shape
        assert frame.luma.flags.c_contiguous
        assert (height, width) == (frame.y.shape[0] // 2, frame.y.shape[1] // 2)
        if not camera.own_luma:
            means = frame.y.reshape(height, 2, width, 2).mean(axis=(1, 3))
            assert np.abs(means - frame.luma).max() <= 0.75, "rounded"


def test_frames_are_counted_from_one_and_their_times_rise(source: Source) -> None:
    before_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    found = frames(source, 8)
    after_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert [frame.seq for frame in found] == list(range(1, 9))
    times = [frame.t_ns for frame in found]
    assert times == sorted(set(times))
    assert before_ns - 5e9 < times[0] <= times[-1] < after_ns + 5e9, "the clock that neither jumps nor stands still"


def test_a_picture_stays_as_it_was_while_others_are_taken(source: Source) -> None:
    kept = frames(source, 3)
    planes = [plane for frame in kept for plane in (frame.y, frame.u, frame.v, frame.luma)]
    copies = [plane.copy() for plane in planes]
    frames(source, 8)
    assert all(np.array_equal(plane, copy) for plane, copy in zip(planes, copies, strict=True))


def test_what_is_read_after_closing_is_an_error_that_names_the_source(source: Source) -> None:
    frames(source, 2)
    source.close()
    source.close()
    with pytest.raises(SourceError, match="closed"):
        source.read()


def test_pictures_outlive_their_source(source: Source) -> None:
    frame = frames(source, 2)[1]
    copy = frame.y.copy()
    source.close()
    del source
    assert np.array_equal(frame.y, copy)


def test_closing_ends_a_read_under_way(camera: Camera, clock: SystemClock) -> None:
    source = camera.silent.open("door", clock)
    assert source.read() is not None
    camera.fall_silent()

    def read_on() -> None:
        while source.read() is not None:
            pass

    reader = Reader(read_on)
    reader.join(0.3)
    assert reader.is_alive(), "nothing comes, so that the read waits"
    closed_s = time.monotonic()
    source.close()
    assert time.monotonic() - closed_s < 0.5, "who closes does not wait"
    reader.join(camera.soon_s + 5)
    assert isinstance(reader.result, SourceError)
    assert reader.ended_s - closed_s < camera.soon_s


def test_every_source_is_tried() -> None:
    assert set(CAMERAS) == set(typing.get_args(AnySource))
