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
MODELS = Path(__file__).parents[2] / "models"
GENERAL = MODELS / "bundles/tapetum@3.tapetum"
RECIPE = MODELS / "recipes/thermal.toml"
POINTS, MINUTES = 10, 15


@pytest.mark.alone
@pytest.mark.parametrize("epochs", [2, pytest.param(None, marks=pytest.mark.long)])
def test_a_thermal_camera_is_learned_and_the_daemon_takes_it(
    tmp_path: Path, data: Path, broker: Mosquitto, epochs: int | None
):
    recipe = shortened(RECIPE, epochs, tmp_path)
    before = ap50(GENERAL, recipe, data, tmp_path)
    began_s = time.monotonic()
    desk("fine-tune", GENERAL, recipe, "--data", data, "--folder", tmp_path / "run")
    taken_s = time.monotonic() - began_s
    tuned = tmp_path / "run/thermal@1.tapetum"
    after = ap50(tuned, recipe, data, tmp_path)
    print(f"AP50 {before:.3f} before, {after:.3f} after {taken_s:.0f} s")
    assert 100 * (after - before) >= POINTS
    assert taken_s <= 60 * MINUTES
    device = Device(tmp_path, Daemon(tmp_path, reached_at(broker.port) + camera(ROOM)))
    device.has(bundle.open(GENERAL).spec())
    with device.daemon as daemon:
        runs(daemon, "tapetum@3")
        done = device.models("install", tuned, "--activate")
        assert done.returncode == 0, done.stderr
        assert "thermal@1 is active: tried on cpu, " in done.stdout
        assert runs(daemon, "thermal@1")["models"]["previous"] == "tapetum@3"


def shortened(recipe: Path, epochs: int | None, folder: Path) -> Path:
    """Return a copy of the recipe that ends after so many epochs; None: the recipe as it is."""
    if epochs is None:
        return recipe
    lines = recipe.read_text().splitlines()
    short = folder / recipe.name
    short.write_text("\n".join(f"epochs = {epochs}" if line.startswith("epochs = ") else line for line in lines))
    return short


def ap50(model: Path, recipe: Path, data: Path, folder: Path) -> float:
    """Return the mean AP50 of a model on the recipe's pictures for validation."""
    told = folder / "told.json"
    desk("evaluate", model, recipe, "--data", data, "--split", "valid", "--json", told)
    return float(json.loads(told.read_text())["scores"]["ap50"])


def desk(*arguments: object) -> None:
    """Run one command of the desk, which is to succeed."""
    command = [sys.executable, "-m", "tapetum_trainer.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
