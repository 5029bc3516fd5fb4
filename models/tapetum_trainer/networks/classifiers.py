"""The classifiers that recipes name: how large each is, and which pretrained weights its backbone begins with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tapetum_trainer.networks.backbones import EFFICIENTNET_LITE0, MOBILENET_V2, Backbone
from tapetum_trainer.networks.classifier import ClassifierArchitecture
from tapetum_trainer.networks.sizes import thinned

Name = Literal["nano", "small", "base"]


@dataclass(frozen=True, slots=True)
class Size:
    """One size. pretrained: the name of the weights in `tapetum_trainer.weights.SOURCES`."""

    backbone: Backbone
    pretrained: Literal["efficientnet-lite0", "mobilenet-v2"]

    def architecture(self, side: int) -> ClassifierArchitecture:
        """Return the network for square pictures of `side` pixels."""
        return ClassifierArchitecture(self.backbone, side)


CLASSIFIERS: Mapping[Name, Size] = {
    "nano": Size(thinned(MOBILENET_V2, 0.35), "mobilenet-v2"),
    "small": Size(thinned(EFFICIENTNET_LITE0.upto(6), 0.5), "efficientnet-lite0"),
    "base": Size(EFFICIENTNET_LITE0.upto(6), "efficientnet-lite0"),
}
