"""The network: a small picture in, a map of curves out, an eighth of its side.

Zero-DCE++'s way, with operators that XNNPACK and an Edge TPU take in int8: strided convolutions down to an eighth, and
separable ones of 5 x 5 there, so that a cell knows three eighths of the picture around it. Nothing is enlarged in it,
which XNNPACK would leave to slower kernels. There is no batch normalisation, since the relations between neighbouring
pixels are what counts (Zero-DCE, section 3.2).
"""

import keras

from tapetum_trainer.networks.blocks import Maker, output

_FIRST = -2.0  # before the sigmoid, everywhere: curves of 0.12, which raise a level of 20 to 44


def curves(side: int, width: int) -> keras.Model:
    """Return the network, its weights random.

    It takes (b, side, side, 3) float32, (pixel - 128) / 128, and gives `curve` (b, side / 8, side / 8, 3), 0..1. side:
    a multiple of 16. width: channels.
    """
    maker = Maker(norm=False)
    picture = keras.Input((side, side, 3), name="picture")
    x = maker.conv(picture, width, "night_in", kernel=3, stride=2)
    for name in ("night4", "night8"):
        x = maker.conv(maker.depthwise(x, f"{name}_depthwise", stride=2), width, f"{name}_project")
    for name in ("night_near", "night_wide"):
        x = keras.layers.Add(name=f"{name}_sum")([x, maker.separable(x, width, name, kernel=5)])
    return keras.Model(picture, output(x, 3, "curve", _FIRST), name="night")
