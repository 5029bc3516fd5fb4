"""A teacher that is asked about the very pictures that are learned from, and says of each cell what the student is to.

It is a detector of this trainer whose input and grid are the student's, so its outputs are wanted as they are, its
doubts too: all that it knows of a picture, and not the boxes alone. For a network that is to become what a larger one
is already, as after `tapetum_trainer.pruning`. Every batch costs a pass of the teacher.

G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural network", 2015.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.inference.contract import ModelSpec
from tapetum.inference.decode import Centre
from tapetum.inference.tflite import Detector
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.sides import Sides, size_of
from tapetum_trainer.targets import HINT, STRIDE, Floats, Targets
from tapetum_trainer.teachers.views import VIEWS, together

Maps = dict[str, Floats]
"""The fields of `Targets`, by the names that a teacher's have."""
_NEIGHBOURS = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Imitated:
    """A teacher of the student's grid.

    columns: (theirs,) for each of its classes the index of ours, -1 where it is none. classes: how many are ours.
    least: the score below which nothing is there. views: how often it sees each picture, the first of `views.VIEWS`.
    streams: the same network, where it is asked what flows in it too (`tapetum_trainer.streams`).
    """

    spec: ModelSpec
    columns: NDArray[np.int32]
    classes: int
    least: float
    views: int = 1
    streams: Callable[[NDArray[np.uint8]], Maps] | None = None
    own: threading.local = field(default_factory=threading.local)  # an interpreter for each thread

    def maps(self, pixels: NDArray[np.uint8]) -> Maps:
        """Return what it says of pictures (B, h, w, 3) RGB."""
        said = [together(self._said, picture, VIEWS[: self.views]) for picture in pixels]
        theirs, size, offset = (np.stack(parts) for parts in zip(*said, strict=True))
        heatmap, known = np.zeros((*theirs.shape[:3], self.classes), np.float32), np.zeros(self.classes, np.float32)
        for place in np.flatnonzero(self.columns >= 0):
            ours = self.columns[place]
            heatmap[..., ours] = np.maximum(heatmap[..., ours], theirs[..., place])
            known[ours] = 1
        best = heatmap.max(axis=3)
        found = Targets(
            heatmap=heatmap,
            positive=np.stack([self._centres(one) for one in heatmap]),
            negative=np.broadcast_to(known, heatmap.shape),
            size=size,
            offset=offset,
            mask=np.where(best >= self.least, best, np.float32(0)),
        )
        flowing = self.streams(pixels) if self.streams else {}
        return {f"{HINT}{name}": values for name, values in found._asdict().items()} | flowing

    def _said(self, picture: NDArray[np.uint8]) -> tuple[Floats, Floats, Floats]:
        if not hasattr(self.own, "detector"):
            self.own.detector = Detector(self.spec.content, 1, self.spec.contract)
        tensors, decoder = self.own.detector.said(picture), self.own.detector.contract.decoder
        heatmap, size, offset = (tensors[place] for place in (decoder.heatmap, decoder.size, decoder.offset))
        return tuple(tensor.spec.real(tensor.values[0]) for tensor in (heatmap, size, offset))

    def _centres(self, heatmap: Floats) -> Floats:
        """Return (h, w, classes): the scores of the cells that are the greatest around, 0 elsewhere."""
        greatest = cv2.dilate(heatmap, _NEIGHBOURS).reshape(heatmap.shape)
        return np.where((heatmap >= greatest) & (heatmap >= self.least), heatmap, np.float32(0))


def imitated(spec: ModelSpec, columns: NDArray[np.int32], classes: int, least: float, side: Sides) -> Imitated:
    """Return the teacher `spec` for a student of `side` pixels; raises RecipeError where its grid is another.

    columns, classes, least: as of `Imitated`.
    """
    detector = Detector(spec.content, 1, spec.contract)
    if not isinstance(detector.contract.decoder, Centre):
        raise RecipeError(f"teacher.maps: {spec.name} is no detector of this trainer, whose cells could be learned")
    cells = detector.outputs[detector.contract.decoder.heatmap].shape[1:3]
    width, height = size_of(side)
    if (detector.width, detector.height, *cells) != (width, height, height // STRIDE, width // STRIDE):
        told = f"takes {detector.width} x {detector.height} pixels and answers in {cells[1]} x {cells[0]} cells"
        wanted = f"the student takes {width} x {height} and has {width // STRIDE} x {height // STRIDE}"
        raise RecipeError(f"teacher.maps: {spec.name} {told}; {wanted}")
    return Imitated(spec, columns, classes, least)
