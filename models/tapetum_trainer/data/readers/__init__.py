"""Formats of labelled pictures. `AnySource` is any of them, as a table of a recipe."""

from tapetum_trainer.data.readers.coco import Coco
from tapetum_trainer.data.readers.cvat import Cvat
from tapetum_trainer.data.readers.folders import Folders
from tapetum_trainer.data.readers.frames import Frames
from tapetum_trainer.data.readers.open_images import OpenImages
from tapetum_trainer.data.readers.tfrecord import TfRecord
from tapetum_trainer.data.readers.voc import Voc
from tapetum_trainer.data.readers.yolo import Yolo

AnySource = Coco | Cvat | Folders | Frames | OpenImages | TfRecord | Voc | Yolo


def place(source: AnySource) -> str:
    """Return the folder or the file in which the pictures of a source lie, as the recipe says it."""
    return source.path if isinstance(source, Folders | Frames | TfRecord) else source.images


__all__ = ["AnySource", "Coco", "Cvat", "Folders", "Frames", "OpenImages", "TfRecord", "Voc", "Yolo", "place"]
