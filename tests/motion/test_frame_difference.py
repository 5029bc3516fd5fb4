"""What rests beside what moves is not shown, wherever it lies; what is held is, however thin."""

import cv2
import pytest

from tapetum.motion.frame_difference import FrameDifferenceModel
from tapetum.motion.stage import Scene, Slices

SHAPE = (120, 160)
WALKER = (slice(30, 60), slice(100, 160))


def shown(rests: Slices, held: tuple[Slices, ...] = ()) -> Scene:
    """Return the masks after some frames in which a thing rests and another walks by."""
    scene, model = Scene.of(SHAPE), FrameDifferenceModel(SHAPE, 50, 300)
    scene.limit[:], scene.picture[:] = 10, 100
    model.seed(scene)
    for frame in range(8):
        scene.turn()
        scene.picture[:] = 100
        scene.picture[rests] = 160
        scene.picture[40:50, 100 + 4 * frame : 110 + 4 * frame] = 20
        cv2.absdiff(scene.picture, model.background, dst=scene.residual)
        model.compare(scene, held)
        model.learn(scene, held)
    return scene


@pytest.mark.parametrize("high", [1, 2, 8])
@pytest.mark.parametrize("top", range(40, 48))
def test_what_rests_beside_what_moves_leaves_nothing(top: int, high: int):
    scene = shown((slice(top, top + high), slice(10, 60)))
    assert scene.strong[WALKER].any()
    assert not scene.strong[:, :80].any()
    assert not scene.weak[:, :80].any()


@pytest.mark.parametrize("top", range(20, 24))
def test_what_is_held_is_shown_though_it_is_a_row_high(top: int):
    row = (slice(top, top + 1), slice(10, 60))
    assert shown(row, (row,)).strong[row].all()
