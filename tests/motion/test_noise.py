"""What the camera does to a picture by itself is measured, and told from what moves."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tapetum.motion.exposure import gain_of, is_partial, left_of, remainder, shift_of
from tapetum.motion.levels import CENTRES, LEVELS, Quartiles, Samples, quartiles, samples
from tapetum.motion.noise import NoiseLevels
from tapetum.scene import Plane

SHAPE = (360, 640)


def room(low: int = 20, high: int = 235, seed: int = 1) -> Plane:
    """Return a picture in which every brightness from `low` to `high` is as frequent as any other."""
    return np.random.default_rng(seed).integers(low, high, SHAPE).astype(np.uint8)


def noisy(picture: NDArray[np.float64] | Plane, sigma: NDArray[np.float64] | float, seed: int) -> Plane:
    """Return `picture` with normal noise of standard deviation `sigma`, rounded as a camera rounds."""
    noise = np.random.default_rng(seed).normal(0, 1, picture.shape) * sigma
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def found(background: Plane, picture: Plane) -> Quartiles:
    return quartiles(samples(background), samples(picture) - samples(background))


@pytest.mark.parametrize("sigma", [0.7, 1.5, 3.0, 6.0])
def test_a_known_noise_is_measured_at_every_brightness(sigma: float) -> None:
    background = room()
    levels = NoiseLevels(steps=6, sigmas=4)
    for seed in range(40):
        levels.learn(found(background, noisy(background, sigma, seed)))
    seen = found(background, background).seen
    rounding = 1 / 12  # variance of the rounding to whole steps
    assert levels.sigma[seen] == pytest.approx(np.sqrt(sigma**2 + rounding), rel=0.15)


def test_noise_that_grows_with_darkness_is_measured_as_it_is() -> None:
    background = room()
    sigma = np.interp(background, [0, 255], [8.0, 1.0])
    levels = NoiseLevels(steps=6, sigmas=4)
    for seed in range(40):
        levels.learn(found(background, noisy(background, sigma, seed)))
    inner = slice(2, 14)
    assert levels.sigma[inner] == pytest.approx(np.interp(CENTRES, [0, 255], [8.0, 1.0])[inner], rel=0.15)


def test_one_frame_is_enough_to_begin_with() -> None:
    background = room()
    levels = NoiseLevels(steps=6, sigmas=4)
    assert not levels.sigma.any()
    levels.learn(found(background, noisy(background, 3.0, 1)))
    assert levels.sigma[2:14] == pytest.approx(3.0, rel=0.3)


def test_noise_that_grows_as_it_gets_dark_is_followed() -> None:
    background = room()
    levels = NoiseLevels(steps=6, sigmas=4)
    for seed in range(60):
        levels.learn(found(background, noisy(background, 1.5 if seed < 10 else 4.0, seed)))
    assert levels.sigma[2:14] == pytest.approx(4.0, rel=0.15)


def test_what_moves_in_a_quarter_of_the_picture_hardly_changes_the_noise() -> None:
    background = room()
    crowded = background.copy()
    crowded[:, :160] = 250
    levels = NoiseLevels(steps=6, sigmas=4)
    for seed in range(20):
        levels.learn(corrected(background, noisy(crowded, 2.0, seed)).left)
    assert levels.sigma[2:14] == pytest.approx(2.0, rel=0.3)


def test_the_threshold_is_steps_and_sigmas_above_nothing() -> None:
    background = room()
    levels = NoiseLevels(steps=6, sigmas=4)
    for seed in range(40):
        levels.learn(found(background, noisy(background, 3.0, seed)))
    out = np.empty_like(background)
    assert levels.threshold(background, out) is out
    assert out.min() >= 6 + 4 * 3.0 * 0.85
    assert out.max() <= 6 + 4 * 3.0 * 1.15 + 1


def test_hardly_a_pixel_of_noise_passes_the_threshold() -> None:
    background = room()
    levels = NoiseLevels(steps=1, sigmas=4)
    for seed in range(20):
        levels.learn(found(background, noisy(background, 4.0, seed)))
    limit = levels.threshold(background, np.empty_like(background))
    passed = np.abs(noisy(background, 4.0, 99).astype(int) - background) > limit
    assert passed.mean() < 3e-4  # a normal distribution has 6e-5 beyond four sigmas


@given(st.integers(0, 2**32 - 1), st.integers(0, 300), st.integers(0, 255))
def test_any_samples_give_quartiles_in_order_within_the_range(seed: int, count: int, spread: int) -> None:
    random = np.random.default_rng(seed)
    background = random.integers(0, 256, count)
    difference = np.clip(random.integers(-spread, spread + 1, count), -background, 255 - background)
    answer = quartiles(background, difference)
    for values in (answer.low, answer.middle, answer.high):
        assert values.shape == (LEVELS,)
        assert np.isfinite(values).all()
    seen = answer.seen
    assert (answer.low <= answer.middle)[seen].all()
    assert (answer.middle <= answer.high)[seen].all()
    for level in np.flatnonzero(seen):
        exact = np.quantile(difference[background >> 4 == level], [0.25, 0.5, 0.75])
        assert [answer.low[level], answer.middle[level], answer.high[level]] == pytest.approx(exact, abs=spread / 3 + 1)


@given(st.integers(0, 2**32 - 1), st.integers(0, 300))
def test_any_samples_give_a_threshold_that_can_be_compared_with(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    levels = NoiseLevels(steps=6, sigmas=4)
    for _ in range(3):
        background, picture = random.integers(0, 256, (2, count))
        levels.learn(quartiles(background, picture - background))
        every = np.arange(256, dtype=np.uint8)[None]
        assert levels.threshold(every, np.empty_like(every)).min() >= 1
        assert np.isfinite(levels.sigma).all()


# The camera's own changes of brightness.

LIMIT = np.full(256, 12, np.uint8)


class Change(NamedTuple):
    """All that is found of what the camera did to a picture."""

    shift: NDArray[np.float32] | None
    left: Quartiles
    partial: bool


def corrected(background: Plane, picture: Plane) -> Change:
    return changed(samples(background), samples(picture))


def changed(background: Samples, picture: Samples) -> Change:
    gain = gain_of(background, picture)
    difference = remainder(background, picture, gain)
    left = left_of(background, difference)
    return Change(shift_of(background, gain, left), left, is_partial(background, picture, gain, difference, LIMIT))


@pytest.mark.parametrize("gain", [0.5, 0.8, 0.95, 1.05, 1.2, 1.5])
def test_a_known_gain_is_taken_out(gain: float) -> None:
    background = room(20, 150)
    picture = noisy(background * gain, 1.5, 1)
    change = corrected(background, picture)
    shift, left = change.shift, change.left
    assert shift is not None
    assert not change.partial
    assert shift.shape == (256,)
    brightness = np.arange(30, 140)
    assert shift[brightness] == pytest.approx((gain - 1) * brightness, abs=1.0)
    assert (left.high - left.low)[2:8] == pytest.approx(1.349 * 1.5, rel=0.3)


def test_a_tone_curve_that_changes_one_brightness_more_than_another_is_taken_out() -> None:
    background = room(20, 235)
    curve = np.interp(np.arange(256), [0, 128, 255], [0, 136, 255])
    shift = corrected(background, noisy(curve[background], 1.0, 1)).shift
    assert shift is not None
    middle = np.arange(40, 210)
    assert shift[middle] == pytest.approx((curve - np.arange(256))[middle], abs=2.0)


def test_nothing_is_corrected_where_nothing_but_noise_changed() -> None:
    background = room()
    assert corrected(background, noisy(background, 3.0, 1)).shift is None


@pytest.mark.parametrize("brightness", [0, 250])
def test_what_moves_in_a_third_of_the_picture_is_not_taken_for_the_camera(brightness: int) -> None:
    background = room(40, 215)
    picture = noisy(background, 1.5, 1)
    picture[:, :210] = brightness
    change = corrected(background, picture)
    assert not change.partial
    shift = change.shift
    assert shift is None or np.abs(shift[40:215]).max() < 2


@pytest.mark.parametrize("gain", [0.3, 0.6, 1.4])
@pytest.mark.parametrize("share", [0.6, 0.9])
def test_a_light_on_most_of_the_picture_that_spares_the_rest_is_no_exposure(gain: float, share: float) -> None:
    background = room(40, 150)
    picture = background.astype(np.float64)
    picture[:, : round(share * picture.shape[1])] *= gain
    assert corrected(background, noisy(picture, 1.5, 1)).partial


def test_what_is_cut_off_at_white_before_and_after_tells_nothing_of_a_light() -> None:
    background = room(40, 240)
    background[:40] = 255
    picture = background * 0.85
    picture[:40] = 255
    assert not corrected(background, noisy(picture, 1.5, 1)).partial


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(0, 255), st.integers(0, 255))
def test_whatever_is_seen_a_correction_is_a_number(seed: int, count: int, dark: int, bright: int) -> None:
    random = np.random.default_rng(seed)
    background = random.integers(0, dark + 1, count)
    picture = random.integers(0, bright + 1, count)
    shift, left, partial = changed(background, picture)
    assert isinstance(partial, bool)
    assert shift is None or (shift.dtype == np.float32 and np.isfinite(shift).all())
    assert np.isfinite(left.low).all()
