"""Motion as a difference from the two frames before, filled from an adaptive background: the lightest method.

A pixel moves if it differs from the picture before, from the one before that and from the background, each by more
than the noise: where a thing was a moment ago differs from the first alone, a hole left by what has gone from the last
alone. What differs from the background and hangs together with a pixel that moves is shown whole. So a thing is shown
only while it moves, or while it is followed; what stops otherwise is gone at once, and what creeps is not seen.

What hangs together is looked for in cells of 4 x 4 pixels; what is in a single one is a speck, and not shown. What
moves is looked for in the first row of each cell; where anything moves, what did so in the frame before counts too: in
the dark it is a few pixels.

R. Collins et al., "A system for video surveillance and monitoring", CMU-RI-TR-00-12, 2000.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from tapetum.motion.average import Average
from tapetum.motion.coarse import CELL, Coarse
from tapetum.motion.stage import Common, Scene, Slices, Stage, plainly_and_faintly
from tapetum.motion.stripes import stripe
from tapetum.scene import Plane

_AROUND = 4  # cells above and below what moves, where it is first looked for what hangs together with it
_STRIPES = 8  # of the rows: one of them is learned in each frame; the background is but what fills a thing
_TICKS = 12  # in `absorb` frames: what shows for so long is leaves and such alone


class FrameDifference(Common, tag="frame-difference", tag_field="algorithm", frozen=True):
    """Settings of the method."""

    def start(self) -> Stage:
        """Return a detector that has seen nothing yet."""
        return Stage(self, lambda shape: FrameDifferenceModel(shape, self.learning, self.absorb))


class FrameDifferenceModel(Average):
    """A running average; the three pictures are the scene's. Its memory is 11 bytes a pixel."""

    def __init__(self, shape: tuple[int, ...], learning: int, absorb: int) -> None:
        super().__init__(shape, learning, absorb, _STRIPES, _TICKS)
        self._moving: Plane = np.zeros((-(-shape[0] // CELL), shape[1]), np.uint8)  # a row of each cell: not 0, moves
        self._moved = self._moving.copy()  # of the frame before
        stripes = (stripe(len(self._moving), number, _STRIPES) for number in range(_STRIPES))
        self._stripes = [rows for rows in stripes if rows.start < rows.stop]
        self._coarse = Coarse(shape)
        self._shows = False  # whether anything may be set in the masks
        self._spread = False  # whether what is set is in most of the rows

    def seed(self, scene: Scene, inside: Slices | None = None) -> None:
        """Take the picture for the background."""
        super().seed(scene, inside)
        if inside is None:
            scene.earlier[:] = scene.previous[:] = scene.picture
            self._moving[:] = self._moved[:] = 0

    def compare(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Fill `strong` and `weak` with what differs from the background and hangs together with what moves."""
        moves = self._moves(scene)
        if held:
            self._hold(scene, held)
            moves = _all(scene) if cv2.hasNonZero(self._moving) else None
        if moves:
            self._show(scene, moves)
        elif self._shows:
            scene.weak[:] = scene.strong[:] = 0
            self._spread = False
        self._shows = moves is not None

    def _moves(self, scene: Scene) -> slice | None:
        """Find what moves, by both pictures and the background; return the rows that it is in, if there is any.

        Most often nothing differs from the picture before, or in a few rows, and the rest is spared.
        """
        self._moving, self._moved = self._moved, self._moving
        cv2.absdiff(scene.picture[::CELL], scene.previous[::CELL], dst=self._moving)
        some = slice(0, len(self._moving)) if self._spread else self._rows_that_differ(scene)
        self._moving[: some.start] = self._moving[some.stop :] = 0
        if some.start == some.stop:
            return None
        moving, also, rows = self._moving[some], scene.learn[some], slice(CELL * some.start, CELL * some.stop, CELL)
        cv2.absdiff(scene.picture[rows], scene.earlier[rows], dst=also)
        cv2.min(moving, also, dst=moving)
        cv2.min(moving, scene.residual[rows], dst=moving)
        cv2.compare(moving, scene.limit[rows], cv2.CMP_GT, dst=moving)
        return slice(rows.start, rows.stop) if cv2.hasNonZero(moving) else None

    def _rows_that_differ(self, scene: Scene) -> slice:
        """Return which rows of `_moving` hold all that differs from the picture before, by an eighth of them."""
        differs = cv2.compare(self._moving, scene.limit[::CELL], cv2.CMP_GT, dst=scene.learn[: len(self._moving)])
        if not cv2.hasNonZero(differs):
            return slice(0, 0)
        first = next(rows for rows in self._stripes if cv2.hasNonZero(differs[rows]))
        last = next(rows for rows in reversed(self._stripes) if cv2.hasNonZero(differs[rows]))
        return slice(first.start, last.stop)

    def _hold(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Take all that differs in the `held` parts for what moves."""
        for rows, columns in held:
            for first in range(rows.start, min(rows.start + CELL, rows.stop)):
                some = slice(first, rows.stop, CELL)
                differs = scene.residual[some, columns] > scene.limit[some, columns]
                self._moving[first // CELL : first // CELL + len(differs), columns][differs] = 255

    def _show(self, scene: Scene, moves: slice) -> None:
        """Fill the masks with each part of what differs that holds some of what moves, in the rows `moves`.

        They are looked for in these and some around, and in all where these are most, or a part goes on beyond.
        """
        height = len(scene.picture)
        first, last = moves.start // CELL - _AROUND, moves.stop // CELL + 1 + _AROUND
        near = slice(max(0, first * CELL), min(height, last * CELL))
        few = near.stop - near.start <= height // 2
        shown = self._show_all(scene, near if few else _all(scene))
        if few and (0 < near.start == shown.start or shown.stop >= near.stop < height):
            shown = self._show_all(scene, _all(scene))
        self._spread = shown.stop - shown.start > height // 2

    def _show_all(self, scene: Scene, rows: slice) -> slice:
        """Fill the masks with each part that holds some of what moves; return which of these `rows` they are in."""
        if rows != _all(scene):
            for mask in (scene.strong, scene.weak):
                mask[: rows.start] = mask[rows.stop :] = 0
        plainly_and_faintly(scene, rows)
        first, last = rows.stop, rows.start
        for part in self._coarse.parts(scene.weak, rows):
            if self._holds(*part):
                first, last = min(first, part[0].start), max(last, part[0].stop)
            else:
                scene.weak[part] = scene.strong[part] = 0
        return slice(first, last)

    def _holds(self, rows: slice, columns: slice) -> bool:
        """Return whether some of what moves, or did just now, is in this part, which is more than a speck of a cell."""
        if rows.stop - rows.start == columns.stop - columns.start == CELL:
            return False
        part = slice(rows.start // CELL, rows.stop // CELL), columns
        return cv2.hasNonZero(self._moving[part]) or cv2.hasNonZero(self._moved[part])


def _all(scene: Scene) -> slice:
    """Return all rows."""
    return slice(0, len(scene.picture))
