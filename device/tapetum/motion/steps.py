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

    def follow(self, plane: Plane, wanted: Plane, where: Plane | None, rows: slice = slice(None)) -> None:
        """Let `plane` come closer by one to what is `wanted`, where `where` is not 0 (None: anywhere), in `rows`."""
        plane, least, upward = plane[rows], self._least[rows], self._next[rows]
        cv2.subtract(plane, self._one[rows], dst=least)
        cv2.add(plane, self._one[rows], dst=upward)
        cv2.min(wanted[rows], upward, dst=upward)
        if where is None:
            cv2.max(least, upward, dst=plane)
            return
        cv2.max(least, upward, dst=upward)
        cv2.copyTo(upward, where[rows], dst=plane)
