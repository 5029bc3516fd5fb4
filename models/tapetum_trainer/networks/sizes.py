"""The detectors that recipes name: how large each is, and which pretrained weights its backbone begins with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from tapetum_trainer.networks.backbones import EFFICIENTNET_LITE0, MOBILENET_V2, Backbone, eights
from tapetum_trainer.networks.detector import Architecture
from tapetum_trainer.sides import Sides

Name = Literal["pico", "nano", "small", "slim", "base"]


@dataclass(frozen=True, slots=True)
class Size:
    """One size. pretrained: the name of the weights in `tapetum_trainer.weights.SOURCES`."""

    backbone: Backbone
    neck: int
    pretrained: Literal["efficientnet-lite0", "mobilenet-v2"]

    def architecture(self, side: Sides) -> Architecture:
        """Return the network for pictures of `side` pixels."""
        return Architecture(self.backbone, side, self.neck)


def thinned(backbone: Backbone, width: float) -> Backbone:
    """Return `backbone` with every stage `width` times as wide, in whole eights of channels."""
    stages = tuple(replace(stage, channels=eights(width * stage.channels)) for stage in backbone.stages)
    return Backbone(eights(width * backbone.stem), stages)


_SLIM = EFFICIENTNET_LITE0.upto(6).narrowed(24, 1, 4, (6, 4), (6, 4.8), (6, 4.6), (6, 4))
"""The first block of the later stages stays as wide as it was: what it loses is missed more than what others lose."""
SIZES: Mapping[Name, Size] = {
    "pico": Size(thinned(MOBILENET_V2, 0.35), 48, "mobilenet-v2"),
    "nano": Size(EFFICIENTNET_LITE0.upto(5).ending(1), 96, "efficientnet-lite0"),
    "small": Size(EFFICIENTNET_LITE0.upto(5), 96, "efficientnet-lite0"),
    "slim": Size(_SLIM, 96, "efficientnet-lite0"),
    "base": Size(EFFICIENTNET_LITE0.upto(6), 96, "efficientnet-lite0"),
}
