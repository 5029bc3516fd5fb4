"""Dark crops are brightened to what a model knows, bright ones are left alone, and nothing flickers."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tapetum.enhance.night import Night, NightVision
from tapetum_trainer.degrade import DarkSensor
from tests.scenes import Play

Rgb = NDArray[np.uint8]


def crop(mean: float, seed: int = 1) -> Rgb:
    """Return a crop (48, 32, 3) with soft shapes, of brightness about `mean`, 0..1."""
    random = np.random.default_rng(seed)
    picture = np.repeat(np.repeat(random.uniform(0.4, 1.6, (6, 4, 3)), 8, axis=0), 8, axis=1)
    return np.clip(255 * mean * picture, 0, 255).astype(np.uint8)


def looking_at(brightness: float, settings: Night | None = None) -> NightVision:
    """Return an enhancer that has long looked at a scene of mean `brightness`, 0..1."""
    vision = (settings or Night()).start()
    for _ in range(200):
        vision.observe(np.full((90, 160), round(255 * brightness), np.uint8))
    return vision


@pytest.mark.parametrize("mean", [0.1, 0.15, 0.2, 0.3])
def test_a_dark_crop_is_brought_to_the_brightness_of_an_ordinary_picture(mean: float) -> None:
    night = Night()
    enhanced = looking_at(0.1).enhance(crop(mean))
    assert enhanced.shape == crop(mean).shape
    assert enhanced.dtype == np.uint8
    assert enhanced.mean() / 255 == pytest.approx(night.target, abs=0.04)


def test_a_gray_crop_is_brightened_like_any_other() -> None:
    gray = np.ascontiguousarray(crop(0.15)[:, :, :1])
    enhanced = looking_at(0.1).enhance(gray)
    assert enhanced.shape == gray.shape
    assert enhanced.mean() / 255 == pytest.approx(Night().target, abs=0.06)


def test_a_crop_out_of_4_percent_of_the_light_comes_near_to_what_it_was_by_day() -> None:
    by_day = np.clip(crop(0.45), 30, 250)
    by_night = DarkSensor(0.04, seed=1).picture(by_day)
    enhanced = looking_at(by_night.mean() / 255).enhance(by_night)

    def error(picture: Rgb) -> float:
        return float(np.abs(picture.astype(float) - by_day).mean())

    assert error(enhanced) < 0.5 * error(by_night)


def test_nothing_is_raised_more_than_by_the_strongest_gamma() -> None:
    dark = np.full((8, 8, 3), 2, np.uint8)
    strongest = Night(strongest=0.5)
    expected = 255 * (2 / 255) ** 0.5
    assert looking_at(0.01, strongest).enhance(dark) == pytest.approx(np.full((8, 8, 3), expected), abs=1)


@pytest.mark.parametrize("brightness", [0.4, 0.6, 1.0])
def test_by_day_a_crop_is_given_back_as_it_is(brightness: float) -> None:
    dark = crop(0.1)
    assert looking_at(brightness).enhance(dark) is dark


def test_a_bright_crop_of_a_dark_scene_is_given_back_as_it_is() -> None:
    bright = crop(0.6)
    assert looking_at(0.1).enhance(bright) is bright


def test_before_the_first_frame_and_where_it_is_switched_off_nothing_is_changed() -> None:
    dark = crop(0.1)
    assert Night().start().enhance(dark) is dark
    off = looking_at(0.1, Night(enabled=False))
    assert not off.active
    assert off.enhance(dark) is dark


def test_the_crop_itself_is_never_written_to() -> None:
    dark = crop(0.1)
    before = dark.copy()
    dark.flags.writeable = False
    looking_at(0.1).enhance(dark)
    assert np.array_equal(dark, before)


@given(st.floats(0.02, 0.99), st.floats(0.05, 1.0), st.integers(0, 255), st.integers(0, 255))
def test_what_is_brighter_stays_brighter_and_nothing_gets_darker(
    target: float, strongest: float, one: int, other: int
) -> None:
    vision = looking_at(0.1, Night(target=target, strongest=strongest))
    low, high = sorted((one, other))
    picture = np.full((9, 40, 3), low, np.uint8)
    picture[:, 20:] = high
    enhanced = vision.enhance(picture).astype(int)
    assert enhanced[4, 4, 0] <= enhanced[4, 35, 0]
    assert enhanced[4, 4, 0] >= low
    assert enhanced[4, 35, 0] >= high


@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_black_and_white_crops_are_looked_at_like_any_other(level: int) -> None:
    even = np.full((4, 4, 3), level, np.uint8)
    assert (looking_at(0.1).enhance(even) >= level).all()


def test_a_crop_of_one_pixel_is_enhanced_too() -> None:
    assert looking_at(0.1).enhance(np.full((1, 1, 3), 20, np.uint8)).shape == (1, 1, 3)


def test_night_begins_at_once_for_a_camera_that_starts_in_the_dark() -> None:
    vision = Night().start()
    vision.observe(np.full((90, 160), 20, np.uint8))
    assert vision.active


def test_a_flash_of_light_does_not_end_the_night() -> None:
    vision = looking_at(0.1)
    vision.observe(np.full((90, 160), 255, np.uint8))
    assert vision.active
    assert looking_at(0.6, Night()).active is False


def test_at_the_border_of_night_it_does_not_go_on_and_off() -> None:
    settings = Night()
    vision = settings.start()
    random = np.random.default_rng(1)
    states = []
    for _ in range(2_000):
        level = 255 * settings.below + random.normal(0, 10)
        vision.observe(np.full((9, 16), round(level), np.uint8))
        states.append(vision.active)
    assert sum(one is not other for one, other in itertools.pairwise(states)) <= 1
    for _ in range(200):
        vision.observe(np.full((9, 16), 150, np.uint8))
    assert not vision.active


def test_a_crop_does_not_flicker_from_frame_to_frame() -> None:
    vision, means = Night().start(), []
    for _, luma, _ in Play(seconds=5, scene="night").lumas():
        vision.observe(luma)
        means.append(float(vision.enhance(np.repeat(luma[20:100, 30:90, None], 3, axis=2)).mean()))
    steps = np.abs(np.diff(means))
    assert np.mean(means) / 255 == pytest.approx(Night().target, abs=0.05)
    assert steps.max() < 3  # luma steps
