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
from tapetum.scene import Plane

_TURN, _MOST = 32, 40  # for each change to or fro, and from which sum on a place is restless: at the second
_FORGETS = 4  # frames in which the sum falls by one: after two changes a place is restless for 2 s at 10 a second
_REACH = 0.015  # of the picture's width: what sways goes so far
_NEAR = 7  # pixels of half the size around a restless place that are, too
_OFTEN = 64  # frames from the start in which the background's darkest and brightest are looked at each time,
_ANEW = 8  # and frames between two looks later


class Restless:
    """The restless places of one size of picture. Its memory is 3 bytes a pixel."""

    def __init__(self, halves: Halves, shape: tuple[int, ...]) -> None:
        self._sum, self._before, self._turned = halves.plane(), halves.plane(), halves.plane()
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
        if self._stale or self._age <= _OFTEN or self._age % _ANEW == 0:
            self._look(background, scene.learn)
        if not self._any:
            return
        cv2.subtract(scene.picture, self._brightest, dst=scene.learn)
        cv2.subtract(self._darkest, scene.picture, dst=scene.moving)
        cv2.max(scene.learn, scene.moving, dst=scene.moving)
        cv2.min(change, scene.moving, dst=change)

    def _look(self, background: Plane, restless: Plane) -> None:
        """Find where it is restless, into `restless`, and what the background is around there."""
        cv2.threshold(self._sum, _MOST, 255, cv2.THRESH_BINARY, dst=self._turned)
        self._any, self._stale = cv2.countNonZero(self._turned) > 0, False
        if not self._any:
            return
        cv2.dilate(self._turned, self._near, dst=self._turned)
        cv2.resize(self._turned, restless.shape[::-1], dst=restless, interpolation=cv2.INTER_NEAREST)
        cv2.dilate(background, self._around, dst=self._brightest)
        cv2.bitwise_and(self._brightest, restless, dst=self._brightest)
        cv2.erode(background, self._around, dst=self._darkest)
        cv2.bitwise_not(restless, dst=restless)
        cv2.bitwise_or(self._darkest, restless, dst=self._darkest)
