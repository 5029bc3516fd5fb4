"""How a classifier is made and trained, as a recipe says it: apart from what does it, which is slow to import."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from tapetum.inference.crops import CONTEXT
from tapetum.settings import Count, Fraction, Positive, Settings
from tapetum_trainer.augment import settings as augment
from tapetum_trainer.schedule import Rates, Schedule

BACKGROUND = "background"
"""The class of what is none of the others."""
Size = Literal["nano", "small", "base"]


class Cutting(Settings, frozen=True, kw_only=True):
    """How crops are cut out of labelled pictures. What fills its picture, as in a folder, is taken as it is."""

    context: Annotated[float, Meta(ge=0, le=2)] = CONTEXT  # as `scheduling.context` of the devices
    smallest: Annotated[float, Meta(ge=1)] = 16.0  # pixels, the longer side: of what is smaller no crop is cut


class Background(Settings, frozen=True, kw_only=True):
    """What is none of the classes: crops where nothing is labelled, and things with these labels."""

    each: Annotated[int, Meta(ge=0, le=100)] = 1  # crops out of each picture in which all classes were looked for
    sizes: tuple[Positive, Positive] = (0.1, 0.5)  # of what is in the middle of such a crop, of the picture's sides
    labels: tuple[str, ...] = ()  # of things that are shown as background too: "kite", or a folder's name

    def __post_init__(self) -> None:
        if not self.sizes[0] <= self.sizes[1] <= 1:
            raise ValueError(f"sizes: [{self.sizes[0]}, {self.sizes[1]}]: the least comes first, and 1 is the most")


class Network(Settings, frozen=True, kw_only=True):
    """Which classifier."""

    size: Size = "small"
    side: Annotated[int, Meta(ge=96, le=224, multiple_of=32)] = 128  # pixels of the square input
    pretrained: bool = True  # the backbone begins with weights of ImageNet


class Geometry(augment.Geometry, frozen=True, kw_only=True):
    """As of a detector, but each example is one crop: moved a little, as a track's box is never quite right."""

    mosaic: Annotated[float, Meta(ge=0, le=0)] = 0.0  # an example of several crops would have several classes
    balance: Annotated[float, Meta(ge=0, le=0)] = 0.0  # the thing is in the middle already
    scale: augment.Range = (0.8, 1.25)
    aspect: Annotated[float, Meta(ge=1, le=3)] = 1.2


class Augmentation(augment.Augmentation, frozen=True, kw_only=True):
    """How crops are varied."""

    geometry: Geometry = Geometry()


class Weights(Settings, frozen=True, kw_only=True):
    """What each crop counts in the loss, by its class."""

    balance: Fraction = 0.5  # 0: every crop alike, 1: every class alike, 0.5: by the root between
    classes: dict[str, Positive] = field(default_factory=dict)  # what those of a class count, instead of that
    smoothing: Annotated[float, Meta(ge=0, lt=0.5)] = 0.05  # of the truth, shared by all classes: labels may be wrong


class Fit(Schedule, frozen=True, kw_only=True):
    """How a classifier is trained."""

    epochs: Count = 30
    rates: Rates = Rates()
    weights: Weights = Weights()
    average: Fraction = 0.99  # decay of the weights' moving average: about the last 100 steps

    def counting(self, shown: Mapping[str, float]) -> "Fit":
        """Return the same with what a crop of each class counts. shown: how many of it an epoch shows."""
        weights = self.weights
        share = {label: max(count, 1.0) ** -weights.balance for label, count in shown.items()}
        whole = sum(shown.values()) / sum(share[label] * count for label, count in shown.items())
        counts = {label: weights.classes.get(label, whole * share[label]) for label in shown}
        return msgspec.structs.replace(self, weights=msgspec.structs.replace(weights, classes=counts))

    def learner(self, network: Any) -> Any:
        """Return what trains `network`, of whose classes the weights are known, in their order."""
        from tapetum_trainer.crops.learner import Learner  # noqa: PLC0415  Keras takes seconds

        return Learner(network, self.weights)
