"""What is around the model costs little beside it.

`scripts/test tests/bench/test_speed.py -s` prints the figures.
"""

from pathlib import Path
from typing import Any

import pytest

from tapetum import data as shipped
from tapetum.bench import speed
from tapetum.errors import ConfigError
from tapetum.inference.settings import Inference

pytestmark = pytest.mark.alone

GOAL = 1.15  # of what the bare model takes, CPU time of both processes
SEEN = 1.5  # the largest of two machines, with a few crops, and a tenth: 1.06 to 1.12 on one, 1.13 to 1.33 on the other
NOISE = 0.95  # one model measured twice, in two processes, differs by some hundredths
RUNS = 3  # one of which must hold: what else the machine does falls on the one side now and then, and on the other
MODELS = {
    "SSD MobileNet v1": ("coco_ssd_mobilenet_v1_quant/detect", "coco_ssd_mobilenet_v1_quant/labelmap"),
    "MobileNet v2": ("coral/mobilenet_v2_1.0_224_quant", "coral/imagenet_labels"),
}


def figures(data: Path, name: str, crops: int) -> dict[str, Any]:
    model, labels = MODELS[name]
    inference = Inference(model=str(data / f"models/{model}.tflite"), labels=str(data / f"models/{labels}.txt"))
    found = speed.run(shipped.clip(), inference, crops)
    print(found)
    return found


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("crops", "most"), [(60, SEEN), pytest.param(500, GOAL, marks=pytest.mark.long)])
def test_a_crop_of_a_person_costs_little_more_than_the_bare_model(data: Path, name: str, crops: int, most: float):
    """The whole frame is not held to it: it is looked at twice a minute.

    Not all machines meet the goal: where the model takes 3 ms, as on a server with instructions made for int8, what
    two processes and their cold caches cost is a tenth of that by itself.
    """
    for _ in range(RUNS):
        rows = {row["crop"]: row for row in figures(data, name, crops)["crops"]}
        seen = [rows["far person"], rows["near person"]]
        if all(NOISE < row["ratio"] <= most for row in seen):
            break
    assert rows["whole frame"]["pixels"] == "1920x1080"
    for row in seen:
        assert NOISE < row["ratio"] <= most
        assert row["worker_ms"] > NOISE * row["bare_ms"]
        assert row["cpu_ms"] == pytest.approx(row["loop_ms"] + row["worker_ms"], rel=0.05)


def test_without_a_model_there_is_nothing_to_measure():
    with pytest.raises(ConfigError, match="--model is wanted"):
        speed.run(shipped.clip(), Inference(), 1)
