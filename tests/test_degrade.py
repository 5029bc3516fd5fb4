"""The dark camera is the physical model: counted photons, an amplifier's noise, gain, gamma."""

import numpy as np
import pytest

from tapetum_trainer.degrade import FULL_WELL, GAIN, READ_NOISE, DarkSensor

LIGHT = 0.04


def slowly(picture, light, random):
    """The model as it is written down, every pixel's photons counted."""
    linear = (picture / 255) ** 2.2 * light
    electrons = random.poisson(FULL_WELL * linear) + random.normal(0, READ_NOISE, picture.shape)
    return 255 * np.clip(GAIN * electrons / FULL_WELL, 0, 1) ** (1 / 2.2)


@pytest.mark.parametrize("brightness", [0, 20, 80, 160, 255])
def test_each_brightness_has_the_mean_and_the_noise_of_the_model(brightness):
    picture = np.full((400, 400), brightness, np.uint8)
    wanted = slowly(picture, LIGHT, np.random.default_rng(1)).astype(np.uint8)
    found = DarkSensor(LIGHT, 2).picture(picture)
    assert found.mean() == pytest.approx(wanted.mean(), abs=0.5)
    assert found.std() == pytest.approx(wanted.std(), rel=0.05, abs=0.1)


def test_the_noise_of_one_picture_is_not_that_of_the_next():
    sensor, gray = DarkSensor(LIGHT, 1), np.full((50, 60, 3), 120, np.uint8)
    assert (sensor.picture(gray) != sensor.picture(gray)).mean() > 0.5


def test_a_seed_gives_the_same_night_twice():
    gray = np.full((50, 60), 120, np.uint8)
    assert np.array_equal(DarkSensor(LIGHT, 7).picture(gray), DarkSensor(LIGHT, 7).picture(gray))
