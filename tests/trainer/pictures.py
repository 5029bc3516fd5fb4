"""Labelled pictures in memory, painted: each is of its own colour of things on a ground of its own."""

import numpy as np

LABELS = ("square", "bar", "spot")


class Painted:
    """`count` pictures with up to three rectangles each, whose boxes are exact to the pixel."""

    labels = LABELS

    def __init__(self, count=12, things=2, seed=0, shape=(120, 160)):
        random = np.random.default_rng(seed)
        self.calls = 0
        self._pictures, self._boxes, self._classes = [], [], []
        for index in range(count):
            picture = np.full((*shape, 3), (0, 0, 60), np.uint8)
            boxes = []
            for column in range(things):
                left = column * shape[1] // things + int(random.integers(2, 12))
                right = left + int(random.integers(20, shape[1] // things - 14))
                top = int(random.integers(4, 30))
                bottom = top + int(random.integers(20, shape[0] - 36))
                picture[top:bottom, left:right] = colour(index)
                boxes.append((left / shape[1], top / shape[0], right / shape[1], bottom / shape[0]))
            picture.setflags(write=False)
            self._pictures.append(picture)
            self._boxes.append(np.array(boxes, np.float32).reshape(-1, 4))
            self._classes.append(np.arange(things, dtype=np.int32) % len(LABELS))

    def __len__(self):
        return len(self._pictures)

    def picture(self, index):
        return self._pictures[index]

    def boxes(self, index):
        return self._boxes[index]

    def classes(self, index):
        return self._classes[index]

    def ignored(self, index):
        return np.zeros(len(self._classes[index]), bool)

    def known(self, index):
        return np.arange(len(LABELS)) != index % (len(LABELS) + 1)

    def origin(self, index):
        return f"painted/{index}.png"


def colour(index):
    """The colour of the things in a picture: red and green tell the number, no two alike."""
    return 255 - 40 * (index % 4), 40 + 50 * (index // 4 % 4), 0
