"""The building blocks: convolutions that int8 accelerators take whole, in Keras 3, channels last, for every backend.

Only convolution, depthwise convolution, addition, nearest enlargement and a sigmoid at the very end: what XNNPACK, an
Edge TPU and the usual NPUs run in int8. ReLU6 bounds every activation, so the scale of its tensor is known beforehand.
No squeeze-and-excite and no h-swish: quantization after training destroys nets that have them.

`norm=False` leaves out batch normalisation and gives each convolution a bias: the form that an exported model has, and
the one in which its weights can be read back.
"""

from typing import Any

import keras

KINDS = ("conv", "depthwise")
BN_EPSILON = 1e-3
BN_MOMENTUM = 0.99


@keras.saving.register_keras_serializable("tapetum")
class Twice(keras.layers.Layer):  # type: ignore[misc]  # Keras comes without types
    """Enlarges (b, h, w, c) to (b, 2h, 2w, c), each pixel four times.

    With a fixed batch it is exported as one RESIZE_NEAREST_NEIGHBOR; keras.layers.UpSampling2D as TILE and RESHAPE.
    """

    def call(self, inputs: Any) -> Any:
        """Return the enlarged tensor."""
        _, height, width, _ = inputs.shape
        return keras.ops.image.resize(inputs, (2 * height, 2 * width), "nearest", data_format="channels_last")

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of what `call` returns."""
        batch, height, width, channels = shape
        return batch, 2 * (height or 0), 2 * (width or 0), channels


class Maker:
    """Puts layers one behind the other, under names that weights are found by."""

    def __init__(self, *, norm: bool = True) -> None:
        """With `norm`, each convolution is followed by batch normalisation, otherwise it has a bias."""
        self._norm = norm

    def conv(self, x: Any, channels: int, name: str, *, kernel: int = 1, stride: int = 1, act: bool = True) -> Any:
        """Return `x` after a convolution to `channels`; with `act`, after ReLU6."""
        layer = keras.layers.Conv2D(
            channels,
            kernel,
            stride,
            padding="same",
            use_bias=not self._norm,
            kernel_initializer="he_normal",
            data_format="channels_last",
            name=name,
        )
        return self._finish(layer(x), name, act=act)

    def depthwise(self, x: Any, name: str, *, kernel: int = 3, stride: int = 1) -> Any:
        """Return `x` after a convolution of each channel by itself, and ReLU6."""
        layer = keras.layers.DepthwiseConv2D(
            kernel,
            stride,
            padding="same",
            use_bias=not self._norm,
            depthwise_initializer="he_normal",
            data_format="channels_last",
            name=name,
        )
        return self._finish(layer(x), name, act=True)

    def separable(self, x: Any, channels: int, name: str, *, kernel: int = 3) -> Any:
        """Return `x` after a depthwise and a 1 x 1 convolution (MobileNet v1, Howard et al. 2017)."""
        return self.conv(self.depthwise(x, f"{name}_depthwise", kernel=kernel), channels, f"{name}_project")

    def _finish(self, x: Any, name: str, *, act: bool) -> Any:
        if self._norm:
            x = keras.layers.BatchNormalization(axis=-1, epsilon=BN_EPSILON, momentum=BN_MOMENTUM, name=f"{name}_norm")(
                x
            )
        return keras.layers.ReLU(6.0, name=f"{name}_relu")(x) if act else x


def output(x: Any, channels: int, name: str, bias: float = 0.0) -> Any:
    """Return the end of a branch: a 1 x 1 convolution with bias and a sigmoid that gives the output its name."""
    layer = keras.layers.Conv2D(
        channels,
        1,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        bias_initializer=keras.initializers.Constant(bias),
        data_format="channels_last",
        name=f"{name}_logits",
    )
    return keras.layers.Activation("sigmoid", name=name)(layer(x))
