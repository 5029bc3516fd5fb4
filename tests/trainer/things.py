"""Painted boxes as crops: a recipe of a classifier that learns them in seconds, with a network as small as can be."""

from pathlib import Path

import cv2
import pytest

from tapetum_trainer.networks import classifiers
from tests.trainer import boxes
from tests.trainer.learnable import TINY, picture

RECIPE = """
task = "classification"
name = "things"
version = 2
made_of = [{ name = "painted boxes", licence = "CC0-1.0" }]
[classes]
red = []
blue = ["azure"]
[background]
each = 1
sizes = [0.15, 0.4]
[data]
shares = { valid = 0.2, test = 0.2 }
[[data.source]]
type = "yolo"
images = "images"
labels = "labels"
names = ["red", "azure"]
[cutting]
smallest = 8.0
[network]
size = "nano"
side = 96
pretrained = false
[feeding]
batch = 8
sampling = { epoch = 320, rare = 0.0 }
[fit]
epochs = 8
rates = { peak = 5e-3 }
average = 0.8
[quantization]
pictures = 16
[acceptance]
balanced = 0.8
quantization = 10.0
"""


def painted(folder: Path, recipe: str = RECIPE) -> Path:
    """Write sixty pictures with a red and a blue box in each, and `recipe`; return the recipe's file."""
    boxes.painted(folder, recipe)
    return (folder / "boxes.toml").rename(folder / "things.toml")


def sorted_out(folder: Path) -> Path:
    """Write a folder for each class, with a few pictures of its things alone, none of them square; return it."""
    for name in ("red", "azure", "none"):
        (folder / "sorted" / name).mkdir(parents=True)
    for seed in range(100, 130):
        pixels, truth = picture(seed)
        for name, box in zip(("red", "azure"), truth.boxes, strict=True):
            left, top, right, bottom = (box * len(pixels)).round().astype(int)
            cut = pixels[max(0, top - 4) : bottom + 4, max(0, left - 2) : right + 2, ::-1]
            cv2.imwrite(str(folder / f"sorted/{name}/{seed}.png"), cut)
        cv2.imwrite(str(folder / f"sorted/none/{seed}.png"), pixels[:30, :20, ::-1] % 60)
    return folder / "sorted"


def small(patch: pytest.MonkeyPatch) -> None:
    """Have the size nano be a network that is made, trained and exported in seconds."""
    patch.setitem(classifiers.CLASSIFIERS, "nano", classifiers.Size(TINY, "mobilenet-v2"))  # type: ignore[arg-type]
