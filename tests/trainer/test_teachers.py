"""A teacher's answers become labels: tiles, one box for one thing, a memory, what it tells more, two together."""

import cv2
import numpy as np
import pytest

from tapetum_trainer.errors import RecipeError
from tapetum_trainer.teachers import Answers, Grid, Labeller, Look, Passes, Together
from tapetum_trainer.teachers.pseudo import pseudo_labels
from tapetum_trainer.teachers.taught import Taught, Trust

RED, GREEN = (255, 0, 0), (0, 255, 0)


class Eyes:
    """A teacher that sees squares of plain colour wherever they are large enough in what it is shown."""

    labels = ("red", "green")
    key = "eyes"

    def __init__(self, smallest=0.1):
        self.smallest, self.asked = smallest, 0

    def answers(self, pixels):
        self.asked += 1
        boxes, scores = [], []
        for index, colour in enumerate((RED, GREEN)):
            for found in self._squares((pixels == colour).all(axis=2)):
                boxes.append(found)
                scores.append(np.eye(2)[index] * 0.9)
        return Answers(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32).reshape(-1, 2))

    def _squares(self, mask):
        height, width = mask.shape
        for left, top, across, down, _ in cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2][1:]:
            if across / width >= self.smallest:
                yield left / width, top / height, (left + across) / width, (top + down) / height


def scene(*squares):
    """A gray picture 200 x 400 with squares: colour, left, top, side, pixels."""
    picture = np.full((200, 400, 3), 90, np.uint8)
    for colour, left, top, side in squares:
        picture[top : top + side, left : left + side] = colour
    return picture


def test_what_is_too_small_for_the_whole_is_found_in_tiles_where_it_is():
    picture = scene((RED, 300, 130, 22), (GREEN, 20, 30, 100))
    whole = Passes(grids=()).rows(Eyes(), picture)
    assert whole[:, 0].tolist() == [1]
    rows = Passes().rows(Eyes(), picture)
    assert sorted(rows[:, 0]) == [0, 1]
    assert np.allclose(rows[rows[:, 0] == 0, 2:], (300 / 400, 130 / 200, 322 / 400, 152 / 200), atol=1e-6)
    assert np.allclose(rows[rows[:, 0] == 1, 2:], (20 / 400, 30 / 200, 120 / 400, 130 / 200), atol=1e-6)


def test_what_the_edge_of_a_tile_cuts_is_not_believed_there():
    picture = scene((RED, 30, 20, 150))  # 0.14 of the picture, and the right half of it in no tile of the left
    rows = Passes(grids=(Grid(tiles=2, share=0.5, largest=1.0),)).rows(Eyes(smallest=0.05), scene((RED, 150, 60, 90)))
    assert len(rows) == 1, "parts of a square that tiles cut were taken for squares"
    assert len(Passes(grids=(Grid(tiles=2, share=0.5, largest=1.0),)).rows(Eyes(smallest=0.05), picture)) == 1


@pytest.mark.parametrize(("largest", "count"), [(0.05, 0), (0.1, 1)])
def test_what_is_large_in_the_picture_is_not_believed_in_a_tile(largest, count):
    grid = Grid(tiles=2, share=0.5, largest=largest)
    rows = Passes(grids=(grid,)).rows(Eyes(smallest=0.3), scene((RED, 20, 10, 80)))  # 0.08 of the picture
    assert len(rows) == count


def test_one_thing_that_several_looks_saw_has_one_label():
    picture = scene((RED, 180, 80, 44))  # in all four tiles of the first grid
    (labels,) = pseudo_labels([picture], Look(Eyes(smallest=0.02)), min_score=0.5)
    assert (labels.classes.tolist(), labels.boxes.shape) == ([0], (1, 4))
    assert labels.scores[0] == pytest.approx(0.9)


def test_a_teacher_is_asked_once_about_a_picture_whatever_score_is_wanted(tmp_path):
    teacher, picture = Eyes(), scene((RED, 10, 10, 80))
    first = Labeller(Look(teacher), tmp_path).labels(picture, 0.5)
    asked = teacher.asked
    again = Labeller(Look(teacher), tmp_path).labels(picture.copy(), 0.95)
    assert (teacher.asked, len(first.scores), len(again.scores)) == (asked, 1, 0)


@pytest.mark.parametrize("change", ["pixels", "shape", "passes", "teacher"])
def test_what_is_kept_is_of_this_picture_teacher_and_passes_alone(tmp_path, change):
    teacher, picture, passes = Eyes(), scene((RED, 10, 10, 80)), Passes()
    Labeller(Look(teacher, passes), tmp_path).labels(picture, 0.5)
    asked = teacher.asked
    if change == "pixels":
        picture[0, 0, 0] += 1
    elif change == "shape":
        picture = picture.reshape(400, 200, 3)
    elif change == "passes":
        passes = Passes(iou=0.6)
    else:
        teacher.key = "other eyes"
    Labeller(Look(teacher, passes), tmp_path).labels(picture, 0.5)
    assert teacher.asked > asked


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"rubbish"])
def test_a_damaged_memory_is_made_anew(tmp_path, damage):
    teacher, picture = Eyes(), scene((RED, 10, 10, 80))
    wanted = Labeller(Look(teacher), tmp_path).labels(picture, 0.5)
    (path,) = tmp_path.rglob("*.npy")
    path.write_bytes(damage)
    assert np.array_equal(Labeller(Look(teacher), tmp_path).labels(picture, 0.5).boxes, wanted.boxes)
    assert len(np.load(path)) == 1


# Pictures that a teacher tells more of


class OfDogs:
    """Two pictures with a red and a green square: in the first only the green ones are known, in the second both."""

    labels = ("green", "blue", "red")

    def __init__(self):
        self.shown = [scene((RED, 20, 20, 80), (GREEN, 250, 50, 90))] * 2
        self.own = np.array([[[0.1, 0.2, 0.3, 0.4]]] * 2, np.float32)

    def __len__(self):
        return 2

    def picture(self, index):
        return self.shown[index]

    def boxes(self, index):
        return self.own[index]

    def classes(self, index):
        return np.array([[0], [0]], np.int32)[index]

    def ignored(self, index):
        return np.array([[False], [False]])[index]

    def known(self, index):
        return np.array([True, index == 1, index == 1])

    def origin(self, index):
        return f"dogs/{index}"


def taught(sure=0.5, doubt=0.2):
    return Taught(OfDogs(), Labeller(Look(Eyes())), Trust(sure=sure, doubt=doubt))


def test_a_teacher_tells_what_nobody_looked_for_and_nothing_else():
    found = taught()
    assert found.classes(0).tolist() == [0, 2]
    assert np.allclose(found.boxes(0)[1], (20 / 400, 20 / 200, 100 / 400, 100 / 200))
    assert found.scores(0) == pytest.approx([1, 0.9])
    assert found.ignored(0).tolist() == [False, False]
    assert found.known(0).tolist() == [True, False, True], "of blue neither the set nor the teacher knows"


def test_a_teacher_is_not_asked_where_all_is_known():
    found = taught()
    found.learn()
    asked = found._labeller.seer.teacher.asked
    assert found.classes(1).tolist() == [0]
    assert found.known(1).all()
    assert found._labeller.seer.teacher.asked == asked == 14, "the whole of one picture, four tiles and nine"


def test_what_a_teacher_is_in_doubt_of_is_ignored_and_below_that_nothing():
    assert taught(sure=0.95).ignored(0).tolist() == [False, True]
    assert taught(sure=0.99, doubt=0.95).classes(0).tolist() == [0]
    with pytest.raises(ValueError, match=r"doubt \(0\.6\)"):
        Trust(sure=0.5, doubt=0.6)


def test_what_a_teacher_has_a_name_for_and_the_set_has_not_is_left_out():
    pictures = OfDogs()
    pictures.labels = ("blue", "gray", "red")
    found = Taught(pictures, Labeller(Look(Eyes())), Trust())
    assert found.classes(0).tolist() == [0, 2], "its own, and the red one; nothing of the green one"
    assert found.known(0).tolist() == [True, False, True]


def test_a_teacher_of_other_things_is_refused():
    other = OfDogs()
    other.labels = ("blue", "gray", "pink")
    with pytest.raises(RecipeError, match=r"knows red, green: none of blue, gray, pink"):
        Taught(other, Labeller(Look(Eyes())), Trust())


def test_examples_carry_how_sure_a_guess_is():
    from tapetum_trainer.augment import Augmentation, Augmenter, Geometry

    plain = Augmentation(side=64, geometry=Geometry(mosaic=0.0, scale=(1.0, 1.0)), colour=None, conditions=None)
    found = Augmenter(taught(), plain).example(0, 0)
    assert sorted(found.scores.tolist()) == pytest.approx([0.9, 1])


# Two teachers together


class Says:
    """A seer that says the same of every picture."""

    labels = ("red", "green")

    def __init__(self, *rows, key="says"):
        self.said, self.key = np.array(rows, np.float32).reshape(-1, 6), key

    def rows(self, pixels):
        return self.said if pixels.size else self.said[:0]


def fused(one, other, trust=((1, 1), (3, 1))):
    return Together(Says(*one), Says(*other), dict(zip(Says.labels, trust, strict=True))).rows(scene())


def test_what_both_see_is_one_thing_and_surer_than_what_one_sees():
    rows = fused([(0, 0.6, 0.1, 0.1, 0.5, 0.5)], [(0, 0.4, 0.1, 0.1, 0.54, 0.5)])
    assert rows.shape == (1, 6)
    assert rows[0] == pytest.approx([0, 0.5, 0.1, 0.1, 0.516, 0.5])
    assert fused([(0, 0.6, 0.1, 0.1, 0.5, 0.5)], [])[0] == pytest.approx([0, 0.3, 0.1, 0.1, 0.5, 0.5])


def test_a_teacher_counts_as_far_as_it_is_trusted_for_the_label():
    rows = fused([(1, 0.8, 0.1, 0.1, 0.5, 0.5)], [(1, 0.8, 0.6, 0.6, 0.9, 0.9)])
    assert rows[:, 1] == pytest.approx([0.6, 0.2])


def test_what_has_another_label_or_lies_elsewhere_is_another_thing():
    box, beside = (0.1, 0.1, 0.5, 0.5), (0.3, 0.3, 0.7, 0.7)
    assert len(fused([(0, 0.6, *box)], [(1, 0.6, *box)])) == 2
    assert len(fused([(0, 0.6, *box)], [(0, 0.6, *beside)])) == 2


def test_each_goes_with_the_nearest_and_only_once():
    box, near, nearer = (0.1, 0.1, 0.5, 0.5), (0.1, 0.1, 0.56, 0.5), (0.1, 0.1, 0.52, 0.5)
    rows = fused([(0, 0.8, *box), (0, 0.6, *near)], [(0, 0.8, *near), (0, 0.7, *nearer)])
    assert rows[:, 1] == pytest.approx([0.75, 0.7])
    rows = fused([(0, 0.8, *box), (0, 0.6, *near)], [(0, 0.7, *nearer)])
    assert rows[:, 1] == pytest.approx([0.75, 0.3])


def test_of_nothing_and_nothing_there_is_nothing():
    assert fused([], []).shape == (0, 6)


def test_teachers_of_different_labels_are_not_put_together():
    with pytest.raises(ValueError, match="labels differ"):
        Together(Says(), Says(), {"red": (1, 1)})


def test_what_one_of_them_is_or_is_trusted_for_is_part_of_what_is_kept():
    trust, other = {"red": (1, 1), "green": (1, 1)}, {"red": (2, 1), "green": (1, 1)}
    keys = {
        Together(Says(), Says(), trust).key, Together(Says(), Says(), other).key,
        Together(Says(key="else"), Says(), trust).key, Together(Says(), Says(key="else"), trust).key,
    }  # fmt: skip
    assert len(keys) == 4
