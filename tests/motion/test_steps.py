"""What methods follow a scene by: steps of one, and an exposure that is kept."""

import cv2
import numpy as np
import pytest

from tapetum.motion.kept import Kept
from tapetum.motion.steps import Steps

SHAPE = (48, 64)
RANDOM = np.random.default_rng(1)


def plane() -> np.ndarray:
    return RANDOM.integers(0, 256, SHAPE).astype(np.uint8)


def test_a_plane_comes_closer_by_the_sign_of_the_difference_where_it_is_told_to_and_nowhere_else() -> None:
    before, wanted, where = plane(), plane(), np.where(plane() > 127, 255, 0).astype(np.uint8)
    before[0], wanted[0], wanted[1] = 255, 255, before[1]
    after = before.copy()
    Steps(SHAPE).follow(after, wanted, where)
    sign = np.sign(wanted.astype(int) - before)
    assert np.array_equal(after, before + np.where(where > 0, sign, 0))


def test_a_picture_is_brought_back_to_the_exposure_that_is_kept() -> None:
    kept, before = Kept(SHAPE), (plane() // 2 + 20).astype(np.uint8)
    assert kept.of(before) is before
    for gain in (1.3, 1.2):
        kept.shift(((gain - 1) * np.arange(256)).astype(np.float32))
    now = np.clip(before * 1.3 * 1.2, 0, 255).astype(np.uint8)
    unclipped = now < 250
    assert np.abs(kept.of(now).astype(int) - before)[unclipped].max() <= 1
    assert np.abs(cv2.LUT(before, kept.forth).astype(int) - now)[unclipped].max() <= 2
    assert kept.taken(now[0]).tolist() == kept.of(now)[0].tolist()
    assert kept.away == pytest.approx(127.5)  # of white: 255 * .3 + 255 * .2


def test_what_goes_there_and_back_is_as_it_was() -> None:
    kept, picture = Kept(SHAPE), plane()
    kept.shift(np.full(256, 3, np.float32))
    assert not np.array_equal(kept.of(picture), picture)
    kept.shift(np.full(256, -3, np.float32))
    assert kept.of(picture) is picture
