"""Which pictures an epoch shows, how often and in which order: by lot, the same for the same seed.

Every picture has an expected number of showings; it is shown that often, rounded down or up (systematic resampling, G.
Kitagawa, "Monte Carlo filter and smoother for non-Gaussian nonlinear state space models", 1996). Where all weigh the
same and an epoch is as long as there are pictures, each is shown once.

Pictures with rare classes are shown more often: a class that is in a share f of the pictures, less than `rare`, by
sqrt(rare / f), as A. Gupta, P. Dollar, R. Girshick, "LVIS: a dataset for large vocabulary instance segmentation", CVPR
2019, repeat them.
"""

from typing import Annotated

import numpy as np
from msgspec import Meta, field
from numpy.typing import NDArray

from tapetum.settings import Count, Fraction, Settings
from tapetum_trainer.augment.example import Pictures
from tapetum_trainer.errors import RecipeError

Weight = Annotated[float, Meta(ge=0)]


class Sampling(Settings, frozen=True, kw_only=True):
    """How often what is shown."""

    epoch: Count | None = None  # pictures in an epoch; null: as many as there are
    rare: Fraction = 0.1  # a class in a smaller share of the pictures is shown more often; 0: none is
    empty: Weight = 1.0  # of a picture with nothing in it, against one with something
    classes: dict[str, Weight] = field(
        default_factory=dict
    )  # of a picture, by its label that weighs most; of one not named, 1
    sources: dict[str, Weight] = field(default_factory=dict)  # of a picture whose origin begins so; the longest counts
    seed: int = 0


class Sampler:
    """Draws the order of each epoch."""

    def __init__(self, pictures: Pictures, settings: Sampling) -> None:
        """Weigh every picture.

        Raises RecipeError for a class that there is not, a source that no picture is of, and where nothing weighs.
        """
        self._settings = settings
        self._count = settings.epoch or len(pictures)
        weights = _by_class(pictures, settings) * _by_source(pictures, settings.sources)
        if not weights.sum() > 0:
            raise RecipeError("sampling: no picture weighs more than 0, so there is nothing to be shown")
        self.expected: NDArray[np.float64] = weights / weights.sum() * self._count
        """(pictures,): how often an epoch shows each on average."""

    def __len__(self) -> int:
        return self._count

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Return (n, 2): which picture comes, and how often the epoch had it before."""
        random = np.random.default_rng((self._settings.seed, epoch))
        passed = np.floor(np.cumsum(self.expected) + random.random()).clip(0, self._count).astype(np.int64)
        passed[-1] = self._count  # whatever the floats add up to
        times = np.diff(passed, prepend=0)
        indexes = np.repeat(np.arange(len(times)), times)
        before = np.arange(len(indexes)) - np.repeat(passed - times, times)
        return random.permutation(np.stack([indexes, before], axis=1))


def _by_class(pictures: Pictures, settings: Sampling) -> NDArray[np.float64]:
    """Return the weight of each picture by what is in it."""
    of_class = _class_weights(pictures, settings)
    weights = np.full(len(pictures), settings.empty, np.float64)
    for index in range(len(pictures)):
        if len(found := np.unique(pictures.classes(index))):
            weights[index] = of_class[found].max()
    return weights


def _class_weights(pictures: Pictures, settings: Sampling) -> NDArray[np.float64]:
    if strange := set(settings.classes) - set(pictures.labels):
        raise RecipeError(f"sampling.classes: no {sorted(strange)[0]!r} among {', '.join(pictures.labels)}")
    share = np.zeros(len(pictures.labels))
    for index in range(len(pictures)):
        share[np.unique(pictures.classes(index))] += 1 / len(pictures)
    given = np.array([settings.classes.get(label, 1.0) for label in pictures.labels])
    return np.asarray(given * np.sqrt(settings.rare / share.clip(1e-9)).clip(1))


def _by_source(pictures: Pictures, sources: dict[str, Weight]) -> NDArray[np.float64]:
    """Return the weight of each picture by where it is from."""
    if not sources:
        return np.ones(len(pictures))
    longest = sorted(sources, key=len, reverse=True)
    origins = [pictures.origin(index) for index in range(len(pictures))]
    whose = [next((source for source in longest if origin.startswith(source)), None) for origin in origins]
    if absent := set(sources) - set(whose):
        raise RecipeError(f"sampling.sources: no picture is of {sorted(absent)[0]!r}; the first is of {origins[0]!r}")
    return np.array([1.0 if source is None else sources[source] for source in whose])
