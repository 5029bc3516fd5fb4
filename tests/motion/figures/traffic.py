"""A road on which nothing, little or much goes on: for how long the methods take, not for what they find.

Luma as a camera by day gives it at its low resolution, with a sensor's noise of about 4 steps.
"""

from collections.abc import Iterator

import numpy as np

from tapetum.scene import Plane
from tapetum_trainer.degrade import DarkSensor
from tests.motion.figures.weather import FPS, Tree, octaves, yard

SIZE = (360, 640)
_DAY = 0.25
_THINGS = {"empty": 0, "quiet": 1, "busy": 6}
_WIDTH, _HEIGHT = 0.05, 0.16  # of the picture's: one covers 0.8 %, six 4.8 %
SCENES = tuple(_THINGS)


def lumas(scene: str, size: tuple[int, int], frames: int, seed: int) -> Iterator[Plane]:
    """Yield `frames` lumas of `size` (h, w) of one of SCENES; in the busy one a tree sways too. In the first is nobody.

    So no method is timed while it gets rid of what it took for the background.
    """
    random = np.random.default_rng(seed)
    ground, sensor = yard(random, size), DarkSensor(_DAY, seed)
    rows, columns = size
    tree = Tree(random, size, (0.1, 0.15, 0.12)) if scene == "busy" else None
    shape = round(_HEIGHT * rows), round(_WIDTH * columns)
    coats = [np.clip(level + 10 * octaves(random, shape, 16, 2), 5, 250) for level in (40, 215, 60, 200, 30, 220)]
    for number in range(frames):
        picture = tree.over(ground, number / FPS) if tree else ground.copy()
        for thing in range(_THINGS[scene] if number else 0):
            left = int((0.013 * number + 0.17 * thing) % 1 * (columns - shape[1]))
            top = round((0.22 + 0.1 * thing) * rows)
            picture[top : top + shape[0], left : left + shape[1]] = coats[thing]
        yield sensor.picture(picture)
