"""Batches for training, made ahead by threads, in an order and with a content that depend on seed and epoch alone.

Threads and not processes: what takes time (OpenCV, random numbers, codecs) lets other threads run meanwhile, and
nothing is copied from one process to another. Each batch is one thread's work; not more than `ahead` are begun or wait,
which bounds the memory.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.settings import Count, Settings
from tapetum_trainer.augment import Augmentation, Augmenter, Example, Pictures
from tapetum_trainer.augment.example import Flags, Hinted
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.sampling import Sampler, Sampling
from tapetum_trainer.targets import Truth
from tapetum_trainer.teachers.maps import Imitated

Order = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples that are learned from at once."""

    pixels: NDArray[np.uint8]  # (B, h, w, 3) RGB
    truths: tuple[Truth, ...]  # of each
    hints: tuple[Truth, ...] = ()  # what a teacher says of each; none where there is no teacher
    maps: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)  # of such a teacher as says it cell by cell


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of each batch one of several workers makes: every `of`-th example, from number `place` on."""

    place: int = 0
    of: int = 1

    @property
    def first(self) -> bool:
        """Whether it is that of the first worker."""
        return self.place == 0


ALL = Share()


class Feeding(Settings, frozen=True, kw_only=True):
    """How batches are made."""

    batch: Count = 16  # examples
    workers: Count = 2  # threads
    ahead: Count = 4  # batches begun or waiting
    sampling: Sampling = Sampling()


class Feed:
    """Batches of augmented pictures."""

    def __init__(
        self,
        pictures: Pictures,
        augmentation: Augmentation,
        settings: Feeding,
        share: Share = ALL,
        imitated: Imitated | None = None,
    ) -> None:
        """Feed from `pictures` one worker's share. imitated: a teacher that is asked about each batch.

        Raises RecipeError when an epoch is not even one batch, when a batch has no equal shares, and as `Sampler` does.
        """
        self._pictures, self._settings, self._share, self._imitated = pictures, settings, share, imitated
        self._augmenter = Augmenter(pictures, augmentation)
        self._sampler = Sampler(pictures, settings.sampling)
        if not self.steps:
            raise RecipeError(f"an epoch of {len(self._sampler)} pictures is less than one batch of {settings.batch}")
        if settings.batch % share.of:
            raise RecipeError(f"feeding.batch: {settings.batch} examples cannot be shared evenly by {share.of} workers")

    @property
    def steps(self) -> int:
        """Batches in an epoch, all of the same size; what is left over is drawn anew with the next."""
        return len(self._sampler) // self._settings.batch

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch from number `start` on.

        An error in making one is raised where it would have come, with a note of which picture it is about. Threads end
        with the iterator. OpenCV uses one thread for each of them, in all of the process.
        """
        orders = self._orders(epoch)[start:]
        with ThreadPoolExecutor(self._settings.workers, "feed", cv2.setNumThreads, (1,)) as pool:
            waiting: deque[Future[Batch]] = deque()
            try:
                for order in orders:
                    waiting.append(pool.submit(self._batch, epoch, order))
                    if len(waiting) >= self._settings.ahead:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _orders(self, epoch: int) -> list[Order]:
        size, share = self._settings.batch, self._share
        order = self._sampler.order(epoch)
        return [order[step * size + share.place : (step + 1) * size : share.of] for step in range(self.steps)]

    def _batch(self, epoch: int, order: Order) -> Batch:
        examples = [self._example(index, epoch, again) for index, again in order.tolist()]
        hinting = self._pictures.hinting if isinstance(self._pictures, Hinted) else None
        pixels = np.stack([example.pixels for example in examples])
        return Batch(
            pixels,
            tuple(truth(example) for example in examples),
            () if hinting is None else tuple(hint(example, hinting) for example in examples),
            self._imitated.maps(pixels) if self._imitated else {},
        )

    def _example(self, index: int, epoch: int, again: int) -> Example:
        try:
            return self._augmenter.example(index, epoch, again)
        except Exception as error:
            error.add_note(f"in making an example of {self._pictures.origin(index)} (number {index}, epoch {epoch})")
            raise


def truth(example: Example) -> Truth:
    """Return what is known of an example.

    A class of which an area does not know is an ignored box there: nothing is wanted or punished, but where a thing is.
    """
    area, unknown = np.nonzero(~example.known)
    own = ~example.hinted
    boxes = np.concatenate([example.boxes[own], example.areas[area]])
    classes = np.concatenate([example.classes[own], unknown.astype(np.int32)])
    ignored = np.concatenate([example.ignored[own], np.ones(len(area), bool)])
    return Truth(boxes, classes, ignored, np.concatenate([example.scores[own], np.ones(len(area), np.float32)]))


def hint(example: Example, hinting: Flags) -> Truth:
    """Return what a teacher says of an example. hinting: (labels,) which classes it can say anything of."""
    of = example.hinted
    return Truth(example.boxes[of], example.classes[of], example.ignored[of], example.scores[of], hinting)
