"""The detector: where the centres of things are, how large each thing is, and where in its cell the centre lies.

A backbone, whose coarser features are enlarged and added to those of stride 8 (a feature pyramid, of which only the
finest level is used), and two branches of separable convolutions on that one grid. The outputs are those that
`tapetum.inference.decode.centre` reads.

X. Zhou, D. Wang, P. Kraehenbuehl, "Objects as points", 2019. T.-Y. Lin et al., "Feature pyramid networks for object
detection", 2017.
"""

import math
from dataclasses import dataclass
from typing import Any

import keras

from tapetum_trainer.networks.backbones import Backbone
from tapetum_trainer.networks.blocks import Maker, Twice, output
from tapetum_trainer.sides import Sides, size_of
from tapetum_trainer.targets import STRIDE

PRIOR = 0.01  # what the heatmap says at first, everywhere: Lin et al., "Focal loss for dense object detection", 2017


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a detector is made of."""

    backbone: Backbone
    side: Sides  # of the input, pixels
    neck: int  # channels of the pyramid and the branches
    depth: int = 2  # separable convolutions in each branch

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the input: height, width and channels."""
        width, height = size_of(self.side)
        return height, width, 3

    @property
    def grid(self) -> tuple[int, int]:
        """Cells of the outputs, down and across."""
        return self.shape[0] // STRIDE, self.shape[1] // STRIDE


def detector(architecture: Architecture, classes: int, *, norm: bool = True) -> keras.Model:
    """Return the network for `classes` classes, its weights random.

    It takes (b, *architecture.shape) float32, (pixel - 128) / 128, and gives a dictionary of heatmap
    (b, h, w, classes), size and offset (b, h, w, 2), all 0..1, where h, w are `architecture.grid`.
    """
    maker = Maker(norm=norm)
    picture = keras.Input(architecture.shape, name="picture")
    x = _pyramid(architecture.backbone.build(picture, maker), architecture.neck, maker)
    heat, box = (_branch(x, architecture, maker, kind) for kind in ("heat", "box"))
    outputs = {
        "heatmap": output(heat, classes, "heatmap", math.log(PRIOR / (1 - PRIOR))),
        "size": output(box, 2, "size"),
        "offset": output(box, 2, "offset"),
    }
    return keras.Model(picture, outputs, name="detector")


def _pyramid(features: dict[int, Any], channels: int, maker: Maker) -> Any:
    """Return the features of stride 8 that know of those of stride 16, and 32 where the backbone goes so far."""
    x = None
    for stride in sorted((stride for stride in features if stride >= STRIDE), reverse=True):
        here = maker.conv(features[stride], channels, f"lateral{stride}", act=False)
        x = here if x is None else keras.layers.Add(name=f"pyramid{stride}")([Twice(name=f"twice{stride}")(x), here])
        x = maker.separable(x, channels, f"smooth{stride}") if stride == 2 * STRIDE else x
    return x


def _branch(x: Any, architecture: Architecture, maker: Maker, name: str) -> Any:
    for index in range(architecture.depth):
        x = maker.separable(x, architecture.neck, f"{name}{index + 1}")
    return x
