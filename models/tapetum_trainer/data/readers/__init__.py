"""Formats of labelled pictures. `AnySource` is any of them, as a table of a recipe."""

from tapetum_trainer.data.readers.coco import Coco
from tapetum_trainer.data.readers.frames import Frames
from tapetum_trainer.data.readers.yolo import Yolo

AnySource = Coco | Frames | Yolo

__all__ = ["AnySource", "Coco", "Frames", "Yolo"]
