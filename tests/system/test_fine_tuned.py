"""The general model learns another camera at the desk, with one command, and a running daemon takes what comes out."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tapetum import bundle
from tests.simulators.daemon import Daemon
from tests.simulators.mosquitto import Mosquitto
from tests.system.conftest import ROOM, camera, reached_at
from tests.system.test_models import Device, runs

pytest.importorskip("tensorflow", reason="TensorFlow trains, and is not installed")
pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]
GENERAL = bundle.named(bundle.SHIPPED)
RECIPE = Path(__file__).parents[2] / "models/recipes/thermal.toml"
POINTS, MINUTES = 10, 15


@pytest.mark.alone
@pytest.mark.parametrize("epochs", [2, pytest.param(None, marks=pytest.mark.long)])
def test_a_thermal_camera_is_learned_and_the_daemon_takes_it(
    tmp_path: Path, data: Path, broker: Mosquitto, epochs: int | None
):
    recipe = shortened(RECIPE, epochs, tmp_path)
    improved([GENERAL, recipe, "--data", data], tmp_path)
    taken(tmp_path / "run/thermal@1.tapetum", Daemon(tmp_path, reached_at(broker.port) + camera(ROOM)), tmp_path)


@pytest.mark.alone
@pytest.mark.long
def test_so_it_is_from_a_folder_of_labelled_pictures_and_nothing_else(
    tmp_path: Path, data: Path, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    improved(["shipped", data / "detection/thermal_dogs_people"], tmp_path)
    tuned = tmp_path / "run/thermal_dogs_people@1.tapetum"
    taken(tuned, Daemon(tmp_path, reached_at(broker.port) + camera(ROOM)), tmp_path)


def improved(arguments: list[object], folder: Path) -> None:
    """Fine-tune with these arguments; it is to be better by the points, in the minutes, that are promised."""
    before = ap50(GENERAL, arguments[1:], folder)
    began_s = time.monotonic()
    desk("fine-tune", *arguments, "--folder", folder / "run")
    taken_s = time.monotonic() - began_s
    (tuned,) = (folder / "run").glob("*.tapetum")
    after = ap50(tuned, arguments[1:], folder)
    print(f"AP50 {before:.3f} before, {after:.3f} after {taken_s:.0f} s")
    assert 100 * (after - before) >= POINTS
    assert taken_s <= 60 * MINUTES


def taken(tuned: Path, daemon: Daemon, folder: Path) -> None:
    """Install the bundle on a device whose daemon runs with the general model."""
    general = bundle.open(GENERAL)
    device = Device(folder, daemon)
    device.has(general.spec())
    with device.daemon as running:
        runs(running, general.name)
        done = device.models("install", tuned, "--activate")
        assert done.returncode == 0, done.stderr
        assert f"{tuned.stem} is active: tried on cpu, " in done.stdout
        assert runs(running, tuned.stem)["models"]["previous"] == general.name


def shortened(recipe: Path, epochs: int | None, folder: Path) -> Path:
    """Return a copy of the recipe that ends after so many epochs; None: the recipe as it is."""
    if epochs is None:
        return recipe
    lines = recipe.read_text().splitlines()
    short = folder / recipe.name
    short.write_text("\n".join(f"epochs = {epochs}" if line.startswith("epochs = ") else line for line in lines))
    return short


def ap50(model: Path, pictures: list[object], folder: Path) -> float:
    """Return the mean AP50 of a model on the pictures for validation."""
    told = folder / "told.json"
    desk("evaluate", model, *pictures, "--split", "valid", "--json", told)
    return float(json.loads(told.read_text())["scores"]["ap50"])


def desk(*arguments: object) -> None:
    """Run one command of the desk, which is to succeed."""
    command = [sys.executable, "-m", "tapetum_trainer.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
