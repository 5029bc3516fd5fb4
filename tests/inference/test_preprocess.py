"""The pixels that a model looks at."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tapetum.inference.contract import Input
from tapetum.inference.preprocess import Preprocessor, Quantizer, Resizer, crop, placed, table, whole
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


def weights(source: int, target: int, halvings: int, colour: bool) -> NDArray[np.float64]:
    """Return (target, source): how much of each pixel a row of another size shows.

    Means of pairs first; then a smaller row shows areas, where it is no colour, and any other what is between centres.
    """
    pairs = np.eye(source)
    for _ in range(halvings):
        source //= 2
        pairs = (pairs[: 2 * source : 2] + pairs[1 : 2 * source : 2]) / 2
    if target <= source and not colour:
        edges = np.arange(target + 1) * source / target
        cover = np.minimum(edges[1:, None], np.arange(1, source + 1)) - np.maximum(edges[:-1, None], np.arange(source))
        return cover.clip(0) * target / source @ pairs
    place = ((np.arange(target) + 0.5) * source / target - 0.5).clip(0, source - 1)
    return (1 - abs(place[:, None] - np.arange(source))).clip(0) @ pairs


def resized(plane: NDArray[np.uint8], size: tuple[int, int], colour: bool = False) -> NDArray[np.float64]:
    """Return `plane` at `size` (width, height), without any rounding."""
    sides = list(zip(plane.shape, size[::-1], strict=True))
    halvings = min(source // target for source, target in sides).bit_length() - 1
    rows, columns = (weights(source, target, max(0, halvings), colour) for source, target in sides)
    return rows @ plane.astype(np.float64) @ columns.T


def coloured(planes: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return RGB of Y, Cb, Cr (ITU-R BT.601), pixel by pixel, not rounded."""
    luma = (planes[0] - 16) * 255 / 219
    blue, red = ((plane - 128) * 255 / 224 for plane in planes[1:])
    rgb = [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue]
    return np.clip(np.stack(rgb, axis=-1), 0, 255)


def box_of(edges: tuple[float, ...]) -> Box:
    return Box(min(edges[::2]), min(edges[1::2]), max(edges[::2]), max(edges[1::2]))


BOXES = st.tuples(EDGES, EDGES, EDGES, EDGES).map(box_of)
SIZES = st.tuples(SIDES, SIDES)


@settings(max_examples=60, deadline=None)
@given(SIZES, SIZES, BOXES, st.integers(0, 99), st.booleans())
def test_each_plane_is_resized_within_one_level_of_the_slow_way(
    size: tuple[int, int], to: tuple[int, int], box: Box, seed: int, colour: bool
):
    """Up to four times smaller; each halving beyond rounds half a level more at most."""
    plane = noise(*size, seed).y
    part = plane[box.slices(plane)]
    resizer = Resizer()
    found = (resizer.resize_colour if colour else resizer.resize)(part, np.empty(to[::-1], np.uint8))
    far = min(source // target for source, target in zip(part.shape, to[::-1], strict=True)) >= 8
    assert np.abs(found - np.rint(resized(part, to, colour))).max() <= 1 + far


@settings(max_examples=60, deadline=None)
@given(SIZES, SIZES, BOXES, st.integers(0, 99))
def test_the_colours_of_a_crop_are_within_one_level_of_those_of_its_resized_planes(
    size: tuple[int, int], to: tuple[int, int], box: Box, seed: int
):
    frame = noise(*size, seed)
    resizer = Resizer()
    makers = resizer.resize, resizer.resize_colour, resizer.resize_colour
    ways = zip(makers, (frame.y, frame.u, frame.v), strict=True)
    planes = [way(plane[box.slices(plane)], np.empty(to[::-1], np.uint8)) for way, plane in ways]
    expected = coloured([plane.astype(np.float64) for plane in planes])
    assert np.abs(crop(frame, box, to) - expected).max() <= 1


def test_a_crop_is_within_one_level_of_the_slow_way_on_the_whole():
    """A plane's roundings count up to twice in a colour, so a single pixel may be three levels off, and few are."""
    frame = noise(120, 90, 3)
    found = crop(frame, Box(0, 0, 1, 1), (48, 40))
    expected = coloured([resized(plane, (48, 40), plane is not frame.y) for plane in (frame.y, frame.u, frame.v)])
    assert np.abs(found - expected).mean() < 0.5
    assert np.abs(found - expected).max() <= 3.1


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


# --- letterboxing


INPUTS = st.builds(Input, width=SIDES, height=SIDES, fit=st.sampled_from(["stretch", "letterbox"]))
FRACTIONS = st.floats(0, 1)


@settings(max_examples=60, deadline=None)
@given(INPUTS, SIDES, SIDES, BOXES, FRACTIONS, FRACTIONS)
def test_a_point_of_the_input_comes_back_to_where_it_was_taken_from(
    picture: Input, width: int, height: int, box: Box, x: float, y: float
):
    """By the definition: from the input's pixel, less what is beside the picture, by the scale, to the cut's pixel."""
    rows, columns = box.slices(np.empty((height, width)))
    cut = Box.of_pixels(columns.start, rows.start, columns.stop, rows.stop, (height, width))
    left, top, across, down = placed(columns.stop - columns.start, rows.stop - rows.start, picture)
    shown = whole(cut, (left, top, across, down), picture)
    column = columns.start + (x * picture.width - left) * (columns.stop - columns.start) / across
    row = rows.start + (y * picture.height - top) * (rows.stop - rows.start) / down
    assert (shown.left + x * shown.width) * width == pytest.approx(column, abs=1e-6)
    assert (shown.top + y * shown.height) * height == pytest.approx(row, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES)
def test_a_letterboxed_picture_keeps_its_shape_and_fills_the_input_one_way(
    width: int, height: int, to_width: int, to_height: int
):
    picture = Input(width=to_width, height=to_height, fit="letterbox")
    left, top, across, down = placed(width, height, picture)
    assert across == to_width or down == to_height
    scale = min(to_width / width, to_height / height)
    assert abs(across - max(1, width * scale)) <= 0.5 + 1e-9
    assert abs(down - max(1, height * scale)) <= 0.5 + 1e-9
    assert abs(to_width - across - 2 * left) <= 1
    assert abs(to_height - down - 2 * top) <= 1


def square(width: int, height: int) -> tuple[Frame, Box]:
    """Return a black frame with one white rectangle, and where that is."""
    y = np.full((height, width), 16, np.uint8)
    y[height // 4 : height // 2, width // 2 : width // 4 * 3] = 235
    half = [np.full((height // 2, width // 2), 128, np.uint8) for _ in range(2)]
    return frame_of(y, *half), Box(0.5, 0.25, 0.75, 0.5)


@pytest.mark.parametrize("size", [(320, 240), (240, 320), (640, 120), (96, 96)])
@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
@pytest.mark.parametrize("box", [Box(0, 0, 1, 1), Box(0.4, 0.1, 0.9, 0.6), Box(0.7, 0.2, 1.2, 0.3)], ids=str)
def test_what_is_seen_in_the_input_is_where_it_is_in_the_frame(size: tuple[int, int], fit: str, box: Box):
    """The white rectangle, found in the input's pixels, comes back to within two of those."""
    frame, thing = square(*size)
    picture = msgspec.convert({"width": 96, "height": 96, "fit": fit, "pad": 0}, Input)
    pixels, shown = Preprocessor(picture).crop(frame, box)
    rows, columns = (np.flatnonzero((pixels[:, :, 0] > 127).any(axis=axis)) for axis in (1, 0))
    seen = Box(columns[0] / 96, rows[0] / 96, (columns[-1] + 1) / 96, (rows[-1] + 1) / 96)
    found = [shown.left + x * shown.width for x in (seen.left, seen.right)]
    found += [shown.top + y * shown.height for y in (seen.top, seen.bottom)]
    across, down = 2 * shown.width / 96 + 1 / size[0], 2 * shown.height / 96 + 1 / size[1]
    assert found[:2] == pytest.approx([max(thing.left, box.left), min(thing.right, box.right)], abs=across)
    assert found[2:] == pytest.approx([max(thing.top, box.top), min(thing.bottom, box.bottom)], abs=down)


def test_beside_a_letterboxed_picture_all_is_gray_whatever_was_there_before():
    picture = Input(width=60, height=60, fit="letterbox", pad=114)
    maker = Preprocessor(picture)
    for box in (Box(0, 0, 1, 1), Box(0, 0, 0.2, 1), Box(0, 0, 1, 0.2)):
        pixels, _ = maker.crop(even(126, 128, 128), box)
        left, top, width, height = placed(round(box.width * 60), round(box.height * 40), picture)
        inside = np.zeros((60, 60), bool)
        inside[top : top + height, left : left + width] = True
        assert (pixels[~inside] == 114).all()
        assert (pixels[inside] == 128).all()
        del pixels


# --- buffers, gray, pictures


def test_a_picture_that_is_held_is_not_written_again_and_one_let_go_is():
    maker = Preprocessor(Input(width=30, height=20))
    frames = [noise(60, 40, seed) for seed in range(3)]
    held, _ = maker.crop(frames[0], Box(0, 0, 1, 1))
    before = held.copy()
    place = maker.crop(frames[1], Box(0, 0, 1, 1))[0].ctypes.data
    assert maker.crop(frames[2], Box(0, 0, 1, 1))[0].ctypes.data == place
    assert (held == before).all()


@settings(max_examples=60, deadline=None)
@given(SIZES, SIZES, BOXES, st.integers(0, 99))
def test_a_preprocessor_used_again_makes_the_same_crop_as_a_new_one(
    size: tuple[int, int], to: tuple[int, int], box: Box, seed: int
):
    picture = Input(width=to[0], height=to[1], fit="letterbox")
    maker = Preprocessor(picture)
    maker.crop(noise(77, 55, seed), Box(0.1, 0, 0.8, 0.3))
    frame = noise(*size, seed)
    assert (maker.crop(frame, box)[0] == Preprocessor(picture).crop(frame, box)[0]).all()


@pytest.mark.parametrize(("y", "gray"), [(16, 0), (235, 255), (126, 128), (0, 0), (255, 255)])
def test_a_gray_model_gets_brightness_alone(y: int, gray: int):
    pixels, _ = Preprocessor(Input(width=8, height=6, channels=1)).crop(even(y, 30, 220), Box(0, 0, 1, 1))
    assert (pixels.shape, pixels.dtype) == ((6, 8, 1), np.uint8)
    assert (pixels == gray).all()


@settings(max_examples=60, deadline=None)
@given(SIZES, SIZES, st.integers(0, 99))
def test_a_picture_is_resized_like_a_plane(size: tuple[int, int], to: tuple[int, int], seed: int):
    picture = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    found, shown = Preprocessor(Input(width=to[0], height=to[1])).picture(picture)
    expected = np.stack([resized(picture[:, :, channel], to) for channel in range(3)], axis=-1)
    assert np.abs(found - np.rint(expected)).max() <= 2
    assert shown == Box(0, 0, 1, 1)


def test_a_gray_model_gets_the_brightness_of_a_picture():
    maker = Preprocessor(Input(width=4, height=4, channels=1))
    assert (maker.picture(np.full((9, 9, 3), (255, 0, 0), np.uint8))[0] == 76).all()
    assert (maker.picture(np.full((9, 9), 76, np.uint8))[0] == 76).all()


# --- what the tensor holds


QUANTIZED = st.builds(
    Input,
    width=st.just(7),
    height=st.just(5),
    channels=st.sampled_from([1, 3]),
    dtype=st.sampled_from(["uint8", "int8", "float32"]),
    scale=st.sampled_from([1 / 255, 1 / 128, 0.0078125, 0.02, 1.0, 0.003921569]),
    zero_point=st.integers(-128, 127),
    mean=st.sampled_from([(0.0, 0.0, 0.0), (127.5, 127.5, 127.5), (128.0, 128.0, 128.0), (123.7, 116.3, 103.5)]),
    std=st.sampled_from([(1.0, 1.0, 1.0), (255.0, 255.0, 255.0), (127.5, 127.5, 127.5), (58.4, 57.1, 57.4)]),
)


@settings(max_examples=60, deadline=None)
@given(QUANTIZED, st.integers(0, 99))
def test_a_tensor_holds_what_the_contract_says_of_every_level(picture: Input, seed: int):
    pixels = np.random.default_rng(seed).integers(0, 256, picture.shape, np.uint8)
    channels = picture.channels
    real = (pixels.astype(np.float64) - picture.mean[:channels]) / picture.std[:channels]
    tensor = np.empty(picture.shape, picture.dtype)
    Quantizer(picture).into(pixels, tensor)
    if picture.dtype == "float32":
        assert np.allclose(tensor, real, rtol=1e-6, atol=1e-6)
    else:
        bounds = np.iinfo(picture.dtype)
        stored = np.rint(real / picture.scale + picture.zero_point).clip(bounds.min, bounds.max)
        assert (tensor == stored).all()


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "mean", "std", "shift"),
    [
        ("uint8", 1 / 128, 128, 128.0, 128.0, 0),
        ("int8", 1 / 255, -128, 0.0, 255.0, 128),
        ("int8", 1 / 127.5, 0, 128.0, 127.5, 128),
    ],
)
def test_pixels_that_are_stored_as_they_are_only_have_a_bit_turned(
    dtype: str, scale: float, zero_point: int, mean: float, std: float, shift: int
):
    values = {"width": 16, "height": 16, "channels": 1, "dtype": dtype, "scale": scale, "zero_point": zero_point}
    picture = msgspec.convert(values | {"mean": [mean] * 3, "std": [std] * 3}, Input)
    assert (table(picture)[:, 0] == np.arange(256) - shift).all()
    assert Quantizer(picture)._flip == shift
