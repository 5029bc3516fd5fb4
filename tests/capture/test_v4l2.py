"""A USB camera or any other Video4Linux device."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tapetum.capture import V4l2
from tapetum.capture.unpack import Planes, Unpacker
from tapetum.capture.v4l2 import V4l2Source
from tapetum.clock import SystemClock
from tapetum.errors import ConfigError, SourceError
from tests.simulators import v4l2
from tests.simulators.v4l2 import packed, picture

SIZES = [(640, 360), (64, 48), (66, 50), (65, 48), (64, 49), (65, 49)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "video0"
    path.touch()
    return path


@pytest.fixture
def source(path: Path, device: v4l2.Device, clock: SystemClock) -> V4l2Source:
    return V4l2(device=str(path)).open("door", clock)


def unpacked(raw: NDArray[np.uint8], fourcc: str, size: tuple[int, int]) -> Planes | None:
    return Unpacker(fourcc, size).planes(raw)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fourcc", ["YU12", "NV12", "YUYV"])
def test_every_pixel_of_an_uncompressed_format_comes_out_as_the_camera_saw_it(
    fourcc: str, size: tuple[int, int]
) -> None:
    expected = picture(1, size)
    found = unpacked(packed(*expected, fourcc), fourcc, size)
    assert found is not None
    for plane, truth in zip(found, expected, strict=True):
        assert np.array_equal(plane, truth)


def test_the_colour_of_two_rows_of_yuyv_becomes_their_mean() -> None:
    raw = np.zeros((4, 2, 2), np.uint8)  # two pixels a row, Y0 U Y1 V
    raw[:, :, 0] = 16
    raw[:, 0, 1], raw[:, 1, 1] = [10, 20, 30, 50], [100, 100, 0, 255]
    planes = unpacked(raw, "YUYV", (2, 4))
    assert planes is not None
    assert planes[1].ravel().tolist() == [15, 40]
    assert planes[2].ravel().tolist() in ([100, 127], [100, 128])


@pytest.mark.parametrize("size", SIZES)
def test_gray_pictures_have_colour_that_is_none(size: tuple[int, int]) -> None:
    y = picture(1, size)[0]
    planes = unpacked(y, "GREY", size)
    assert planes is not None
    assert np.array_equal(planes[0], y)
    for chroma in planes[1:]:
        assert chroma.shape == (-(-size[1] // 2), -(-size[0] // 2))
        assert (chroma == 128).all()


@pytest.mark.parametrize("fourcc", ["MJPG", "BGR3"])
@pytest.mark.parametrize("size", SIZES[:3])
def test_what_comes_as_colours_is_close_to_what_the_camera_saw(fourcc: str, size: tuple[int, int]) -> None:
    expected = picture(1, size)
    found = unpacked(packed(*expected, fourcc), fourcc, size)
    assert found is not None
    for plane, truth in zip(found, expected, strict=True):
        assert plane.shape == truth.shape
        assert np.abs(plane.astype(int) - truth).mean() < 2


@pytest.mark.parametrize("fourcc", ["MJPG", "BGR3"])
def test_an_odd_row_and_column_of_colours_are_left_out(fourcc: str) -> None:
    bgr = np.random.default_rng(1).integers(0, 255, (49, 65, 3), np.uint8)
    raw = np.asarray(cv2.imencode(".jpg", bgr)[1], np.uint8) if fourcc == "MJPG" else bgr
    planes = unpacked(raw, fourcc, (65, 49))
    assert planes is not None
    assert [plane.shape for plane in planes] == [(48, 64), (24, 32), (24, 32)]


def test_a_gray_jpeg_is_read_too() -> None:
    y = picture(1, (64, 48))[0]
    planes = unpacked(np.asarray(cv2.imencode(".jpg", y)[1], np.uint8).reshape(1, -1), "MJPG", (64, 48))
    assert planes is not None
    assert np.abs(planes[1].astype(int) - 128).max() <= 1


@pytest.mark.parametrize("fourcc", ["YU12", "NV12", "YUYV", "GREY", "MJPG", "BGR3"])
@pytest.mark.parametrize("keep", [0, 1, 100])
def test_a_picture_that_was_cut_short_is_no_picture(fourcc: str, keep: int) -> None:
    raw = packed(*picture(1, (64, 48)), fourcc).reshape(-1)[:keep]
    assert unpacked(raw, fourcc, (64, 48)) is None


def test_bytes_behind_a_picture_are_passed_over() -> None:
    expected = picture(1, (64, 48))
    raw = np.concatenate([packed(*expected, "YU12").reshape(-1), np.full(500, 9, np.uint8)])
    planes = unpacked(raw, "YU12", (64, 48))
    assert planes is not None
    assert np.array_equal(planes[2], expected[2])


@pytest.mark.parametrize("size", [(0, 0), (64, 0), (1, 1)])
def test_a_size_that_is_none_is_no_picture(size: tuple[int, int]) -> None:
    assert unpacked(np.zeros(100, np.uint8), "GREY", size) is None


def test_an_unknown_format_is_an_error_that_says_what_is_wanted() -> None:
    with pytest.raises(SourceError, match=r"pictures come as 'H264'; one of YU12, NV12, YUYV, MJPG, GREY is wanted"):
        unpacked(np.zeros(100, np.uint8), "H264", (64, 48))


@pytest.mark.parametrize(
    ("formats", "taken"),
    [
        (("MJPG", "YUYV", "NV12"), "NV12"),
        (("GREY", "MJPG"), "MJPG"),
        (("MJPG", "YUYV"), "YUYV"),
        (("H264",), "BGR3"),
    ],
)
def test_the_cheapest_format_that_the_driver_has_is_taken(
    path: Path, device: v4l2.Device, clock: SystemClock, formats: tuple[str, ...], taken: str
) -> None:
    device.formats = formats
    frame = V4l2(device=str(path)).open("door", clock).read()
    assert device.fourcc == taken
    assert np.abs(frame.y.astype(int) - picture(1, (640, 360))[0]).mean() < 3


def test_size_and_rate_are_asked_for_and_pixels_left_as_they_are(
    path: Path, device: v4l2.Device, clock: SystemClock
) -> None:
    source = V4l2(device=str(path), width=800, height=600, fps=7).open("door", clock)
    asked = [cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS, cv2.CAP_PROP_CONVERT_RGB]
    assert [device.asked[key] for key in asked] == [800, 600, 7, 0]
    assert source.read().size == (640, 360), "the driver chose another size"
    assert device.opened == [str(path)]


def test_a_damaged_picture_now_and_then_is_passed_over_and_counted(device: v4l2.Device, source: V4l2Source) -> None:
    device.damaged = {2, 3, 6}
    frames = [source.read() for _ in range(4)]
    for frame, number in zip(frames, [1, 4, 5, 7], strict=True):
        assert np.array_equal(frame.y, picture(number, (640, 360))[0])
    assert source.corrupt == 3


def test_a_device_that_gives_nothing_but_damaged_pictures_has_failed(device: v4l2.Device, source: V4l2Source) -> None:
    device.damaged = set(range(100))
    with pytest.raises(SourceError, match="gives no picture"):
        source.read()


def test_a_device_that_is_unplugged_is_an_error(device: v4l2.Device, source: V4l2Source, path: Path) -> None:
    source.read()
    device.plugged.clear()
    with pytest.raises(SourceError, match=f"{path}: gives no picture"):
        source.read()


LOOKED = """
import os, sys, time
from pathlib import Path
from tapetum.capture import find
sys.modules["picamera2"] = None
find.first_camera(Path(sys.argv[1]))
print(os.environ.get("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"))
"""


def test_opencv_is_told_not_to_wait_for_ten_seconds(source: V4l2Source) -> None:
    assert os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] == "2"
    library = next(Path(cv2.__file__).parent.glob("cv2*.so"))
    assert b"OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT" in library.read_bytes(), "it still goes by this name"


def test_opencv_is_told_before_the_first_device_is_tried(path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if "V4L" not in name}
    command = [sys.executable, "-c", LOOKED, str(path.parent)]
    looked = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=30)
    assert looked.stdout == "2\n", "it is read once in a process"


def test_a_closed_device_is_free_for_others(
    device: v4l2.Device, source: V4l2Source, path: Path, clock: SystemClock
) -> None:
    with pytest.raises(SourceError, match="there is no camera, or something else uses it: end that, or name another"):
        V4l2(device=str(path)).open("door", clock)
    source.close()
    assert V4l2(device=str(path)).open("door", clock).read().seq == 1


def test_no_device_is_an_error_that_names_it(clock: SystemClock, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"video7: there is no such device: is it plugged in\?"):
        V4l2(device=str(tmp_path / "video7")).open("door", clock)


def test_a_file_that_is_no_device_is_an_error(clock: SystemClock, path: Path) -> None:
    with pytest.raises(SourceError, match="there is no camera"):
        V4l2(device=str(path)).open("door", clock)


def test_a_device_that_we_may_not_use_names_the_remedy(
    clock: SystemClock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # so that it holds for root too
    with pytest.raises(ConfigError, match="no permission; add this user to the group video: sudo usermod -aG video"):
        V4l2(device=str(path)).open("door", clock)


@pytest.mark.hardware
@pytest.mark.skipif(not Path("/dev/video0").exists(), reason="no camera")
def test_a_real_camera_gives_pictures(clock: SystemClock) -> None:
    source = V4l2().open("door", clock)
    frames = [source.read() for _ in range(10)]
    assert all(frame.y.shape == frames[0].y.shape for frame in frames)
    source.close()
