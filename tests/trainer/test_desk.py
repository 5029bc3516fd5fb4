"""The desk from a folder of labelled pictures to a bundle that a device takes, by its commands."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tapetum import bundle
from tapetum_trainer import recipe as recipes
from tapetum_trainer import tasks
from tapetum_trainer.cli import main
from tapetum_trainer.conditions import conditions
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.networks.sizes import SIZES
from tapetum_trainer.pace import paced
from tapetum_trainer.sets import Sets
from tests.trainer.boxes import RECIPE, painted
from tests.trainer.learnable import SIDE

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty pictures in YOLO's format, and a recipe."""
    folder = tmp_path_factory.mktemp("desk")
    painted(folder)
    return folder


@pytest.fixture(scope="module")
def packed(folder: Path) -> Path:
    """The bundle."""
    order = ["train", str(folder / "boxes.toml"), "--data", str(folder), "--folder", str(folder / "run")]
    assert main(order) == 0
    return folder / "run/boxes@3.tapetum"


def test_a_recipe_becomes_a_bundle_that_a_device_takes(packed: Path):
    spec = bundle.open(packed).spec()
    assert (spec.name, spec.labels) == ("boxes@3", ("red", "blue"))
    assert spec.contract is not None
    assert (spec.contract.input.size, spec.contract.input.dtype) == ((SIDE, SIDE), "int8")
    assert spec.probes


def test_beside_a_bundle_lie_its_card_its_figures_with_mistakes_and_what_it_was_made_with(packed: Path):
    card = packed.with_suffix(".md").read_text()
    assert "painted boxes" in card
    assert re.search(r"made by tapetum-trainer \S+, keras 3\.\S+, tensorflow 2\.\S+, ai-edge-quantizer 0\.", card)
    page = packed.with_suffix(".html").read_text()
    assert "<title>boxes@3</title>" in page
    assert "data:image/" in page
    bill = json.loads(packed.with_suffix(".cdx.json").read_bytes())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    names = {one["name"].replace("_", "-").lower() for one in bill["components"]}
    assert {"keras", "ai-edge-quantizer"} <= names
    assert names & {"tensorflow", "tensorflow-cpu"}


def test_what_int8_costs_is_told_with_its_uncertainty_and_operator_by_operator(
    packed: Path, folder: Path, capsys: pytest.CaptureFixture[str]
):
    """The training is done: the same command packs once more."""
    order = ["train", str(folder / "boxes.toml"), "--data", str(folder), "--folder", str(packed.parent)]
    assert main([*order, "--layers"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"int8 loses against float.*: all -?\d+\.\d \+- \d+\.\d, red ", told)
    operators = dict.fromkeys(re.findall(r"^([A-Z_0-9]+) +-?\d+\.\d  ", told, re.MULTILINE))
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "RESIZE_NEAREST_NEIGHBOR", "LOGISTIC"} == set(operators)


def test_what_is_made_is_not_packed_again_under_the_same_name(
    packed: Path, folder: Path, capsys: pytest.CaptureFixture[str]
):
    order = ["train", str(folder / "boxes.toml"), "--data", str(folder), "--folder", str(packed.parent)]
    before = packed.read_bytes()
    assert main(order) == 0
    assert capsys.readouterr().out.endswith(
        f"{packed}: it is made already, of these weights; delete it to have it packed anew\n"
    )
    assert packed.read_bytes() == before


def test_it_is_judged_and_looked_into(packed: Path, folder: Path, capsys: pytest.CaptureFixture[str]):
    given = [str(folder / "boxes.toml"), "--data", str(folder)]
    pages = folder / "one.html", folder / "two.html"
    more = ["--conditions", "--html", str(pages[0]), "--json", str(folder / "one.json")]
    assert main(["evaluate", str(packed), *given, "--split", "valid", *more]) == 0
    assert re.search(r"^boxes@3: .*^1 thread, this machine", capsys.readouterr().out, re.MULTILINE | re.DOTALL)
    assert main(["compare", str(packed), str(packed), *given, "--conditions", "--html", str(pages[1])]) == 0
    rows = re.findall(r"^(\w+) +\d+ +[\d.]+ +[\d.]+ +\+0\.000$", capsys.readouterr().out, re.MULTILINE)
    assert rows == list(conditions())
    assert all("boxes@3" in page.read_text() for page in pages)
    assert set(json.loads((folder / "one.json").read_text())["conditions"]) == set(conditions())
    assert main(["calibrate", str(packed), *given, "--folder", str(folder)]) == 0
    assert bundle.open(folder / "boxes@4.tapetum").name == "boxes@4"
    assert main(["operators", str(packed)]) == 0
    assert "CONV_2D" in capsys.readouterr().out


def test_without_a_test_the_validation_judges_and_that_is_told(
    packed: Path, folder: Path, capsys: pytest.CaptureFixture[str]
):
    recipe = folder / "untested.toml"
    recipe.write_text(RECIPE.replace("test = 0.2", "test = 0.0"))
    given = [str(recipe), "--data", str(folder)]
    for order in (["evaluate", str(packed), *given], ["compare", str(packed), str(packed), *given]):
        assert main(order) == 0
        assert capsys.readouterr().out.startswith("There is no test among the pictures: judged by the validation")
    recipe.write_text(RECIPE.replace("valid = 0.2, test = 0.2", "valid = 0.0, test = 0.0"))
    assert main(["evaluate", str(packed), *given]) == 78
    assert capsys.readouterr().err == f"tapetum-trainer: {recipe}: valid: no picture lies in it to judge by\n"


@pytest.mark.parametrize("option", ["html", "json"])
def test_a_page_that_cannot_be_written_is_told_before_the_work(
    option: str, packed: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    place = tmp_path / "nowhere/x"
    order = ["evaluate", str(packed), str(folder / "boxes.toml"), "--data", str(folder), f"--{option}", str(place)]
    assert main(order) == 78
    told = capsys.readouterr()
    assert (told.out, told.err) == (
        "",
        f"tapetum-trainer: --{option}: there is no folder {place.parent} to write it into\n",
    )


def test_a_model_is_written_as_an_edge_tpu_takes_it(packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def told(*order: str) -> str:
        assert main(["operators", *order]) == 0
        return capsys.readouterr().out

    plain = told(str(packed))
    assert "--edge-tpu parts pixels in pairs" in plain
    written = told(str(packed), "--edge-tpu", str(tmp_path / "x.tflite"))
    assert "--edge-tpu" not in written
    assert told(str(tmp_path / "x.tflite")) == written
    assert main(["operators", str(packed), "--edge-tpu", str(tmp_path / "no/x.tflite")]) == 1
    assert capsys.readouterr().err.endswith("no/x.tflite: it cannot be written: No such file or directory\n")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.tflite", None, "there is no such file; a .tflite, a bundle (.tapetum) or `shipped` is wanted"),
        ("x.tflite", b"", "the file is empty; a .tflite, a bundle (.tapetum) or `shipped` is wanted"),
        ("x.tflite", b"not a model", "the model cannot be read: it is no flatbuffer of the kind TFL3"),
        ("x.tapetum", b"", "the file is empty; a .tflite, a bundle (.tapetum) or `shipped` is wanted"),
    ],
)
def test_what_is_no_model_has_no_operators(
    name: str, content: bytes | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert main(["operators", str(tmp_path / name)]) == 1
    assert capsys.readouterr().err == f"tapetum-trainer: {tmp_path / name}: {told}\n"


def test_a_bundle_is_fine_tuned_with_other_pictures_and_for_int8(
    packed: Path, folder: Path, capsys: pytest.CaptureFixture[str]
):
    recipe = folder / "next.toml"
    text = RECIPE.replace("version = 3", "version = 4").replace("epochs = 2", "epochs = 1")
    recipe.write_text(f'{text}[quantization.aware]\nwhen = "always"\nepochs = 1\n')
    assert main(["fine-tune", str(packed), str(recipe), "--data", str(folder), "--folder", str(folder / "tuned")]) == 0
    found = bundle.open(folder / "tuned/boxes@4.tapetum")
    assert found.name == "boxes@4"
    assert [one.name for one in found.manifest.provenance.sources] == [
        "painted boxes",
        "boxes@3, which it goes on from",
    ]
    told = capsys.readouterr().out
    assert re.search(r"AP50 of int8 in the validation: [\d.]+ as it was, [\d.]+ trained on", told)
    assert re.search(r"Before it was fine-tuned for int8\. Points of AP50 that int8 loses", told)
    assert len(list((folder / "tuned").glob("aware-*/last.npz"))) == 1


@pytest.mark.parametrize("teacher", ["start", "run/boxes@3.tapetum"])
def test_a_network_with_narrower_blocks_goes_on_from_a_bundle_that_teaches_it(
    packed: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, teacher: str
):
    from tapetum_trainer.folded import start_of
    from tapetum_trainer.training import Training

    nano = SIZES["nano"]
    slim = replace(nano, backbone=nano.backbone.narrowed(24, 1, 4, 4.5, 4.5, 4))
    monkeypatch.setitem(SIZES, "slim", slim)  # type: ignore[arg-type]
    text = RECIPE.replace('"nano"', '"slim"').replace("epochs = 2", "epochs = 1")
    text = text.replace("[fit]\n", "[fit]\nweights = { streams = 1.0 }\n")
    recipe = recipes.parse(f'{text}[teacher]\nmodel = "{teacher}"\nmaps = true\n')
    training = Training(Sets(recipe, folder), tmp_path / "slim", start_of(bundle.open(packed)))
    assert training.run().finished
    assert len(list(training.folder.glob("pruned-*.npz"))) == 1
    learned = [json.loads(line) for line in (training.folder / "journal.jsonl").read_text().splitlines()]
    assert all(one["teacher"] > 0 < one["streams"] for one in learned if one["kind"] == "train")
    best = training.best()
    middles = {name: best.get_layer(f"{name}_depthwise").output.shape[-1] for name in slim.backbone.middles()}
    assert middles == slim.backbone.middles() != nano.backbone.middles()


@pytest.mark.long
def test_how_fast_it_trains_is_told(folder: Path):
    told = paced(Sets(recipes.load(folder / "boxes.toml"), folder), rounds=1, steps=3).text()
    rows = [line.rsplit(maxsplit=3) for line in told.splitlines()[-5:]]
    names = ["bare loop", "fed, plain", "fed, varied", "trained, plain", "trained, varied"]
    assert [row[0].strip() for row in rows] == names
    assert float(rows[0][3]) == 1
    assert all(float(row[1]) > 0 and float(row[2]) > 0 for row in rows)


def test_a_teacher_that_is_not_there_is_told_before_a_picture_is_read(tmp_path: Path):
    recipe = recipes.parse(f'{RECIPE}[teacher]\nmodel = "start"\nmaps = true\n')
    with pytest.raises(RecipeError, match="the bundle that `fine-tune` goes on from, and there is none"):
        paced(Sets(recipe, tmp_path / "nowhere"), rounds=1)


def test_what_a_recipe_s_pictures_show_is_told(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["dataset", "check", str(folder / "boxes.toml"), "--data", str(folder)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].split() == ["split", "pictures", "red", "blue"]
    assert sum(int(line.split()[1]) for line in told[1:4]) == 60
    assert "Mistakes, which stop a training: 0; doubts: 0" in told


def test_all_mistakes_in_a_recipe_s_pictures_are_told_at_once_and_as_a_page(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for name in ("images", "labels"):
        shutil.copytree(folder / name, tmp_path / name)
    (tmp_path / "labels/03.txt").write_text("0 0.5\n7 .5 .5 .1 .1\n")
    (tmp_path / "images/05.png").write_bytes(b"no picture")
    page = tmp_path / "page.html"
    order = ["dataset", "check", str(folder / "boxes.toml"), "--data", str(tmp_path), "--html", str(page)]
    assert main(order) == 78
    told = capsys.readouterr()
    mistakes = [line for line in told.out.splitlines() if line.startswith("mistake: ")]
    assert sorted(mistakes) == [
        "mistake: images/05.png: this is no picture that can be read",
        "mistake: labels/03.txt, line 1: '0 0.5'; class x y width height is wanted",
        "mistake: labels/03.txt, line 2: class 7 has no name; there are 2: red, azure",
    ]
    assert told.err == f"tapetum-trainer: {folder}/boxes.toml: mend the mistakes before a training: 3\n"
    assert "<title>boxes@3: its pictures</title>" in page.read_text()
    assert "data:image/jpeg;base64," in page.read_text()


@pytest.mark.parametrize("command", ["dataset check", "evaluate model", "train"])
def test_where_the_pictures_are_not_it_is_said_how_to_tell_their_place(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
):
    for place, told in ((tmp_path / "nowhere", "there is no such folder; "), (tmp_path, "images is not in it, nor ")):
        assert main([*command.split(), str(folder / "boxes.toml"), "--data", str(place)]) == 78
        err = capsys.readouterr().err
        assert f"{place}: {told}" in err
        assert "--data FOLDER, or TAPETUM_DATA, names the folder that its paths begin in" in err


def alone(order: list[str], before: str = "pass", after: str = "pass") -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, with a statement before and after."""
    code = f"import sys; {before}; from tapetum_trainer.cli import main; status = main(sys.argv[1:]); {after}"
    order = [sys.executable, "-c", f"{code}; sys.exit(status)", *order]
    return subprocess.run(order, capture_output=True, text=True, timeout=60, check=False)


HEAVY = {"tensorflow", "keras", "jax", "torch"}


def test_pictures_that_need_no_tensorflow_are_looked_at_without_it(folder: Path):
    order = ["dataset", "check", str(folder / "boxes.toml"), "--data", str(folder)]
    done = alone(order, after=f"print({HEAVY} & set(sys.modules))")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "set()"), done.stderr


def test_records_without_tensorflow_are_told_with_what_to_install(folder: Path, tmp_path: Path):
    (tmp_path / "a.tfrecord").write_bytes(bytes(16))
    places = 'type = "yolo"\nimages = "images"\nlabels = "labels"\nnames = ["red", "azure"]\n'
    (tmp_path / "records.toml").write_text(RECIPE.replace(places, 'type = "tfrecord"\npath = "a.tfrecord"\n'))
    order = ["dataset", "check", str(tmp_path / "records.toml"), "--data", str(tmp_path)]
    done = alone(order, before="sys.modules['tensorflow'] = None")
    assert done.returncode == 78
    assert done.stderr.endswith("tapetum-trainer: tensorflow is not installed: pip install 'tapetum[train]'\n")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('size = "nano"', 'size = "huge"', "network.size"),
        ("epochs = 2", "epochs = 0", "fit.epochs"),
        ("red = []", 'red = ["azure"]', "azure means"),
        ('labels = "labels"', 'lables = "labels"', "lables"),
        ('images = "images"', 'images = "nowhere"', "nowhere is not in it"),
        ("[classes]\n", "[classes]\ngreen = []\n", "no picture to train on shows: green"),
        ("[data]", "[data", "is no TOML"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_told_with_its_key(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, told: str
):
    recipe = tmp_path / "wrong.toml"
    recipe.write_text(RECIPE.replace(old, new))
    assert main(["dataset", "check", str(recipe), "--data", str(folder)]) == 78
    assert told in "".join(capsys.readouterr())


def test_without_the_extra_it_is_said_what_to_install(folder: Path):
    order = ["train", str(folder / "boxes.toml"), "--data", str(folder)]
    done = alone(order, before="sys.modules['keras'] = None")
    assert done.returncode == 78
    assert "keras is not installed: pip install 'tapetum[train]'" in done.stderr


@pytest.mark.parametrize("command", ["train", "tune"])
def test_without_what_scales_the_extra_that_brings_it_is_told(folder: Path, tmp_path: Path, command: str):
    (tmp_path / "tried.toml").write_text(RECIPE + '[search]\nover = { "network.size" = ["nano", "small"] }\n')
    given = [str(tmp_path / "tried.toml"), "--data", str(folder), "--folder", str(tmp_path), "--workers", "2"]
    done = alone([command, *given], before="sys.modules['ray'] = None")
    assert done.returncode == 78
    assert "ray is not installed: pip install 'tapetum[train,scale]'" in done.stderr


def test_a_model_that_is_none_is_told(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["evaluate", str(folder / "boxes.toml"), str(folder / "boxes.toml"), "--data", str(folder)]) == 1
    assert "boxes.toml" in capsys.readouterr().err


@pytest.mark.parametrize("recipe", sorted(Path("models/recipes").glob("*.toml")), ids=lambda path: path.stem)
def test_a_recipe_that_ships_can_be_used(recipe: Path, data: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["dataset", "check", str(recipe), "--data", str(data)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].split() == ["split", "pictures", *tasks.load(recipe).meaning.names]
    assert int(told[1].split()[1]) > 100
