"""A sequence in which the thing is cut out of some frames: what is behind it is seen there, as in the other frames.

`python -m tests.bench.absences FROM TO` writes it for a sequence of OTB whose camera stands still.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from tapetum.bench.tracking import truth
from tapetum.scene import Box

AWAY = (slice(40, 60), slice(85, 100))
_MARGIN = 0.25  # of the thing's size is cut out around it: its shadow too
_EVERY = 3


def without(source: Path, place: Path) -> Path:
    """Write the sequence `source` to `place`, the thing cut out of the frames AWAY."""
    paths = sorted((source / "img").iterdir())
    pictures = [np.asarray(cv2.imread(str(path))) for path in paths]
    behind = np.median(pictures[::_EVERY], axis=0).astype(np.uint8)
    boxes = truth.read(source / "groundtruth_rect.txt")
    absent = {index for part in AWAY for index in range(len(paths))[part]}
    (place / "img").mkdir(parents=True)
    lines = []
    for index, (path, picture, corners) in enumerate(zip(paths, pictures, boxes, strict=True)):
        assert corners is not None
        left, top, right, bottom = corners
        if index in absent:
            cut = Box.of_pixels(*corners, picture.shape).grown(_MARGIN).slices(picture)
            picture[cut] = behind[cut]
        lines.append("nan,nan,nan,nan" if index in absent else f"{left + 1},{top + 1},{right - left},{bottom - top}")
        cv2.imwrite(str(place / "img" / path.with_suffix(".png").name), picture)
    (place / "groundtruth_rect.txt").write_text("\n".join(lines) + "\n")
    return place


if __name__ == "__main__":
    without(Path(sys.argv[1]), Path(sys.argv[2]))
