"""The clips that replays are held against, and what is to be seen in them."""

from pathlib import Path

from tapetum.inference.settings import Inference

PEOPLE = Path(__file__).with_name("one-by-one.json")
"""Six people one after another: the truth of `video/intel_one-by-one-person-detection.mp4`."""


def people_clip(data: Path) -> Path:
    return data / "video" / "intel_one-by-one-person-detection.mp4"


SHIPPED = Inference(model="shipped")


def detector(data: Path) -> Inference:
    """A plain detector of 90 kinds of things, as somebody would download it."""
    folder = data / "models" / "coco_ssd_mobilenet_v1_quant"
    return Inference(model=str(folder / "detect.tflite"), labels=str(folder / "labelmap.txt"))
