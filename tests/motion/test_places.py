"""What the default method knows of each place: what is light, what was uncovered, what sways, what hangs together."""

import cv2
import numpy as np
import pytest

from tapetum.motion.holes import Holes
from tapetum.motion.parts import Halves
from tapetum.motion.restless import Restless
from tapetum.motion.stage import Scene
from tapetum.motion.texture import is_lit
from tapetum.scene import Plane

SHAPE = (60, 80)
EVERYWHERE: Plane = np.full(SHAPE, 255, np.uint8)


def grain(seed: int, low: int = 80, high: int = 160) -> Plane:
    """Return a surface with something on it everywhere, 3 pixels wide."""
    fine = np.random.default_rng(seed).integers(low, high, SHAPE).astype(np.uint8)
    return np.asarray(cv2.blur(fine, (3, 3)), np.uint8)


def noisy(picture: Plane, seed: int) -> Plane:
    return np.clip(picture + np.random.default_rng(seed).normal(0, 2, SHAPE), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("light", [0.5, 0.8, 1.3])
def test_a_surface_in_another_light_is_the_same_surface(light: float) -> None:
    floor = grain(1)
    falling = np.linspace(light, 1, SHAPE[1])  # a shadow's soft edge
    assert is_lit(noisy(np.clip(floor * falling, 0, 255).astype(np.uint8), 2), floor, EVERYWHERE)


def test_another_surface_is_not_nor_is_an_even_one() -> None:
    assert not is_lit(grain(2), grain(1), EVERYWHERE)
    assert not is_lit(noisy(np.full(SHAPE, 60, np.uint8), 3), grain(1), EVERYWHERE)
    assert not is_lit(noisy(np.full(SHAPE, 60, np.uint8), 3), noisy(np.full(SHAPE, 120, np.uint8), 4), EVERYWHERE)


def test_parts_are_counted_and_shown_by_themselves() -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[10:20, 10:20] = mask[40:44, 60:64] = 255
    halves = Halves(SHAPE)
    sizes = halves.label(halves.any_of(mask, halves.plane()))
    assert sorted(sizes.tolist()) == [0, 4, 25]
    touched = np.zeros(halves.shape, np.uint8)
    touched[5, 5] = 1
    inside = halves.inside(touched, len(sizes))
    assert inside.tolist() == [int(size == 25) for size in sizes]
    out = np.zeros(SHAPE, np.uint8)
    halves.enlarged(halves.shown(inside > 0), out)
    assert np.array_equal(out, np.where(np.arange(80) < 40, mask, 0))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (5, 4), (4, 6)])
def test_what_is_halved_and_enlarged_has_its_size_again(shape: tuple[int, int]) -> None:
    halves, out = Halves(shape), np.zeros(shape, np.uint8)
    small = halves.plane()
    halves.enlarged(halves.any_of(np.full(shape, 255, np.uint8), small), out)
    assert (out == 255).all()


def seen(picture: Plane, background: Plane) -> Scene:
    """Return a scene that has shown `picture` for three frames, all of which differs."""
    scene = Scene.of(SHAPE)
    scene.picture[:] = scene.previous[:] = scene.earlier[:] = picture
    cv2.absdiff(picture, background, dst=scene.residual)
    scene.limit[:], scene.weak[:] = 10, 255
    return scene


def test_what_is_uncovered_is_told_from_what_has_come() -> None:
    floor = np.full(SHAPE, 100, np.uint8)
    thing = floor.copy()
    thing[20:30, 30:36] = 220
    holes = Holes(SHAPE)
    holes.seed(thing)
    gone = holes.found(seen(floor, thing), thing)
    assert np.array_equal(gone != 0, thing != floor)
    holes.seed(floor)
    assert not holes.found(seen(thing, floor), floor).any()


def test_where_it_sways_only_what_is_unlike_all_around_it_moves() -> None:
    background = np.full(SHAPE, 100, np.uint8)
    background[:, ::2] = 60  # twigs
    halves = Halves(SHAPE)
    restless = Restless(halves, SHAPE)
    for turn in range(6):
        restless.learn(np.full(halves.shape, turn % 2, np.uint8))
    scene = seen(np.roll(background, 1, axis=1), background)
    scene.picture[30, 40] = 200
    change = np.asarray(cv2.absdiff(scene.picture, background), np.uint8)
    restless.spare(scene, background, change)
    assert change[30, 40] == 100
    change[30, 40] = 0
    assert not change.any()


def test_where_nothing_sways_nothing_is_spared() -> None:
    background, halves = np.full(SHAPE, 100, np.uint8), Halves(SHAPE)
    restless = Restless(halves, SHAPE)
    restless.learn(halves.plane())
    scene = seen(np.full(SHAPE, 130, np.uint8), background)
    change = scene.residual.copy()
    restless.spare(scene, background, change)
    assert np.array_equal(change, scene.residual)
