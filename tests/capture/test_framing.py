"""From planes to frames: the analysis luma, and that nothing is allocated that could be used again."""

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.capture import File, Picamera, Pipe, Source, V4l2
from tapetum.capture.framing import Framer, no_colour
from tapetum.capture.v4l2 import V4l2Source
from tapetum.clock import SystemClock
from tapetum.scene import Frame, Plane
from tests.simulators import clips, v4l2
from tests.simulators.picamera2 import Rig


def planes(width: int, height: int, seed: int = 1) -> tuple[Plane, Plane, Plane]:
    chance = np.random.default_rng(seed)
    half = -(-height // 2), -(-width // 2)
    return tuple(chance.integers(0, 256, shape, np.uint8) for shape in ((height, width), half, half))  # type: ignore[return-value]


@given(st.integers(2, 700), st.integers(2, 400), st.integers(64, 400))
def test_luma_is_the_mean_of_squares_of_a_whole_number_of_pixels(width: int, height: int, analysis: int) -> None:
    frame = Framer("door", analysis).frame(*planes(width, height), 1)
    rows, columns = frame.luma.shape
    factor = max(1, min(round(width / analysis), height))
    assert (rows, columns) == (height // factor, width // factor)
    squares = frame.y[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    assert np.abs(squares.mean(axis=(1, 3)) - frame.luma).max() <= 0.75, "rounded"


@pytest.mark.parametrize(("width", "height"), [(8192, 2), (2, 2), (2, 4000)])
def test_the_most_unlikely_sizes_have_a_luma_too(width: int, height: int) -> None:
    frame = Framer("door", 64).frame(*planes(width, height), 1)
    assert min(frame.luma.shape) >= 1


def test_padded_rows_are_taken_as_they_lie() -> None:
    padded = np.full((240, 400), 255, np.uint8)
    padded[:, :320] = 10
    _, u, v = planes(320, 240)
    frame = Framer("door", 160).frame(padded[:, :320], u, v, 1)
    assert np.shares_memory(frame.y, padded)
    assert (frame.luma == 10).all()


def test_a_lumas_memory_is_used_again_when_nobody_looks_at_it() -> None:
    framer = Framer("door", 160)
    addresses = {framer.frame(*planes(320, 240), number).luma.ctypes.data for number in range(20)}
    assert len(addresses) <= 2


def test_a_luma_that_somebody_looks_at_is_left_alone() -> None:
    framer = Framer("door", 160)
    kept = [framer.frame(*planes(320, 240, seed), seed) for seed in range(5)]
    views = [frame.luma[10:20, 30:40] for frame in kept]
    expected = [view.copy() for view in views]
    del kept
    for number in range(20):
        framer.frame(*planes(320, 240, 100 + number), number)
    assert all(np.array_equal(view, copy) for view, copy in zip(views, expected, strict=True))


def test_a_camera_that_changes_its_size_is_followed() -> None:
    framer = Framer("door", 160)
    shapes = [framer.frame(*planes(*size), 1).luma.shape for size in ((320, 240), (640, 480), (320, 240))]
    assert shapes == [(120, 160)] * 3


def test_the_colour_of_gray_is_always_the_same_memory_and_nobody_draws_into_it() -> None:
    assert no_colour(65, 49) is no_colour(65, 49)
    assert no_colour(65, 49).shape == (25, 33)
    with pytest.raises(ValueError, match="read-only"):
        no_colour(65, 49)[0, 0] = 1


V4L2 = ("YU12", "NV12", "YUYV", "GREY", "BGR3")


def video4linux(request: pytest.FixtureRequest, fourcc: str) -> V4l2Source:
    """A device that gives the same picture again and again, so that drawing it allocates nothing."""
    device: v4l2.Device = request.getfixturevalue("device")
    device.formats = (fourcc,)
    device.still = v4l2.packed(*v4l2.picture(1, device.size), fourcc)
    return V4l2(device="/dev/null").open("door", SystemClock())


@pytest.fixture(params=["file", "pipe", "gray pipe", "picamera", *V4L2])
def source(request: pytest.FixtureRequest, clock: SystemClock, tmp_path: Path) -> Iterator[Source]:
    if request.param in V4L2:
        settings: Callable[..., object] = lambda *_: video4linux(request, request.param)  # noqa: E731
    elif request.param == "picamera":
        rig: Rig = request.getfixturevalue("rig")
        settings = Picamera(width=640, height=480).open
        rig.still = True
    elif request.param == "file":
        clip = tmp_path / "clip.mkv"
        clips.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=640x480", "-frames:v", "40", "-c:v", "mjpeg", str(clip))
        settings = File(path=str(clip), pace="analysis", loop=True).open
    else:
        colour, size = ("mono", 640 * 480) if request.param == "gray pipe" else ("420", 640 * 480 * 3 // 2)
        picture = f"printf 'FRAME\\n'; head -c {size} /dev/zero"
        script = f"printf 'YUV4MPEG2 W640 H480 C{colour}\\n'; while :; do {picture}; done"
        settings = Pipe(command=["sh", "-c", script]).open
    source: Source = settings("door", clock)  # type: ignore[assignment]
    yield source
    source.close()


def steady(source: Source) -> tuple[float, int]:
    """Return the most that is allocated at once while pictures are taken, in lumas, and what is left of it, bytes."""
    last: list[Frame | None] = [source.read() for _ in range(4)]
    tracemalloc.start()
    try:
        for _ in range(60):
            last = [*last[1:], source.read()]
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for _ in range(20):
            last = [*last[1:], source.read()]
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (peak - before) / (last[-1].luma.size if last[-1] else 0), after - before


def test_in_the_steady_state_nothing_as_large_as_a_picture_is_allocated(source: Source) -> None:
    lumas, left = steady(source)
    assert lumas < 1 / 2, "not even the smallest plane"
    assert left < 10_000


def test_of_a_jpeg_no_more_than_the_decoder_s_own_picture_is_allocated(request: pytest.FixtureRequest) -> None:
    lumas, left = steady(video4linux(request, "MJPG"))
    assert lumas < 3.5 * 4, "blue, green and red; a luma of the analysis is a quarter of the picture's"
    assert left < 10_000
