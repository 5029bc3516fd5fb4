"""A picture of what each contender found: for each of some frames a row of it, its truth and all masks.

Of each stretch of the clip the frame in which most moves is shown, by the truth or, without one, by all masks together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.bench.motion.course import Masks
from tapetum.bench.motion.score import MOVING, OUTSIDE, SHADOW, STILL, UNKNOWN, moving_in
from tapetum.bench.motion.sequence import Picture
from tapetum.errors import ConfigError
from tapetum.scene import Plane

ROWS = 6
_HELD = 8 * ROWS  # frames that may be shown in the end: of neighbours the one with less is let go
_TILE = 224  # pixels: width of a picture
_LINE = 18  # pixels: height of a line of text
_GAP = 2
_TRUTH = {STILL: (0, 0, 0), SHADOW: (60, 60, 60), OUTSIDE: (90, 60, 60), UNKNOWN: (110, 110, 110), MOVING: (255,) * 3}
_RIGHT, _FALSE, _MISSED, _UNJUDGED = (255, 255, 255), (60, 60, 230), (230, 150, 40), (110, 110, 110)  # blue, green, red
_LEGEND = "white: found, red: found where nothing moves, blue: missed, gray: not judged"
_BY_NOTHING = "white: found; there is no truth"

Colours = NDArray[np.uint8]
"""(h, w, 3) uint8 BGR."""


@dataclass(frozen=True, slots=True)
class _Shown:
    moving: int
    picture: Picture
    masks: dict[str, Plane]


class Strip:
    """Keeps what may be shown while a clip goes by, and writes it in the end; does nothing without a path."""

    def __init__(self, path: Path | None) -> None:
        """Raise ConfigError when `path` cannot be written, before anything is measured."""
        self._path = path
        self._held: list[_Shown] = []
        if path is not None:
            if path.suffix.lower() != ".png":
                raise ConfigError(f"--pictures {path}: a file that ends in .png is wanted")
            _try_to_write(path)

    def offer(self, turn: Sequence[Picture], masks: Masks) -> None:
        """Take notice of a turn: the frame of it in which most moves is held."""
        if self._path is None:
            return
        moving = [
            cv2.countNonZero(moving_in(one.truth))
            if one.truth is not None
            else sum(cv2.countNonZero(own[index]) for own in masks.values())
            for index, one in enumerate(turn)
        ]
        judged = [index for index, one in enumerate(turn) if one.truth is not None] or range(len(turn))
        most = max(judged, key=lambda index: moving[index])
        own = {name: planes[most] for name, planes in masks.items()}
        self._held.append(_Shown(moving[most], turn[most], own))
        if len(self._held) > _HELD:
            pairs = zip(self._held[::2], [*self._held[1::2], self._held[-1]], strict=False)
            self._held = [max(pair, key=lambda one: one.moving) for pair in pairs]

    def write(self) -> None:
        """Write the picture; raises ConfigError where that fails."""
        if self._path is None or not self._held:
            return
        shown = self._chosen()
        rows = [_row(one) for one in shown]
        names = ["frame", *(["truth"] if shown[0].picture.truth is not None else []), *shown[0].masks]
        legend = _LEGEND if "truth" in names else _BY_NOTHING
        sheet = np.vstack([_header(names), *rows, _text(legend, rows[0].shape[1])])
        _, coded = cv2.imencode(".png", sheet)
        try:
            self._path.write_bytes(coded.tobytes())
        except OSError as error:
            raise ConfigError(f"--pictures {self._path}: {error.strerror}") from None

    def _chosen(self) -> list[_Shown]:
        """Return one of each stretch, those with a truth alone where there are any."""
        held = [one for one in self._held if one.picture.truth is not None] or self._held
        edges = np.linspace(0, len(held), min(ROWS, len(held)) + 1).astype(int)
        stretches = [held[first:last] for first, last in pairwise(edges)]
        return [max(stretch, key=lambda one: one.moving) for stretch in stretches]


def _row(shown: _Shown) -> Colours:
    picture = shown.picture
    frame = np.asarray(cv2.cvtColor(picture.luma, cv2.COLOR_GRAY2BGR), np.uint8)
    tiles = [_tile(frame, cv2.INTER_AREA)]
    if picture.truth is not None:
        tiles.append(_tile(_painted(picture.truth), cv2.INTER_NEAREST))
    tiles += [_tile(_judged(mask, picture.truth), cv2.INTER_NEAREST) for mask in shown.masks.values()]
    cv2.putText(tiles[0], str(picture.number), (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (80, 220, 255), 1, cv2.LINE_AA)
    return np.hstack(tiles)


def _judged(mask: Plane, truth: Plane | None) -> Colours:
    """Return `mask` in the colours of the legend."""
    if truth is None:
        return np.asarray(cv2.cvtColor(mask, cv2.COLOR_GRAY2BGR), np.uint8)
    shown = np.zeros((*mask.shape, 3), np.uint8)
    found, moving = mask > 0, truth == MOVING
    shown[found & moving], shown[found & ~moving], shown[~found & moving] = _RIGHT, _FALSE, _MISSED
    shown[(truth == OUTSIDE) | (truth == UNKNOWN)] = _UNJUDGED
    return shown


def _painted(truth: Plane) -> Colours:
    shown = np.zeros((*truth.shape, 3), np.uint8)
    for value, colour in _TRUTH.items():
        shown[truth == value] = colour
    return shown


def _tile(picture: Colours, interpolation: int) -> Colours:
    height = max(1, round(_TILE * picture.shape[0] / picture.shape[1]))
    tile = cv2.resize(picture, (_TILE, height), interpolation=interpolation)
    return np.asarray(cv2.copyMakeBorder(tile, 0, _GAP, 0, _GAP, cv2.BORDER_CONSTANT, value=(40, 40, 40)), np.uint8)


def _header(names: Sequence[str]) -> Colours:
    return np.hstack([_text(name, _TILE + _GAP) for name in names])


def _text(text: str, width: int) -> Colours:
    line = np.full((_LINE, width, 3), 40, np.uint8)
    cv2.putText(line, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (230, 230, 230), 1, cv2.LINE_AA)
    return line


def _try_to_write(path: Path) -> None:
    new = not path.exists()
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise ConfigError(f"--pictures {path}: {error.strerror}") from None
    if new:
        path.unlink()
