"""A folder of painted boxes in YOLO's format with a recipe, from which a detector learns something in seconds."""

from pathlib import Path

import cv2
import numpy as np

from tests.trainer.learnable import picture

RECIPE = """
name = "boxes"
version = 3
made_of = [{ name = "painted boxes", licence = "CC0-1.0" }]
[classes]
red = []
blue = ["azure"]
[data]
side = 96
shares = { valid = 0.2, test = 0.2 }
[[data.source]]
type = "yolo"
images = "images"
labels = "labels"
names = ["red", "azure"]
[network]
size = "nano"
side = 96
pretrained = false
[feeding]
batch = 8
sampling = { epoch = 32 }
[fit]
epochs = 2
[quantization]
pictures = 16
[acceptance]
quantization = 100.0
"""


def painted(folder: Path, recipe: str = RECIPE) -> Path:
    """Write sixty pictures, their labels and `recipe` into `folder`; return the recipe's file."""
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for seed in range(60):
        pixels, truth = picture(seed)
        cv2.imwrite(str(folder / f"images/{seed:02}.png"), pixels[:, :, ::-1])
        middle, size = (truth.boxes[:, :2] + truth.boxes[:, 2:]) / 2, truth.boxes[:, 2:] - truth.boxes[:, :2]
        rows = np.column_stack([truth.classes, middle, size])
        lines = (f"{int(row[0])} " + " ".join(f"{x:.6f}" for x in row[1:]) for row in rows)
        (folder / f"labels/{seed:02}.txt").write_text("\n".join(lines))
    (folder / "boxes.toml").write_text(recipe)
    return folder / "boxes.toml"
