"""What int8 loses is told from chance: on pictures seen moved and mirrored, with boxes that move along."""

import numpy as np
import pytest

from tapetum_trainer.evaluate import Judged, losses
from tapetum_trainer.evaluate.moved import Moved
from tests.trainer.pictures import LABELS, Painted


@pytest.mark.parametrize("seed", [1, 2])
def test_boxes_stay_on_their_things_to_the_pixel(seed: int):
    moved, cut = Moved(Painted(), seed), 0
    for index in range(len(moved)):
        pixels, (first, *_) = moved.picture(index), moved.boxes(index)
        height, width, _ = pixels.shape
        cut += (height, width) != (120, 160)
        edges = np.rint(first * (width, height, width, height)).astype(int)
        assert np.allclose(edges, first * (width, height, width, height), atol=1e-3)
        left, top, right, bottom = edges
        ground = (0, 0, 60)
        assert (pixels[top:bottom, left:right] != ground).any(axis=2).all()
        around = pixels[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1]
        assert (around != ground).any(axis=2).sum() == (bottom - top) * (right - left)
    assert cut == len(moved)


def test_every_second_picture_is_mirrored_in_turn():
    painted = Painted()
    left = [[Moved(painted, seed).boxes(index)[0, 0] < 0.5 for seed in (1, 2)] for index in range(4)]
    assert left == [[False, True], [True, False], [False, True], [True, False]]


def test_what_is_cut_off_is_neither_wanted_nor_punished():
    painted = Painted()
    painted._boxes[0][0] = (0, 0, 0.0001, 1)
    assert Moved(painted, 2).ignored(0).tolist() == [True, False]


def model(pictures: Painted, miss: float) -> Judged:
    """Return what knows where things are by their colour, and misses some of them by chance."""
    random = np.random.default_rng(5)

    def ask(pixels: np.ndarray) -> np.ndarray:
        things = (pixels != (0, 0, 60)).any(axis=2)
        columns = np.flatnonzero(things.any(axis=0))
        found = []
        for part in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1):
            rows = np.flatnonzero(things[:, part[0]])
            if random.random() >= miss:
                box = part[0], rows[0], part[-1] + 1, rows[-1] + 1
                found.append([0, 0.9, *np.divide(box, (pixels.shape[1], pixels.shape[0]) * 2)])
        return np.array(found, np.float32).reshape(-1, 6)

    return Judged("by colour", pictures.labels, ask)


def test_the_loss_is_a_mean_over_views_with_what_it_is_uncertain_by():
    pictures = Painted(count=20, things=1)
    whole, square = losses(model(pictures, 0), model(pictures, 0.3), pictures)
    assert (whole.label, square.label) == ("all", LABELS[0])
    assert square.before > 0.99
    assert 15 < square.points < 45
    assert 1 < square.error < 10
    (same, *_) = losses(model(pictures, 0), model(pictures, 0), pictures)
    assert (same.points, same.error) == (0, 0)
