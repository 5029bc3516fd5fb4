"""Following by steps of one, in bytes alone: what a difference's sign comes to, without taking it."""

import cv2
import numpy as np

from tapetum.scene import Plane


class Steps:
    """What is needed to take steps in planes (h, w) uint8 of one shape. Its memory is 3 bytes a pixel."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._one: Plane = np.ones(shape, np.uint8)
        self._least: Plane = np.zeros(shape, np.uint8)
        self._next: Plane = np.zeros(shape, np.uint8)

    def follow(self, plane: Plane, wanted: Plane, where: Plane) -> None:
        """Let `plane`, or some rows of one, come closer by one to what is `wanted`, where `where` is not 0."""
        rows = slice(0, len(plane))
        one, least, after = self._one[rows], self._least[rows], self._next[rows]
        cv2.subtract(plane, one, dst=least)
        cv2.add(plane, one, dst=after)
        cv2.min(wanted, after, dst=after)
        cv2.max(least, after, dst=after)
        cv2.copyTo(after, where, dst=plane)
