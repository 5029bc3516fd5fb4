"""A picture that is dim as a whole is raised before it is looked at; what comes of it is motion, and no burst of it."""

from collections.abc import Iterator

import numpy as np
import pytest

from tapetum.motion.adaptive import Adaptive
from tapetum.motion.smoothing import Smoothing
from tapetum.scene import Condition, Plane
from tapetum_trainer.degrade import DarkSensor
from tapetum_trainer.degrade.light import GAMMA
from tapetum_trainer.degrade.night import FULL_WELL, READ_NOISE
from tests.motion.figures import traffic

SIZE = (180, 320)


def counted(light: float, scene: str = "quiet", frames: int = 60) -> Iterator[Plane]:
    """What a sensor counts of a road with so much light, with no gain and no gamma: 4 % are ten steps of 255."""
    sensor = DarkSensor(light, 3, gain=1, gamma=1)
    return (sensor.picture(luma) for luma in traffic.lumas(scene, SIZE, frames, 1))


def test_what_moves_is_found_in_a_picture_of_ten_steps() -> None:
    detector = Adaptive().start()
    found = [detector.detect(luma).regions for luma in counted(0.025)]
    assert np.mean([bool(regions) for regions in found[5:]]) > 0.9


@pytest.mark.parametrize("light", [0.06, 0.04, 0.02, 0.01, 0.002])
def test_nothing_is_found_in_it_where_nothing_moves(light: float) -> None:
    detector = Adaptive().start()
    assert [regions for luma in counted(light, "empty") if (regions := detector.detect(luma).regions)] == []


@pytest.mark.parametrize("lights", [(1.0, 0.04), (0.04, 1.0), (0.04, 1.0, 0.04)])
def test_a_light_that_is_switched_is_a_change_and_no_motion(lights: tuple[float, ...]) -> None:
    detector = Adaptive().start()
    found = [detector.detect(luma) for light in lights for luma in counted(light, "empty", 20)]
    assert [motion.regions for motion in found if motion.regions] == []
    changes = [number for number, motion in enumerate(found) if motion.condition is Condition.CHANGED]
    assert changes == [20 * number for number in range(1, len(lights))]


def test_dusk_and_dawn_are_no_motion() -> None:
    room, random = next(traffic.lumas("empty", SIZE, 1, 1)) / 255, np.random.default_rng(1)
    detector, dims = Adaptive().start(), set()
    for number in range(2000):
        light = 0.3 * 0.1 ** (2 - abs(number - 1000) / 500)  # from 30 % to 0.3 % and back, ten times as much in 50 s
        electrons = random.poisson(room**GAMMA * light * FULL_WELL) + random.normal(0, READ_NOISE, SIZE)
        luma = np.clip(255 * electrons / FULL_WELL, 0, 255).astype(np.uint8)
        assert detector.detect(luma).regions == (), number
        dims.add(detector._smoothing.dim)
    assert dims == {False, True}


def shade(level: float, spread: float, black: int = 0) -> Plane:
    random = np.random.default_rng(1)
    return np.clip(random.normal(level, spread, SIZE) + black, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("black", [0, 16], ids=["full range", "video range"])
@pytest.mark.parametrize(
    ("level", "spread", "dim"),
    [(3, 1, True), (0.1, 0.1, False), (8, 6, False), (60, 20, False)],
    ids=["dim", "black", "black with strong noise", "evening"],
)
def test_only_what_is_dim_and_not_black_is_raised(level: float, spread: float, dim: bool, black: int) -> None:
    smoothing = Smoothing()
    assert smoothing.suit(shade(level, spread, black)) is dim
    assert smoothing.dim is dim


def test_a_lamp_in_the_picture_leaves_it_as_it_is_and_one_that_passes_does_not_change_it_back() -> None:
    smoothing, lamp = Smoothing(), shade(3, 1)
    lamp[:20, :20] = 200
    assert not smoothing.suit(lamp)
    assert smoothing.suit(shade(3, 1))
    assert not smoothing.is_unsuited(lamp)
    assert smoothing.suit(shade(90, 10))
