"""What a model is shown to find the ranges of its numbers: pictures spread over what it learned from."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.augment import Augmentation, Augmenter, Pictures


def spread(pictures: Pictures, augmentation: Augmentation, most: int) -> Iterator[NDArray[np.uint8]]:
    """Yield up to `most` of the pictures, in turn as they are and as training shows them."""
    augmenter = Augmenter(pictures, augmentation)
    places = np.linspace(0, len(pictures) - 1, min(len(pictures), most)).round().astype(int)
    for turn, index in enumerate(places.tolist()):
        yield augmenter.example(index, 0).pixels if turn % 2 else pictures.picture(index)
