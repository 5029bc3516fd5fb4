"""How a curve network is made and trained, as a recipe says it: apart from what does it, which is slow to import."""

from typing import Annotated, Any

from msgspec import Meta

from tapetum.settings import Positive, Settings
from tapetum_trainer.schedule import Schedule


class Wanted(Settings, frozen=True, kw_only=True):
    """What a raised picture is to be like, and what each loss counts.

    The authors train with regions of a 32nd of the picture, a level of 0.6 and the counts 1, 10, 5, 200. Small regions
    come out all alike, dark things as bright as bright ones; so they are half of a picture here.
    """

    level: Annotated[float, Meta(gt=0, lt=1)] = 0.45  # mean brightness: that of ordinary pictures by day
    region: Annotated[int, Meta(ge=16, multiple_of=16)] = 64  # pixels, the side of what is to have the level
    spatial: Positive = 1.0
    exposure: Positive = 10.0
    colour: Positive = 5.0
    smooth: Positive = 100.0  # for each step of the map

    @property
    def counts(self) -> dict[str, float]:
        """By the names of the losses."""
        return {name: getattr(self, name) for name in ("spatial", "exposure", "colour", "smooth")}


class Fit(Schedule, frozen=True, kw_only=True):
    """How a curve network is trained."""

    weights: Wanted = Wanted()

    def learner(self, network: Any) -> Any:
        """Return what trains `network`."""
        from tapetum_trainer.night.learner import Learner  # noqa: PLC0415  Keras takes seconds

        return Learner(network, self.weights)


class Curves(Settings, frozen=True, kw_only=True):
    """Which network."""

    side: Annotated[int, Meta(ge=64, le=256, multiple_of=16)] = 128  # pixels of the square input
    width: Annotated[int, Meta(ge=8, le=64, multiple_of=8)] = 24  # channels
