"""One picture seen several times, as it is, mirrored, and moved by whole cells: what is said of it is the mean.

A network of strides sees a thing a little otherwise wherever on its grids it lies, and a thing that it doubts is found
in one place and missed a few pixels beside it. The mean over views is surer than any of them, and whoever learns to say
it at once says the same wherever things lie. Views are moved by whole cells, so that maps lie on each other again, by
as many as move them on the coarser grids too.

I. Radosavovic et al., "Data distillation: towards omni-supervised learning", CVPR 2018.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.targets import STRIDE, Floats

Maps = tuple[Floats, Floats, Floats]
"""Heatmap (h, w, classes), size and offset (h, w, 2)."""
_LEAST = 1e-3  # what a view that sees nothing counts for size and offset


@dataclass(frozen=True, slots=True)
class View:
    """How a picture is seen. right, down: cells that it is moved by, before it is mirrored."""

    mirrored: bool
    right: int
    down: int

    def show(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the picture (h, w, 3) so; what was not in it is like its edge."""
        x, y = self.right * STRIDE, self.down * STRIDE
        edges = max(y, 0), max(-y, 0), max(x, 0), max(-x, 0)
        wide = cv2.copyMakeBorder(picture, *edges, cv2.BORDER_REPLICATE)
        height, width = picture.shape[:2]
        moved = wide[edges[1] : edges[1] + height, edges[3] : edges[3] + width]
        return np.ascontiguousarray(moved[:, ::-1] if self.mirrored else moved)

    def back(self, maps: Maps) -> tuple[Maps, NDArray[np.bool_]]:
        """Return what was said of it where it belongs in the picture, and (h, w) which cells were seen."""
        heatmap, size, offset = (one[:, ::-1] if self.mirrored else one for one in maps)
        if self.mirrored:
            offset = np.stack([1 - offset[..., 0], offset[..., 1]], axis=-1)
        there = self._moved(np.ones((*heatmap.shape[:2], 1), np.float32))[..., 0] > 0
        return (self._moved(heatmap), self._moved(size), self._moved(offset)), there

    def _moved(self, values: Floats) -> Floats:
        """Return (h, w, n), moved back; 0 where nothing comes from."""
        height, width = values.shape[:2]
        found = np.zeros_like(values)
        rows, columns = (max(0, -step) for step in (self.down, self.right))
        until = height - max(0, self.down), width - max(0, self.right)
        found[rows : until[0], columns : until[1]] = values[
            rows + self.down : until[0] + self.down, columns + self.right : until[1] + self.right
        ]
        return found


VIEWS = (View(False, 0, 0), View(True, 0, 0), View(False, 1, 1), View(True, 2, 1), View(False, 3, 2), View(True, 1, 3))
"""In this order as many as are wanted."""


def together(say: Callable[[NDArray[np.uint8]], Maps], picture: NDArray[np.uint8], views: Sequence[View]) -> Maps:
    """Return the mean of what is said of the views of a picture (h, w, 3); size and offset count as the best score."""
    told = [view.back(say(view.show(picture))) for view in views]
    if len(told) == 1:
        return told[0][0]
    seen = np.stack([there for _, there in told]).astype(np.float32)[..., None]
    heatmaps, sizes, offsets = (np.stack([maps[place] for maps, _ in told]) for place in range(3))
    counts = seen * (heatmaps.max(axis=-1, keepdims=True) + _LEAST)
    heatmap = (seen * heatmaps).sum(axis=0) / seen.sum(axis=0)
    size, offset = ((counts * one).sum(axis=0) / counts.sum(axis=0) for one in (sizes, offsets))
    return heatmap.astype(np.float32), size.astype(np.float32), offset.astype(np.float32)
