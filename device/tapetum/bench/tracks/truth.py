"""Who is where, as MOTChallenge writes it down: truths, and what a tracker made of a clip.

A line is frame (1 the first), identity, left, top, width, height in pixels, and columns that are passed over, but for
the first of them: 0 there marks what is not to be judged, as people behind glass. A. Milan
et al., "MOT16: a benchmark for multi-object tracking", arXiv 1603.00831, 2016.
"""

import csv
from collections import defaultdict
from pathlib import Path

from tapetum.errors import ConfigError
from tapetum.scene import Box

Known = list[tuple[int, Box]]
"""Of a frame: who, and where."""
Sheet = dict[int, Known]
"""Frame, 1 the first -> who is where in it."""


def read(path: Path, option: str, shape: tuple[int, ...] = (1, 1)) -> Sheet:
    """Return what `path`, that `option` names, says of pictures of `shape` (height, width), boxes cut to those.

    With no shape the boxes stay in pixels, and whole. Raises ConfigError where it cannot be read or says nothing.
    """
    found: Sheet = defaultdict(list)
    try:
        with path.open(newline="") as lines:
            for row in csv.reader(lines):
                if row[6:7] and float(row[6]) == 0:
                    continue
                left, top, width, height = (float(value) for value in row[2:6])
                box = Box.of_pixels(left, top, left + width, top + height, shape)
                found[int(row[0])].append((int(row[1]), box if shape == (1, 1) else box.clipped()))
    except OSError as error:
        raise ConfigError(f"{option} {path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{option} {path}: is no MOTChallenge file: {error}") from None
    if not found:
        raise ConfigError(f"{option} {path}: is empty; lines of frame, identity, left, top, width, height are wanted")
    return dict(found)
