"""Colours come back as they were filmed, whatever range and matrix a camera or an encoder chose."""

import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tapetum.alerts.snapshot import jpeg
from tapetum.capture import AnySource, File, Picamera, Pipe
from tapetum.clock import SystemClock
from tapetum.drawing import Film, annotated
from tapetum.inference.contract import Input
from tapetum.inference.preprocess import Preprocessor
from tapetum.pipeline import Result
from tapetum.scene import Box, Colour, Frame, Motion
from tests.simulators import picamera2
from tests.simulators.picamera2 import Rig

Rgb = NDArray[np.uint8]
WHOLE = Box(0, 0, 1, 1)
COLUMNS = 8
RAMPS = ((1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1))  # gray, red, green, blue
SMALL, HD = (320, 180), (1280, 720)
SAYS_FULL, SAYS_LIMITED = ("-color_range", "pc"), ("-color_range", "tv")
SAYS_709, SAYS_601 = ("-colorspace", "bt709"), ("-colorspace", "smpte170m")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "4")
MJPEG = ("-c:v", "mjpeg", "-q:v", "1")


def ramps() -> Rgb:
    """(4, 8, 3): from black to each colour, RGB."""
    return np.array([[np.array(ramp) * level for level in np.linspace(0, 255, COLUMNS)] for ramp in RAMPS], np.uint8)


def scene(size: tuple[int, int]) -> Rgb:
    rows, columns = (np.arange(side) * count // side for side, count in ((size[1], 4), (size[0], COLUMNS)))
    return np.ascontiguousarray(ramps()[rows][:, columns])


def fields(picture: Rgb) -> NDArray[np.float64]:
    """Return (4, 8, channels): the middle of each field."""
    rows, columns = picture.shape[0] / 4, picture.shape[1] / COLUMNS
    middles = [
        [picture[int((y + 0.3) * rows) : int((y + 0.7) * rows), int((x + 0.3) * columns) : int((x + 0.7) * columns)]
         for x in range(COLUMNS)]
        for y in range(4)
    ]  # fmt: skip
    return np.array([[middle.reshape(-1, *picture.shape[2:]).mean(axis=0) for middle in row] for row in middles])


def filmed(size: tuple[int, int], matrix: str, full: bool, *encoder: str) -> list[str]:
    """The command that films the ramps with this matrix and range; what the file says of it stands in `encoder`."""
    convert = f"scale=out_color_matrix={matrix}:out_range={'full' if full else 'limited'}"
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-i", "-"]
    return ["ffmpeg", "-v", "error", "-y", *source, "-vf", convert, *encoder]


def clip(path: Path, size: tuple[int, int], matrix: str, full: bool, *encoder: str) -> Path:
    command = [*filmed(size, matrix, full, *encoder), str(path)]
    subprocess.run(command, input=3 * scene(size).tobytes(), check=True, timeout=60)
    return path


def first(source: AnySource) -> Frame:
    opened = source.open("camera", SystemClock())
    try:
        frame = opened.read()
        assert frame is not None
        return frame
    finally:
        opened.close()


def shown(frame: Frame) -> Rgb:
    return Preprocessor(Input(width=frame.size[0], height=frame.size[1])).crop(frame, WHOLE)[0]


def off(found: NDArray[np.float64], expected: NDArray[np.generic]) -> float:
    """How far the two are from each other, levels."""
    return float(np.abs(found - expected).max())


KINDS = {
    "says nothing, small": (SMALL, "bt601", False, ".mkv", (*H264, "-pix_fmt", "yuv420p")),
    "says nothing, HD": (HD, "bt709", False, ".mkv", (*H264, "-pix_fmt", "yuv420p")),
    "BT.709, small": (SMALL, "bt709", False, ".mp4", (*H264, "-pix_fmt", "yuv420p", *SAYS_LIMITED, *SAYS_709)),
    "BT.601, HD": (HD, "bt601", False, ".mp4", (*H264, "-pix_fmt", "yuv420p", *SAYS_LIMITED, *SAYS_601)),
    "full BT.601": (SMALL, "bt601", True, ".mp4", (*H264, "-pix_fmt", "yuvj420p", *SAYS_FULL, *SAYS_601)),
    "full BT.709": (HD, "bt709", True, ".mp4", (*H264, "-pix_fmt", "yuvj420p", *SAYS_FULL, *SAYS_709)),
    "full, says no matrix": (SMALL, "bt601", True, ".mp4", (*H264, "-pix_fmt", "yuvj420p", *SAYS_FULL)),
    "4:2:2": (SMALL, "bt601", False, ".mkv", (*H264, "-pix_fmt", "yuv422p")),
    "full 4:2:2": (SMALL, "bt709", True, ".mp4", (*H264, "-pix_fmt", "yuvj422p", *SAYS_FULL, *SAYS_709)),
    "full, 10 bits": (SMALL, "bt709", True, ".mp4", (*H264, "-pix_fmt", "yuv420p10le", *SAYS_FULL, *SAYS_709)),
    "JPEG 4:2:0": (HD, "bt601", True, ".avi", (*MJPEG, "-pix_fmt", "yuvj420p")),
    "JPEG 4:2:2": (SMALL, "bt601", True, ".avi", (*MJPEG, "-pix_fmt", "yuvj422p")),
}


@pytest.fixture(scope="module", params=KINDS)
def frame(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Frame:
    size, matrix, full, suffix, encoder = KINDS[request.param]
    path = clip(tmp_path_factory.mktemp("colours") / f"clip{suffix}", size, matrix, full, *encoder)
    return first(File(path=str(path)))


def test_a_model_sees_the_colours_that_were_filmed(frame: Frame) -> None:
    assert off(fields(shown(frame)), ramps()) <= 6


def test_a_model_for_gray_sees_the_brightness_that_was_filmed(frame: Frame) -> None:
    gray = Preprocessor(Input(width=frame.size[0], height=frame.size[1], channels=1)).crop(frame, WHOLE)[0]
    assert off(fields(gray)[0], ramps()[0, :, :1]) <= 4


def test_the_picture_of_an_alert_has_the_colours_that_were_filmed(frame: Frame) -> None:
    picture = cv2.imdecode(np.frombuffer(jpeg(frame, WHOLE), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert off(fields(np.asarray(picture, np.uint8)), ramps()) <= 8


def test_what_is_drawn_into_has_the_colours_that_were_filmed(frame: Frame) -> None:
    nothing = Result(Motion(np.zeros((1, 1), np.uint8), ()), (), {}, [])
    assert off(fields(annotated(frame, nothing)[:, :, ::-1]), ramps()) <= 6


def test_a_film_that_was_saved_has_them_too(tmp_path: Path) -> None:
    source = clip(tmp_path / "clip.mkv", HD, "bt709", False, *H264, "-pix_fmt", "yuv420p")
    nothing = Result(Motion(np.zeros((1, 1), np.uint8), ()), (), {}, [])
    with Film(tmp_path / "saved.mp4", source) as film:
        film.add(first(File(path=str(source))), nothing)
    assert off(fields(shown(first(File(path=str(tmp_path / "saved.mp4"))))), ramps()) <= 10


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize(("size", "matrix"), [(SMALL, "bt601"), (HD, "bt709")])
def test_what_a_command_writes_has_the_colours_that_were_filmed(
    tmp_path: Path, size: tuple[int, int], matrix: str, full: bool
) -> None:
    picture = tmp_path / "picture"
    picture.write_bytes(scene(size).tobytes())
    said = SAYS_FULL if full else SAYS_LIMITED
    output = ["-pix_fmt", "yuv420p", *said, "-f", "yuv4mpegpipe", "-strict", "-1", "-"]
    command = [str(picture) if word == "-" else word for word in filmed(size, matrix, full)] + output
    assert off(fields(shown(first(Pipe(command=command)))), ramps()) <= 6


@pytest.mark.parametrize(
    ("space", "size", "colour"),
    [
        (None, (640, 480), Colour()),
        (None, (1280, 720), Colour(matrix="bt709")),
        (picamera2.SYCC, (1280, 720), Colour(full=True)),
        (picamera2.SMPTE170M, (1280, 720), Colour()),
    ],
)
def test_a_pi_camera_is_taken_at_its_word(
    rig: Rig, space: picamera2.ColourSpace | None, size: tuple[int, int], colour: Colour
) -> None:
    rig.colour_space = space
    assert first(Picamera(width=size[0], height=size[1])).colour == colour
