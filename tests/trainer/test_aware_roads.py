"""The detector that comes along, made hard to quantize, is fine-tuned for int8 on road cameras, not for the worse."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tapetum import bundle
from tapetum_trainer import recipe as recipes
from tapetum_trainer.checkpoints import Checkpoints
from tapetum_trainer.folded import Start
from tapetum_trainer.making import made
from tapetum_trainer.sets import Sets
from tapetum_trainer.training import Training

GENERAL = Path(__file__).parents[2] / "models/bundles/tapetum@3.tapetum"
HARD = 64  # times as large is one channel as the others of its tensor, and what is made of it as much smaller
RECIPE = """
name = "roads"
probes = 0
[classes]
vehicle = ["car", "bus", "truck"]
[ignored]
bike = "vehicle"
[data]
side = 416
[[data.source]]
type = "yolo"
split = "train"
images = "detection/traffic_atl/train/images"
labels = "detection/traffic_atl/train/labels"
names = ["bike", "bus", "car", "truck"]
[[data.source]]
type = "yolo"
split = "valid"
images = "detection/traffic_atl/valid/images"
labels = "detection/traffic_atl/valid/labels"
names = ["bike", "bus", "car", "truck"]
[network]
size = "base"
[feeding]
batch = 8
[quantization]
weights = "nearest"
pictures = 64
aware = { epochs = 2, peak = 3e-5 }
[acceptance]
quantization_of = { vehicle = 1.0 }
quantization = 100.0
"""


@dataclass(frozen=True)
class Hardened(Training):
    """A training that has come to the weights that it begins with, one channel of which takes the steps of others."""

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.folder)

    def best(self) -> Any:
        network = self.network()
        for name, factor, axis in (("s1b1_project", HARD, 3), ("s2b1_expand", 1 / HARD, 2)):
            kernel, bias = network.get_layer(name).get_weights()
            kernel[(slice(None),) * axis + (0,)] *= factor
            bias[0] *= factor if axis == 3 else 1
            network.get_layer(name).set_weights([kernel, bias])
        return network


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_real_detector_loses_no_more_than_before_and_the_better_one_is_packed(data: Path, tmp_path: Path):
    spec, told = bundle.open(GENERAL).spec(), list[str]()
    training = Hardened(Sets(recipes.parse(RECIPE), data), tmp_path, Start(spec.content, spec.labels))
    found = made(training, told.append)
    assert found.aware is not None
    before, after = found.aware[0], found.losses[0]
    print(
        f"AP50 {before.before:.3f} of the float model; points lost: {before.points:.1f} +- {before.error:.1f} before,"
    )
    print(f"{after.points:.1f} +- {after.error:.1f} fine-tuned for int8")
    assert told[0].startswith("acceptance.quantization_of.vehicle: int8 loses ")
    assert before.points > 2
    assert after.points <= before.points
