"""A float detector of anybody's becomes a bundle of whole numbers by one command: calibrated, judged, packed."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tapetum import bundle
from tapetum_trainer.cli import main
from tests.trainer.boxes import RECIPE, painted

pytestmark = pytest.mark.timeout(600)
pytest.importorskip("tensorflow", reason="TensorFlow exports the float model, and is not installed")
NANO = Path("models/bundles/tapetum-nano@1.tapetum")


@pytest.fixture(scope="module")
def floats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of the smallest detector that ships as a float .tflite that says nothing of itself, with labels."""
    from tapetum_trainer.export import exported
    from tapetum_trainer.folded import Start
    from tapetum_trainer.networks.detector import detector
    from tapetum_trainer.networks.sizes import SIZES

    spec = bundle.open(NANO).spec()
    network = detector(SIZES["nano"].architecture(256), len(spec.labels), norm=False)
    Start(spec.content, spec.labels).put_into(network, spec.labels)
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "Street Cam.tflite").write_bytes(exported(network))
    (folder / "labels.txt").write_text("walker\nlorry\nbike\ncat\ndog\n")
    return folder / "Street Cam.tflite"


def order(model: Path, data: Path, folder: Path, *more: str) -> list[str]:
    labels = str(model.parent / "labels.txt")
    return ["quantize", str(model), str(data), "--labels", labels, "--folder", str(folder), "--pictures", "24", *more]


def test_it_keeps_its_labels_and_is_judged_by_what_they_mean(
    floats: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """On pictures of people in streets, in which it finds as many as it did, within a few points."""
    monkeypatch.chdir(tmp_path)
    recipe = tmp_path / "street.toml"
    recipe.write_text(STREET)
    means = ["--means", "person=walker", "--data", str(data), "--name", "street", "--version", "7", "--licence", "MIT"]
    assert main(order(floats, recipe, tmp_path, *means)) == 0
    told = capsys.readouterr().out
    found = bundle.open(tmp_path / "street@7.tapetum")
    spec = found.spec()
    assert (spec.name, spec.labels) == ("street@7", ("walker", "lorry", "bike", "cat", "dog"))
    assert spec.contract is not None
    assert spec.contract.input.dtype == "int8"
    assert 0.05 <= spec.min_score["walker"] <= 0.95
    assert spec.min_score["lorry"] == 0.5, "nothing is known of it"
    assert {one.label for probe in spec.probes for one in probe.expected} >= {"walker"}
    sources = found.manifest.provenance.sources
    assert [(one.name, one.licence) for one in sources] == [("Street Cam.tflite", "MIT"), ("streets", "research")]
    assert sources[0].address.startswith("sha256:")
    row = re.search(r"^person +(\d+) +([\d.]+) +([\d.]+)$", told, re.MULTILINE)
    assert row
    assert float(row[2]) > 0.5
    assert abs(float(row[2]) - float(row[3])) < 0.05
    assert re.search(r"int8 loses against float.*person -?\d+\.\d \+- ", told)
    assert re.search(r"CONV_2D .* int8", told)
    assert "walker" in (tmp_path / "street@7.md").read_text()
    assert json.loads((tmp_path / "street@7.cdx.json").read_bytes())["bomFormat"] == "CycloneDX"


STREET = """
name = "street"
made_of = [{ name = "streets", licence = "research" }]
[classes]
person = []
[data]
shares = { valid = 0.2, test = 0.2 }
[[data.source]]
type = "yolo"
images = "detection/pedestrian_clean101/images"
labels = "detection/pedestrian_clean101/labels"
names = ["person"]
[quantization]
weights = "nearest"
"""


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boxes")
    painted(folder)
    (folder / "boxes.toml").write_text(RECIPE)
    return folder


@pytest.mark.parametrize(
    ("means", "told"),
    [
        ([], "the model knows none of red, blue; it knows walker, lorry, bike, cat, dog"),
        (["--means", "red=fox"], "red = fox: the model has no such label"),
        (["--means", "green=dog"], "OURS=THEIRS,... is wanted, OURS of red, blue"),
    ],
)
def test_what_its_labels_mean_is_asked_before_anything_is_done(
    floats: Path, boxes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], means: list[str], told: str
):
    assert main(order(floats, boxes / "boxes.toml", tmp_path, "--data", str(boxes), *means)) == 78
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_one_that_finds_nothing_of_ours_is_told_to_be_looked_at(
    floats: Path, boxes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(order(floats, boxes / "boxes.toml", tmp_path, "--data", str(boxes), "--means", "red=cat")) == 0
    assert "None of what the float model says is right: --labels are its classes" in capsys.readouterr().out


def test_one_without_labels_is_told_what_is_wanted(
    floats: Path, boxes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    alone = tmp_path / "alone.tflite"
    shutil.copy(floats, alone)
    assert main(["quantize", str(alone), str(boxes / "boxes.toml"), "--data", str(boxes)]) == 1
    assert "alone.tflite: labels: alone.tflite brings no labels; name a file" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["int8", "none", "classifier"])
def test_what_is_no_float_detector_is_told(
    boxes: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str
):
    files = {
        "int8": data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite",
        "none": tmp_path / "none.tflite",
        "classifier": data / "models/coral/mobilenet_v1_0.25_128_quant.tflite",
    }
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"{number}\n" for number in range({"classifier": 1001}.get(model, 91))))
    given = ["--data", str(boxes), "--labels", str(labels), "--means", "red=1"]
    assert main(["quantize", str(files[model]), str(boxes / "boxes.toml"), *given]) == 1
    said = {
        "int8": "this one is quantized already",
        "none": "there is no such file",
        "classifier": "it does not say where things are",
    }
    assert said[model] in capsys.readouterr().err
