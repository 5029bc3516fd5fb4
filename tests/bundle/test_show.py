"""`tapetum models show`: what somebody is told of a model before it is used."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tapetum import bundle, cli
from tapetum.inference.contract import Input
from tests.bundle import flat
from tests.bundle.test_bundle import changed, put


@pytest.fixture
def file(packed: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "street.tapetum"
    path.write_bytes(packed)
    return path


def shown(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert cli.main(["models", "show", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shown(capsys, *arguments, "--json"))
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert cli.main(["models", "show", *map(str, arguments)]) == cli.CONFIG_ERROR
    found = capsys.readouterr()
    assert found.out == ""
    return found.err


def test_a_bundle_is_told_in_words(file: Path, capsys: pytest.CaptureFixture[str]):
    lines = shown(capsys, file).splitlines()
    assert lines[0] == f"street@3: a bundle of {file.stat().st_size} bytes"
    assert lines[1:] == [
        "input: 300 x 300, RGB, uint8, scale 0.0078125, zero point 128, (pixel - 128) / 128, stretch",
        "decoder: ssd (boxes 0, classes 1, scores 2, first_class 0), said by the manifest",
        "output: TFLite_Detection_PostProcess, 1 x 10 x 4, float32",
        "output: TFLite_Detection_PostProcess:1, 1 x 10, float32",
        "output: TFLite_Detection_PostProcess:2, 1 x 10, float32",
        "output: TFLite_Detection_PostProcess:3, 1, float32",
        "twin: edgetpu, 8 bytes",
        "labels: 90: person, bicycle, car, motorcycle, airplane, bus, train, truck, ...",
        "min_score: person 0.4",
        "metrics: AP50 0.326, AP50.person 0.32",
        "provenance: licence: Apache-2.0",
        "provenance: made_by: tests",
        "provenance: made_at: 2025-01-31T12:00:00Z",
        "provenance: recipe: as it was found",
        "provenance: sources: COCO 2017, CC-BY-4.0, https://cocodataset.org",
        "probe: person 70%",
        "probe: nothing is to be found",
        "requires: Tapetum 0.1.0 or later",
    ]


def test_a_bundle_is_told_to_a_machine(file: Path, packed: bytes, capsys: pytest.CaptureFixture[str]):
    found = told(capsys, file)
    assert (found["kind"], found["name"], found["version"], found["bytes"]) == ("bundle", "street", 3, len(packed))
    assert found["provenance"]["licence"] == "Apache-2.0"
    assert [len(probe["expected"]) for probe in found["probes"]] == [1, 0]
    assert (found["twins"], len(found["labels"])) == ({"edgetpu": 8}, 90)
    assert found["inputs"][0]["shape"] == [1, 300, 300, 3]


def test_a_plain_model_is_told_with_the_same_fields(file: Path, model: Path, capsys: pytest.CaptureFixture[str]):
    found = told(capsys, model)
    assert (found["kind"], found["name"], found["version"]) == ("tflite", "detect", 0)
    assert found["decided"] == "recognised by the outputs"
    assert found["decoder"]["type"] == "ssd"
    assert found.keys() == told(capsys, file).keys()


@pytest.mark.parametrize(
    ("path", "told_as"),
    [
        ("yolo/yolov8n_full_integer_quant_416", "(pixel - 0) / 255, letterbox"),
        ("mediapipe/face_detection_short_range", "(pixel - 127.5) / 127.5, letterbox"),
    ],
)
def test_the_input_of_a_plain_model_is_the_one_that_is_used(
    data: Path, path: str, told_as: str, capsys: pytest.CaptureFixture[str]
):
    file = data / f"models/{path}.tflite"
    used = bundle.of_tflite(file, str(data / "models/coral/coco_labels.txt")).contract
    assert used
    assert msgspec.convert(told(capsys, file)["input"], Input) == used.input
    assert told_as in shown(capsys, file).splitlines()[1]


def test_a_float_model_of_a_family_is_told_with_the_mean_and_std_of_that_family(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "yolo.tflite"
    tensors = [flat.tensor("in", (1, 416, 416, 3), 0), flat.tensor("out", (1, 84, 3549), 0)]
    path.write_bytes(flat.model(tensors, [0], [1]))
    found = told(capsys, path)
    assert found["decoder"]["type"] == "yolo"
    assert (found["input"]["mean"], found["input"]["std"]) == ([0.0] * 3, [255.0] * 3)


def test_labels_can_be_named(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "mine.txt").write_text("cat\ndog")
    assert told(capsys, model, "--labels", tmp_path / "mine.txt")["labels"] == ["cat", "dog"]
    assert "nowhere.txt" in refused(capsys, model, "--labels", tmp_path / "nowhere.txt")


def test_a_model_without_labels_is_told_all_the_same(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "alone.tflite"
    path.write_bytes(model.read_bytes())
    assert "labels: none: inference.labels: alone.tflite brings no labels; name a file" in shown(capsys, path)


def test_a_bundle_takes_no_other_labels(file: Path, capsys: pytest.CaptureFixture[str]):
    assert "street.tapetum brings its own labels; leave it out" in refused(capsys, file, "--labels", "x")


def test_what_is_refused_is_told_with_file_and_field(packed: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "wrong.tapetum"
    path.write_bytes(changed(packed, put("version", 0)))
    assert refused(capsys, path) == f"tapetum: {path}: manifest.json: version: expected an integer >= 1\n"


@pytest.mark.parametrize("name", ["truncated_detect", "model_invoking_error", "face_landmark_with_attention"])
def test_a_model_that_cannot_be_used_is_refused(data: Path, name: str, capsys: pytest.CaptureFixture[str]):
    path = data / f"models/negative/{name}.tflite"
    assert refused(capsys, path).startswith(f"tapetum: {path}: ")


def test_what_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert refused(capsys, tmp_path / "x").startswith(f"tapetum: {tmp_path / 'x'}: there is no such file; ")


def test_a_name_in_the_file_cannot_tell_the_terminal_what_to_do(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "model.tflite"
    path.write_bytes(model.read_bytes().replace(b"Detection_PostProcess:1", b"Detection\x1b[2J;Process:1"))
    (tmp_path / "model.txt").write_text("a\x1b[2Jb")
    out = shown(capsys, path)
    assert "\x1b" not in out
    assert "output: TFLite_Detection?[2J;Process:1" in out
    assert "labels: 1: a?[2Jb" in out


def test_a_field_that_is_refused_cannot_either(packed: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "wrong.tapetum"
    path.write_bytes(changed(packed, put("\x1b[2J", 0)))
    assert "?[2J: there is no such key" in refused(capsys, path)


def test_no_runtime_is_loaded(file: Path):
    code = f"import sys, tapetum.cli; tapetum.cli.main(['models', 'show', {str(file)!r}]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert not {"ai_edge_litert", "tflite_runtime"} & {name.split(".")[0] for name in done.stdout.split()}
