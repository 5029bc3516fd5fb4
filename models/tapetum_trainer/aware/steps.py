"""Numbers rounded to the steps of int8 while a network learns: they are what int8 holds, and have a gradient.

What is rounded passes its gradient on as if it were not (the straight-through estimator), and what is cut off at an end
passes none. Steps are the quantizer's: of a weight 1/127 of the greatest of its channel, of an activation 1/255 of its
range, which is widened to hold 0 and moved so that a step stands for 0.

Y. Bengio, N. Leonard, A. Courville, "Estimating or propagating gradients through stochastic neurons for conditional
computation", 2013; B. Jacob et al., "Quantization and training of neural networks for efficient
integer-arithmetic-only inference", CVPR 2018, section 3. Written with keras.ops, so the same on every backend.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from tapetum_trainer.rounding import STEPS


def weights_rounded(kernel: Any, axes: tuple[int, ...]) -> Any:
    """Return `kernel`, each weight on a step of its channel. axes: all but the channels'."""
    greatest = ops.max(ops.abs(kernel), axis=axes, keepdims=True)
    step = ops.stop_gradient(ops.maximum(greatest, np.finfo(np.float32).tiny) / STEPS)
    return _straight(kernel, ops.round(kernel / step) * step)


def _straight(real: Any, whole: Any) -> Any:
    """Return `whole` with the gradient of `real`."""
    return real + ops.stop_gradient(whole - real)


@keras.saving.register_keras_serializable("tapetum")
class Steps(keras.layers.Layer):  # type: ignore[misc]  # Keras comes without types
    """Rounds an activation to the 256 steps between two ends."""

    def __init__(self, low: float, high: float, **others: Any) -> None:
        super().__init__(**others)
        self.low, self.high = low, high
        low, high = min(low, 0.0), max(high, 0.0)
        self._step = max((high - low) / 255, float(np.finfo(np.float32).tiny))
        self._zero = float(np.rint(-low / self._step))

    def call(self, inputs: Any) -> Any:
        """Return the numbers that int8 holds."""
        held = ops.clip(inputs, -self._zero * self._step, (255 - self._zero) * self._step)
        return _straight(held, ops.round(held / self._step) * self._step)

    def compute_output_shape(self, shape: Any) -> Any:
        """Return the shape of what `call` returns."""
        return shape

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same layer again."""
        return {**super().get_config(), "low": self.low, "high": self.high}


@keras.saving.register_keras_serializable("tapetum")
class RoundedConv(keras.layers.Conv2D):  # type: ignore[misc]
    """A convolution by the kernel that int8 holds."""

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Return the convolution of `inputs`."""
        return super().convolution_op(inputs, weights_rounded(kernel, (0, 1, 2)))


@keras.saving.register_keras_serializable("tapetum")
class RoundedDepthwise(keras.layers.DepthwiseConv2D):  # type: ignore[misc]
    """A convolution of each channel by itself, by the kernel that int8 holds; with a bias, and nothing behind it."""

    def call(self, inputs: Any) -> Any:
        """Return the convolution of `inputs`."""
        kernel = weights_rounded(self.kernel, (0, 1, 3))
        found = ops.depthwise_conv(inputs, kernel, self.strides, self.padding, self.data_format, self.dilation_rate)
        return found + self.bias
