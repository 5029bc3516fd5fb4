"""The curve network: trained with dark pictures alone, in int8, it brings them nearer to bright ones."""

from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest

from tapetum import bundle, cli
from tapetum.errors import Unreadable, Unsuitable
from tapetum_trainer import tasks
from tapetum_trainer.cli import main
from tapetum_trainer.errors import DataError, RecipeError
from tapetum_trainer.night import bundle as bundles
from tapetum_trainer.night import curve, losses
from tapetum_trainer.night.dark import pairs
from tapetum_trainer.night.judge import CurveModel, judged, means, ways
from tapetum_trainer.night.recipe import NightRecipe
from tapetum_trainer.night.settings import Wanted
from tapetum_trainer.operators import inventory
from tapetum_trainer.pairs import legalised
from tapetum_trainer.recipe import Recipe
from tests.trainer.learnable import picture

pytestmark = pytest.mark.timeout(600)
SHIPPED = Path("models/bundles/night-curve@1.tapetum")
SIDE = 64
RECIPE = """
task = "night"
name = "dusk"
version = 2
pairs = "pairs"
made_of = [{ name = "painted boxes", licence = "CC0-1.0" }]
[data]
side = 96
[[data.source]]
type = "frames"
split = "train"
path = "train"
[[data.source]]
type = "frames"
split = "valid"
path = "valid"
[network]
side = 64
width = 8
[augmentation]
colour = { brightness = 0.3 }
[augmentation.conditions]
exposure = 1.0
stops = [-5.0, -3.0]
[feeding]
batch = 8
[fit]
epochs = 4
rates = { peak = 1e-2, clip = 1.0 }
average = 0.5
[quantization]
pictures = 16
"""


def bright(seed: int) -> Any:
    """Return a picture of medium brightness."""
    return 80 + picture(seed)[0] // 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, pairs of a dark and a bright one, and a recipe."""
    folder = tmp_path_factory.mktemp("night")
    for name, seeds in (("train", range(32)), ("valid", range(32, 40)), ("pairs/high", range(50, 52))):
        (folder / name).mkdir(parents=True)
        for seed in seeds:
            cv2.imwrite(str(folder / name / f"{seed}.png"), bright(seed))
    (folder / "pairs/low").mkdir()
    for seed in (50, 51):
        cv2.imwrite(str(folder / f"pairs/low/{seed}.png"), bright(seed) // 6)
    (folder / "dusk.toml").write_text(RECIPE)
    return folder


@pytest.fixture(scope="module")
def made(folder: Path) -> Path:
    """The bundle that the command makes."""
    order = ["train", str(folder / "dusk.toml"), "--data", str(folder), "--folder", str(folder / "run")]
    assert main(order) == 0
    return folder / "run/dusk@2.tapetum"


def test_a_recipe_becomes_a_bundle_that_raises_dark_pictures(made: Path, folder: Path):
    found = bundles.opened(made.read_bytes())
    assert (found.manifest.name, found.manifest.version, found.manifest.input.width) == ("dusk", 2, SIDE)
    assert [source.name for source in found.manifest.provenance.sources] == ["painted boxes"]
    model, dark = CurveModel(found.model, found.manifest.input), bright(99) // 6
    assert 3 * dark.mean() < model.raised(dark).mean() < 180
    gained = found.manifest.metrics["pairs/int8/psnr"] - found.manifest.metrics["pairs/as it is/psnr"]
    assert gained > 5
    assert made.with_suffix(".md").read_text() == found.card
    assert "| mean |" in found.card


@pytest.mark.parametrize("accelerator", ["cpu", "edgetpu"])
def test_every_operator_of_it_is_taken_in_int8(made: Path, accelerator: str):
    model = bundles.opened(made.read_bytes()).model
    found = inventory(legalised(model) if accelerator == "edgetpu" else model)
    assert found.whole(accelerator), [one for one in found.operators if one.refused[accelerator]]
    assert {dtype for one in found.operators for dtype in one.dtypes} == {"int8"}


def test_a_device_refuses_it_with_the_reason(made: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(Unsuitable, match=r"task: it is night; Tapetum .* runs models that say what is seen"):
        bundle.open(made)
    assert cli.main(["models", "show", str(made)]) == cli.CONFIG_ERROR
    assert "runs models that say what is seen, and this one does not" in capsys.readouterr().err


def test_a_bundle_that_was_changed_is_refused(made: Path):
    content = made.read_bytes()
    place = content.rindex(b"# dusk@2")
    with pytest.raises(Unreadable):
        bundles.opened(content[:place] + b"# dust" + content[place + 6 :])


def test_it_is_judged_on_pairs_picture_by_picture(made: Path, folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["brighten", str(made), str(folder / "pairs")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.strip()] == ["PSNR", "50.png", "51.png", "mean"]
    assert main(["brighten", str(made), str(folder)]) == 78
    assert "files of one name in the folders low and high" in capsys.readouterr().err
    assert main(["brighten", str(folder / "dusk.toml"), str(folder / "pairs")]) == 1
    with pytest.raises(DataError):
        pairs(folder)


def test_the_curve_at_the_desk_and_the_one_trained_with_do_the_same():
    random = np.random.default_rng(3)
    low, a = random.integers(0, 256, (32, 32, 3), np.uint8), random.random((8, 8, 3), np.float32)
    trained = keras.ops.convert_to_numpy(losses.raised(low[None].astype(np.float32) / 255, a[None]))[0]
    assert np.abs(255 * trained - curve.raised(low, a)).max() < 0.51


def parts(pixels: np.ndarray, a: np.ndarray) -> dict[str, float]:
    found = losses.losses(pixels[None].astype(np.float32), a[None].astype(np.float32), Wanted(level=0.5, region=32))
    return {name: float(value) for name, value in found.items()}


def test_a_gray_picture_as_bright_as_wanted_has_no_loss_and_each_fault_has_its_own():
    gray, none = np.full((32, 32, 3), 0.5), np.zeros((8, 8, 3))
    assert max(parts(gray, none).values()) < 1e-9
    red = gray + np.array([0.1, 0, -0.1])
    step = np.where(np.arange(8) < 4, 0.0, 0.1)[:, None, None] + none
    blamed = {
        "exposure": parts(gray / 2, none),
        "colour": parts(red, none),
        "smooth": parts(gray * 0, step),
        "spatial": parts(gray, step),
    }
    alike = {name: max(found["smooth"], found["spatial"]) for name, found in blamed.items()}
    for name, found in blamed.items():
        assert found[name] > 1e-4, name
    assert max(alike["exposure"], alike["colour"], blamed["exposure"]["colour"], blamed["colour"]["exposure"]) < 1e-9


def test_a_recipe_without_a_task_is_a_detector_s(folder: Path, tmp_path: Path):
    assert isinstance(tasks.load(Path("models/recipes/roads.toml")), Recipe)
    assert isinstance(tasks.load(folder / "dusk.toml"), NightRecipe)
    for old, new, told in (
        ('"night"', '"noon"', "task: 'noon' is none; one of detection, classification, night is wanted"),
        ("width = 8", "width = 9", "network.width"),
        ("side = 64", "side = 80", "fit.weights.region: network.side, 80, is to be a multiple of it"),
    ):
        wrong = tmp_path / "wrong.toml"
        wrong.write_text(RECIPE.replace(old, new))
        with pytest.raises(RecipeError, match=told):
            tasks.load(wrong)


def test_the_network_that_ships_brings_real_dark_pictures_nearer_than_gamma_does(data: Path):
    found = bundles.opened(SHIPPED.read_bytes())
    given = pairs(data / "enhance/lol_eval15")
    mean = means(judged(given, ways({"int8": CurveModel(found.model, found.manifest.input)})))
    assert mean["int8"].psnr > mean["gamma"].psnr + 0.5
    assert mean["int8"].psnr == pytest.approx(found.manifest.metrics["enhance/lol_eval15/int8/psnr"], abs=0.05)
