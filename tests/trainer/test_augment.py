"""An example shows things where its boxes say they are, says what is not known, and is the same for the same seed."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapetum_trainer.augment import Augmentation, Augmenter, Colour, Conditions, Geometry, sheet
from tapetum_trainer.augment.colour import matrix, table
from tapetum_trainer.augment.conditions import _ORDER, suffered, visible
from tapetum_trainer.augment.geometry import Chooser
from tests.trainer.pictures import LABELS, Painted, colour

PICTURES = Painted()
PLAIN = Augmentation(side=128, colour=None, conditions=None)
NONE = {name: 0.0 for name, _ in _ORDER}


def augmenter(pictures=PICTURES, colour=None, conditions=None, **geometry):
    return Augmenter(
        pictures, Augmentation(side=128, geometry=Geometry(**geometry), colour=colour, conditions=conditions)
    )


def same(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in one.__slots__)


def test_an_example_is_the_same_whoever_asks_in_any_order():
    first = Augmenter(PICTURES, Augmentation(side=64))
    forward = [first.example(index, 3) for index in range(12)]
    other = Augmenter(PICTURES, Augmentation(side=64))
    backward = [other.example(index, 3) for index in reversed(range(12))][::-1]
    assert all(map(same, forward, backward))


@pytest.mark.parametrize("change", ["seed", "epoch", "index"])
def test_another_seed_epoch_or_picture_is_another_example(change):
    given = {"seed": 1, "epoch": 1, "index": 1}
    examples = []
    for numbers in (given, given | {change: 2}):
        made = Augmenter(PICTURES, Augmentation(side=64, seed=numbers["seed"]))
        examples.append(made.example(numbers["index"], numbers["epoch"]))
    assert not same(*examples)


@settings(deadline=None, max_examples=60)
@given(index=st.integers(0, 11), epoch=st.integers(0, 10_000))
def test_every_example_keeps_its_promises(index, epoch):
    found = Augmenter(PICTURES, Augmentation(side=96)).example(index, epoch)
    count = len(found.classes)
    assert (found.pixels.shape, found.pixels.dtype) == ((96, 96, 3), np.uint8)
    assert (found.boxes.shape, found.boxes.dtype) == ((count, 4), np.float32)
    assert (found.classes.dtype, found.ignored.dtype, found.ignored.shape) == (np.int32, np.bool_, (count,))
    assert (found.boxes >= 0).all()
    assert (found.boxes <= 1).all()
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
    assert found.known.shape == (len(found.areas), len(LABELS))
    assert areas(found.areas).sum() == pytest.approx(1, abs=1e-5), "the areas are all of the example"
    assert len(found.areas) in (1, 4, 9)


def areas(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


@settings(deadline=None, max_examples=100)
@given(index=st.integers(0, 11), epoch=st.integers(0, 10_000), mosaic=st.booleans())
def test_a_box_is_where_its_thing_is_to_the_pixel(index, epoch, mosaic):
    pictures = Painted(things=1)
    found = augmenter(pictures, mosaic=float(mosaic)).example(index, epoch)
    for box in found.boxes[~found.ignored]:
        left, top, right, bottom = box * 128
        area = next(area for area in found.areas * 128 if inside(area, (left + right) / 2, (top + bottom) / 2))
        columns, rows = slice(round(area[0]), round(area[2])), slice(round(area[1]), round(area[3]))
        shown = found.pixels[rows, columns].astype(int)
        painted = (shown[:, :, 0] > 67) & (shown[:, :, 2] < 30)
        y, x = np.nonzero(painted)
        edges = x.min() + columns.start, y.min() + rows.start, x.max() + 1 + columns.start, y.max() + 1 + rows.start
        assert np.abs(np.array(edges) - (left, top, right, bottom)).max() <= 1.6


def inside(area, x, y):
    return area[0] <= x <= area[2] and area[1] <= y <= area[3]


def test_the_knowledge_of_each_part_of_a_mosaic_is_that_of_its_picture():
    pictures = Painted(count=4, things=1, shape=(60, 60))
    for index in range(4):
        pictures._pictures[index] = np.full((60, 60, 3), colour(index), np.uint8)
    for epoch in range(20):
        found = augmenter(pictures, mosaic=1.0, scale=(1.0, 3.0)).example(0, epoch)
        for area, known in zip(found.areas * 128, found.known, strict=True):
            middle = found.pixels[int(area[1] + area[3]) // 2, int(area[0] + area[2]) // 2]
            shown = next(index for index in range(4) if np.abs(middle.astype(int) - colour(index)).max() < 10)
            assert np.array_equal(known, pictures.known(shown))


def test_the_picture_that_was_asked_for_is_in_its_mosaic():
    pictures = Painted(count=12, things=1)
    for epoch in range(10):
        found = augmenter(pictures, mosaic=1.0, nine=0.0, scale=(1.0, 1.0)).example(7, epoch)
        assert shown(found).any()


def test_in_a_mosaic_the_picture_that_was_asked_for_comes_anywhere():
    made = augmenter(Painted(count=12, things=1), mosaic=1.0, nine=0.0, scale=(1.0, 1.0))
    places = [np.argwhere(shown(made.example(7, epoch))).mean(axis=0) > 64 for epoch in range(24)]
    assert len({tuple(place) for place in places}) == 4


def shown(example, index=7):
    return np.abs(example.pixels.astype(int) - colour(index)).max(axis=2) < 6


@pytest.mark.parametrize(
    ("left", "there", "ignored"),
    [(1.0, True, False), (0.41, True, False), (0.39, True, True), (0.11, True, True), (0.09, False, True)],
)
def test_what_is_left_of_a_thing_decides_whether_it_is_wanted_ignored_or_gone(left, there, ignored):
    chooser = Chooser(Geometry(), (128, 128))
    box = np.array([[0.1, 0.1, 0.5, 0.5]], np.float32)
    found = chooser.judged(box, np.array([left], np.float32), np.array([False]))
    assert [flags.tolist() for flags in found] == [[there], [ignored]]


def test_a_thing_of_less_than_a_few_pixels_is_ignored_and_what_was_ignored_stays_it():
    boxes = np.array([[0.5, 0.5, 0.515, 0.515], [0.1, 0.1, 0.9, 0.9], [0.1, 0.1, 0.9, 0.9]], np.float32)
    _, ignored = Chooser(Geometry(), (128, 128)).judged(boxes, np.ones(3, np.float32), np.array([False, True, False]))
    assert ignored.tolist() == [True, True, False]


def test_what_a_window_cuts_off_is_counted_by_area():
    pictures = Painted(count=1, things=1)
    made = augmenter(pictures, mosaic=0.0, balance=0.0, kept=0.0, dropped=0.0, smallest=0.0)
    whole = areas(pictures.boxes(0))[0]
    for epoch in range(50):
        random = np.random.default_rng((0, epoch))
        cut = made._chooser.cut((120, 160), pictures.boxes(0), (0, 0, 128, 128), random)
        boxes, left = cut.boxes(pictures.boxes(0), (120, 160), (128, 128))
        window = np.array(cut.window) / (160, 120, 160, 120)
        corners = pictures.boxes(0)[0]
        shared = np.minimum(corners[2:], window[2:]) - np.maximum(corners[:2], window[:2])
        assert left[0] == pytest.approx(np.prod(shared.clip(0)) / whole, abs=1e-4)
        assert boxes.shape == (1, 4)


def test_balance_makes_small_things_large_and_large_things_small():
    pictures = Painted(count=12, things=1)

    def octaves(balance, least):
        made = augmenter(pictures, mosaic=0.0, balance=balance, scale=(least, 8.0), sizes=(0.05, 0.8))
        sizes = [math.sqrt(area) for epoch in range(30) for index in range(12)
                 for found in [made.example(index, epoch)] for area in areas(found.boxes[~found.ignored])]  # fmt: skip
        return np.histogram(sizes, bins=(0.05, 0.1, 0.2, 0.4, 0.8))[0] / len(sizes)

    assert octaves(1.0, 0.1).min() > 0.15
    assert octaves(0.0, 0.75).min() < 0.1


def test_half_of_the_examples_are_mirrored():
    pictures = Painted(count=1, things=1)
    made = augmenter(pictures, mosaic=0.0, balance=0.0, scale=(1.0, 1.0), aspect=1.0)
    middles = [made.example(0, epoch).boxes[0, [0, 2]].mean() for epoch in range(60)]
    original = pictures.boxes(0)[0, [0, 2]].mean()
    there = np.isclose(middles, original, atol=0.02)
    assert 15 < there.sum() < 45
    assert np.allclose(np.array(middles)[~there], 1 - original, atol=0.02)


def test_without_variation_an_example_is_the_picture_as_the_device_would_show_it():
    made = augmenter(mosaic=0.0, balance=0.0, scale=(1.0, 1.0), aspect=1.0, flip=0.0)
    from tapetum.inference.preprocess import resize

    wanted = resize(PICTURES.picture(3), np.empty((128, 128, 3), np.uint8))
    found = made.example(3, 0)
    assert np.array_equal(found.pixels, wanted)
    assert np.allclose(found.boxes, PICTURES.boxes(3), atol=1e-5)


# Colour


def test_a_matrix_of_no_change_is_none_and_gray_stays_gray_whatever_it_is():
    assert np.allclose(matrix(1, 0), np.eye(3), atol=1e-6)
    for saturation, turn in ((0.3, 0.5), (1.7, -2), (0, 1)):
        assert np.allclose(matrix(saturation, turn) @ (90, 90, 90), 90, atol=1e-3)


def test_no_saturation_is_the_luma_and_a_third_of_a_turn_makes_red_green():
    assert np.allclose(matrix(0, 0) @ (255, 0, 0), 0.299 * 255, atol=1e-2)
    assert np.allclose(matrix(1, 2 * math.pi / 3) @ (1, 0, 0), (0, 1, 0), atol=1e-5)


def test_a_table_of_no_change_is_every_level_and_lift_contrast_and_gamma_do_what_they_say():
    assert np.array_equal(table(0, 1, 1), np.arange(256))
    assert table(0.1, 1, 1)[100] == round(100 + 25.5)
    assert table(0, 0.5, 1)[[0, 255]].tolist() == [64, 191]
    assert table(0, 1, 2)[128] == round(255 * (128 / 255) ** 2)


def test_colours_vary_and_nothing_moves():
    kwargs = {"mosaic": 0.0, "balance": 0.0}
    varied, plain = (augmenter(colour=colours, **kwargs).example(2, 5) for colours in (Colour(), None))
    assert np.array_equal(varied.boxes, plain.boxes)
    assert not np.array_equal(varied.pixels, plain.pixels)


# Conditions


def scene(side=64):
    random = np.random.default_rng(0)
    return np.kron(random.integers(40, 220, (side // 8, side // 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)


@pytest.mark.parametrize("name", NONE)
def test_each_condition_happens_always_at_probability_1_and_never_at_0(name):
    for probability in (0.0, 1.0):
        chosen = Conditions(**NONE | {name: probability})
        after = suffered(scene(), chosen, np.random.default_rng(4))
        assert np.array_equal(after, scene()) == (probability == 0)


def test_a_night_camera_has_one_noise_and_no_colour():
    after = suffered(scene(), Conditions(**NONE | {"infrared": 1.0}), np.random.default_rng(1))
    assert np.ptp(after, axis=2).max() == 0


def test_half_of_the_nights_are_brightened():
    chosen = Conditions(**NONE | {"night": 1.0}, light=(0.03, 0.03))
    means = [suffered(scene(), chosen, np.random.default_rng(seed)).mean() for seed in range(40)]
    assert 8 < (np.array(means) > 70).sum() < 32


def test_what_noise_or_fog_has_taken_is_not_asked_for():
    random, before = np.random.default_rng(0), scene()
    boxes = np.array([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], np.float32)
    noise, fog, half = random.integers(0, 256, before.shape, np.uint8), np.full_like(before, 200), before.copy()
    half[32:, 32:] = noise[32:, 32:]
    assert visible(before, before, boxes, 0.2).tolist() == [True, True]
    assert visible(before, noise, boxes, 0.2).tolist() == [False, False]
    assert visible(before, fog, boxes, 0.2).tolist() == [False, False]
    assert visible(before, half, boxes, 0.2).tolist() == [True, False]
    assert visible(before, before, boxes[:0], 0.2).shape == (0,)
    trace = np.where(before > 210, 201, 200).astype(np.uint8)
    assert visible(before, trace, boxes, 0.2).tolist() == [False, False], "it varies by less than a level"
    edge = np.array([[0.99, 0.2, 1, 0.8], [0.2, 0.995, 0.8, 1]], np.float32)
    assert visible(before, before, edge, 0.2).all()


def test_a_thing_that_vanished_in_fog_is_ignored_in_its_example():
    thick = Conditions(**NONE | {"haze": 1.0}, extinction=(500.0, 500.0))
    assert augmenter(conditions=thick, mosaic=0.0, scale=(1.0, 1.0)).example(1, 0).ignored.all()
    thin = Conditions(**NONE | {"haze": 1.0}, extinction=(0.1, 0.1))
    assert not augmenter(conditions=thin, mosaic=0.0, scale=(1.0, 1.0)).example(1, 0).ignored.all()


# Settings and sheet


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"geometry": {"scale": [2, 1]}}, "least of"),
        ({"geometry": {"scale": [2, 3]}}, "1 or less"),
        ({"geometry": {"sizes": [0, 1]}}, "more than 0"),
        ({"geometry": {"dropped": 0.9}}, "dropped"),
        ({"conditions": {"light": [0, 1]}}, "more than 0"),
        ({"conditions": {"crf": [20, 60]}}, "0..51"),
        ({"colour": {"gamma": [1.5, 1.2]}}, "least of"),
        ({"mosaik": 1}, "unknown field"),
        ({"geometry": {"mosaic": 1.5}}, "<= 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_what_would(given, reason):
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert(given, Augmentation)


def test_a_sheet_has_every_example_and_its_boxes():
    examples = [augmenter().example(index, 0) for index in range(5)]
    page = sheet(examples, LABELS, across=3)
    assert page.shape == (2 * 132, 3 * 132, 3)
    assert (page[132:260, 132:260] != examples[4].pixels).any()
    assert (page[132:, 264:] == 255).all()
