"""The picture of what started an alert."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.alerts.snapshot import jpeg
from tapetum.scene import Box, Frame


def frame(width, height, y=126, u=128, v=128):
    def plane(rows, columns, value):
        return np.full((rows, columns), value, np.uint8)

    half = (height + 1) // 2, (width + 1) // 2
    return Frame("hall", 1, 0, plane(height, width, y), plane(*half, u), plane(*half, v), plane(8, 8, y))


def decoded(data):
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture


EDGE = st.floats(-0.2, 1.2)
SIDE = st.integers(1, 200)


@given(width=SIDE, height=SIDE, edges=st.tuples(EDGE, EDGE, EDGE, EDGE))
def test_whatever_the_box_there_is_a_picture(width, height, edges):
    left, right = sorted(edges[:2])
    top, bottom = sorted(edges[2:])
    assert decoded(jpeg(frame(width, height), Box(left, top, right, bottom))).size


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (4608, 2592), (640, 480), (5000, 20)])
def test_it_has_at_most_640_pixels_a_side(size):
    height, width = decoded(jpeg(frame(*size), Box(0, 0, 1, 1))).shape[:2]
    assert max(width, height) <= 640
    assert max(width, height) >= min(638, max(size))


def test_it_shows_the_box_with_half_its_size_around_it_in_its_proportions():
    picture = decoded(jpeg(frame(1000, 500), Box(0.4, 0.4, 0.6, 0.6)))
    assert picture.shape[:2] == (200, 400)


@pytest.mark.parametrize(
    ("yuv", "bgr"),
    [  # ITU-R BT.601, limited range, as cameras and decoders give it
        ((16, 128, 128), (0, 0, 0)),
        ((235, 128, 128), (255, 255, 255)),
        ((126, 128, 128), (128, 128, 128)),
        ((81, 90, 240), (0, 0, 254)),
        ((145, 54, 34), (0, 255, 0)),
        ((41, 240, 110), (255, 0, 0)),
    ],
    ids=["black", "white", "grey", "red", "green", "blue"],
)
def test_its_colours_are_those_of_the_picture(yuv, bgr):
    shown = decoded(jpeg(frame(320, 240, *yuv), Box(0.3, 0.3, 0.7, 0.7)))
    assert np.abs(shown.reshape(-1, 3).mean(axis=0) - bgr).max() <= 4


def test_it_shows_what_is_in_the_box():
    dark = frame(400, 400, y=40)
    dark.y[:, 200:] = 200
    picture = decoded(jpeg(dark, Box(0.4, 0.4, 0.6, 0.6)))
    assert picture[:, :60].mean() < 50
    assert picture[:, -60:].mean() > 180


def test_it_is_small_enough_for_a_broker():
    noise = np.random.default_rng(1)
    one = frame(1920, 1080)
    for plane in (one.y, one.u, one.v):
        plane[:] = noise.integers(16, 235, plane.shape)
    assert len(jpeg(one, Box(0, 0, 1, 1))) < 400_000
