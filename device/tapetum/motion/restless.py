"""Places where the picture comes and goes, leaves, water, a flag: where a thing must differ from all around it.

Where a pixel has changed to and fro a few times within some seconds, what moves there is most often a part of the scene
that was beside it a moment ago. So it counts only by how far it is from the darkest and the brightest of the
background around, as far as things sway. Where nothing is restless, nothing is lost by it.

After A. Elgammal, D. Harwood and L. Davis, "Non-parametric model for background subtraction", ECCV 2000, who look for a
displaced pixel's value around it; that what blinks is restless, after P.-L. St-Charles et al., "SuBSENSE: a universal
change detection method with local adaptive sensitivity", IEEE TIP 24(1):359-373, 2015.
"""

import cv2
import numpy as np

from tapetum.motion.parts import Halves
from tapetum.motion.stage import Scene
from tapetum.motion.stripes import stripe
from tapetum.scene import Plane

_TURN, _MOST = 32, 40  # for each change to or fro, and from which sum on a place is restless: at the second
_FORGETS = 4  # frames in which the sum falls by one: after two changes a place is restless for 2 s at 10 a second
_REACH = 0.015  # of the picture's width: what sways goes so far
_NEAR = 7  # pixels of half the size around a restless place that are, too
_OFTEN = 64  # frames from the start in which the background's darkest and brightest are looked at each time,
_ANEW = 8  # and frames between two looks later


class Restless:
    """The restless places of one size of picture. Its memory is 4 bytes a pixel."""

    def __init__(self, halves: Halves, shape: tuple[int, ...]) -> None:
        self._sum, self._before, self._turned = halves.plane(), halves.plane(), halves.plane()
        self._places: Plane = np.zeros(shape, np.uint8)  # 255: restless, or near to it
        self._one = np.ones_like(self._sum)
        self._darkest: Plane = np.zeros(shape, np.uint8)  # around each pixel; 255 where it is calm
        self._brightest: Plane = np.zeros(shape, np.uint8)  # the same; 0 where it is calm
        side = 2 * max(1, round(_REACH * shape[1])) + 1
        self._around, self._near = np.ones((side, side), np.uint8), np.ones((_NEAR, _NEAR), np.uint8)
        self._age = 0
        self._stale, self._any = True, False

    def forget(self) -> None:
        """Know of no restless place."""
        self._sum[:] = self._before[:] = 0
        self._age, self._stale, self._any = 0, True, False

    def shift(self) -> None:
        """Look at the background anew, which is at another exposure."""
        self._stale = True

    def learn(self, strong: Plane) -> None:
        """Take in where it differs plainly, `strong` 0 or 1 of half the size."""
        cv2.bitwise_xor(strong, self._before, dst=self._turned)
        cv2.threshold(self._turned, 0, _TURN, cv2.THRESH_BINARY, dst=self._turned)
        cv2.add(self._sum, self._turned, dst=self._sum)
        self._before[:] = strong
        if self._age % _FORGETS == 0:
            cv2.subtract(self._sum, self._one, dst=self._sum)
        self._age += 1

    def spare(self, scene: Scene, background: Plane, change: Plane) -> None:
        """Lower `change`, luma steps, in restless places to how far the picture is from all of the background around.

        It is at most 128 then, anywhere. `moving` and `learn` of the scene are at its disposal.
        """
        anew = self._stale or self._age <= _OFTEN
        if anew or self._age % _ANEW == 0:
            self._find()
        if not self._any:
            return
        self._look(background, slice(None) if anew else stripe(len(background), self._age, _ANEW))
        cv2.subtract(scene.picture, self._brightest, dst=scene.learn)
        cv2.subtract(self._darkest, scene.picture, dst=scene.moving)
        cv2.max(scene.learn, scene.moving, dst=scene.moving)
        cv2.min(change, scene.moving, dst=change)

    def _find(self) -> None:
        """Find where it is restless."""
        cv2.threshold(self._sum, _MOST, 255, cv2.THRESH_BINARY, dst=self._turned)
        self._any, self._stale = cv2.hasNonZero(self._turned), False
        if self._any:
            cv2.dilate(self._turned, self._near, dst=self._turned)
            cv2.resize(self._turned, self._places.shape[::-1], dst=self._places, interpolation=cv2.INTER_NEAREST)

    def _look(self, background: Plane, rows: slice) -> None:
        """Find in `rows` what the background is around each restless place."""
        first, last, _ = rows.indices(len(background))
        reach = len(self._around) // 2
        wide = slice(max(0, first - reach), last + reach)
        inside = slice(first - wide.start, last - wide.start)
        places, brightest, darkest = self._places[rows], self._brightest[rows], self._darkest[rows]
        cv2.bitwise_and(cv2.dilate(background[wide], self._around)[inside], places, dst=brightest)
        cv2.bitwise_not(places, dst=darkest)
        cv2.bitwise_or(cv2.erode(background[wide], self._around)[inside], darkest, dst=darkest)
