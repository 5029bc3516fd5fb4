"""The pixels that a model looks at."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tapetum.inference.preprocess import crop
from tapetum.scene import Box, Frame

EDGES = st.floats(-0.2, 1.2)
SIDES = st.integers(8, 120)


def frame_of(y: NDArray[np.uint8], u: NDArray[np.uint8], v: NDArray[np.uint8]) -> Frame:
    return Frame("camera", 1, 0, y, u, v, y)


def noise(width: int, height: int, seed: int) -> Frame:
    """Return any picture, values outside the limited range too, its rows padded as a decoder's are."""
    random = np.random.default_rng(seed)
    half = -(-height // 2), -(-width // 2)
    planes = [random.integers(0, 256, (rows, columns + 5), np.uint8) for rows, columns in ((height, width), half, half)]
    return frame_of(planes[0][:, :width], planes[1][:, : half[1]], planes[2][:, : half[1]])


def even(y: int, u: int, v: int) -> Frame:
    return frame_of(
        *(np.full(shape, value, np.uint8) for shape, value in (((40, 60), y), ((20, 30), u), ((20, 30), v)))
    )


def slow(frame: Frame, box: Box, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return the same crop the obvious way: cut the planes, resize them, convert pixel by pixel (ITU-R BT.601)."""
    planes = []
    for plane in (frame.y, frame.u, frame.v):
        part = np.ascontiguousarray(plane[box.slices(plane)])
        shrinks = part.shape[1] >= size[0] and part.shape[0] >= size[1]
        way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        planes.append(cv2.resize(part, size, interpolation=way).astype(np.float64))
    luma = (planes[0] - 16) * 255 / 219
    blue, red = ((plane - 128) * 255 / 224 for plane in planes[1:])
    rgb = [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue]
    return np.clip(np.stack(rgb, axis=-1), 0, 255)


@settings(max_examples=60)
@given(SIDES, SIDES, SIDES, SIDES, st.tuples(EDGES, EDGES, EDGES, EDGES), st.integers(0, 99))
def test_a_crop_is_within_one_level_of_the_slow_way(
    width: int, height: int, to_width: int, to_height: int, edges: tuple[float, ...], seed: int
):
    box = Box(min(edges[::2]), min(edges[1::2]), max(edges[::2]), max(edges[1::2]))
    frame, size = noise(width, height, seed), (to_width, to_height)
    assert np.abs(crop(frame, box, size) - slow(frame, box, size)).max() <= 1


@pytest.mark.parametrize(
    ("yuv", "rgb"),
    [
        ((16, 128, 128), (0, 0, 0)),
        ((235, 128, 128), (255, 255, 255)),
        ((126, 128, 128), (128, 128, 128)),
        ((81, 90, 240), (255, 0, 0)),
        ((145, 54, 34), (0, 255, 0)),
        ((41, 240, 110), (0, 0, 255)),
        ((0, 128, 128), (0, 0, 0)),
        ((255, 128, 128), (255, 255, 255)),
    ],
    ids=["black", "white", "gray", "red", "green", "blue", "blacker", "whiter"],
)
def test_colours_are_those_of_bt_601_limited_range(yuv: tuple[int, int, int], rgb: tuple[int, int, int]):
    found = crop(even(*yuv), Box(0, 0, 1, 1), (8, 8)).reshape(-1, 3)
    assert np.abs(found - np.array(rgb, np.int16)).max() <= 1


def test_a_crop_has_the_size_that_is_wanted():
    found = crop(noise(60, 40, 1), Box(0.2, 0.2, 0.7, 0.9), (30, 20))
    assert (found.shape, found.dtype) == ((20, 30, 3), np.uint8)


def test_a_crop_shows_what_is_in_its_box_and_nothing_else():
    y = np.full((40, 60), 16, np.uint8)
    y[10:20, 30:45] = 235
    frame = frame_of(y, *(np.full((20, 30), 128, np.uint8) for _ in range(2)))
    assert (crop(frame, Box(0.5, 0.25, 0.75, 0.5), (15, 10)) == 255).all()
    assert (crop(frame, Box(0, 0, 0.5, 1), (15, 10)) == 0).all()


def test_a_crop_of_planes_that_may_not_be_written_is_one_that_may():
    frame = noise(60, 40, 1)
    for plane in (frame.y, frame.u, frame.v):
        plane.flags.writeable = False
    crop(frame, Box(0, 0, 1, 1), (30, 20))[:] = 0
