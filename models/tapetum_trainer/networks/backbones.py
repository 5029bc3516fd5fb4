"""Backbones: chains of inverted residuals (MobileNet v2), whose widths can be chosen stage by stage.

M. Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018, table 2. EfficientNet-Lite0 is the
same block with 5 x 5 kernels in some stages and without squeeze-and-excite and swish (R. Liu, "Higher accuracy on
vision models with EfficientNet-Lite", TensorFlow blog, 2020).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import keras

from tapetum_trainer.networks.blocks import Maker


@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks of one width.

    expand: how many times as wide as its input the middle of a block is, in whole eights; others: that of all blocks
    but the first, where it is another.
    """

    expand: float
    channels: int
    repeats: int
    stride: int  # of the first block
    kernel: int = 3
    others: float | None = None

    def middle(self, channels: int, *, first: bool) -> int:
        """Return how wide the middle of a block is that takes so many channels; the same where it is not widened."""
        expand = self.expand if first or self.others is None else self.others
        return eights(channels * expand) if self.expand > 1 else channels


@dataclass(frozen=True, slots=True)
class Backbone:
    """A chain of stages behind a stem of stride 2."""

    stem: int  # channels
    stages: tuple[Stage, ...]

    def upto(self, count: int) -> "Backbone":
        """Return the first `count` stages alone."""
        return replace(self, stages=self.stages[:count])

    def ending(self, repeats: int) -> "Backbone":
        """Return the same with only the first `repeats` blocks of the last stage.

        The others add to what these give (residual blocks), so what comes after them finds nearly what it knows.
        """
        *others, last = self.stages
        return replace(self, stages=(*others, replace(last, repeats=repeats)))

    def narrowed(self, stem: int, *expand: float | tuple[float, float]) -> "Backbone":
        """Return the same with blocks whose middles are, stage by stage, so many times as wide as their inputs.

        stem: its channels, which are the middle of a first block that widens nothing. expand: of each stage, or of its
        first block and of the others.
        """
        pairs = [times if isinstance(times, tuple) else (times, None) for times in expand]
        stages = zip(self.stages, pairs, strict=True)
        return Backbone(stem, tuple(replace(stage, expand=first, others=others) for stage, (first, others) in stages))

    def middles(self) -> dict[str, int]:
        """Return the name of each block, in their order, and how wide its middle is."""
        return {name: stage.middle(came, first=first) for name, stage, came, first in self.blocks()}

    def blocks(self) -> Iterator[tuple[str, Stage, int, bool]]:
        """Yield each block: its name, its stage, the channels that it takes, and whether it is its stage's first."""
        came = self.stem
        for number, stage in enumerate(self.stages, 1):
            for index in range(stage.repeats):
                yield f"s{number}b{index + 1}", stage, came, index == 0
                came = stage.channels

    def build(self, x: Any, maker: Maker) -> dict[int, Any]:
        """Return the last features of every stride, by stride; `x` is the picture (b, h, w, 3)."""
        x, stride = maker.conv(x, self.stem, "stem", kernel=3, stride=2), 2
        found = {stride: x}
        for name, stage, _, first in self.blocks():
            stride *= stage.stride if first else 1
            x = _block(x, stage, maker, name, first=first)
            found[stride] = x
        return found


def eights(channels: float) -> int:
    """Return the nearest multiple of eight, at least one: what processors and accelerators take at once."""
    return max(8, int(channels + 4) // 8 * 8)


def _block(x: Any, stage: Stage, maker: Maker, name: str, *, first: bool) -> Any:
    """Return `x` after one inverted residual: wide, depthwise, narrow again, and added to what came in if alike."""
    came, stride = x, stage.stride if first else 1
    if stage.expand > 1:
        x = maker.conv(x, stage.middle(x.shape[-1], first=first), f"{name}_expand")
    x = maker.depthwise(x, f"{name}_depthwise", kernel=stage.kernel, stride=stride)
    x = maker.conv(x, stage.channels, f"{name}_project", act=False)
    if stride == 1 and came.shape[-1] == stage.channels:
        x = keras.layers.Add(name=f"{name}_add")([came, x])
    return x


MOBILENET_V2 = Backbone(
    32,
    (
        Stage(1, 16, 1, 1),
        Stage(6, 24, 2, 2),
        Stage(6, 32, 3, 2),
        Stage(6, 64, 4, 2),
        Stage(6, 96, 3, 1),
        Stage(6, 160, 3, 2),
        Stage(6, 320, 1, 1),
    ),
)
EFFICIENTNET_LITE0 = Backbone(
    32,
    (
        Stage(1, 16, 1, 1),
        Stage(6, 24, 2, 2),
        Stage(6, 40, 2, 2, 5),
        Stage(6, 80, 3, 2),
        Stage(6, 112, 3, 1, 5),
        Stage(6, 192, 4, 2, 5),
        Stage(6, 320, 1, 1),
    ),
)
